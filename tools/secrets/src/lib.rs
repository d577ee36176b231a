//! The secrets and addresses that a development machine or a test needs, under the names that Spin reads.
//!
//! What stays true: a secret that is there is never replaced (sessions and databases depend on it); an address is, because
//! it follows the servers; the public keys always belong to the private one.

mod addresses;
mod env_file;
mod keys;
mod limits;
mod rotate;

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE_NO_PAD};

pub use addresses::Addresses;
pub use env_file::{read, write};
pub use limits::lift_limits;
pub use rotate::{add_signing_key, finish_signing_key, switch_signing_key};

/// Names and values, as they stand in `.env` and in a process's environment.
pub type Variables = BTreeMap<String, String>;

const PRIVATE_KEY: &str = "SPIN_VARIABLE_JWT_PRIVATE_KEY";
const PUBLIC_KEYS: &str = "SPIN_VARIABLE_JWT_PUBLIC_KEYS";
const REFRESH_SECRET: &str = "SPIN_VARIABLE_REFRESH_SECRET";

/// Seals what must be read back; see `crates/sealed`.
const AUTH_ENCRYPTION_KEYS: &str = "SPIN_VARIABLE_AUTH_ENCRYPTION_KEYS";
/// The same for the credentials of gateways.
const PAYMENTS_ENCRYPTION_KEYS: &str = "SPIN_VARIABLE_PAYMENTS_ENCRYPTION_KEYS";
/// What neighbours and the scheduler show to routes that are not for people.
const SERVICE_TOKEN: &str = "SPIN_VARIABLE_SERVICE_TOKEN";
/// Tokens that are sent by mail are derived from it.
const MAIL_TOKEN_SECRET: &str = "SPIN_VARIABLE_MAIL_TOKEN_SECRET";
/// Signs what is posted to the mailer, in the form of Standard Webhooks.
const NOTIFY_SECRET: &str = "SPIN_VARIABLE_NOTIFY_SECRET";

/// Passwords of database roles. Those with Spin's prefix are read by components, the others by `migrate` only.
const PASSWORDS: [&str; 6] = [
    "SPIN_VARIABLE_DB_PASSWORD_AUTH",
    "SPIN_VARIABLE_DB_PASSWORD_PAYMENTS",
    "SPIN_VARIABLE_DB_PASSWORD_CRM",
    "SPIN_VARIABLE_DB_PASSWORD_EVENTS",
    "BIZO_OWNER_PASSWORD",
    "BIZO_BACKUP_PASSWORD",
];

/// Secrets of 32 random bytes: what stands before them, and how they are written.
const SECRETS: [(&str, &str, GeneralPurpose); 6] = [
    (REFRESH_SECRET, "", STANDARD),
    (AUTH_ENCRYPTION_KEYS, "dev1:", STANDARD),
    (PAYMENTS_ENCRYPTION_KEYS, "dev1:", STANDARD),
    (SERVICE_TOKEN, "", URL_SAFE_NO_PAD),
    (MAIL_TOKEN_SECRET, "", STANDARD),
    (NOTIFY_SECRET, "whsec_", STANDARD),
];

/// Everything that a fresh machine or a test needs: new secrets, and the addresses given.
pub fn generate(addresses: &Addresses) -> Result<Variables> {
    let mut variables = Variables::new();
    complete(&mut variables)?;
    variables.extend(addresses.variables()?);
    Ok(variables)
}

/// Adds the secrets that are missing or empty; leaves the others as they are.
pub fn complete(variables: &mut Variables) -> Result<()> {
    for name in PASSWORDS {
        if is_missing(variables, name) {
            variables.insert(name.to_owned(), URL_SAFE_NO_PAD.encode(random::<24>()?));
        }
    }
    for (name, prefix, form) in SECRETS {
        if is_missing(variables, name) {
            variables.insert(name.to_owned(), format!("{prefix}{}", form.encode(random::<32>()?)));
        }
    }
    if is_missing(variables, PRIVATE_KEY) {
        if !is_missing(variables, PUBLIC_KEYS) {
            bail!("{PUBLIC_KEYS} is set but {PRIVATE_KEY} is not: set both, or remove both so that a new pair is made");
        }
        variables.insert(PRIVATE_KEY.to_owned(), keys::private_jwk(&random::<32>()?));
    }
    if is_missing(variables, PUBLIC_KEYS) {
        let public = keys::public_jwks(&variables[PRIVATE_KEY])?;
        variables.insert(PUBLIC_KEYS.to_owned(), public);
    }
    Ok(())
}

fn is_missing(variables: &Variables, name: &str) -> bool {
    variables.get(name).is_none_or(String::is_empty)
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0u8; N];
    #[expect(clippy::disallowed_methods, reason = "a native tool whose work is to make secrets")]
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system gives no random bytes: {error}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays() {
        let mut variables = Variables::new();
        complete(&mut variables).unwrap();
        let first = variables.clone();
        complete(&mut variables).unwrap();
        assert_eq!(variables, first);
    }

    #[test]
    fn an_empty_value_is_filled() {
        let mut variables = Variables::from([("BIZO_OWNER_PASSWORD".to_owned(), String::new())]);
        complete(&mut variables).unwrap();
        assert_eq!(variables["BIZO_OWNER_PASSWORD"].len(), 32);
    }

    #[test]
    fn secrets_have_the_forms_in_which_they_are_read() {
        let mut variables = Variables::new();
        complete(&mut variables).unwrap();
        for keys in [AUTH_ENCRYPTION_KEYS, PAYMENTS_ENCRYPTION_KEYS] {
            sealed::MasterKeys::parse(&variables[keys]).unwrap();
        }
        let notify = variables[NOTIFY_SECRET].strip_prefix("whsec_").unwrap();
        for base64 in [notify, &variables[REFRESH_SECRET], &variables[MAIL_TOKEN_SECRET]] {
            assert_eq!(STANDARD.decode(base64).unwrap().len(), 32);
        }
        assert_eq!(URL_SAFE_NO_PAD.decode(&variables[SERVICE_TOKEN]).unwrap().len(), 32);
        let distinct: std::collections::BTreeSet<&String> = variables.values().collect();
        assert_eq!(distinct.len(), variables.len(), "no secret is used for two things");
    }

    #[test]
    fn public_keys_follow_the_private_one() {
        let mut variables = Variables::new();
        complete(&mut variables).unwrap();
        let first = variables.remove(PUBLIC_KEYS).unwrap();
        complete(&mut variables).unwrap();
        assert_eq!(variables[PUBLIC_KEYS], first);
    }

    #[test]
    fn public_keys_alone_are_refused() {
        let mut variables = Variables::from([(PUBLIC_KEYS.to_owned(), "{\"keys\":[]}".to_owned())]);
        assert!(complete(&mut variables).unwrap_err().to_string().contains("set both, or remove both"));
    }
}
