//! Templates: what a new index starts with. Composable index templates with their components, and legacy templates.
//!
//! Source: Elasticsearch reference, "Index templates", "Simulate multi-component templates" (order of merging) and
//! "Put index template (legacy)".

use super::{
    catalog::Alias,
    mapping::Mapping,
    policies::Policy,
    settings::Settings,
    wal::{io_error, write_atomically},
};
use crate::{ErrorKind, StoreError, logs::TemplateKind, scope::wildcard_match};
use event::Object;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Most templates of a kind.
const TEMPLATES_MAX: usize = 1_000;
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
struct Installed {
    component: BTreeMap<String, Value>,
    index: BTreeMap<String, Value>,
    #[serde(default)]
    legacy: BTreeMap<String, Value>,
    #[serde(default)]
    lifecycle: BTreeMap<String, Value>,
}

/// What a new index starts with.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Composed {
    pub(super) settings: Settings,
    pub(super) mappings: Object,
    pub(super) aliases: Object,
    /// The template asks for a data stream: its name, and whether it is hidden.
    pub(super) data_stream: Option<StreamTemplate>,
}

/// What a template says about data streams made from it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct StreamTemplate {
    pub(super) template: String,
    pub(super) hidden: bool,
}

impl Composed {
    /// Its mapping, compiled, as its settings want it.
    pub(super) fn mapping(&self) -> Result<Mapping, StoreError> {
        let mut mapping = Mapping::parse(&Value::Object(self.mappings.clone()))?;
        mapping.ignore_malformed = self.settings.is_on("index.mapping.ignore_malformed");
        Ok(mapping)
    }

    /// Lays the parts of a template (`settings`, `mappings`, `aliases`) over it.
    pub(super) fn lay(&mut self, part: &Value) -> Result<(), StoreError> {
        if let Some(settings) = part.get("settings") {
            self.settings.merge(&Settings::parse(settings)?);
        }
        merge_mappings(&mut self.mappings, part.get("mappings"));
        if let Some(aliases) = part.get("aliases").and_then(Value::as_object) {
            self.aliases.extend(aliases.iter().map(|(name, alias)| (name.clone(), alias.clone())));
        }
        Ok(())
    }

    /// As Elasticsearch shows it.
    pub(super) fn to_json(&self) -> Value {
        let mappings = Mapping::parse(&Value::Object(self.mappings.clone()));
        let mappings = mappings.map_or_else(|_| self.mappings.clone(), |mapping| mapping.to_json());
        json!({"settings": self.settings.nested(), "mappings": mappings, "aliases": self.aliases})
    }
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

impl Installed {
    fn of(&self, kind: TemplateKind) -> &BTreeMap<String, Value> {
        match kind {
            TemplateKind::Component => &self.component,
            TemplateKind::Index => &self.index,
            TemplateKind::Legacy => &self.legacy,
            TemplateKind::Lifecycle => &self.lifecycle,
        }
    }

    fn of_mut(&mut self, kind: TemplateKind) -> &mut BTreeMap<String, Value> {
        match kind {
            TemplateKind::Component => &mut self.component,
            TemplateKind::Index => &mut self.index,
            TemplateKind::Legacy => &mut self.legacy,
            TemplateKind::Lifecycle => &mut self.lifecycle,
        }
    }

    fn insert(&mut self, kind: TemplateKind, name: &str, body: Value) -> Result<(), StoreError> {
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

    fn overlapping(&self, name: &str, patterns: &[String]) -> Vec<Value> {
        let all = self.legacy.iter().chain(self.index.iter().filter(|(other, _)| *other != name));
        all.filter_map(|(other, body)| {
            let theirs = patterns_of(other, body).ok()?;
            let overlap = theirs.iter().any(|t| patterns.iter().any(|p| patterns_overlap(p, t)));
            overlap.then(|| json!({"name": other, "index_patterns": theirs}))
        })
        .collect()
    }

    fn winner(&self, index: &str) -> Option<(&String, &Value)> {
        self.index
            .iter()
            .filter(|(name, body)| matches_index(name, body, index))
            .max_by_key(|(_, body)| priority(body))
    }

    fn compose_for(&self, index: &str) -> Result<Composed, StoreError> {
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
    fn compose(&self, name: &str, body: &Value) -> Result<Composed, StoreError> {
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

fn components_of(body: &Value) -> impl Iterator<Item = &str> {
    let list = body.get("composed_of").and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default().iter().filter_map(Value::as_str)
}

fn priority(body: &Value) -> u64 {
    body.get("priority").and_then(Value::as_u64).unwrap_or(0)
}

fn matches_index(name: &str, body: &Value, index: &str) -> bool {
    patterns_of(name, body).is_ok_and(|patterns| patterns.iter().any(|p| wildcard_match(p, index)))
}

/// A template as Elasticsearch shows it: settings nested, under `index`.
fn shown(kind: TemplateKind, body: &Value) -> Value {
    let normal = |part: &mut Object, complete: bool| {
        if let Some(settings) = part.get_mut("settings")
            && let Ok(read) = Settings::parse(settings)
        {
            *settings = Value::Object(read.nested());
        }
        if let Some(mappings) = part.get_mut("mappings")
            && let Ok(read) = Mapping::parse(mappings)
        {
            *mappings = Value::Object(read.to_json());
        }
        for alias in
            part.get_mut("aliases").and_then(Value::as_object_mut).into_iter().flat_map(|a| a.values_mut())
        {
            if let Ok(read) = Alias::parse(alias) {
                *alias = read.to_json();
            }
        }
        for key in ["settings", "mappings", "aliases"].into_iter().filter(|_| complete) {
            part.entry(key).or_insert_with(|| json!({}));
        }
    };
    let mut body = body.as_object().cloned().unwrap_or_default();
    if let Some(patterns) = body.get_mut("index_patterns").filter(|patterns| patterns.is_string()) {
        *patterns = json!([patterns.take()]);
    }
    match kind {
        TemplateKind::Lifecycle => {}
        TemplateKind::Legacy => {
            body.entry("order").or_insert_with(|| json!(0));
            normal(&mut body, true);
        }
        TemplateKind::Index => {
            body.entry("composed_of").or_insert_with(|| json!([]));
            if let Some(part) = body.get_mut("template").and_then(Value::as_object_mut) {
                normal(part, false);
            }
            if let Some(stream) = body.get_mut("data_stream").and_then(Value::as_object_mut) {
                stream.entry("hidden").or_insert_with(|| json!(false));
            }
        }
        TemplateKind::Component => {
            if let Some(part) = body.get_mut("template").and_then(Value::as_object_mut) {
                normal(part, false);
            }
        }
    }
    Value::Object(body)
}

/// The names and patterns of the indices that this template is for.
pub(super) fn patterns_of(name: &str, body: &Value) -> Result<Vec<String>, StoreError> {
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
