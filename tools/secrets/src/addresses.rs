//! Where the database, the store and the app itself are, taken apart into the variables of `spin.toml`.
//!
//! Host and port stand alone there, because an allowed host of Spin can hold no password.

use anyhow::{Context, Result, ensure};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::Variables;

/// Addresses as a person knows them. What is `None` is left as it is.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    /// Of the database server; its user, password and database are an administrator's and are not taken over.
    pub database_url: Option<String>,
    /// The app's own database on that server.
    pub database: Option<String>,
    /// Of the Redis-compatible store.
    pub redis_url: Option<String>,
    /// Where clients reach the app.
    pub public_origin: Option<String>,
}

impl Addresses {
    /// The variables that these addresses stand for.
    pub fn variables(&self) -> Result<Variables> {
        let mut variables = Variables::new();
        let mut set = |name: &str, value: String| variables.insert(format!("SPIN_VARIABLE_{name}"), value);
        if let Some(address) = &self.database_url {
            let url = parse(address, "database", &["postgres", "postgresql"])?;
            let sslmode = url.query_pairs().find(|(key, _)| key == "sslmode").map(|(_, value)| value.into_owned());
            set("DB_HOST", host(&url)?);
            set("DB_PORT", url.port().unwrap_or(5432).to_string());
            set("DB_SSLMODE", sslmode.unwrap_or_else(|| "disable".to_owned()));
        }
        if let Some(database) = &self.database {
            set("DB_NAME", database.clone());
        }
        if let Some(address) = &self.redis_url {
            let url = parse(address, "store", &["redis"])?;
            set("REDIS_HOST", host(&url)?);
            set("REDIS_PORT", url.port().unwrap_or(6379).to_string());
            let password = percent_decode_str(url.password().unwrap_or_default()).decode_utf8();
            set("REDIS_PASSWORD", password.context("the store's password is not UTF-8")?.into_owned());
        }
        if let Some(origin) = &self.public_origin {
            set("PUBLIC_ORIGIN", origin.trim_end_matches('/').to_owned());
        }
        Ok(variables)
    }
}

/// The address itself is never part of an error: it holds a password.
fn parse(address: &str, what: &str, schemes: &[&str]) -> Result<Url> {
    let url = Url::parse(address).with_context(|| format!("the address of the {what} is not a URL"))?;
    let scheme = url.scheme();
    ensure!(schemes.contains(&scheme), "the address of the {what} begins with {scheme}:, not with {}:", schemes[0]);
    Ok(url)
}

fn host(url: &Url) -> Result<String> {
    Ok(url.host_str().context("an address has no host in it")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let addresses = Addresses {
            database_url: Some("postgres://admin:secret@db.example:5433/postgres?sslmode=require".into()),
            database: Some("bizosaas".into()),
            redis_url: Some("redis://default:p%40ss@store.example".into()),
            public_origin: Some("http://127.0.0.1:3000/".into()),
        };
        let got: Vec<String> =
            addresses.variables().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            got,
            [
                "SPIN_VARIABLE_DB_HOST=db.example",
                "SPIN_VARIABLE_DB_NAME=bizosaas",
                "SPIN_VARIABLE_DB_PORT=5433",
                "SPIN_VARIABLE_DB_SSLMODE=require",
                "SPIN_VARIABLE_PUBLIC_ORIGIN=http://127.0.0.1:3000",
                "SPIN_VARIABLE_REDIS_HOST=store.example",
                "SPIN_VARIABLE_REDIS_PASSWORD=p@ss",
                "SPIN_VARIABLE_REDIS_PORT=6379",
            ]
        );
    }

    #[test]
    fn a_wrong_address_is_named_without_its_password() {
        let addresses = Addresses { redis_url: Some("http://x:hidden@y".into()), ..Addresses::default() };
        let error = format!("{:#}", addresses.variables().unwrap_err());
        assert_eq!(error, "the address of the store begins with http:, not with redis:");
    }
}
