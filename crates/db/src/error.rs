//! Every way a statement fails, without a word of the database's own text, which quotes the row
//! (`Key (email)=(…)`): SQLSTATE, constraint and table are all that may be logged.

use std::fmt;

use spin_sdk::pg::{Error, PgError, QueryError};

use crate::Effect;

/// Why the database gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DbError {
    /// A setting of the deployment is missing or malformed.
    Misconfigured {
        /// Its variable.
        name: &'static str,
        /// What is wrong with it: completes the sentence "the variable `x` …".
        problem: &'static str,
    },
    /// No connection became free in time: the app is saturated. Nothing was sent.
    Busy,
    /// The database cannot be reached, or is starting or stopping. Nothing was sent.
    Unavailable,
    /// The connection broke or the time ran out after a write was sent: it may have been done.
    OutcomeUnknown,
    /// The time ran out and nothing was changed: a read, or a statement that the server itself cancelled.
    Interrupted,
    /// Another request holds the row, or has the same idempotency key in flight. Nothing was done.
    Locked,
    /// `BZ401`: the session is revoked or over.
    SessionRevoked,
    /// `BZMFA`: the tenant asks for a second factor, and the session was begun without one.
    SecondFactorMissing,
    /// `BZ403`: the caller's role, read now, does not hold the right.
    RightMissing,
    /// `BZ404`: the tenant is gone.
    TenantGone,
    /// The database refused the statement: a constraint, or a mistake of ours.
    Refused {
        /// The five characters of SQLSTATE.
        sqlstate: String,
        /// The constraint that refused, if one did.
        constraint: Option<String>,
        /// The table concerned, if the server named one.
        table: Option<String>,
    },
    /// The answer is not what the function promises: the migrations and the component do not fit together.
    Decode {
        /// The SQL function that was called.
        function: &'static str,
        /// What was wrong with its answer, without a value of it.
        problem: &'static str,
    },
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misconfigured { name, problem } => write!(f, "the variable `{name}` {problem}"),
            Self::Busy => f.write_str("no database connection became free in time"),
            Self::Unavailable => f.write_str("the database cannot be reached"),
            Self::OutcomeUnknown => f.write_str("a write was interrupted; it may have been done"),
            Self::Interrupted => f.write_str("a read was interrupted"),
            Self::Locked => f.write_str("a row stayed locked"),
            Self::SessionRevoked => f.write_str("the session is revoked"),
            Self::SecondFactorMissing => f.write_str("the session lacks the second factor"),
            Self::RightMissing => f.write_str("the caller's role does not hold the right"),
            Self::TenantGone => f.write_str("the tenant is gone"),
            Self::Refused { sqlstate, constraint, table } => {
                write!(f, "the database refused: sqlstate {sqlstate}")?;
                if let Some(constraint) = constraint {
                    write!(f, ", constraint {constraint}")?;
                }
                if let Some(table) = table {
                    write!(f, ", table {table}")?;
                }
                Ok(())
            }
            Self::Decode { function, problem } => write!(f, "{function} answered what it should not: {problem}"),
        }
    }
}

impl std::error::Error for DbError {}

impl DbError {
    /// Whether the statement was refused by this constraint; a store turns that into an outcome of its own.
    pub fn violates(&self, name: &str) -> bool {
        matches!(self, Self::Refused { constraint: Some(constraint), .. } if constraint == name)
    }

    /// The answer of a function that never answers NULL.
    pub fn answered<T>(function: &'static str, answer: Option<T>) -> Result<T, Self> {
        answer.ok_or(Self::Decode { function, problem: "NULL" })
    }

    /// An interruption, told by what the statement would have done.
    pub(crate) fn interrupted(effect: Effect) -> Self {
        match effect {
            Effect::Reads => Self::Interrupted,
            Effect::Writes => Self::OutcomeUnknown,
        }
    }

    /// A failed statement.
    pub(crate) fn from_statement(error: Error, effect: Effect) -> Self {
        match error {
            Error::PgError(PgError::QueryFailed(QueryError::DbError(error))) => Self::from_server(&error),
            // No SQLSTATE: the connection broke, or a parameter did not fit. The host's text may quote values.
            _ => Self::interrupted(effect),
        }
    }

    /// What the server said, by its SQLSTATE.
    fn from_server(error: &spin_sdk::pg::DbError) -> Self {
        let extra = |name: &str| {
            error.extras.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.clone())
        };
        match error.code.as_str() {
            "BZ401" => Self::SessionRevoked,
            "BZ403" => Self::RightMissing,
            "BZ404" => Self::TenantGone,
            "BZMFA" => Self::SecondFactorMissing,
            "55P03" | "40P01" | "40001" => Self::Locked,
            // Cancelled by statement_timeout: the server rolled it back.
            "57014" => Self::Interrupted,
            // The server is going away: it ended the statement, and with it the transaction.
            "57P01" | "57P02" | "57P03" => Self::Unavailable,
            code => Self::Refused { sqlstate: code.to_owned(), constraint: extra("constraint"), table: extra("table") },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: &str, extras: &[(&str, &str)]) -> DbError {
        let error = spin_sdk::pg::DbError {
            as_text: "Key (email)=(ada@example.com) already exists".to_owned(),
            severity: "ERROR".to_owned(),
            code: code.to_owned(),
            message: "Key (email)=(ada@example.com) already exists".to_owned(),
            detail: Some("ada@example.com".to_owned()),
            extras: extras.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        };
        DbError::from_statement(Error::PgError(PgError::QueryFailed(QueryError::DbError(error))), Effect::Writes)
    }

    #[test]
    fn each_sqlstate_is_told_for_what_it_means() {
        for (code, meaning) in [
            ("BZ401", DbError::SessionRevoked),
            ("BZ403", DbError::RightMissing),
            ("BZ404", DbError::TenantGone),
            ("BZMFA", DbError::SecondFactorMissing),
            ("55P03", DbError::Locked),
            ("40P01", DbError::Locked),
            ("57014", DbError::Interrupted),
            ("57P01", DbError::Unavailable),
        ] {
            assert_eq!(server(code, &[]), meaning, "{code}");
        }
    }

    #[test]
    fn a_constraint_is_known_by_name_and_the_row_stays_out_of_the_text() {
        let error = server("23505", &[("constraint", "users_email_key"), ("table", "users"), ("hint", "")]);
        assert!(error.violates("users_email_key") && !error.violates("tenants_slug_key"));
        assert_eq!(error.to_string(), "the database refused: sqlstate 23505, constraint users_email_key, table users");
        assert!(!format!("{error:?}").contains("ada"));
    }

    #[test]
    fn a_broken_connection_leaves_a_write_open_and_a_read_undone() {
        let broken = || Error::PgError(PgError::QueryFailed(QueryError::Text("connection closed".to_owned())));
        assert_eq!(DbError::from_statement(broken(), Effect::Writes), DbError::OutcomeUnknown);
        assert_eq!(DbError::from_statement(broken(), Effect::Reads), DbError::Interrupted);
    }
}
