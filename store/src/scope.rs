//! Who asks, and what they may reach. Resolved once per request, carried by every call of the log store.

use serde_json::Value;
use std::{borrow::Cow, sync::Arc};

/// The reach of one caller: which indices, what may be done with them, which documents in them, which fields.
///
/// Deny by default: [`Scope::none`] reaches nothing, the `with_` methods widen it. There is no `Default`.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    subject: Arc<str>,
    grants: Vec<Grant>,
    filter: Option<Value>,
    masked_fields: Vec<String>,
}

/// Some indices and what may be done with them.
#[derive(Debug, Clone, PartialEq)]
struct Grant {
    index_patterns: Vec<String>,
    read: bool,
    write: bool,
    manage: bool,
}

/// What may be done with an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexRight {
    /// Searching and reading documents.
    Read,
    /// Writing documents, and so making indices from templates.
    Write,
    /// Managing indices, templates and mappings.
    Manage,
    /// At least one of them: for what only names things.
    Any,
}

impl IndexRight {
    /// All that can be granted.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Manage];
}

impl Grant {
    fn allows(&self, right: IndexRight) -> bool {
        match right {
            IndexRight::Read => self.read,
            IndexRight::Write => self.write,
            IndexRight::Manage => self.manage,
            IndexRight::Any => self.read || self.write || self.manage,
        }
    }
}

impl Scope {
    /// Reaches nothing. `subject` names the caller in the audit log and in error messages: a user's or key's id.
    pub fn none(subject: impl Into<Arc<str>>) -> Self {
        Self { subject: subject.into(), grants: Vec::new(), filter: None, masked_fields: Vec::new() }
    }

    /// Reaches every index, document and field, and may do everything: for the service's own work (upload jobs,
    /// recovery, retention). Never built in a request handler.
    pub fn internal(component: &'static str) -> Self {
        Self::none(component).with_grant(["*", ".*"], &IndexRight::ALL)
    }

    /// Grants these rights on these indices, named whole or with `*`. Writing includes making indices from templates.
    #[must_use]
    pub fn with_grant<T: Into<String>>(
        mut self,
        patterns: impl IntoIterator<Item = T>,
        rights: &[IndexRight],
    ) -> Self {
        let index_patterns = patterns.into_iter().map(Into::into).collect();
        let (read, write, manage) = (
            rights.contains(&IndexRight::Read),
            rights.contains(&IndexRight::Write),
            rights.contains(&IndexRight::Manage),
        );
        self.grants.push(Grant { index_patterns, read, write, manage });
        self
    }

