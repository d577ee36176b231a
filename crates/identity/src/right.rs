//! The one table of what each role may do.
//!
//! A right is a type, so a handler names it in its signature and the compiler does the rest; its name is also the
//! scope of an API key and of the OpenAPI document.

use serde::{Deserialize, Serialize};

/// What a member is in a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, and the tenant itself.
    Owner,
    /// Members, gateway accounts, keys and settings, and all that a member may.
    Admin,
    /// Works with leads and payments.
    Member,
    /// Reads.
    Viewer,
}

impl Role {
    /// Every role, most trusted first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Member, Self::Viewer];

    /// As the database and the API write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Viewer => "viewer",
        }
    }
}

/// Something that a caller may be allowed to do.
pub trait Right: Send + Sync + 'static {
    /// Its name: `noun:verb`.
    const NAME: &'static str;
    /// The roles that hold it, as the database writes them.
    const ROLES: &'static [&'static str];
}

macro_rules! rights {
    ($($(#[doc = $doc:literal])* $right:ident = $name:literal: $($role:ident)+;)+) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug)]
            pub enum $right {}

            impl Right for $right {
                const NAME: &'static str = $name;
                const ROLES: &'static [&'static str] = &[$(Role::$role.as_str()),+];
            }
        )+

        /// Every right with the roles that hold it, for documents and tests.
        pub const TABLE: &[(&str, &[&str])] = &[$(($right::NAME, $right::ROLES)),+];
    };
}

rights! {
    /// Be a member at all: any role.
    BeMember = "tenant:read": Owner Admin Member Viewer;
    /// See leads, their history and the analytics.
    ReadLeads = "leads:read": Owner Admin Member Viewer;
    /// Create, change, move and delete leads.
    WriteLeads = "leads:write": Owner Admin Member;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_who_may_do_what() {
        let table: Vec<_> = TABLE.iter().map(|(right, roles)| format!("{right}: {}", roles.join(" "))).collect();
        assert_eq!(
            table,
            [
                "tenant:read: owner admin member viewer",
                "leads:read: owner admin member viewer",
                "leads:write: owner admin member",
            ]
        );
    }

    #[test]
    fn no_role_has_a_right_that_a_more_trusted_one_lacks() {
        for (right, roles) in TABLE {
            let held: Vec<bool> = Role::ALL.iter().map(|role| roles.contains(&role.as_str())).collect();
            assert!(held.is_sorted_by(|more_trusted, less| more_trusted >= less), "{right}");
        }
    }
}
