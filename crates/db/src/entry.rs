//! How a statement enters the database: as a member of a tenant, as a person, with an API key, as nobody, or by a function that
//! guards itself. The entry is an argument of the function that does the work, so it is evaluated first.

use spin_sdk::pg::ParameterValue;
use uuid::Uuid;

/// Who a statement acts as.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A session in a tenant; the caller's role, read now, must be one of `roles`.
    Tenant {
        /// The tenant that the token names.
        tenant: Uuid,
        /// The person that the token names.
        user: Uuid,
        /// The session that the token belongs to.
        session: Uuid,
        /// The roles that hold the right which the route asks for; none for what people do as themselves, which asks
        /// for no second factor either.
        roles: Option<&'static [&'static str]>,
    },
    /// A session of a person, in no tenant.
    Person {
        /// The person that the token names.
        user: Uuid,
        /// The session that the token belongs to.
        session: Uuid,
    },
    /// A program with an API key of a tenant.
    Key {
        /// SHA-256 of the key.
        hash: [u8; 32],
        /// The right that the route asks for, which must be among the key's scopes.
        scope: &'static str,
        /// The roles that hold it; the person who made the key must have one.
        roles: &'static [&'static str],
    },
    /// No caller stands behind it: the tenant is that of a row of ours.
    Row {
        /// The SQL expression that enters, with `$1` for the row's id.
        enter: &'static str,
        /// The row.
        id: Uuid,
    },
    /// Nobody is known yet.
    Nobody,
}

impl Entry {
    /// What a statement answers beside the work's own answer: for a key the tenant that it opened, which nobody knew before.
    pub(crate) fn learns(&self) -> &'static str {
        match self {
            Self::Key { .. } => ", current_setting('app.tenant_id', true)",
            Self::Tenant { .. } | Self::Person { .. } | Self::Row { .. } | Self::Nobody => "",
        }
    }

    /// The SQL expression of the entry and its parameters, which come first in the statement.
    pub(crate) fn to_sql(&self) -> (&'static str, Vec<ParameterValue>) {
        match self {
            Self::Tenant { tenant, user, session, roles } => (
                "app.enter($1, $2, $3, $4)",
                vec![uuid(*tenant), uuid(*user), uuid(*session), roles.map_or(ParameterValue::DbNull, texts)],
            ),
            Self::Person { user, session } => ("app.enter_person($1, $2)", vec![uuid(*user), uuid(*session)]),
            Self::Key { hash, scope, roles } => (
                "app.enter_key($1, $2, $3)",
                vec![ParameterValue::Binary(hash.to_vec()), ParameterValue::Str((*scope).to_owned()), texts(roles)],
            ),
            Self::Row { enter, id } => (enter, vec![uuid(*id)]),
            Self::Nobody => ("app.enter_nobody()", Vec::new()),
        }
    }
}

fn texts(texts: &[&str]) -> ParameterValue {
    ParameterValue::ArrayStr(texts.iter().map(|text| Some((*text).to_owned())).collect())
}

fn uuid(uuid: Uuid) -> ParameterValue {
    ParameterValue::Uuid(uuid.to_string())
}
