//! Events over time: which buckets, and those without events filled in.

use super::{body::HISTOGRAM, request::HistogramRequest, run::Bucket, time};
use crate::ApiError;
use event::Object;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Buckets that `auto` comes close to from below.
const BUCKETS_WANTED: i64 = 75;
/// Most buckets of a histogram.
const BUCKETS_MAX: i64 = 2_000;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Lengths of buckets that people can read off an axis.
const STEPS: [i64; 21] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    20 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    4 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    30 * DAY,
];

/// A histogram that is about to be asked for: its bucket length and what it spans, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    interval_ms: i64,
    from_ms: i64,
    to_ms: i64,
}

impl Plan {
    /// Chooses the buckets for this span (both ends included); `None` if it is empty.
    pub(super) fn new(
        request: &HistogramRequest,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Option<Self>, ApiError> {
        if from_ms > to_ms {
            return Ok(None);
        }
        let span = to_ms.saturating_sub(from_ms);
        let interval_ms = match request.interval.as_str() {
            "auto" => auto_interval(span, BUCKETS_WANTED),
            text => time::parse_interval(text).ok_or_else(|| {
                ApiError::field(
                    "histogram.interval",
                    format!("cannot read {text:?}: use auto, 30s, 5m, 1h, 1d or 1w"),
                )
            })?,
        };
        if span / interval_ms > BUCKETS_MAX {
            let message = format!("gives more than {BUCKETS_MAX} buckets: use a longer one, or auto");
            return Err(ApiError::field("histogram.interval", message));
        }
        Ok(Some(Self { interval_ms, from_ms, to_ms }))
    }

    /// At most so many buckets for this span (both ends included); `None` if it is empty.
    pub(super) fn within(buckets: i64, from_ms: i64, to_ms: i64) -> Option<Self> {
        let span = to_ms.checked_sub(from_ms).filter(|span| *span >= 0)?;
        // A span that begins within a bucket ends within one more.
        Some(Self { interval_ms: auto_interval(span, buckets - 1), from_ms, to_ms })
    }

    /// The aggregation to ask for.
    pub(super) fn aggregation(&self) -> Value {
        let interval = format!("{}ms", self.interval_ms);
        json!({"date_histogram": {"field": "@timestamp", "fixed_interval": interval, "min_doc_count": 1}})
    }

    /// The buckets in order of time, empty ones included. Takes the answer out of the aggregations.
    pub(super) fn read(&self, aggregations: &mut Object) -> Vec<Bucket> {
        let answer = aggregations.shift_remove(HISTOGRAM).unwrap_or_default();
        let found = answer.get("buckets").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let counts: HashMap<i64, u64> = found
            .iter()
            .filter_map(|bucket| {
                let key = bucket.get("key")?;
                let key = key.as_i64().or_else(|| key.as_f64().map(|key| key as i64))?;
                Some((key, bucket.get("doc_count")?.as_u64()?))
            })
            .collect();
        let first = self.from_ms.div_euclid(self.interval_ms);
        let last = self.to_ms.div_euclid(self.interval_ms);
        (first..=last)
            .filter_map(|number| {
                let key = number.checked_mul(self.interval_ms)?;
                let time = Timestamp::from_millisecond(key).ok()?;
                Some(Bucket { time, count: counts.get(&key).copied().unwrap_or_default() })
            })
            .collect()
    }
}

fn auto_interval(span_ms: i64, buckets: i64) -> i64 {
    let long_enough = |step: &i64| span_ms / step < buckets;
    STEPS
        .into_iter()
        .find(long_enough)
        .unwrap_or_else(|| (span_ms / buckets.max(1) / (30 * DAY) + 1) * 30 * DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn automatic_intervals() {
        let check = |span, expected| assert_eq!(auto_interval(span, BUCKETS_WANTED), expected, "{span}");
        check(0, SECOND);
        check(MINUTE, SECOND);
        check(15 * MINUTE, 20 * SECOND);
        check(HOUR, MINUTE);
        check(DAY, 20 * MINUTE);
        check(7 * DAY, 4 * HOUR);
        check(30 * DAY, 12 * HOUR);
        check(365 * DAY, 7 * DAY);
    }

    proptest! {
        #[test]
        fn automatic_histograms_are_bounded(from in -4_000_000_000_000_i64..4_000_000_000_000, span in 0_i64..4_000_000_000_000) {
            let request = HistogramRequest { interval: "auto".into() };
            let plan = Plan::new(&request, from, from + span).unwrap().unwrap();
            let buckets = plan.read(&mut Object::new());
            prop_assert!(!buckets.is_empty() && buckets.len() as i64 <= BUCKETS_WANTED + 1);
        }
    }

    #[test]
    fn empty_buckets_are_filled_in() {
        let request = HistogramRequest { interval: "1m".into() };
        let plan = Plan::new(&request, 30_000, 3 * MINUTE).unwrap().unwrap();
        let answer =
            json!({HISTOGRAM: {"buckets": [{"key": 60_000, "doc_count": 7}]}, "other": {"value": 1}});
        let Value::Object(mut answer) = answer else { unreachable!() };
        let counts: Vec<u64> = plan.read(&mut answer).iter().map(|bucket| bucket.count).collect();
        assert_eq!(counts, [0, 7, 0, 0]);
        assert_eq!(answer.keys().collect::<Vec<_>>(), ["other"]);
    }

    #[test]
    fn too_many_buckets_are_refused() {
        let request = HistogramRequest { interval: "1s".into() };
        assert!(Plan::new(&request, 0, DAY).is_err());
        assert!(Plan::new(&HistogramRequest { interval: "1 s".into() }, 0, 1).is_err());
        assert_eq!(Plan::new(&request, 1, 0).unwrap(), None);
    }
}
