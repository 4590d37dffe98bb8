//! Who asks, and what they may reach. Resolved once per request, carried by every call of the log store.

use serde_json::Value;
use std::sync::Arc;

/// The reach of one caller: which indices, which documents in them, which fields, and what may be done.
///
/// Deny by default: [`Scope::none`] reaches nothing, the `with_` methods widen it. There is no `Default`.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    subject: Arc<str>,
    index_patterns: Vec<String>,
    filter: Option<Value>,
    masked_fields: Vec<String>,
    read: bool,
    write: bool,
    manage: bool,
}

impl Scope {
    /// Reaches nothing. `subject` names the caller in the audit log and in error messages: a user's or key's id.
    pub fn none(subject: impl Into<Arc<str>>) -> Self {
        Self {
            subject: subject.into(),
            index_patterns: Vec::new(),
            filter: None,
            masked_fields: Vec::new(),
            read: false,
            write: false,
            manage: false,
        }
    }

    /// Reaches every index, document and field, and may do everything: for the service's own work (upload jobs,
    /// recovery, retention). Never built in a request handler.
    pub fn internal(component: &'static str) -> Self {
        Self::none(component).with_indices(["*", ".*"]).with_read().with_write().with_manage()
    }

    /// Adds indices, by name or with `*`.
    #[must_use]
    pub fn with_indices<T: Into<String>>(mut self, patterns: impl IntoIterator<Item = T>) -> Self {
        self.index_patterns.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// Allows searching and reading documents.
    #[must_use]
    pub fn with_read(mut self) -> Self {
        self.read = true;
        self
    }

    /// Allows writing documents (and so the creation of indices from templates).
    #[must_use]
    pub fn with_write(mut self) -> Self {
        self.write = true;
        self
    }

    /// Allows managing indices, templates and mappings.
    #[must_use]
    pub fn with_manage(mut self) -> Self {
        self.manage = true;
        self
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

    /// May search and read documents.
    pub fn can_read(&self) -> bool {
        self.read
    }

    /// May write documents.
    pub fn can_write(&self) -> bool {
        self.write
    }

    /// May manage indices, templates and mappings.
    pub fn can_manage(&self) -> bool {
        self.manage
    }

    /// Whether this index (a concrete name, after aliases and wildcards were resolved) is within reach. A pattern that
    /// begins with `*` does not reach names that begin with a dot, as in Elasticsearch: those are the service's own.
    pub fn reaches_index(&self, name: &str) -> bool {
        self.index_patterns.iter().any(|pattern| {
            let hidden = name.starts_with('.') && pattern.starts_with('*');
            !hidden && wildcard_match(pattern, name)
        })
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
        let Self { subject: _, index_patterns, filter, masked_fields, read, write, manage } = self;
        format!("{index_patterns:?}|{filter:?}|{masked_fields:?}|{read}{write}{manage}")
    }
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
        assert!(!scope.can_read() && !scope.can_write() && !scope.can_manage());
        assert!(!scope.reaches_index("ecommerce-logs-2026.11.21"));
    }

    #[test]
    fn a_leading_star_does_not_reach_hidden_indices() {
        let all = Scope::none("admin").with_indices(["*"]);
        assert!(all.reaches_index("ecommerce-logs-2026.11.21"));
        assert!(!all.reaches_index(".vigie"));
        assert!(Scope::internal("recovery").reaches_index(".vigie"));
        assert!(Scope::internal("recovery").reaches_index("ecommerce-logs-2026.11.21"));
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
