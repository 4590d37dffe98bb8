//! Aggregations over the buckets of others, on the answer as it is given.

use crate::{
    StoreError,
    logs::dsl::{
        SortOrder,
        aggregations::{Aggregation, BucketOrder, Kind, MetricKind, OrderKey, Pipeline},
    },
};
use event::Object;
use serde_json::{Value, json};
use std::cmp::Ordering;

/// Checks that what a pipeline refers to is there.
pub(super) fn check(
    pipeline: &Pipeline,
    own: &Aggregation,
    siblings: &[Aggregation],
    parent: Option<&Aggregation>,
) -> Result<(), StoreError> {
    let known = |name: &str| name == "_count" || siblings.iter().any(|sibling| sibling.name == name);
    let missing = |name: &str| {
        Err(StoreError::invalid(format!(
            "aggregation \"{}\" refers to \"{name}\", which is not beside it",
            own.name
        )))
    };
    match pipeline {
        Pipeline::Sibling { path, .. } => match path.first() {
            Some(first) if known(first) => Ok(()),
            first => missing(first.map_or("", String::as_str)),
        },
        Pipeline::Derivative(path, _) | Pipeline::CumulativeSum(path, _) => {
            let in_histogram = parent
                .is_some_and(|parent| matches!(parent.kind, Kind::Histogram(_) | Kind::DateHistogram(_)));
            if !in_histogram {
                return Err(StoreError::invalid(format!(
                    "aggregation \"{}\" must stand in a histogram or date_histogram",
                    own.name
                )));
            }
            match path.first() {
                Some(first) if known(first) => Ok(()),
                first => missing(first.map_or("", String::as_str)),
            }
        }
        Pipeline::BucketSort { .. } => match parent.map(|parent| &parent.kind) {
            Some(Kind::Terms(_) | Kind::Histogram(_) | Kind::DateHistogram(_) | Kind::Composite { .. }) => {
                Ok(())
            }
            _ => Err(StoreError::invalid(format!(
                "aggregation \"{}\" must stand in an aggregation with many buckets",
                own.name
            ))),
        },
    }
}

/// The number at a path in a bucket.
fn value_at(bucket: &Object, path: &[String], property: Option<&str>) -> Option<f64> {
    let (first, rest) = path.split_first()?;
    if first == "_count" {
        return bucket.get("doc_count")?.as_f64();
    }
    let inner = bucket.get(first)?.as_object()?;
    if !rest.is_empty() {
        return value_at(inner, rest, property);
    }
    match property {
        None => inner.get("value").or_else(|| inner.get("doc_count"))?.as_f64(),
        Some(property) => {
            let percentile = || {
                let wanted: f64 = property.parse().ok()?;
                inner.get("values")?.get(format!("{wanted:?}"))
            };
            inner.get(property).or_else(percentile)?.as_f64()
        }
    }
}

/// Runs the pipelines that stand in the buckets of their parent.
pub(super) fn parents(inner: &[Aggregation], mut buckets: Vec<Object>) -> Vec<Object> {
    for aggregation in inner {
        let Kind::Pipeline(pipeline) = &aggregation.kind else { continue };
        match pipeline {
            Pipeline::Derivative(path, property) => {
                let values: Vec<_> =
                    buckets.iter().map(|bucket| value_at(bucket, path, property.as_deref())).collect();
                for (position, bucket) in buckets.iter_mut().enumerate().skip(1) {
                    if let (Some(before), Some(now)) = (values[position - 1], values[position]) {
                        bucket.insert(aggregation.name.clone(), json!({"value": now - before}));
                    }
                }
            }
            Pipeline::CumulativeSum(path, property) => {
                let mut sum = 0.0;
                for bucket in &mut buckets {
                    sum += value_at(bucket, path, property.as_deref()).unwrap_or(0.0);
                    bucket.insert(aggregation.name.clone(), json!({"value": sum}));
                }
            }
            Pipeline::BucketSort { sort, from, size } => {
                buckets.sort_by(|a, b| order(sort, a, b));
                buckets = buckets.into_iter().skip(*from).take(size.unwrap_or(usize::MAX)).collect();
            }
            Pipeline::Sibling { .. } => {}
        }
    }
    buckets
}

