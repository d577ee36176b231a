//! Memberships: the one table of which roles a role gives and takes.
//!
//! The database reads the roles of both people under a lock, so the decision falls there (`sql/memberships.sql`); the table
//! goes with every request that asks for it.

use std::collections::BTreeMap;

use identity::Role;

/// The roles that somebody with this role manages: whose membership they end, and from and to which they change one, or
/// invite. One's own membership everybody may end.
pub(crate) const fn managed_by(role: Role) -> &'static [Role] {
    match role {
        Role::Owner => &[Role::Owner, Role::Admin, Role::Member, Role::Viewer],
        // Administrators come and go by each other's hand; whose the tenant is, only owners decide.
        Role::Admin => &[Role::Admin, Role::Member, Role::Viewer],
        Role::Member | Role::Viewer => &[],
    }
}

/// The table as the database's functions take it: every role with those that it manages.
pub(crate) fn manages() -> BTreeMap<&'static str, Vec<&'static str>> {
    let managed = |role: Role| managed_by(role).iter().map(|role| role.as_str()).collect();
    Role::ALL.into_iter().map(|role| (role.as_str(), managed(role))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use identity::right::{Right, WriteMembers};

    /// Whether somebody may change another's role, as `auth.change_membership` decides it.
    #[track_caller]
    fn check(actor: Role, from: Role, to: Role, allowed: bool) {
        let managed = managed_by(actor);
        assert_eq!(managed.contains(&from) && managed.contains(&to), allowed, "{actor:?}: {from:?} to {to:?}");
    }

    #[test]
    fn owners_manage_everybody_and_admins_all_but_owners() {
        use Role::{Admin, Member, Owner, Viewer};
        check(Owner, Viewer, Owner, true);
        check(Owner, Owner, Viewer, true);
        check(Owner, Admin, Member, true);
        check(Admin, Member, Admin, true);
        check(Admin, Admin, Viewer, true);
        check(Admin, Viewer, Member, true);
        check(Admin, Member, Owner, false);
        check(Admin, Owner, Admin, false);
        check(Admin, Owner, Viewer, false);
        check(Member, Viewer, Viewer, false);
        check(Member, Member, Viewer, false);
        check(Viewer, Viewer, Admin, false);
    }

    #[test]
    fn nobody_raises_their_own_role_or_grants_more_than_they_have() {
        // Roles are listed most trusted first.
        let trust = |role: Role| Role::ALL.iter().position(|other| *other == role);
        for actor in Role::ALL {
            assert!(managed_by(actor).iter().all(|managed| trust(*managed) >= trust(actor)), "{actor:?}");
        }
    }

    #[test]
    fn who_has_the_right_manages_somebody_and_nobody_else_does() {
        for role in Role::ALL {
            assert_eq!(WriteMembers::ROLES.contains(&role.as_str()), !managed_by(role).is_empty(), "{role:?}");
        }
    }

    /// A role that is missing would be one that SQL knows nothing of.
    #[test]
    fn the_table_that_is_sent_has_every_role() {
        assert_eq!(
            serde_json::to_value(manages()).unwrap(),
            serde_json::json!({
                "owner": ["owner", "admin", "member", "viewer"], "admin": ["admin", "member", "viewer"],
                "member": [], "viewer": [],
            })
        );
    }
}
