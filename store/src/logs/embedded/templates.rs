//! Templates: what a new index starts with. Composable index templates with their components, and legacy templates.
//!
//! Source: Elasticsearch reference, "Index templates", "Simulate multi-component templates" (order of merging) and
//! "Put index template (legacy)".

mod composed;
mod installed;
mod shown;

use super::wal::{io_error, write_atomically};
use crate::{ErrorKind, StoreError, logs::TemplateKind, scope::wildcard_match};
use installed::{Installed, components_of, matches_index};
use parking_lot::RwLock;
use serde_json::{Value, json};
use shown::shown;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

pub(super) use composed::Composed;
pub(super) use installed::patterns_of;

/// Most templates of a kind.
const TEMPLATES_MAX: usize = 1_000;
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

    /// Installs or replaces a template; refuses one that would make an index impossible. `create`: only a new one.
    pub(super) fn put(
        &self,
        kind: TemplateKind,
        name: &str,
        body: Value,
        create: bool,
    ) -> Result<(), StoreError> {
        check_name(kind, name)?;
        let mut installed = self.installed.write();
        let mut changed = installed.clone();
        if create && changed.of(kind).contains_key(name) {
            let what = match kind {
                TemplateKind::Component => "component template",
                TemplateKind::Index | TemplateKind::Legacy => "index template",
                TemplateKind::Lifecycle => "lifecycle policy",
            };
            let reason = format!("{what} [{name}] already exists");
            return Err(StoreError::invalid(reason));
        }
        changed.insert(kind, name, body)?;
        if changed.of(kind).len() > TEMPLATES_MAX {
            return Err(StoreError::invalid(format!("there are {TEMPLATES_MAX} templates already")));
        }
        self.keep(&mut installed, changed)
    }

    /// Removes the templates whose names match; answers how many.
    pub(super) fn delete(&self, kind: TemplateKind, pattern: &str) -> Result<usize, StoreError> {
        let mut installed = self.installed.write();
        let mut changed = installed.clone();
        let before = changed.of(kind).len();
        let users: Vec<String> = changed.index.values().flat_map(components_of).map(str::to_owned).collect();
        let matches = |name: &str| pattern.split(',').any(|pattern| wildcard_match(pattern, name));
        if kind == TemplateKind::Component
            && let Some(used) =
                users.iter().find(|name| matches(name) && changed.component.contains_key(*name))
        {
            return Err(StoreError::invalid(format!(
                "component templates [{used}] cannot be removed as they are still in use by index templates"
            )));
        }
        changed.of_mut(kind).retain(|name, _| !matches(name));
        let removed = before - changed.of(kind).len();
        if removed > 0 {
            self.keep(&mut installed, changed)?;
        }
        Ok(removed)
    }

    fn keep(&self, installed: &mut Installed, changed: Installed) -> Result<(), StoreError> {
        let content = serde_json::to_vec(&changed)
            .map_err(|error| StoreError::internal("cannot serialise the templates", error))?;
        write_atomically(&self.path, &content).map_err(|error| io_error("write the templates", error))?;
        *installed = changed;
        Ok(())
    }

    /// The templates whose names match, as they were put.
    pub(super) fn matching(&self, kind: TemplateKind, pattern: &str) -> Vec<(String, Value)> {
        let installed = self.installed.read();
        let all = installed.of(kind).iter();
        let patterns: Vec<&str> = pattern.split(',').collect();
        all.filter(|(name, _)| patterns.iter().any(|pattern| wildcard_match(pattern, name)))
            .map(|(name, body)| (name.clone(), shown(kind, body)))
            .collect()
    }

    /// What a new index of that name starts with: the composable template of the highest priority, or else all legacy
    /// templates that match, in their order.
    pub(super) fn compose_for(&self, index: &str) -> Result<Composed, StoreError> {
        self.installed.read().compose_for(index)
    }

    /// What an index made from this template would start with, were it installed; names what it would cover.
    pub(super) fn simulate(&self, name: &str, body: Option<Value>) -> Result<Value, StoreError> {
        let mut installed = self.installed.read().clone();
        let name = match body {
            Some(body) => {
                installed.insert(TemplateKind::Index, name, body)?;
                name
            }
            None if installed.index.contains_key(name) => name,
            None => {
                let reason = format!("unable to simulate template [{name}] that does not exist");
                return Err(StoreError::invalid(reason));
            }
        };
        let Some(body) = installed.index.get(name) else { return Ok(json!({})) };
        let composed = installed.compose(name, body)?;
        let overlapping = installed.overlapping(name, &patterns_of(name, body)?);
        Ok(json!({"template": composed.to_json(), "overlapping": overlapping}))
    }

    /// What a new index of that name would start with, with another template installed, if one is given.
    pub(super) fn simulate_index(&self, index: &str, body: Option<Value>) -> Result<Value, StoreError> {
        let mut installed = self.installed.read().clone();
        if let Some(body) = body {
            installed.insert(TemplateKind::Index, "simulate_template", body)?;
        }
        let composed = installed.compose_for(index)?;
        let winner = installed.winner(index).map(|(name, _)| name.clone());
        let matching = installed
            .index
            .iter()
            .filter(|(name, body)| Some(*name) != winner.as_ref() && matches_index(name, body, index));
        let legacy = installed.legacy.iter().filter(|(name, body)| matches_index(name, body, index));
        let overlapping: Vec<Value> = legacy
            .chain(matching)
            .map(|(name, body)| json!({"name": name, "index_patterns": patterns_of(name, body).unwrap_or_default()}))
            .collect();
        if winner.is_none() && overlapping.is_empty() {
            return Ok(json!({}));
        }
        Ok(json!({"template": composed.to_json(), "overlapping": overlapping}))
    }
}

