use super::groups::Group;
use crate::search::{histogram::Plan, run::Bucket};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// So much of a sample is shown.
const SAMPLE_MAX_BYTES: usize = 1_000;

/// A kind of message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PatternView {
    /// Names the pattern, in `log.pattern.id` of its events.
    id: String,
    /// All ids that its events have: patterns that were found to be the same are counted together.
    ids: Vec<String>,
    /// What its messages have in common, with `<*>` for what they differ in; absent if no message is at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<String>,
    /// `event.dataset` of its messages; absent for those who do not see that field.
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset: Option<String>,
    /// Events in the span of time.
    count: u64,
    /// The earliest of them.
    #[schema(value_type = String, format = DateTime)]
    first: Timestamp,
    /// The latest of them.
    #[schema(value_type = String, format = DateTime)]
    last: Timestamp,
    /// The earliest event of the pattern at any time.
    #[schema(value_type = String, format = DateTime)]
    first_seen: Timestamp,
    /// Whether that is not before `new_since`.
    new: bool,
    /// Events by `log.level`, most frequent first.
    levels: Vec<LevelView>,
    /// The latest message, at most 1,000 bytes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<String>,
    /// Events over time, at most 30 spans; those without events included.
    histogram: Vec<Bucket>,
}

/// Events of a level.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct LevelView {
    /// The level.
    level: String,
    /// How many events.
    count: u64,
}

impl PatternView {
    /// What is shown of a group; `details` are the answers for its ids.
    pub(super) fn of(
        group: Group,
        mut details: Vec<Value>,
        plan: Option<&Plan>,
        new: bool,
        shows_dataset: bool,
    ) -> Self {
        let source = details.iter().find_map(|bucket| bucket.pointer("/sample/hits/hits/0/_source"));
        let text = |path: &str| source?.pointer(path)?.as_str();
        let message = text("/message");
        let sample =
            message.map(|message| message[..message.floor_char_boundary(SAMPLE_MAX_BYTES)].to_owned());
        // Of a pattern that was forgotten, one message tells what it is.
        let template = message.map(|message| match &group.pattern {
            Some(pattern) if pattern.matches(message) => pattern.template.clone(),
            _ => ingest::patterns::skeleton(message),
        });
        let dataset = shows_dataset.then(|| match &group.pattern {
            Some(pattern) => pattern.dataset.to_string(),
            None => text("/event/dataset").unwrap_or_default().to_owned(),
        });
        Self {
            template,
            dataset,
            count: group.count,
            first: group.first,
            last: group.last,
            first_seen: group.first_seen.unwrap_or(group.first),
            new,
            levels: levels(&details),
            sample,
            histogram: histogram(&mut details, plan),
            id: group.ids.first().cloned().unwrap_or_default(),
            ids: group.ids,
        }
    }
}

fn levels(details: &[Value]) -> Vec<LevelView> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let buckets = details.iter().filter_map(|bucket| bucket.pointer("/levels/buckets")?.as_array()).flatten();
    for bucket in buckets {
        if let (Some(level), Some(count)) = (bucket["key"].as_str(), bucket["doc_count"].as_u64()) {
            *counts.entry(level).or_default() += count;
        }
    }
    let mut levels: Vec<_> =
        counts.into_iter().map(|(level, count)| LevelView { level: level.to_owned(), count }).collect();
    levels.sort_by_key(|level| std::cmp::Reverse(level.count));
    levels
}

fn histogram(details: &mut [Value], plan: Option<&Plan>) -> Vec<Bucket> {
    let Some(plan) = plan else { return Vec::new() };
    let each = details.iter_mut().filter_map(Value::as_object_mut).map(|details| plan.read(details));
    let sum = |mut sum: Vec<Bucket>, more: Vec<Bucket>| {
        sum.iter_mut().zip(more).for_each(|(sum, more)| sum.count += more.count);
        sum
    };
    each.reduce(sum).unwrap_or_default()
}