fn order(sort: &[BucketOrder], a: &Object, b: &Object) -> Ordering {
    for level in sort {
        let direct = match &level.key {
            OrderKey::Key => match (a.get("key"), b.get("key")) {
                (Some(Value::String(a)), Some(Value::String(b))) => a.cmp(b),
                (a, b) => {
                    let number = |value: Option<&Value>| value.and_then(Value::as_f64).unwrap_or(f64::NAN);
                    number(a).total_cmp(&number(b))
                }
            },
            key => {
                let value = |bucket| match key {
                    OrderKey::Metric(path, property) => value_at(bucket, path, property.as_deref()),
                    _ => bucket.get("doc_count").and_then(Value::as_f64),
                };
                match (value(a), value(b)) {
                    (Some(a), Some(b)) => a.total_cmp(&b),
                    (None, Some(_)) => return Ordering::Greater,
                    (Some(_), None) => return Ordering::Less,
                    (None, None) => Ordering::Equal,
                }
            }
        };
        let directed = if level.order == SortOrder::Asc { direct } else { direct.reverse() };
        if directed.is_ne() {
            return directed;
        }
    }
    Ordering::Equal
}

/// Runs the pipelines that stand beside the aggregation that they read.
pub(super) fn siblings(request: &[Aggregation], out: &mut Object) {
    for aggregation in request {
        let Kind::Pipeline(Pipeline::Sibling { kind, path, property }) = &aggregation.kind else { continue };
        let buckets = path.first().and_then(|first| out.get(first)).and_then(|answer| answer.get("buckets"));
        let values: Vec<(Value, f64)> = buckets_of(buckets)
            .filter_map(|(name, bucket)| Some((name, value_at(bucket, &path[1..], property.as_deref())?)))
            .collect();
        let numbers = values.iter().map(|(_, value)| *value);
        let mut answer = Object::new();
        let value = match kind {
            MetricKind::Sum => Some(numbers.sum()),
            MetricKind::Avg => (!values.is_empty()).then(|| numbers.sum::<f64>() / values.len() as f64),
            MetricKind::Min => numbers.reduce(f64::min),
            _ => numbers.reduce(f64::max),
        };
        answer.insert("value".to_owned(), value.map_or(Value::Null, |value| json!(value)));
        if matches!(kind, MetricKind::Min | MetricKind::Max) {
            let keys = values.iter().filter(|(_, found)| Some(*found) == value).map(|(key, _)| key.clone());
            answer.insert("keys".to_owned(), Value::Array(keys.collect()));
        }
        if let Some(meta) = &aggregation.meta {
            answer.insert("meta".to_owned(), meta.clone());
        }
        out.insert(aggregation.name.clone(), Value::Object(answer));
    }
}

/// Buckets with their textual keys, whether they are a list or an object.
fn buckets_of(buckets: Option<&Value>) -> Box<dyn Iterator<Item = (Value, &Object)> + '_> {
    match buckets {
        Some(Value::Array(list)) => Box::new(list.iter().filter_map(Value::as_object).map(|bucket| {
            let key = bucket.get("key_as_string").or_else(|| bucket.get("key"));
            let text =
                key.map_or(String::new(), |key| key.as_str().map_or_else(|| key.to_string(), str::to_owned));
            (Value::String(text), bucket)
        })),
        Some(Value::Object(named)) => Box::new(
            named
                .iter()
                .filter_map(|(name, bucket)| Some((Value::String(name.clone()), bucket.as_object()?))),
        ),
        _ => Box::new(std::iter::empty()),
    }
}