    /// This scope with only the grants that allow that.
    pub fn narrowed_to(&self, right: IndexRight) -> Cow<'_, Self> {
        if self.grants.iter().all(|grant| grant.allows(right)) {
            return Cow::Borrowed(self);
        }
        let mut narrowed = self.clone();
        narrowed.grants.retain(|grant| grant.allows(right));
        Cow::Owned(narrowed)
    }

    /// Whether that may be done with at least one index.
    pub fn allows(&self, right: IndexRight) -> bool {
        self.grants.iter().any(|grant| grant.allows(right))
    }

    /// Whether that may be done with this index (a concrete name, after aliases and wildcards were resolved). A pattern
    /// that begins with `*` does not reach names that begin with a dot, as in Elasticsearch: those are the service's own.
    /// What is granted on a data stream is granted on the indices behind it, which are named after it.
    pub fn may(&self, right: IndexRight, name: &str) -> bool {
        let stream = event::stream_of_index(name);
        let grants = self.grants.iter().filter(|grant| grant.allows(right));
        grants
            .flat_map(|grant| &grant.index_patterns)
            .any(|pattern| covers(pattern, name) || stream.is_some_and(|stream| covers(pattern, stream)))
    }

    /// Narrows reading to the documents that match this query (Elasticsearch query DSL).
    #[must_use]
    pub fn with_filter(mut self, query: Value) -> Self {
        self.filter = Some(query);
        self
    }

    /// Hides these fields, with their sub-fields: from hits, queries, sorts and aggregations alike.
    #[must_use]
    pub fn with_masked_fields<T: Into<String>>(mut self, fields: impl IntoIterator<Item = T>) -> Self {
        self.masked_fields.extend(fields.into_iter().map(Into::into));
        self
    }

    /// Who asks.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Whether anything may be done with this index.
    pub fn reaches_index(&self, name: &str) -> bool {
        self.may(IndexRight::Any, name)
    }

    /// The query that narrows what may be read, if any.
    pub fn filter(&self) -> Option<&Value> {
        self.filter.as_ref()
    }

    /// Whether this field (dotted path) is hidden from the caller.
    pub fn masks_field(&self, path: &str) -> bool {
        self.masked_fields.iter().any(|masked| {
            path.strip_prefix(masked.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// Whether any field is hidden from the caller.
    pub fn masks_anything(&self) -> bool {
        !self.masked_fields.is_empty()
    }

    /// The hidden fields.
    pub fn masked_fields(&self) -> &[String] {
        &self.masked_fields
    }

    /// What two callers must share to be shown the same cached answer: everything but who they are.
    pub fn cache_key(&self) -> String {
        let Self { subject: _, grants, filter, masked_fields } = self;
        format!("{grants:?}|{filter:?}|{masked_fields:?}")
    }
}

/// Whether a pattern of a grant covers a name.
fn covers(pattern: &str, name: &str) -> bool {
    let hidden = name.starts_with('.') && pattern.starts_with('*');
    !hidden && wildcard_match(pattern, name)
}

/// Whether `name` matches `pattern`, in which `*` stands for any run of characters. Linear in the name's length
/// times the number of stars.
pub fn wildcard_match(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|prefix| name.strip_prefix(prefix)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        let check =
            |pattern, name, expected| assert_eq!(wildcard_match(pattern, name), expected, "{pattern} {name}");
        check("*", "", true);
        check("*", "a", true);
        check("a", "a", true);
        check("a", "ab", false);
        check("a*", "ab", true);
        check("*b", "ab", true);
        check("*b", "ba", false);
        check("a*c*e", "abcde", true);
        check("a*c*e", "abde", false);
        check("ab*ba", "aba", false);
        check("logs-*-x", "logs-x", false);
        check("logs-*-x", "logs-1-x", true);
    }

    #[test]
    fn nothing_is_reached_by_default() {
        let scope = Scope::none("user");
        assert!(!scope.allows(IndexRight::Any));
        assert!(!scope.reaches_index("ecommerce-logs-2026.11.21"));
        let none: [&str; 0] = [];
        assert!(!scope.with_grant(none, &IndexRight::ALL).reaches_index("ecommerce-logs-2026.11.21"));
        assert!(!Scope::none("user").with_grant(["*"], &[]).reaches_index("ecommerce-logs-2026.11.21"));
    }

    #[test]
    fn a_leading_star_does_not_reach_hidden_indices() {
        let all = Scope::none("admin").with_grant(["*"], &[IndexRight::Read]);
        assert!(all.reaches_index("ecommerce-logs-2026.11.21"));
        assert!(!all.reaches_index(".vigie"));
        assert!(Scope::internal("recovery").reaches_index(".vigie"));
        assert!(Scope::internal("recovery").reaches_index("ecommerce-logs-2026.11.21"));
    }

    #[test]
    fn a_grant_on_a_data_stream_covers_its_indices() {
        let scope = Scope::none("shipper").with_grant(["logs-app"], &[IndexRight::Write]);
        assert!(scope.may(IndexRight::Write, ".ds-logs-app-000001"));
        assert!(!scope.may(IndexRight::Read, ".ds-logs-app-000001"));
        assert!(
            !scope.may(IndexRight::Write, ".ds-logs-other-000001")
                && !scope.may(IndexRight::Write, ".ds-logs-app")
        );
        let all = Scope::none("admin").with_grant(["*"], &[IndexRight::Read]);
        assert!(all.reaches_index(".ds-logs-app-000001"));
        assert!(!all.reaches_index(".ds-.hidden-000001"));
    }

    #[test]
    fn each_grant_is_for_its_own_indices() {
        let scope = Scope::none("analyst").with_grant(["shop-*"], &[IndexRight::Read]);
        assert!(matches!(scope.narrowed_to(IndexRight::Read), Cow::Borrowed(_)));
        let scope = scope.with_grant([".kibana*"], &[IndexRight::Read, IndexRight::Write]);
        let check = |right, index: &str, expected| {
            assert_eq!(scope.may(right, index), expected, "{right:?} {index}");
            let narrowed = scope.narrowed_to(right).reaches_index(index);
            assert_eq!(narrowed, expected, "narrowed to {right:?}: {index}");
        };
        check(IndexRight::Read, "shop-1", true);
        check(IndexRight::Write, "shop-1", false);
        check(IndexRight::Write, ".kibana_1", true);
        check(IndexRight::Manage, ".kibana_1", false);
        check(IndexRight::Any, "other", false);
    }

    #[test]
    fn a_masked_field_hides_what_is_below_it() {
        let scope = Scope::none("user").with_masked_fields(["user.email"]);
        assert!(scope.masks_field("user.email"));
        assert!(scope.masks_field("user.email.keyword"));
        assert!(!scope.masks_field("user.email_verified"));
        assert!(!scope.masks_field("user"));
    }
}
