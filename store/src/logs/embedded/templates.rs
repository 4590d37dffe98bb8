//! Composable index templates and component templates: what mapping a new index starts with.
//!
//! Source: Elasticsearch reference, "Index templates" and "Simulate multi-component templates" (order of merging).

use super::{
    mapping::Mapping,
    wal::{io_error, write_atomically},
};
use crate::{ErrorKind, StoreError, logs::TemplateKind, scope::wildcard_match};
use event::Object;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Most templates of a kind.
const TEMPLATES_MAX: usize = 1_000;

/// The templates, as Elasticsearch's JSON, by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Installed {
    component: BTreeMap<String, Value>,
    index: BTreeMap<String, Value>,
}

/// The templates of an engine, kept in one file.
#[derive(Debug)]
pub(super) struct Templates {
    path: PathBuf,
    installed: RwLock<Installed>,
}

impl Templates {
    /// Reads the templates kept in that directory.
    pub(super) fn open(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join("templates.json");
        let installed = match fs::read(&path) {
            Ok(content) => serde_json::from_slice(&content).map_err(|error| {
                StoreError::new(ErrorKind::Corrupt, format!("cannot read \"{}\"", path.display()))
                    .because(error)
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Installed::default(),
            Err(error) => return Err(io_error(&format!("read \"{}\"", path.display()), error)),
        };
        Ok(Self { path, installed: RwLock::new(installed) })
    }

    /// Installs or replaces a template; refuses one that would make an index impossible.
    pub(super) fn put(&self, kind: TemplateKind, name: &str, body: Value) -> Result<(), StoreError> {
        if name.is_empty() || name.len() > 255 {
            return Err(StoreError::invalid("a template name has 1 to 255 bytes"));
        }
        let mut installed = self.installed.write();
        let mut changed = installed.clone();
        match kind {
            TemplateKind::Component => {
                Mapping::parse(mappings_of(&body)?.unwrap_or(&Value::Object(Object::new())))?;
                changed.component.insert(name.to_owned(), body);
                changed.check_users_of(name)?;
            }
            TemplateKind::Index => {
                patterns_of(name, &body)?;
                changed.compose(name, &body)?;
                changed.index.insert(name.to_owned(), body);
            }
        }
        if changed.component.len().max(changed.index.len()) > TEMPLATES_MAX {
            return Err(StoreError::invalid(format!("there are {TEMPLATES_MAX} templates already")));
        }
        let content = serde_json::to_vec(&changed)
            .map_err(|error| StoreError::internal("cannot serialise the templates", error))?;
        write_atomically(&self.path, &content).map_err(|error| io_error("write the templates", error))?;
        *installed = changed;
        Ok(())
    }

    /// The mapping that a new index of that name starts with.
    pub(super) fn mapping_for(&self, index: &str) -> Result<Mapping, StoreError> {
        let installed = self.installed.read();
        let best = installed
            .index
            .iter()
            .filter(|(name, body)| {
                patterns_of(name, body)
                    .is_ok_and(|patterns| patterns.iter().any(|p| wildcard_match(p, index)))
            })
            .max_by_key(|(_, body)| body.get("priority").and_then(Value::as_u64).unwrap_or(0));
        match best {
            Some((name, body)) => installed.compose(name, body),
            None => Ok(Mapping::default()),
        }
    }
}

impl Installed {
    /// Merges the component templates in their order, then the template's own mappings.
    fn compose(&self, name: &str, body: &Value) -> Result<Mapping, StoreError> {
        let mut merged = Object::new();
        let components =
            body.get("composed_of").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let optional: Vec<_> = body.get("ignore_missing_component_templates").into_iter().collect();
        for component in components.iter().filter_map(Value::as_str) {
            match self.component.get(component) {
                Some(part) => merge_mappings(&mut merged, mappings_of(part)?),
                None if optional
                    .iter()
                    .any(|list| list.as_array().is_some_and(|l| l.iter().any(|c| c == component))) => {}
                None => {
                    let message =
                        format!("index template \"{name}\" needs component template \"{component}\"");
                    return Err(StoreError::invalid(message));
                }
            }
        }
        merge_mappings(&mut merged, mappings_of(body)?);
        Mapping::parse(&Value::Object(merged)).map_err(|error| StoreError {
            message: format!("template \"{name}\": {}", error.message),
            ..error
        })
    }

    /// A component must not break the templates that use it.
    fn check_users_of(&self, component: &str) -> Result<(), StoreError> {
        for (name, body) in &self.index {
            let uses = body.get("composed_of").and_then(Value::as_array);
            if uses.is_some_and(|uses| uses.iter().any(|used| used == component)) {
                self.compose(name, body)?;
            }
        }
        Ok(())
    }
}

fn mappings_of(body: &Value) -> Result<Option<&Value>, StoreError> {
    let body = body.as_object().ok_or_else(|| StoreError::invalid("a template must be an object"))?;
    Ok(body.get("template").and_then(|template| template.get("mappings")))
}

fn patterns_of(name: &str, body: &Value) -> Result<Vec<String>, StoreError> {
    let patterns: Vec<String> = match body.get("index_patterns") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(list)) => list.iter().filter_map(|p| p.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    if patterns.is_empty() {
        return Err(StoreError::invalid(format!("index template \"{name}\" needs \"index_patterns\"")));
    }
    Ok(patterns)
}

/// Merges mappings as Elasticsearch does: objects deeply, a field of the later one wins whole, dynamic templates of the
/// same name are replaced and others added.
fn merge_mappings(target: &mut Object, later: Option<&Value>) {
    let Some(later) = later.and_then(Value::as_object) else { return };
    for (key, value) in later {
        match (key.as_str(), target.get_mut(key), value) {
            ("properties", Some(Value::Object(old)), Value::Object(new)) => merge_properties(old, new),
            ("dynamic_templates", Some(Value::Array(old)), Value::Array(new)) => merge_named(old, new),
            (_, _, value) => {
                target.insert(key.clone(), value.clone());
            }
        }
    }
}

fn merge_properties(target: &mut Object, later: &Object) {
    for (name, new) in later {
        let both_objects = |old: &Value| old.get("properties").is_some() && new.get("properties").is_some();
        match target.get_mut(name) {
            Some(Value::Object(old)) if both_objects(&Value::Object(old.clone())) => {
                merge_mappings(old, Some(new));
            }
            _ => {
                target.insert(name.clone(), new.clone());
            }
        }
    }
}

fn merge_named(target: &mut Vec<Value>, later: &[Value]) {
    let name_of = |rule: &Value| rule.as_object().and_then(|rule| rule.keys().next().cloned());
    for rule in later {
        match target.iter_mut().find(|old| name_of(old) == name_of(rule)) {
            Some(old) => *old = rule.clone(),
            None => target.push(rule.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn components_merge_in_order_and_the_highest_priority_wins() {
        let directory = tempfile::tempdir().unwrap();
        let templates = Templates::open(directory.path()).unwrap();
        let put = |kind, name: &str, body| templates.put(kind, name, body).unwrap();
        put(
            TemplateKind::Component,
            "a",
            json!({"template": {"mappings": {"dynamic": "strict", "properties": {
            "x": {"type": "keyword"}, "o": {"properties": {"p": {"type": "long"}, "q": {"type": "ip"}}}}}}}),
        );
        put(
            TemplateKind::Component,
            "b",
            json!({"template": {"mappings": {"properties": {
            "o": {"properties": {"p": {"type": "double"}}}}}}}),
        );
        put(TemplateKind::Index, "low", json!({"index_patterns": ["logs-*"], "template": {}}));
        put(
            TemplateKind::Index,
            "high",
            json!({"index_patterns": "logs-x*", "priority": 5, "composed_of": ["a", "b"],
                "template": {"mappings": {"dynamic": true, "properties": {"y": {"type": "date"}}}}}),
        );
        // Kept on disk.
        let templates = Templates::open(directory.path()).unwrap();
        let mapping = templates.mapping_for("logs-x1").unwrap();
        let type_of = |path| mapping.field(path).map(|field| field.field_type.name());
        assert_eq!(type_of("x"), Some("keyword"));
        assert_eq!(type_of("o.p"), Some("double"));
        assert_eq!(type_of("o.q"), Some("ip"));
        assert_eq!(type_of("y"), Some("date"));
        assert_eq!(mapping.dynamic_below(""), crate::logs::embedded::mapping::Dynamic::True);
        assert!(templates.mapping_for("logs-y").unwrap().fields.is_empty());
    }

    #[test]
    fn what_would_make_an_index_impossible_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let templates = Templates::open(directory.path()).unwrap();
        let check = |kind, body, part: &str| {
            let error = templates.put(kind, "t", body).unwrap_err();
            assert!(error.message.contains(part), "{}", error.message);
        };
        check(TemplateKind::Index, json!({"template": {}}), "index_patterns");
        check(TemplateKind::Index, json!({"index_patterns": ["a"], "composed_of": ["gone"]}), "gone");
        let bad = json!({"template": {"mappings": {"properties": {"f": {"type": "blob"}}}}});
        check(TemplateKind::Component, bad, "blob");
        check(TemplateKind::Component, json!([]), "object");
    }
}
