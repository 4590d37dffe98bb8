use super::super::keys::{Rounding, read_date};
use super::super::{Bucket, Key, float_key, too_many_buckets};
use super::format::ValueFormat;
use super::order::order_buckets;
use super::{Finish, listed};
use crate::{
    StoreError,
    logs::dsl::{
        BUCKETS_MAX,
        aggregations::{Aggregation, DateHistogram, Histogram, VariableWidthHistogram},
    },
};
use event::Object;
use serde_json::{Value, json};
use std::collections::HashMap;

fn min_of(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    [a, b].into_iter().flatten().reduce(f64::min)
}

fn max_of(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    [a, b].into_iter().flatten().reduce(f64::max)
}

impl Finish<'_, '_> {
    pub(super) fn histogram(
        &mut self,
        request: &Histogram,
        inner: &[Aggregation],
        mut buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        let index = |value: f64| ((value - request.offset) / request.interval).floor();
        let mut found: Vec<f64> = buckets
            .keys()
            .filter_map(Key::as_f64)
            .map(|start| ((start - request.offset) / request.interval).round())
            .collect();
        found.sort_unstable_by(f64::total_cmp);
        if request.min_doc_count == 0 {
            let (mut first, mut last) = (found.first().copied(), found.last().copied());
            if let Some((low, high)) = request.extended_bounds {
                let finite = |value: f64| value.is_finite().then(|| index(value));
                first = min_of(first, finite(low));
                last = max_of(last, finite(high));
            }
            if let (Some(first), Some(last)) = (first, last) {
                let count = last - first + 1.0;
                if count > BUCKETS_MAX as f64 {
                    return Err(too_many_buckets(count as usize, BUCKETS_MAX));
                }
                found = (0..count as usize).map(|step| first + step as f64).collect();
            }
        }
        let mut list = Vec::with_capacity(found.len());
        for index in found {
            let start = float_key(index * request.interval + request.offset);
            let bucket = buckets.remove(&start).unwrap_or_default();
            if bucket.count >= request.min_doc_count {
                list.push((start, bucket));
            }
        }
        order_buckets(&mut list, &request.order, inner);
        let format = self.format(&request.source)?;
        self.keyed_buckets(list, inner, request.keyed, &format)
    }

    pub(super) fn date_histogram(
        &mut self,
        request: &DateHistogram,
        inner: &[Aggregation],
        mut buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        let rounding = Rounding::new(request)?;
        let mut found: Vec<i64> = buckets
            .keys()
            .filter_map(|key| if let Key::Date(start) = key { Some(*start) } else { None })
            .collect();
        found.sort_unstable();
        if request.min_doc_count == 0 {
            let read = |value: &Value| match value {
                Value::Null => Ok(None),
                value => read_date(value, request.source.format.as_deref(), &rounding.zone, self.search.now)
                    .map(|at| Some(rounding.start(at))),
            };
            let (mut first, mut last) = (found.first().copied(), found.last().copied());
            if let Some((low, high)) = &request.extended_bounds {
                first = [first, read(low)?].into_iter().flatten().min();
                last = [last, read(high)?].into_iter().flatten().max();
            }
            if let (Some(first), Some(last)) = (first, last) {
                // What was found stays, also where a change of the clock puts it beside the steps.
                found.extend(steps(&rounding, first, last)?);
                found.sort_unstable();
                found.dedup();
            }
        }
        let mut list = Vec::with_capacity(found.len());
        for start in found {
            let bucket = buckets.remove(&Key::Date(start)).unwrap_or_default();
            if bucket.count >= request.min_doc_count {
                list.push((Key::Date(start), bucket));
            }
        }
        order_buckets(&mut list, &request.order, inner);
        let format = self.dates(&request.source)?;
        self.keyed_buckets(list, inner, request.keyed, &format)
    }

