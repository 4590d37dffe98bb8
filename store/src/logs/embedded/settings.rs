//! Settings of indices: flat, under their full names, values as texts, as Elasticsearch keeps them.
//!
//! Source: Elasticsearch reference, "Index modules" (which settings there are, and which can change while an index is
//! open).

mod values;

use crate::StoreError;
use event::Object;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Most settings of one index or template.
const SETTINGS_MAX: usize = 1_000;
const DEPTH_MAX: usize = 20;

/// Groups of settings (the name behind `index.`) that Elasticsearch knows; others are refused as it refuses them.
const GROUPS: &[&str] = &[
    "allocation",
    "analysis",
    "analyze",
    "auto_expand_replicas",
    "blocks",
    "codec",
    "creation_date",
    "data_path",
    "default_pipeline",
    "final_pipeline",
    "format",
    "gc_deletes",
    "hidden",
    "highlight",
    "indexing",
    "lifecycle",
    "load_fixed_bitset_filters_eagerly",
    "mapper",
    "mapping",
    "max_adjacency_matrix_filters",
    "max_docvalue_fields_search",
    "max_inner_result_window",
    "max_ngram_diff",
    "max_refresh_listeners",
    "max_regex_length",
    "max_rescore_window",
    "max_result_window",
    "max_script_fields",
    "max_shingle_diff",
    "max_slices_per_scroll",
    "max_terms_count",
    "merge",
    "mode",
    "number_of_replicas",
    "number_of_routing_shards",
    "number_of_shards",
    "opendistro",
    "opensearch",
    "plugins",
    "priority",
    "provided_name",
    "queries",
    "query",
    "query_string",
    "refresh_interval",
    "requests",
    "routing",
    "routing_partition_size",
    "search",
    "shard",
    "similarity",
    "soft_deletes",
    "sort",
    "store",
    "time_series",
    "translog",
    "unassigned",
    "uuid",
    "verified_before_close",
    "version",
    "warmer",
    "write",
    "xpack",
];
/// What can't change while the index is open.
const STATIC: &[&str] = &[
    "index.analysis.",
    "index.codec",
    "index.shard.check_on_startup",
    "index.soft_deletes.enabled",
    "index.sort.",
    "index.store.type",
    "index.load_fixed_bitset_filters_eagerly",
    "index.similarity.",
    "index.query.parse.",
    "index.mapper.dynamic",
];
/// What never changes.
const FINAL: &[&str] = &[
    "index.number_of_shards",
    "index.number_of_routing_shards",
    "index.routing_partition_size",
    "index.uuid",
    "index.version.created",
    "index.creation_date",
    "index.provided_name",
];
/// What a setting is without being given, for `include_defaults`.
const DEFAULTS: &[(&str, &str)] = &[
    ("index.refresh_interval", "1s"),
    ("index.max_result_window", "10000"),
    ("index.max_inner_result_window", "100"),
    ("index.max_terms_count", "65536"),
    ("index.max_regex_length", "1000"),
    ("index.hidden", "false"),
    ("index.codec", "default"),
    ("index.auto_expand_replicas", "false"),
    ("index.blocks.read_only", "false"),
    ("index.blocks.write", "false"),
    ("index.blocks.read", "false"),
    ("index.blocks.metadata", "false"),
    ("index.mapping.total_fields.limit", "1000"),
    ("index.mapping.depth.limit", "20"),
    ("index.mapping.ignore_malformed", "false"),
    ("index.gc_deletes", "60s"),
    ("index.translog.durability", "REQUEST"),
];

/// The settings of an index or template, by full name. A null asks for the default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Settings(BTreeMap<String, Value>);

impl Settings {
    /// What forbids the writes of an index.
    pub(super) fn write_block() -> Self {
        Self([("index.blocks.write".to_owned(), json!("true"))].into())
    }

    /// Whether all their names begin so.
    pub(super) fn is_all_below(&self, prefix: &str) -> bool {
        self.0.keys().all(|name| name.starts_with(prefix))
    }

    /// Reads settings as Elasticsearch takes them: nested or dotted, with or without `index.` in front.
    pub(super) fn parse(body: &Value) -> Result<Self, StoreError> {
        let mut flat = BTreeMap::new();
        let body = match body {
            Value::Null => return Ok(Self::default()),
            Value::Object(object) => object,
            other => return Err(StoreError::invalid(format!("settings must be an object, not {other}"))),
        };
        flatten("", body, 0, &mut flat)?;
        let settings: BTreeMap<String, Value> = flat
            .into_iter()
            .map(|(name, value)| match name.starts_with("index.") {
                true => (name, value),
                false => (format!("index.{name}"), value),
            })
            .collect();
        for name in settings.keys() {
            let group = name.split('.').nth(1).unwrap_or_default();
            if !GROUPS.contains(&group) {
                return Err(StoreError::invalid(format!(
                    "unknown setting [{name}] please check that any required plugins are installed, or check the \
                     breaking changes documentation for removed settings"
                )));
            }
        }
        let settings = Self(settings);
        settings
            .0
            .keys()
            .try_for_each(|name| settings.text(name).map_or(Ok(()), |text| values::check(name, text)))?;
        Ok(settings)
    }

