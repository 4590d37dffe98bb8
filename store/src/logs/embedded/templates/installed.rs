//! The templates that are installed, and which of them an index is made of.

use super::super::policies::Policy;
use super::composed::{Composed, StreamTemplate};
use crate::{StoreError, logs::TemplateKind, scope::wildcard_match};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What each kind of template may say.
const COMPONENT_KEYS: &[&str] = &["template", "version", "_meta", "deprecated"];

const INDEX_KEYS: &[&str] = &[
    "index_patterns",
    "template",
    "composed_of",
    "priority",
    "version",
    "_meta",
    "data_stream",
    "allow_auto_create",
    "ignore_missing_component_templates",
    "deprecated",
];

const LEGACY_KEYS: &[&str] =
    &["index_patterns", "template", "order", "version", "settings", "mappings", "aliases"];

const POLICY_KEYS: &[&str] = &["policy", "modified_date"];

/// The templates, as Elasticsearch's JSON, by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Installed {
    pub(super) component: BTreeMap<String, Value>,
    pub(super) index: BTreeMap<String, Value>,
    #[serde(default)]
    pub(super) legacy: BTreeMap<String, Value>,
    #[serde(default)]
    pub(super) lifecycle: BTreeMap<String, Value>,
}

impl Installed {
    pub(super) fn of(&self, kind: TemplateKind) -> &BTreeMap<String, Value> {
        match kind {
            TemplateKind::Component => &self.component,
            TemplateKind::Index => &self.index,
            TemplateKind::Legacy => &self.legacy,
            TemplateKind::Lifecycle => &self.lifecycle,
        }
    }

    pub(super) fn of_mut(&mut self, kind: TemplateKind) -> &mut BTreeMap<String, Value> {
        match kind {
            TemplateKind::Component => &mut self.component,
            TemplateKind::Index => &mut self.index,
            TemplateKind::Legacy => &mut self.legacy,
            TemplateKind::Lifecycle => &mut self.lifecycle,
        }
    }

    pub(super) fn insert(&mut self, kind: TemplateKind, name: &str, body: Value) -> Result<(), StoreError> {
        let (known, what) = match kind {
            TemplateKind::Component => (COMPONENT_KEYS, "component_template"),
            TemplateKind::Index => (INDEX_KEYS, "index_template"),
            TemplateKind::Legacy => (LEGACY_KEYS, "template"),
            TemplateKind::Lifecycle => (POLICY_KEYS, "put_lifecycle_request"),
        };
        let object = body.as_object().ok_or_else(|| StoreError::invalid("a template must be an object"))?;
        if let Some(unknown) = object.keys().find(|key| !known.contains(&key.as_str())) {
            let reason = format!("[{what}] unknown field [{unknown}]");
            return Err(StoreError::invalid(reason).with_code("x_content_parse_exception"));
        }
        match kind {
            TemplateKind::Component => {
                let mut alone = Composed::default();
                alone.lay(body.get("template").unwrap_or(&Value::Null))?;
                alone.mapping()?;
                self.component.insert(name.to_owned(), body);
                self.check_users_of(name)
            }
            TemplateKind::Index => {
                let patterns = patterns_of(name, &body)?;
                self.check_priority(name, &patterns, priority(&body))?;
                self.compose(name, &body)?.mapping()?;
                self.index.insert(name.to_owned(), body);
                Ok(())
            }
            TemplateKind::Legacy => {
                patterns_of(name, &body)?;
                let mut alone = Composed::default();
                alone.lay(&body)?;
                alone.mapping()?;
                self.legacy.insert(name.to_owned(), body);
                Ok(())
            }
            TemplateKind::Lifecycle => {
                Policy::parse(&body)?;
                let mut body = body;
                let before = self.lifecycle.get(name).and_then(|known| known.get("version")?.as_u64());
                body["version"] = json!(before.unwrap_or(0) + 1);
                self.lifecycle.insert(name.to_owned(), body);
                Ok(())
            }
        }
    }

    /// Two templates of one priority must not match the same index.
    fn check_priority(&self, name: &str, patterns: &[String], own: u64) -> Result<(), StoreError> {
        for (other, body) in self.index.iter().filter(|(other, body)| *other != name && priority(body) == own)
        {
            let theirs = patterns_of(other, body)?;
            if theirs.iter().any(|theirs| patterns.iter().any(|ours| patterns_overlap(ours, theirs))) {
                let (ours, theirs) = (patterns.join(", "), theirs.join(", "));
                return Err(StoreError::invalid(format!(
                    "index template [{name}] has index patterns [{ours}] matching patterns from existing templates \
                     [{other}] with patterns ({other} => [{theirs}]) that have the same priority [{own}], multiple \
                     index templates may not match during index creation, please use a different priority"
                )));
            }
        }
        Ok(())
    }

    pub(super) fn overlapping(&self, name: &str, patterns: &[String]) -> Vec<Value> {
        let all = self.legacy.iter().chain(self.index.iter().filter(|(other, _)| *other != name));
        all.filter_map(|(other, body)| {
            let theirs = patterns_of(other, body).ok()?;
            let overlap = theirs.iter().any(|t| patterns.iter().any(|p| patterns_overlap(p, t)));
            overlap.then(|| json!({"name": other, "index_patterns": theirs}))
        })
        .collect()
    }

