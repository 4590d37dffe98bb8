use crate::logs::dsl::aggregations::{BucketsPath, GapPolicy};
use event::Object;
use serde_json::Value;

/// The number at a path in a bucket.
pub(super) fn value_at(bucket: &Object, steps: &[String], property: Option<&str>) -> Option<f64> {
    let (first, rest) = steps.split_first()?;
    match first.as_str() {
        "_count" => return bucket.get("doc_count")?.as_f64(),
        "_key" => return bucket.get("key")?.as_f64(),
        "_bucket_count" => return bucket_count(bucket),
        _ => {}
    }
    // `terms['key']>metric`: one bucket of several.
    let (name, key) = match first.split_once('[') {
        Some((name, key)) => (name, Some(key.trim_end_matches(']').trim_matches(['\'', '"']))),
        None => (first.as_str(), None),
    };
    let mut inner = bucket.get(name)?.as_object()?;
    if let Some(key) = key {
        inner = match inner.get("buckets")? {
            Value::Object(named) => named.get(key)?.as_object()?,
            Value::Array(list) => list.iter().filter_map(Value::as_object).find(|bucket| {
                ["key_as_string", "key"]
                    .iter()
                    .any(|name| bucket.get(*name).is_some_and(|found| is_text(found, key)))
            })?,
            _ => return None,
        };
    }
    if !rest.is_empty() {
        return value_at(inner, rest, property);
    }
    match property {
        None => inner.get("value").or_else(|| inner.get("doc_count"))?.as_f64(),
        Some("_count" | "doc_count") => inner.get("doc_count")?.as_f64(),
        Some("_bucket_count") => bucket_count(inner),
        Some("std_upper") => inner.get("std_deviation_bounds")?.get("upper")?.as_f64(),
        Some("std_lower") => inner.get("std_deviation_bounds")?.get("lower")?.as_f64(),
        Some(property) => match inner.get(property) {
            Some(value) => value.as_f64().or_else(|| value.get("value")?.as_f64()),
            None => percentile(inner.get("values")?, property.parse().ok()?),
        },
    }
}

fn is_text(value: &Value, text: &str) -> bool {
    match value {
        Value::String(value) => value == text,
        other => format!("{other}") == text,
    }
}

fn bucket_count(aggregation: &Object) -> Option<f64> {
    match aggregation.get("buckets")? {
        Value::Array(list) => Some(list.len() as f64),
        Value::Object(named) => Some(named.len() as f64),
        _ => None,
    }
}

fn percentile(values: &Value, wanted: f64) -> Option<f64> {
    match values {
        Value::Object(named) => named.get(&format!("{wanted:?}"))?.as_f64(),
        Value::Array(list) => list
            .iter()
            .find(|point| point.get("key").and_then(Value::as_f64) == Some(wanted))?
            .get("value")?
            .as_f64(),
        _ => None,
    }
}

/// The number that a pipeline reads of a bucket; `None`: the bucket is passed over. A bucket without documents has no
/// value other than its own count, whatever its metrics and inner buckets say.
pub(super) fn read(bucket: &Object, path: &BucketsPath, gaps: GapPolicy) -> Option<f64> {
    let counts = path.steps.len() == 1 && path.steps.first().is_some_and(|step| step == "_count");
    let is_empty = bucket.get("doc_count").and_then(Value::as_u64) == Some(0);
    let value = value_at(bucket, &path.steps, path.property.as_deref());
    match (value.filter(|_| counts || !is_empty), gaps) {
        (Some(value), _) => Some(value),
        (None, GapPolicy::InsertZeros) => Some(0.0),
        (None, GapPolicy::Skip) => None,
    }
}
