//! Reads the counts by pattern; patterns that became one are counted as one.

use super::{Pattern, PatternId};
use jiff::Timestamp;
use serde_json::Value;
use std::{cmp::Reverse, collections::HashMap, sync::Arc};

/// Events of a pattern.
#[derive(Debug)]
pub(super) struct Group {
    /// Its id, then those of patterns that became one with it, as events have them.
    pub(super) ids: Vec<String>,
    pub(super) count: u64,
    /// Earliest and latest event that was counted.
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    /// `None` if it was forgotten.
    pub(super) pattern: Option<Arc<Pattern>>,
    /// Earliest event of all times, once it was looked up.
    pub(super) first_seen: Option<Timestamp>,
}

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// Most frequent first.
    pub(super) groups: Vec<Group>,
    /// Events of patterns beyond those.
    pub(super) other_events: u64,
    pub(super) timed_out: bool,
}

impl Counted {
    /// Reads the answer of a terms aggregation.
    pub(super) fn of(aggregation: &Value, known: Vec<Pattern>) -> Self {
        let mut patterns: HashMap<String, Arc<Pattern>> = HashMap::new();
        for pattern in known {
            let pattern = Arc::new(pattern);
            let ids = std::iter::once(&pattern.id).chain(&pattern.aliases);
            let ids: Vec<String> = ids.map(PatternId::to_string).collect();
            patterns.extend(ids.into_iter().map(|id| (id, Arc::clone(&pattern))));
        }
        let mut groups: HashMap<String, Group> = HashMap::new();
        for bucket in buckets(aggregation) {
            let Some((key, counted)) = Group::of(bucket, &patterns) else { continue };
            match groups.get_mut(&key) {
                Some(group) => group.add(counted),
                None => {
                    groups.insert(key, counted);
                }
            }
        }
        let mut groups: Vec<Group> = groups.into_values().collect();
        groups.sort_by(|one, other| (Reverse(one.count), &one.ids).cmp(&(Reverse(other.count), &other.ids)));
        let other_events = aggregation.get("sum_other_doc_count").and_then(Value::as_u64).unwrap_or_default();
        Self { groups, other_events, timed_out: false }
    }
}

impl Group {
    /// The bucket of an id, and the id of the pattern that it counts for.
    fn of(bucket: &Value, patterns: &HashMap<String, Arc<Pattern>>) -> Option<(String, Self)> {
        let id = bucket.get("key")?.as_str()?;
        let pattern = patterns.get(id).cloned();
        let own = pattern.as_ref().map_or_else(|| id.to_owned(), |pattern| pattern.id.to_string());
        let mut ids = vec![own.clone()];
        if own != id {
            ids.push(id.to_owned());
        }
        let (first, last) = (time(bucket.get("first")?)?, time(bucket.get("last")?)?);
        let count = bucket.get("doc_count")?.as_u64()?;
        Some((own, Self { ids, count, first, last, pattern, first_seen: None }))
    }

    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.ids.extend(other.ids.into_iter().skip(1));
    }
}

fn buckets(aggregation: &Value) -> impl Iterator<Item = &Value> {
    aggregation.get("buckets").and_then(Value::as_array).into_iter().flatten()
}

/// The keys of the buckets.
pub(super) fn keys(aggregation: &Value) -> impl Iterator<Item = &str> {
    buckets(aggregation).filter_map(|bucket| bucket.get("key")?.as_str())
}

/// The earliest time of each bucket.
pub(super) fn firsts(aggregation: &Value) -> impl Iterator<Item = (&str, Timestamp)> {
    buckets(aggregation)
        .filter_map(|bucket| Some((bucket.get("key")?.as_str()?, time(bucket.get("first")?)?)))
}

/// The buckets by their keys.
pub(super) fn by_key(mut aggregation: Value) -> HashMap<String, Value> {
    let buckets = aggregation.get_mut("buckets").map(Value::take).unwrap_or_default();
    let Value::Array(buckets) = buckets else { return HashMap::new() };
    let keyed =
        buckets.into_iter().filter_map(|bucket| Some((bucket.get("key")?.as_str()?.to_owned(), bucket)));
    keyed.collect()
}

/// The time that a metric of times answers with.
fn time(metric: &Value) -> Option<Timestamp> {
    Timestamp::from_millisecond(metric.get("value")?.as_f64()? as i64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patterns_that_became_one_are_counted_as_one() {
        let own = "00000000000000aa";
        let pattern: Pattern = serde_json::from_value(json!({
            "id": own, "dataset": "shop", "template": "login of <*>", "skeleton": "login of ann", "words": [0, 5, 6, 8, 9, 12],
            "widened": [2], "aliases": ["00000000000000bb"], "born": 0,
            "first_seen": "2026-11-20T00:00:00Z", "last_seen": "2026-11-22T00:00:00Z",
        }))
        .unwrap();
        let bucket = |key: &str, count: u64, first: u64, last: u64| json!({"key": key, "doc_count": count, "first": {"value": first}, "last": {"value": last}});
        let answer = json!({"sum_other_doc_count": 7, "buckets": [
            bucket("00000000000000bb", 5, 3_000, 9_000),
            bucket("00000000000000cc", 6, 1_000, 2_000),
            bucket(own, 2, 2_000, 4_000),
        ]});
        let counted = Counted::of(&answer, vec![pattern]);
        let found: Vec<_> = counted
            .groups
            .iter()
            .map(|group| (group.ids.clone(), group.count, group.first.as_second(), group.last.as_second()))
            .collect();
        assert_eq!(
            found,
            [
                (vec![own.to_owned(), "00000000000000bb".to_owned()], 7, 2, 9),
                (vec!["00000000000000cc".to_owned()], 6, 1, 2),
            ]
        );
        assert_eq!(counted.other_events, 7);
        assert!(counted.groups[0].pattern.is_some() && counted.groups[1].pattern.is_none());
    }
}
