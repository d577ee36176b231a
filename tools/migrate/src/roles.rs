//! The roles of the database, each with the least that its work needs. `docs` and the policies name them; so the names are
//! part of the contract.

use std::collections::BTreeMap;

/// One role.
pub(crate) struct Role {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// What a role is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Owns the tables and runs the migrations.
    Owner,
    /// Owns the few functions that act across tenants. Nobody logs in as it.
    Definer,
    /// A component: owns nothing, and row policies hold for it.
    Component,
    /// Reads everything past the row policies, writes nothing.
    Backup,
}

/// All of them, in the order in which they are made.
pub(crate) const ROLES: &[Role] = &[
    Role { name: "bizo_definer", kind: Kind::Definer },
    Role { name: "bizo_owner", kind: Kind::Owner },
    Role { name: "bizo_auth", kind: Kind::Component },
    Role { name: "bizo_payments", kind: Kind::Component },
    Role { name: "bizo_crm", kind: Kind::Component },
    Role { name: "bizo_events", kind: Kind::Component },
    Role { name: "bizo_backup", kind: Kind::Backup },
];

impl Role {
    /// The environment variable that holds its password. Spin reads those with its prefix under the same names.
    pub(crate) fn password_variable(&self) -> Option<&'static str> {
        match self.name {
            "bizo_auth" => Some("SPIN_VARIABLE_DB_PASSWORD_AUTH"),
            "bizo_payments" => Some("SPIN_VARIABLE_DB_PASSWORD_PAYMENTS"),
            "bizo_crm" => Some("SPIN_VARIABLE_DB_PASSWORD_CRM"),
            "bizo_events" => Some("SPIN_VARIABLE_DB_PASSWORD_EVENTS"),
            "bizo_owner" => Some("BIZO_OWNER_PASSWORD"),
            "bizo_backup" => Some("BIZO_BACKUP_PASSWORD"),
            _ => None,
        }
    }

    /// The settings that each of its sessions starts with. They survive the host's reset of a pooled connection.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        match self.kind {
            // Functions that run as their caller name every schema and leave the path to this: a path of their own
            // would be set and set back at each call.
            Kind::Component => vec![
                ("search_path", "pg_catalog, pg_temp".to_owned()),
                ("statement_timeout", "'5s'".to_owned()),
                ("lock_timeout", "'2s'".to_owned()),
                ("idle_in_transaction_session_timeout", "'5s'".to_owned()),
            ],
            Kind::Backup => vec![
                ("search_path", "pg_catalog, pg_temp".to_owned()),
                ("default_transaction_read_only", "on".to_owned()),
            ],
            Kind::Owner | Kind::Definer => vec![("search_path", "pg_catalog, pg_temp".to_owned())],
        }
    }

    pub(crate) fn logs_in(&self) -> bool {
        self.kind != Kind::Definer
    }
}

/// Takes the variables that hold the roles' passwords from wherever `lookup` finds them.
pub fn password_variables(lookup: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    let names = ROLES.iter().filter_map(Role::password_variable);
    names.filter_map(|name| Some((name.to_owned(), lookup(name).filter(|value| !value.is_empty())?))).collect()
}
