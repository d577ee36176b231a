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
    /// Whether an API key may be given it as a scope.
    const IS_SCOPE: bool;
}

macro_rules! rights {
    ($($(#[doc = $doc:literal])* $right:ident = $name:literal: $($role:ident)+, scope $scope:literal;)+) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug)]
            pub enum $right {}

            impl Right for $right {
                const NAME: &'static str = $name;
                const ROLES: &'static [&'static str] = &[$(Role::$role.as_str()),+];
                const IS_SCOPE: bool = $scope;
            }
        )+

        /// Every right with the roles that hold it, for documents and tests.
        pub const TABLE: &[(&str, &[&str])] = &[$(($right::NAME, $right::ROLES)),+];

        /// Whether the name is that of a right that an API key may be given.
        pub fn is_scope(name: &str) -> bool {
            [$(($right::NAME, $right::IS_SCOPE)),+].contains(&(name, true))
        }

        /// The names of the rights that an API key may be given.
        pub fn scopes() -> Vec<&'static str> {
            [$(($right::NAME, $right::IS_SCOPE)),+].into_iter().filter(|(_, is_scope)| *is_scope).map(|(name, _)| name).collect()
        }
    };
}

rights! {
    /// Be a member at all: any role.
    BeMember = "tenant:read": Owner Admin Member Viewer, scope true;
    /// Change the tenant's name and policies.
    WriteTenant = "tenant:write": Owner, scope false;
    /// See who is a member.
    ReadMembers = "members:read": Owner Admin Member Viewer, scope true;
    /// Invite people, change their roles, end their membership.
    WriteMembers = "members:write": Owner Admin, scope false;
    /// See and change the accounts of those who belong to this tenant.
    ManageUsers = "users:write": Owner Admin, scope false;
    /// Make, list and revoke API keys.
    ManageApiKeys = "api_keys:write": Owner Admin, scope false;
    /// Read the audit log.
    ReadAuditLog = "audit_log:read": Owner Admin, scope true;
    /// See leads, their history and the analytics.
    ReadLeads = "leads:read": Owner Admin Member Viewer, scope true;
    /// Create, change, move and delete leads.
    WriteLeads = "leads:write": Owner Admin Member, scope true;
    /// See payments, refunds, the ledger and the analytics.
    ReadPayments = "payments:read": Owner Admin Member Viewer, scope true;
    /// Create, capture, cancel and sync payments.
    WritePayments = "payments:write": Owner Admin Member, scope true;
    /// Return money; of members only where the tenant allows it.
    RefundPayments = "payments:refund": Owner Admin Member, scope true;
    /// Gateway accounts and the tenant's rules for payments.
    ManageGateways = "gateways:write": Owner Admin, scope false;
}

/// The names of the rights that a role holds.
pub fn of_role(role: Role) -> Vec<&'static str> {
    TABLE.iter().filter(|(_, roles)| roles.contains(&role.as_str())).map(|(name, _)| *name).collect()
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
                "tenant:write: owner",
                "members:read: owner admin member viewer",
                "members:write: owner admin",
                "users:write: owner admin",
                "api_keys:write: owner admin",
                "audit_log:read: owner admin",
                "leads:read: owner admin member viewer",
                "leads:write: owner admin member",
                "payments:read: owner admin member viewer",
                "payments:write: owner admin member",
                "payments:refund: owner admin member",
                "gateways:write: owner admin",
            ]
        );
    }

    #[test]
    fn a_role_holds_what_the_table_says() {
        assert_eq!(of_role(Role::Owner).len(), TABLE.len());
        assert_eq!(of_role(Role::Viewer), ["tenant:read", "members:read", "leads:read", "payments:read"]);
    }

    #[test]
    fn a_key_may_never_make_keys_or_members() {
        let wanted = [
            "tenant:read",
            "members:read",
            "audit_log:read",
            "leads:read",
            "leads:write",
            "payments:read",
            "payments:write",
            "payments:refund",
        ];
        assert_eq!(scopes(), wanted);
        assert!(is_scope("leads:read") && !is_scope("api_keys:write") && !is_scope("leads"));
    }

    #[test]
    fn no_role_has_a_right_that_a_more_trusted_one_lacks() {
        for (right, roles) in TABLE {
            let held: Vec<bool> = Role::ALL.iter().map(|role| roles.contains(&role.as_str())).collect();
            assert!(held.is_sorted_by(|more_trusted, less| more_trusted >= less), "{right}");
        }
    }
}
