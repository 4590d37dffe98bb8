//! Pipelines for what no pipeline recognises.

use super::structure::Structure;
use event::Object;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Fields by which the records of a proposed pipeline are recognised, at most.
const DETECT_FIELDS_MAX: usize = 8;

/// A pipeline for lines of this structure.
pub(super) fn for_lines(structure: &Structure) -> Value {
    let records = structure.start.as_ref().map_or_else(
        || json!("traces"),
        |start| {
            let named = |name: &str| start.contains(&format!("%{{{name}:"));
            let definitions: Object = structure
                .definitions
                .iter()
                .filter(|(name, _)| named(name))
                .map(|(n, p)| (n.clone(), p.clone()))
                .collect();
            json!({"start": start, "definitions": definitions})
        },
    );
    let mut processors = vec![
        json!({"grok": {"tag": "line", "field": "message", "patterns": [structure.pattern],
            "pattern_definitions": structure.definitions}}),
        json!({"rename": {"field": "message", "target_field": "event.original"}}),
        json!({"rename": {"field": "_tmp.message", "target_field": "message", "ignore_missing": true}}),
    ];
    if let Some(time) = structure.time {
        processors.push(json!({"date": {"tag": "time", "field": "_tmp.time", "formats": time.formats}}));
    }
    processors.push(json!({"remove": {"field": "_tmp", "ignore_missing": true}}));
    if structure.has_level {
        processors.push(json!({"lowercase": {"field": "log.level", "ignore_missing": true}}));
    }
    processors.extend(common());
    let detect =
        json!({"format": "line", "pattern": structure.pattern, "definitions": structure.definitions});
    definition("Lines of a log, by what they have in common", detect, Some(records), processors)
}

/// A pipeline for objects with the fields of these, whose time is in `time` unless pipelines look there anyway.
pub(super) fn for_objects(objects: &[Object], time: Option<(&str, &[&str])>) -> Option<Value> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for key in objects.iter().flat_map(|object| object.keys()) {
        *counts.entry(key).or_default() += 1;
    }
    // Those that all have tell them from others.
    let all = objects.first()?.keys().filter(|key| counts.get(key.as_str()) == Some(&objects.len()));
    let fields: Vec<&str> = all
        .map(String::as_str)
        .filter(|key| *key != "@timestamp" && !key.split('.').any(str::is_empty))
        .take(DETECT_FIELDS_MAX)
        .collect();
    if fields.is_empty() {
        return None;
    }
    let mut processors = Vec::new();
    if let Some((field, formats)) = time {
        processors.push(json!({"date": {"tag": "time", "if": format!("ctx['@timestamp'] == null && ctx['{field}'] != null"),
            "field": field, "formats": formats}}));
    }
    // Times, levels and names that stand for other things in ECS: as for any JSON.
    processors.push(json!({"pipeline": {"name": "json"}}));
    let detect = json!({"format": "json", "any_of_fields": [fields]});
    Some(definition("Objects with the fields of a sample", detect, None, processors))
}

fn definition(description: &str, detect: Value, records: Option<Value>, processors: Vec<Value>) -> Value {
    let mut meta = json!({"index_prefix": "ecommerce-logs"});
    if let Some(records) = records {
        meta["records"] = records;
    }
    meta["detect"] = detect;
    json!({"description": description, "version": 1, "_meta": {"vigie": meta}, "processors": processors})
}

fn common() -> [Value; 4] {
    [
        json!({"set": {"field": "ecs.version", "value": "8.11.0"}}),
        json!({"set": {"field": "event.kind", "value": "event"}}),
        json!({"set": {"field": "event.dataset", "value": "text", "override": false}}),
        json!({"date_index_name": {"if": "ctx['@timestamp'] != null", "field": "@timestamp", "date_formats": ["ISO8601"],
            "index_name_prefix": "ecommerce-logs-", "index_name_format": "yyyy.MM.dd", "date_rounding": "d"}}),
    ]
}
