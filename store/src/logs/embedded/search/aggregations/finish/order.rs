use super::super::{Bucket, Key, Partial};
use crate::logs::dsl::{
    SortOrder,
    aggregations::{Aggregation, BucketOrder, BucketsPath, Kind, MetricKind, OrderKey},
};
use std::cmp::Ordering;

/// Sorts buckets; ties by key, ascending.
pub(super) fn order_buckets(list: &mut Vec<(Key, Bucket)>, order: &[BucketOrder], inner: &[Aggregation]) {
    if order.is_empty() {
        return;
    }
    // Metrics are computed once per bucket, not once per comparison.
    let mut keyed: Vec<(Vec<f64>, (Key, Bucket))> = std::mem::take(list)
        .into_iter()
        .map(|(key, bucket)| {
            let values = order.iter().map(|level| match &level.key {
                OrderKey::Count => bucket.count as f64,
                OrderKey::Key => 0.0,
                OrderKey::Metric(path) => metric_of(inner, &bucket, &path.steps, path).unwrap_or(f64::NAN),
            });
            (values.collect(), (key, bucket))
        })
        .collect();
    keyed.sort_by(|(a, (a_key, _)), (b, (b_key, _))| {
        for (position, level) in order.iter().enumerate() {
            let direct = match &level.key {
                OrderKey::Key => a_key.order(b_key),
                _ => match (a[position].is_nan(), b[position].is_nan()) {
                    // Without a value: last, whatever the direction.
                    (true, true) => Ordering::Equal,
                    (true, false) => return Ordering::Greater,
                    (false, true) => return Ordering::Less,
                    (false, false) => a[position].total_cmp(&b[position]),
                },
            };
            let directed = if level.order == SortOrder::Asc { direct } else { direct.reverse() };
            if directed.is_ne() {
                return directed;
            }
        }
        a_key.order(b_key)
    });
    list.extend(keyed.into_iter().map(|(_, bucket)| bucket));
}

/// A number of an inner aggregation; through buckets that are single (`filter`, `missing`).
fn metric_of(inner: &[Aggregation], bucket: &Bucket, steps: &[String], path: &BucketsPath) -> Option<f64> {
    let (first, rest) = steps.split_first()?;
    let position = inner.iter().position(|aggregation| aggregation.name == *first)?;
    match (&inner[position].kind, bucket.inner.get(position)?) {
        (Kind::Metric(metric), Partial::Metric(state)) => state.value(&metric.kind, path.property.as_deref()),
        (_, Partial::Metric(state)) => state.value(&MetricKind::Avg, None),
        (_, Partial::Buckets(buckets)) => {
            let empty = Bucket::default();
            let only = buckets.get(&Key::Position(0)).unwrap_or(&empty);
            match rest {
                [] => Some(only.count as f64),
                [last] if last == "_count" => Some(only.count as f64),
                rest => metric_of(&inner[position].inner, only, rest, path),
            }
        }
        _ => None,
    }
}