    /// Buckets as a list, or as an object by their textual key.
    pub(super) fn keyed_buckets(
        &mut self,
        list: Vec<(Key, Bucket)>,
        inner: &[Aggregation],
        keyed: bool,
        format: &ValueFormat,
    ) -> Result<Object, StoreError> {
        let mut buckets = Vec::with_capacity(list.len());
        for (key, bucket) in list {
            let (key, text, has_text) = format.key(&key);
            let mut head = Object::new();
            if has_text {
                head.insert("key_as_string".to_owned(), json!(text));
            }
            head.insert("key".to_owned(), key);
            buckets.push(self.bucket(text, head, inner, Some(bucket))?);
        }
        listed(inner, buckets, keyed)
    }

    pub(super) fn variable_width(
        &mut self,
        request: &VariableWidthHistogram,
        inner: &[Aggregation],
        buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        let mut values: Vec<(f64, Bucket)> =
            buckets.into_iter().filter_map(|(key, bucket)| Some((key.as_f64()?, bucket))).collect();
        values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let format = self.format(&request.source)?;
        let mut answer = Vec::new();
        for Cluster { min, max, sum, bucket } in clusters(values, request.buckets) {
            let mut head = Object::new();
            format.put(&mut head, "min", Some(min));
            format.put(&mut head, "key", Some(sum / bucket.count.max(1) as f64));
            format.put(&mut head, "max", Some(max));
            answer.push(self.bucket(String::new(), head, inner, Some(bucket))?);
        }
        listed(inner, answer, false)
    }
}

/// The starts of all intervals from one to another.
pub(super) fn steps(rounding: &Rounding, first: i64, last: i64) -> Result<Vec<i64>, StoreError> {
    let (mut found, mut at) = (Vec::new(), first);
    while at <= last {
        found.push(at);
        if found.len() > BUCKETS_MAX {
            return Err(too_many_buckets(found.len(), BUCKETS_MAX));
        }
        at = rounding.next(at);
    }
    Ok(found)
}

/// Neighbouring numbers that make one bucket.
struct Cluster {
    min: f64,
    max: f64,
    sum: f64,
    bucket: Bucket,
}

/// At most `wanted` clusters of sorted numbers: cut at the widest gaps.
fn clusters(values: Vec<(f64, Bucket)>, wanted: usize) -> Vec<Cluster> {
    let mut gaps: Vec<(f64, usize)> =
        values.windows(2).enumerate().map(|(at, pair)| (pair[1].0 - pair[0].0, at + 1)).collect();
    gaps.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    gaps.truncate(wanted.saturating_sub(1));
    let cuts: std::collections::HashSet<usize> = gaps.into_iter().map(|(_, at)| at).collect();
    let mut found: Vec<Cluster> = Vec::new();
    for (at, (value, bucket)) in values.into_iter().enumerate() {
        let sum = value * bucket.count as f64;
        match found.last_mut() {
            Some(last) if !cuts.contains(&at) => {
                last.max = value;
                last.sum += sum;
                last.bucket.merge(bucket);
            }
            _ => found.push(Cluster { min: value, max: value, sum, bucket }),
        }
    }
    found
}

/// Merges buckets whose keys have become the same.
pub(super) fn rekeyed(
    buckets: HashMap<Key, Bucket>,
    key: impl Fn(i64) -> i64,
) -> std::collections::BTreeMap<i64, Bucket> {
    let mut merged: std::collections::BTreeMap<i64, Bucket> = std::collections::BTreeMap::new();
    for (old, bucket) in buckets {
        if let Key::Date(millis) = old {
            merged.entry(key(millis)).or_default().merge(bucket);
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::super::super::Partial;
    use super::*;

    #[test]
    fn numbers_cluster_at_the_widest_gaps() {
        let bucket = || Bucket { count: 1, inner: vec![Partial::Pipeline] };
        let values = [-3.0, -2.0, 1.0, 4.0, 5.0].map(|value| (value, bucket())).to_vec();
        let found: Vec<_> =
            clusters(values, 3).into_iter().map(|c| (c.min, c.max, c.sum, c.bucket.count)).collect();
        assert_eq!(found, [(-3.0, -2.0, -5.0, 2), (1.0, 1.0, 1.0, 1), (4.0, 5.0, 9.0, 2)]);
        assert!(clusters(Vec::new(), 3).is_empty());
    }
}
