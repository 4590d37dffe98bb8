//! What a role may reach of the logs.

use super::{Role, User};
use crate::config::MaskedFields;
use event::{DEVICE_LOGS, ECOMMERCE_LOGS};
use store::scope::{IndexRight, Scope};

/// The reach of this caller, found out when it was authenticated.
pub(crate) fn scope_of(user: &User) -> Scope {
    user.scope.clone()
}

/// The reach of an account: viewers see no raw logs, analysts read the events of shops and devices, admins read and
/// write all indices but the service's own (names that begin with a dot). The fields that its highest role does not see
/// are masked.
pub(super) fn scope_of_roles(id: &str, roles: &[Role], masked: &MaskedFields) -> Scope {
    let scope = Scope::none(id);
    let scope = match roles.iter().max() {
        Some(Role::Admin) => scope.with_grant(["*"], &IndexRight::ALL),
        Some(Role::Analyst) => scope.with_grant(event_indices(), &[IndexRight::Read]),
        Some(Role::Viewer) | None => scope,
    };
    match roles.iter().max().and_then(|role| masked.get(role)) {
        Some(fields) => scope.with_masked_fields(with_telling(fields.clone())),
        None => scope,
    }
}

/// The patterns of the indices that events are written to.
pub(crate) fn event_indices() -> [String; 2] {
    [ECOMMERCE_LOGS, DEVICE_LOGS].map(|prefix| format!("{prefix}-*"))
}

/// What the names begin with of the indices in which Kibana and OpenSearch Dashboards keep their objects.
const DASHBOARDS: [&str; 2] = [".kibana*", ".opensearch_dashboards*"];

/// The reach of this caller on the Elasticsearch port: there admins also reach the indices whose names begin with a dot,
/// and analysts what dashboards keep: they open, make and change views of what they may see.
pub(crate) fn elastic_scope_of(user: &User) -> Scope {
    let scope = scope_of(user);
    if user.has(Role::Admin) {
        scope.with_grant([".*"], &IndexRight::ALL)
    } else if user.has(Role::Analyst) {
        scope.with_grant(DASHBOARDS, &[IndexRight::Read, IndexRight::Write])
    } else {
        scope
    }
}

/// With the fields that tell of the masked ones: who does not see a field must not find it in the original line either, and who
/// does not see messages must not test guesses of them by the id of their pattern, which is a hash.
pub(super) fn with_telling(mut masked: Vec<String>) -> Vec<String> {
    if masked.is_empty() {
        return masked;
    }
    masked.push("event.original".to_owned());
    if masked.iter().any(|field| field == "message") {
        masked.push("log.pattern".to_owned());
    }
    masked
}

/// The reach of labels: they change the events of transactions, which analysts cannot write otherwise.
pub(crate) fn label_scope() -> Scope {
    Scope::none("fraud labels").with_grant([format!("{ECOMMERCE_LOGS}-*")], &[IndexRight::Write])
}

/// The reach of the question whether an update finds its document: it reads nothing else of it.
pub(crate) fn existence_scope() -> Scope {
    let patterns =
        [ECOMMERCE_LOGS.to_owned(), format!("{ECOMMERCE_LOGS}-*"), format!(".ds-{ECOMMERCE_LOGS}-*")];
    Scope::none("upserts").with_grant(patterns, &[IndexRight::Read])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reach_by_role() {
        let check = |role, index: &str, read, write| {
            let scope = scope_of_roles("1", &[role], &MaskedFields::default());
            assert_eq!(
                (scope.may(IndexRight::Read, index), scope.may(IndexRight::Write, index)),
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

    #[test]
    fn the_highest_role_decides_what_is_masked() {
        let masked = MaskedFields::from([(Role::Analyst, vec!["user.email".to_owned()])]);
        let check = |roles: &[Role], field, expected| {
            assert_eq!(scope_of_roles("1", roles, &masked).masks_field(field), expected, "{roles:?} {field}");
        };
        check(&[Role::Analyst], "user.email", true);
        check(&[Role::Viewer, Role::Analyst], "event.original", true);
        check(&[Role::Analyst], "user.id", false);
        check(&[Role::Analyst, Role::Admin], "user.email", false);
        check(&[Role::Admin], "event.original", false);
        check(&[Role::Analyst], "log.pattern.id", false);
    }

    #[test]
    fn who_sees_no_messages_sees_no_hashes_of_them() {
        let masked = MaskedFields::from([(Role::Analyst, vec!["message".to_owned()])]);
        let scope = scope_of_roles("1", &[Role::Analyst], &masked);
        assert!(scope.masks_field("log.pattern.id") && !scope.masks_field("log.level"));
    }
}
