//! Randomness: the one place where it is drawn. Everything else gets it as an argument.

use crate::Problem;

/// Random bytes from the host, fit for salts and secrets.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    #[expect(clippy::disallowed_methods, reason = "the one place that draws random bytes")]
    getrandom::fill(&mut bytes).map_err(|_| Problem::internal("the host gave no random bytes"))?;
    Ok(bytes)
}