    /// The value of a setting, if it is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// Whether a switch is on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    /// The value of a setting, if it is a number.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.text(name)?.parse().ok()
    }

    /// Sets what has no value yet.
    pub(super) fn set_default(&mut self, name: &str, value: impl Into<String>) {
        self.0.entry(name.to_owned()).or_insert_with(|| Value::String(value.into()));
    }

    /// Lays others over these; null goes back to the default.
    pub(super) fn merge(&mut self, over: &Self) {
        for (name, value) in &over.0 {
            if value.is_null() {
                // Also all below, as for `index.routing: null`.
                let below = format!("{name}.");
                self.0.retain(|known, _| known != name && !known.starts_with(&below));
            } else {
                self.0.insert(name.clone(), value.clone());
            }
        }
    }

    /// Lays others under these: what is set stays.
    pub(super) fn merge_new(&mut self, under: &Self) {
        for (name, value) in under.0.iter().filter(|(_, value)| !value.is_null()) {
            self.0.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }

    /// Refuses changes that an index which exists does not take.
    pub(super) fn check_update(&self, index: &str, uuid: &str, is_open: bool) -> Result<(), StoreError> {
        if let Some(name) = self.0.keys().find(|name| FINAL.contains(&name.as_str())) {
            return Err(StoreError::invalid(format!("final {index} setting [{name}], not updateable")));
        }
        let fixed: Vec<&str> = self
            .0
            .keys()
            .map(String::as_str)
            .filter(|name| {
                STATIC.iter().any(|fixed| {
                    name.strip_prefix(fixed).is_some_and(|rest| rest.is_empty() || fixed.ends_with('.'))
                })
            })
            .collect();
        if is_open && !fixed.is_empty() {
            return Err(StoreError::invalid(format!(
                "Can't update non dynamic settings [[{}]] for open indices [[{index}/{uuid}]]",
                fixed.join(", ")
            )));
        }
        Ok(())
    }

    /// By full name.
    pub(super) fn flat(&self) -> BTreeMap<String, Value> {
        self.0.iter().filter(|(_, value)| !value.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// As nested objects.
    pub(super) fn nested(&self) -> Object {
        let mut out = Object::new();
        for (name, value) in self.flat() {
            insert_nested(&mut out, &name, value);
        }
        out
    }

    /// The defaults of what these do not set, by full name.
    pub(super) fn defaults(&self) -> BTreeMap<String, Value> {
        let missing = DEFAULTS.iter().filter(|(name, _)| !self.0.contains_key(*name));
        missing.map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
    }
}

/// Puts a value at a dotted name; where a shorter name has a value already, the rest stays dotted.
fn insert_nested(out: &mut Object, name: &str, value: Value) {
    if let Some((head, rest)) = name.split_once('.')
        && let Some(inner) = out.entry(head).or_insert_with(|| json!({})).as_object_mut()
    {
        return insert_nested(inner, rest, value);
    }
    out.insert(name.to_owned(), value);
}

fn flatten(
    prefix: &str,
    object: &Object,
    depth: usize,
    out: &mut BTreeMap<String, Value>,
) -> Result<(), StoreError> {
    if depth > DEPTH_MAX || out.len() > SETTINGS_MAX {
        return Err(StoreError::invalid(format!(
            "settings are deeper than {DEPTH_MAX} or more than {SETTINGS_MAX}"
        )));
    }
    for (name, value) in object {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Object(inner) => flatten(&name, inner, depth + 1, out)?,
            Value::Array(items) => {
                let items: Vec<Value> = items.iter().map(text).collect();
                out.insert(name, Value::Array(items));
            }
            Value::Null => drop(out.insert(name, Value::Null)),
            leaf => drop(out.insert(name, text(leaf))),
        }
    }
    Ok(())
}

fn text(value: &Value) -> Value {
    match value {
        Value::String(_) | Value::Null => value.clone(),
        other => json!(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_in_every_spelling() {
        let check = |body: Value, expected: Value| {
            assert_eq!(Value::Object(Settings::parse(&body).unwrap().nested()), expected);
        };
        let shards = json!({"index": {"number_of_shards": "3"}});
        check(json!({"number_of_shards": 3}), shards.clone());
        check(json!({"index.number_of_shards": "3"}), shards.clone());
        check(json!({"index": {"number_of_shards": 3}}), shards);
        check(json!({"index": {"blocks": {"write": true}}}), json!({"index": {"blocks": {"write": "true"}}}));
        for bad in [
            json!({"nonsense": 1}),
            json!({"number_of_shards": 0}),
            json!({"number_of_replicas": "x"}),
            json!({"index": {"hidden": 1}}),
        ] {
            assert!(Settings::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn null_goes_back_to_the_default() {
        let mut settings = Settings::parse(&json!({"refresh_interval": "5s", "hidden": true})).unwrap();
        settings.merge(&Settings::parse(&json!({"refresh_interval": null})).unwrap());
        assert_eq!(settings.nested(), *json!({"index": {"hidden": "true"}}).as_object().unwrap());
        assert_eq!(settings.defaults()["index.refresh_interval"], "1s");
    }

    #[test]
    fn some_settings_never_change() {
        let check = |body: Value, open, part: &str| {
            let error = Settings::parse(&body).unwrap().check_update("i", "u", open).unwrap_err();
            assert!(error.message.contains(part), "{}", error.message);
        };
        check(json!({"number_of_shards": 2}), false, "not updateable");
        check(json!({"index.analysis.analyzer.a.type": "x"}), true, "non dynamic");
        assert!(
            Settings::parse(&json!({"codec": "best_compression"}))
                .unwrap()
                .check_update("i", "u", false)
                .is_ok()
        );
    }
}
