//! Which span of `@timestamp` a query can match at all: what lies outside need not be searched.

use super::super::mapping::DateFormats;
use super::dates::{DateReader, time_zone};
use crate::logs::{
    TimeRange,
    dsl::{Query, Range},
};
use jiff::{Timestamp, tz::TimeZone};

/// The field that indices know the range of.
pub(super) const TIMESTAMP: &str = "@timestamp";

/// The span outside of which the query matches nothing. Maybe wider than it could be, never narrower.
pub(super) fn time_range(query: &Query, now: Timestamp) -> TimeRange {
    match query {
        Query::Range(range) if range.field == TIMESTAMP => of_range(range, now),
        Query::ConstantScore(inner) | Query::Boosted(inner, _) | Query::Named(inner, _) => {
            time_range(inner, now)
        }
        Query::FunctionScore(query) => time_range(&query.query, now),
        Query::Boosting(query) => time_range(&query.positive, now),
        Query::Bool(query) => {
            let required = query.must.iter().chain(&query.filter);
            required.map(|query| time_range(query, now)).fold(TimeRange::default(), intersect)
        }
        _ => TimeRange::default(),
    }
}

fn of_range(range: &Range, now: Timestamp) -> TimeRange {
    let formats = match range.format.as_deref().map(DateFormats::parse) {
        None => DateFormats::default_ref().clone(),
        Some(Ok(formats)) => formats,
        Some(Err(_)) => return TimeRange::default(),
    };
    let Ok(zone) = range.time_zone.as_deref().map_or(Ok(TimeZone::UTC), time_zone) else {
        return TimeRange::default();
    };
    let reader = DateReader { formats: &formats, zone, now };
    let millis = |nanos: i64| nanos.div_euclid(1_000_000);
    TimeRange {
        from_ms: range.lower.as_ref().and_then(|end| reader.read(&end.value, false).ok()).map(millis),
        to_ms: range.upper.as_ref().and_then(|end| reader.read(&end.value, true).ok()).map(millis),
    }
}

fn intersect(a: TimeRange, b: TimeRange) -> TimeRange {
    TimeRange {
        from_ms: a.from_ms.max(b.from_ms),
        to_ms: match (a.to_ms, b.to_ms) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        },
    }
}

/// Whether an index with events from … to … can hold something in the span.
pub(crate) fn overlaps(span: TimeRange, range: Option<(i64, i64)>) -> bool {
    match range {
        // Documents without time match no range on it.
        None => span == TimeRange::default(),
        Some((first, last)) => {
            span.from_ms.is_none_or(|from| from <= last) && span.to_ms.is_none_or(|to| to >= first)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::dsl::parse_query;
    use serde_json::json;

    #[test]
    fn only_what_must_hold_narrows_the_span() {
        let check = |query: serde_json::Value, from_ms: Option<i64>, to_ms: Option<i64>| {
            let now = Timestamp::from_millisecond(1_000_000).unwrap();
            let span = time_range(&parse_query(&query).unwrap(), now);
            assert_eq!(span, TimeRange { from_ms, to_ms }, "{query}");
        };
        let range = |gte: i64, lte: i64| json!({"range": {"@timestamp": {"gte": gte, "lte": lte}}});
        check(range(10_000, 20_000), Some(10_000), Some(20_000));
        check(json!({"range": {"other": {"gte": 10}}}), None, None);
        check(
            json!({"bool": {"filter": [range(10_000, 30_000), range(20_000, 40_000)]}}),
            Some(20_000),
            Some(30_000),
        );
        check(json!({"bool": {"should": [range(10_000, 20_000)]}}), None, None);
        check(json!({"bool": {"must_not": [range(10_000, 20_000)]}}), None, None);
        check(json!({"range": {"@timestamp": {"gt": "now-1s"}}}), Some(999_000), None);
        check(json!({"range": {"@timestamp": {"gt": "soon"}}}), None, None);
    }

    #[test]
    fn indices_outside_the_span_are_seen() {
        let span = TimeRange { from_ms: Some(10), to_ms: Some(20) };
        let check = |range, expected| assert_eq!(overlaps(span, range), expected, "{range:?}");
        check(Some((0, 9)), false);
        check(Some((0, 10)), true);
        check(Some((20, 30)), true);
        check(Some((21, 30)), false);
        check(None, false);
        assert!(overlaps(TimeRange::default(), None));
    }
}
