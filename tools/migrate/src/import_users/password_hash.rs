//! Which hashes the auth component can verify, and is willing to: one that it is not would lock its person out without a
//! word.

use argon2::password_hash::PasswordHash;
use argon2::{Algorithm, Params};

/// The limits of `components/auth/src/domain/password.rs`.
const MEMORY_KIB_MAX: u32 = 65_536;
const PASSES_MAX: u32 = 4;
const LANES_MAX: u32 = 4;
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=12;

const OTHER_KIND: &str = "its password hash is neither argon2id nor bcrypt";
const DAMAGED: &str = "its password hash is damaged";
const TOO_COSTLY: &str = "its password hash asks for more work than a log-in may cost: argon2id may have m=65536, t=4, p=4, \
                          and bcrypt the cost 12";

/// Says why a hash is not taken over.
pub(super) fn check(hash: &str) -> Result<(), &'static str> {
    match hash.split('$').nth(1) {
        Some("argon2id") => check_argon2id(hash),
        Some("2a" | "2b" | "2y") => check_bcrypt(hash),
        Some(_) | None => Err(OTHER_KIND),
    }
}

fn check_argon2id(hash: &str) -> Result<(), &'static str> {
    let parsed = PasswordHash::new(hash).map_err(|_| DAMAGED)?;
    let mut salt = [0; 64];
    let salt_bytes = parsed.salt.and_then(|text| text.decode_b64(&mut salt).ok()).map_or(0, <[u8]>::len);
    let is_whole =
        parsed.algorithm == Algorithm::Argon2id.ident() && parsed.hash.is_some() && salt_bytes >= argon2::MIN_SALT_LEN;
    let params = Params::try_from(&parsed).map_err(|_| DAMAGED)?;
    if !is_whole {
        return Err(DAMAGED);
    }
    let is_affordable =
        params.m_cost() <= MEMORY_KIB_MAX && params.t_cost() <= PASSES_MAX && params.p_cost() <= LANES_MAX;
    if is_affordable { Ok(()) } else { Err(TOO_COSTLY) }
}

/// `$2b$`, two digits of cost, `$`, 22 characters of salt and 31 of hash.
fn check_bcrypt(hash: &str) -> Result<(), &'static str> {
    let (cost, rest) = hash.get(4..).and_then(|rest| rest.split_once('$')).ok_or(DAMAGED)?;
    let is_base64 = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/');
    let cost = cost.bytes().all(|byte| byte.is_ascii_digit()).then(|| cost.parse::<u32>().ok()).flatten();
    match cost {
        Some(cost) if hash.len() == 60 && is_base64 && cost <= 31 => {
            if BCRYPT_COSTS.contains(&cost) {
                Ok(())
            } else {
                Err(TOO_COSTLY)
            }
        }
        Some(_) | None => Err(DAMAGED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_that_a_log_in_can_verify_are_taken() {
        let argon2 = |params: &str| {
            format!("$argon2id$v=19${params}$d2VsbCBrZXB0IHNhbHQh$3vP6PrkPOtJJYZ2QhHbqJyOW3lC1uPTIfJ6XYeOBmJ0")
        };
        let bcrypt = |start: &str| format!("{start}R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW");
        for (hash, wanted) in [
            (argon2("m=65536,t=3,p=4"), Ok(())),
            (argon2("m=65536,t=4,p=4"), Ok(())),
            (argon2("m=65537,t=3,p=4"), Err(TOO_COSTLY)),
            (argon2("m=65536,t=5,p=4"), Err(TOO_COSTLY)),
            (argon2("m=65536,t=3,p=5"), Err(TOO_COSTLY)),
            (argon2("m=1,t=3,p=4"), Err(DAMAGED)),
            (argon2("x=1"), Err(DAMAGED)),
            (argon2("m=65536,t=3,p=4").replace("argon2id", "argon2i"), Err(OTHER_KIND)),
            ("$argon2id$v=19$m=65536,t=3,p=4$d2VsbCBrZXB0IHNhbHQh".to_owned(), Err(DAMAGED)),
            ("$argon2id$v=19$m=65536,t=3,p=4".to_owned(), Err(DAMAGED)),
            (bcrypt("$2b$12$"), Ok(())),
            (bcrypt("$2a$04$"), Ok(())),
            (bcrypt("$2y$10$"), Ok(())),
            (bcrypt("$2b$13$"), Err(TOO_COSTLY)),
            (bcrypt("$2x$12$"), Err(OTHER_KIND)),
            (bcrypt("$2b$1$"), Err(DAMAGED)),
            (bcrypt("$2b$+9$"), Err(DAMAGED)),
            (bcrypt("$2b$99$"), Err(DAMAGED)),
            (bcrypt("$2b$é$"), Err(DAMAGED)),
            (bcrypt("$2b$12$").replace('/', "!"), Err(DAMAGED)),
            (format!("{}x", bcrypt("$2b$12$")), Err(DAMAGED)),
            ("$2b".to_owned(), Err(DAMAGED)),
            ("pbkdf2_sha256$870000$salt$hash".to_owned(), Err(OTHER_KIND)),
            ("plain text".to_owned(), Err(OTHER_KIND)),
            (String::new(), Err(OTHER_KIND)),
        ] {
            assert_eq!(check(&hash), wanted, "{hash}");
        }
    }
}