fn check_name(kind: TemplateKind, name: &str) -> Result<(), StoreError> {
    let bad = name.is_empty()
        || name.len() > 255
        || name.starts_with('_')
        || name.contains([' ', ',', '#', '*'])
        || (kind != TemplateKind::Lifecycle && name.chars().any(char::is_uppercase));
    if bad {
        let reason = format!("invalid template name [{}]", name.escape_debug());
        return Err(StoreError::invalid(reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn components_merge_in_order_and_the_highest_priority_wins() {
        let directory = tempfile::tempdir().unwrap();
        let templates = Templates::open(directory.path()).unwrap();
        let put = |kind, name: &str, body| templates.put(kind, name, body, false).unwrap();
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
        let mapping = templates.compose_for("logs-x1").unwrap().mapping().unwrap();
        let type_of = |path| mapping.field(path).map(|field| field.field_type.name());
        assert_eq!(type_of("x"), Some("keyword"));
        assert_eq!(type_of("o.p"), Some("double"));
        assert_eq!(type_of("o.q"), Some("ip"));
        assert_eq!(type_of("y"), Some("date"));
        assert_eq!(mapping.dynamic_below(""), crate::logs::embedded::mapping::Dynamic::True);
        assert!(templates.compose_for("logs-y").unwrap().mapping().unwrap().fields.is_empty());
    }

    #[test]
    fn legacy_templates_apply_in_order_where_no_other_matches() {
        let directory = tempfile::tempdir().unwrap();
        let templates = Templates::open(directory.path()).unwrap();
        let put = |kind, name: &str, body| templates.put(kind, name, body, false).unwrap();
        let shards = |order: u64, count: u64| {
            json!({"index_patterns": "old-*", "order": order,
            "settings": {"number_of_shards": count}, "aliases": {format!("a{order}"): {}}})
        };
        put(TemplateKind::Legacy, "second", shards(2, 3));
        put(TemplateKind::Legacy, "first", shards(1, 2));
        let composed = templates.compose_for("old-1").unwrap();
        assert_eq!(composed.settings.number("index.number_of_shards"), Some(3));
        assert_eq!(composed.aliases.len(), 2);
        put(TemplateKind::Index, "new", json!({"index_patterns": ["old-*"]}));
        assert_eq!(templates.compose_for("old-1").unwrap().aliases.len(), 0);
        assert!(
            templates.put(TemplateKind::Index, "same", json!({"index_patterns": ["old-1*"]}), false).is_err()
        );
        assert_eq!(templates.delete(TemplateKind::Legacy, "s*").unwrap(), 1);
        assert_eq!(templates.matching(TemplateKind::Legacy, "*").len(), 1);
    }

    #[test]
    fn what_would_make_an_index_impossible_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let templates = Templates::open(directory.path()).unwrap();
        let check = |kind, body, part: &str| {
            let error = templates.put(kind, "t", body, false).unwrap_err();
            assert!(error.message.contains(part), "{}", error.message);
        };
        check(TemplateKind::Index, json!({"template": {}}), "index patterns are missing");
        check(TemplateKind::Index, json!({"index_patterns": ["a"], "composed_of": ["gone"]}), "gone");
        let bad = json!({"template": {"mappings": {"properties": {"f": {"type": "blob"}}}}});
        check(TemplateKind::Component, bad, "blob");
        check(TemplateKind::Component, json!([]), "object");
    }
}
