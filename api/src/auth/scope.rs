//! What a role may reach of the logs.

use super::{Role, User};
use event::{DEVICE_LOGS, ECOMMERCE_LOGS};
use store::scope::Scope;

/// The reach of this account: viewers see no raw logs, analysts read the events of shops and devices, admins read and
/// write all indices but the service's own (names that begin with a dot).
pub(crate) fn scope_of(user: &User) -> Scope {
    let scope = Scope::none(user.id.as_str());
    if user.has(Role::Admin) {
        scope.with_indices(["*"]).with_read().with_write().with_manage()
    } else if user.has(Role::Analyst) {
        scope.with_indices([ECOMMERCE_LOGS, DEVICE_LOGS].map(|prefix| format!("{prefix}-*"))).with_read()
    } else {
        scope
    }
}

/// The reach of labels: they change the events of transactions, which analysts cannot write otherwise.
pub(crate) fn label_scope() -> Scope {
    Scope::none("fraud labels").with_indices([format!("{ECOMMERCE_LOGS}-*")]).with_write()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reach_by_role() {
        let check = |role, index: &str, read, write| {
            let user = User { id: "1".into(), email: "a@b".into(), roles: vec![role], session: None };
            let scope = scope_of(&user);
            let reached = scope.reaches_index(index);
            assert_eq!(
                (reached && scope.can_read(), reached && scope.can_write()),
                (read, write),
                "{role:?} {index}"
            );
        };
        check(Role::Viewer, "ecommerce-logs-2026.11.21", false, false);
        check(Role::Analyst, "ecommerce-logs-2026.11.21", true, false);
        check(Role::Analyst, "device-logs-2026.11.21", true, false);
        check(Role::Analyst, "other", false, false);
        check(Role::Analyst, ".internal", false, false);
        check(Role::Admin, "other", true, true);
        check(Role::Admin, ".internal", false, false);
    }
}
