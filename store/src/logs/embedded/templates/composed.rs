//! What a new index starts with: the parts of templates, laid over one another.

use super::super::{mapping::Mapping, settings::Settings};
use crate::StoreError;
use event::Object;
use serde_json::{Value, json};

/// What a new index starts with.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::logs::embedded) struct Composed {
    pub(in crate::logs::embedded) settings: Settings,
    pub(in crate::logs::embedded) mappings: Object,
    pub(in crate::logs::embedded) aliases: Object,
    /// The template asks for a data stream: its name, and whether it is hidden.
    pub(in crate::logs::embedded) data_stream: Option<StreamTemplate>,
}

/// What a template says about data streams made from it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::logs::embedded) struct StreamTemplate {
    pub(in crate::logs::embedded) template: String,
    pub(in crate::logs::embedded) hidden: bool,
}

impl Composed {
    /// Its mapping, compiled, as its settings want it.
    pub(in crate::logs::embedded) fn mapping(&self) -> Result<Mapping, StoreError> {
        let mut mapping = Mapping::parse(&Value::Object(self.mappings.clone()))?;
        mapping.ignore_malformed = self.settings.is_on("index.mapping.ignore_malformed");
        Ok(mapping)
    }

    /// Lays the parts of a template (`settings`, `mappings`, `aliases`) over it.
    pub(in crate::logs::embedded) fn lay(&mut self, part: &Value) -> Result<(), StoreError> {
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
    pub(in crate::logs::embedded) fn to_json(&self) -> Value {
        let mappings = Mapping::parse(&Value::Object(self.mappings.clone()));
        let mappings = mappings.map_or_else(|_| self.mappings.clone(), |mapping| mapping.to_json());
        json!({"settings": self.settings.nested(), "mappings": mappings, "aliases": self.aliases})
    }
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
