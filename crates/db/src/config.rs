//! Where the database is and as whom to log in, as one connection string that is built once an instance.

use std::fmt;

/// The address of the database for one component's role. `Debug` shows no password.
pub struct Config {
    address: String,
    ca: Option<String>,
}

impl Config {
    /// Builds the connection string; `ca` is the PEM of the authority that signed the server's certificate, or empty.
    pub fn new(host: &str, port: u16, name: &str, user: &str, password: &str, sslmode: &str, ca: &str) -> Self {
        let address = format!(
            "host={} port={port} dbname={} user={} password={} sslmode={} connect_timeout=2",
            quoted(host),
            quoted(name),
            quoted(user),
            quoted(password),
            quoted(sslmode),
        );
        Self { address, ca: (!ca.is_empty()).then(|| ca.to_owned()) }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Config { .. }")
    }
}

/// A value of a keyword/value connection string (PostgreSQL manual, 34.1.1.1): quoted, with `'` and `\` escaped.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_cannot_leave_its_quotes() {
        let config = Config::new("db", 5432, "app", "bizo_crm", r"it's \ dbname=other", "disable", "");
        assert_eq!(
            config.address(),
            r"host='db' port=5432 dbname='app' user='bizo_crm' password='it\'s \\ dbname=other' sslmode='disable' connect_timeout=2"
        );
        assert!(!format!("{config:?}").contains("other"));
    }
}