    pub(super) fn winner(&self, index: &str) -> Option<(&String, &Value)> {
        self.index
            .iter()
            .filter(|(name, body)| matches_index(name, body, index))
            .max_by_key(|(_, body)| priority(body))
    }

    pub(super) fn compose_for(&self, index: &str) -> Result<Composed, StoreError> {
        if let Some((name, body)) = self.winner(index) {
            return self.compose(name, body);
        }
        let mut matching: Vec<_> =
            self.legacy.iter().filter(|(name, body)| matches_index(name, body, index)).collect();
        matching.sort_by_key(|(_, body)| body.get("order").and_then(Value::as_i64).unwrap_or(0));
        let mut composed = Composed::default();
        for (_, body) in matching {
            composed.lay(body)?;
        }
        Ok(composed)
    }

    /// Merges the component templates in their order, then the template's own parts.
    pub(super) fn compose(&self, name: &str, body: &Value) -> Result<Composed, StoreError> {
        let mut composed = Composed::default();
        let optional = body.get("ignore_missing_component_templates").and_then(Value::as_array);
        for component in components_of(body) {
            match self.component.get(component) {
                Some(part) => composed.lay(part.get("template").unwrap_or(&Value::Null))?,
                None if optional.is_some_and(|list| list.iter().any(|name| name == component)) => {}
                None => {
                    let reason = format!(
                        "index template [{name}] specifies component templates [{component}] that do not exist"
                    );
                    return Err(StoreError::invalid(reason).with_code("invalid_index_template_exception"));
                }
            }
        }
        composed.lay(body.get("template").unwrap_or(&Value::Null))?;
        composed.data_stream = body.get("data_stream").map(|stream| StreamTemplate {
            template: name.to_owned(),
            hidden: stream.get("hidden").and_then(Value::as_bool).unwrap_or(false),
        });
        composed.mapping().map_err(|error| StoreError {
            message: format!("template [{name}]: {}", error.message),
            ..error
        })?;
        Ok(composed)
    }

    /// A component must not break the templates that use it.
    fn check_users_of(&self, component: &str) -> Result<(), StoreError> {
        for (name, body) in &self.index {
            if components_of(body).any(|used| used == component) {
                self.compose(name, body)?;
            }
        }
        Ok(())
    }
}

pub(super) fn components_of(body: &Value) -> impl Iterator<Item = &str> {
    let list = body.get("composed_of").and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default().iter().filter_map(Value::as_str)
}

fn priority(body: &Value) -> u64 {
    body.get("priority").and_then(Value::as_u64).unwrap_or(0)
}

pub(super) fn matches_index(name: &str, body: &Value, index: &str) -> bool {
    patterns_of(name, body).is_ok_and(|patterns| patterns.iter().any(|p| wildcard_match(p, index)))
}

/// The names and patterns of the indices that this template is for.
pub(in crate::logs::embedded) fn patterns_of(name: &str, body: &Value) -> Result<Vec<String>, StoreError> {
    // Before version 6, `template` was the pattern.
    let given = body.get("index_patterns").or_else(|| body.get("template").filter(|old| old.is_string()));
    let patterns: Vec<String> = match given {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(list)) => list.iter().filter_map(|p| p.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    if patterns.is_empty() {
        let reason = format!("Validation Failed: 1: index patterns are missing for template [{name}];");
        return Err(StoreError::invalid(reason).with_code("action_request_validation_exception"));
    }
    Ok(patterns)
}

/// Whether some name matches both patterns.
fn patterns_overlap(a: &str, b: &str) -> bool {
    fn meet(a: &[u8], b: &[u8]) -> bool {
        // Row by row: `reached[j]` says whether the rest of `a` from here and the rest of `b` from j can meet.
        let mut below = vec![false; b.len() + 1];
        for i in (0..=a.len()).rev() {
            let mut row = vec![false; b.len() + 1];
            for j in (0..=b.len()).rev() {
                row[j] = match (a.get(i), b.get(j)) {
                    (None, None) => true,
                    (Some(b'*'), _) => below[j] || (j < b.len() && row[j + 1]),
                    (_, Some(b'*')) => row[j + 1] || (i < a.len() && below[j]),
                    (Some(x), Some(y)) => x == y && below[j + 1],
                    _ => false,
                };
            }
            below = row;
        }
        below[0]
    }
    meet(a.as_bytes(), b.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_share_a_name_overlap() {
        let check = |a, b, expected| {
            assert_eq!(patterns_overlap(a, b), expected, "{a} {b}");
            assert_eq!(patterns_overlap(b, a), expected, "{b} {a}");
        };
        check("logs-*", "logs-app-*", true);
        check("*", "", true);
        check("a*c", "ab*", true);
        check("a*", "b*", false);
        check("*a", "*b", false);
        check("a", "a", true);
        check("a", "ab", false);
    }
}
