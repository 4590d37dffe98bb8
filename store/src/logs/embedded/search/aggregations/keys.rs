//! From the values of a document to the keys of its buckets, within one segment.

use super::super::column::{ColumnKind, SegmentColumn, engine_error};
use super::super::dates::{DateReader, MathUnit, time_zone};
use super::super::dictionary_query::TermPattern;
use super::{Key, float_key};
use crate::{
    StoreError,
    logs::{
        dsl::aggregations::{
            CalendarUnit, DateHistogram, DateInterval, Histogram, RangeKind, Ranges, TermSelection,
            TermsBuckets,
        },
        embedded::mapping::{DateFormats, Family},
    },
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use std::collections::HashMap;

/// A key within a segment: a raw column key, the number of an interval, the position of a range; `None` is the bucket of
/// documents without value.
pub(super) type LocalKey = Option<u64>;

/// Turns documents into local keys and local keys into typed ones.
pub(super) enum KeySource<'r> {
    Terms(TermKeys<'r>),
    Histogram { request: &'r Histogram, column: Option<SegmentColumn> },
    Dates(DateKeys<'r>),
    Ranges { ranges: Vec<(f64, f64)>, column: Option<SegmentColumn>, missing: Option<f64> },
    Missing(Option<SegmentColumn>),
}

impl KeySource<'_> {
    /// The keys of a document, each once.
    pub(super) fn keys(&mut self, doc: u32, out: &mut Vec<LocalKey>) -> Result<(), StoreError> {
        out.clear();
        match self {
            Self::Terms(terms) => terms.keys(doc, out)?,
            Self::Histogram { request, column } => {
                let bucket = |value: f64| {
                    let inside = request.hard_bounds.is_none_or(|(low, high)| value >= low && value <= high);
                    let index = ((value - request.offset) / request.interval).floor();
                    inside.then_some(Some(index as i64 as u64))
                };
                out.extend(numbers(column.as_ref(), doc).filter_map(bucket));
                if out.is_empty()
                    && let Some(missing) = request.missing
                {
                    out.extend(bucket(missing));
                }
            }
            Self::Dates(dates) => dates.keys(doc, out),
            Self::Ranges { ranges, column, missing } => {
                let mut add = |value: f64| {
                    let holding =
                        ranges.iter().enumerate().filter(|(_, (from, to))| value >= *from && value < *to);
                    out.extend(holding.map(|(position, _)| Some(position as u64)));
                };
                let mut any = false;
                numbers(column.as_ref(), doc).for_each(|value| {
                    any = true;
                    add(value);
                });
                if let (false, Some(missing)) = (any, *missing) {
                    add(missing);
                }
            }
            Self::Missing(column) => {
                let has_value = column.as_ref().is_some_and(|column| column.keys.first(doc).is_some());
                if !has_value {
                    out.push(Some(0));
                }
            }
        }
        if out.len() > 1 {
            out.sort_unstable();
            out.dedup();
        }
        Ok(())
    }

    /// Makes ready for [`Self::typed`] of these keys.
    pub(super) fn decode_ahead(&mut self, keys: impl Iterator<Item = LocalKey>) -> tantivy::Result<()> {
        match self {
            Self::Terms(TermKeys { column: Some(column), .. }) => {
                column.decode_ahead(keys.flatten().collect())
            }
            _ => Ok(()),
        }
    }

    /// The typed key; `doc` is a document that has it.
    pub(super) fn typed(&self, key: LocalKey, doc: u32) -> tantivy::Result<Key> {
        let Some(raw) = key else {
            return Ok(match self {
                Self::Terms(TermKeys { missing: Some(missing), .. }) => missing.clone(),
                _ => Key::Null,
            });
        };
        Ok(match self {
            Self::Terms(TermKeys { column: Some(column), float, .. }) => {
                match Key::from_scalar(column.value(doc, raw)?) {
                    // A field of floats may have a column of whole numbers.
                    Key::Integer(whole) if *float => float_key(whole as f64),
                    other => other,
                }
            }
            Self::Histogram { request, .. } => {
                float_key((raw as i64) as f64 * request.interval + request.offset)
            }
            Self::Dates(_) => Key::Date(raw as i64),
            Self::Ranges { .. } => Key::Position(usize::try_from(raw).unwrap_or(usize::MAX)),
            Self::Missing(_) | Self::Terms(_) => Key::Position(0),
        })
    }
}

/// The numbers of a document: dates in milliseconds.
fn numbers(column: Option<&SegmentColumn>, doc: u32) -> impl Iterator<Item = f64> + '_ {
    column
        .into_iter()
        .flat_map(move |column| column.keys.values_for_doc(doc).filter_map(|key| column.number(key)))
}

/// Keys of `terms` and of the sources of `composite`.
pub(super) struct TermKeys<'r> {
    column: Option<SegmentColumn>,
    float: bool,
    include: Option<Selection<'r>>,
    exclude: Option<Selection<'r>>,
    /// Whether a key is wanted, as far as it was asked.
    wanted: HashMap<u64, bool>,
    missing: Option<Key>,
}

enum Selection<'r> {
    Pattern(TermPattern),
    Values(&'r [Value]),
}

impl Selection<'_> {
    fn holds(&self, key: &Key) -> bool {
        match (self, key) {
            (Self::Pattern(pattern), Key::Text(text)) => pattern.matches_text(text),
            (Self::Pattern(pattern), key) => {
                key.to_scalar().is_some_and(|value| pattern.matches_text(&value.to_json(None).to_string()))
            }
            (Self::Values(values), key) => key.to_scalar().is_some_and(|scalar| {
                let found = scalar.to_json(None);
                values.iter().any(|value| same_value(value, &found))
            }),
        }
    }
}

fn same_value(a: &Value, b: &Value) -> bool {
    a == b || a.as_f64().is_some_and(|a| b.as_f64() == Some(a)) || text(a) == text(b)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn selection(request: &TermSelection) -> Result<Selection<'_>, StoreError> {
    Ok(match request {
        TermSelection::Pattern(pattern) => {
            Selection::Pattern(TermPattern::lucene_regex(pattern, false).map_err(StoreError::invalid)?)
        }
        TermSelection::Values(values) => Selection::Values(values),
    })
}

impl<'r> TermKeys<'r> {
    pub(super) fn new(
        request: &'r TermsBuckets,
        column: Option<SegmentColumn>,
        family: Option<Family>,
    ) -> Result<Self, StoreError> {
        let mut keys = Self {
            column,
            float: family == Some(Family::Float),
            include: request.include.as_ref().map(selection).transpose()?,
            exclude: request.exclude.as_ref().map(selection).transpose()?,
            wanted: HashMap::new(),
            missing: request.missing.as_ref().map(|value| missing_key(value, family)),
        };
        if let (Some(column), true) = (&keys.column, keys.include.is_some() || keys.exclude.is_some()) {
            let mut wanted = HashMap::new();
            column
                .texts(|key, text| {
                    wanted.insert(key, keys.is_selected(&Key::Text(text.to_owned())));
                })
                .map_err(engine_error)?;
            keys.wanted = wanted;
        }
        Ok(keys)
    }

    fn is_selected(&self, key: &Key) -> bool {
        self.include.as_ref().is_none_or(|include| include.holds(key))
            && !self.exclude.as_ref().is_some_and(|exclude| exclude.holds(key))
    }

    /// Without selection; documents without value have a null key if wanted.
    pub(super) fn plain(column: Option<SegmentColumn>, family: Option<Family>, null_key: bool) -> Self {
        Self {
            column,
            float: family == Some(Family::Float),
            include: None,
            exclude: None,
            wanted: HashMap::new(),
            missing: null_key.then_some(Key::Null),
        }
    }

    fn keys(&mut self, doc: u32, out: &mut Vec<LocalKey>) -> Result<(), StoreError> {
        let mut any = false;
        if let Some(column) = &self.column {
            for key in column.keys.values_for_doc(doc) {
                any = true;
                if self.include.is_none() && self.exclude.is_none() {
                    out.push(Some(key));
                    continue;
                }
                let wanted = match self.wanted.get(&key) {
                    Some(wanted) => *wanted,
                    None => {
                        let typed = Key::from_scalar(column.value(doc, key).map_err(engine_error)?);
                        let wanted = self.is_selected(&typed);
                        self.wanted.insert(key, wanted);
                        wanted
                    }
                };
                if wanted {
                    out.push(Some(key));
                }
            }
        }
        if !any && self.missing.is_some() {
            out.push(None);
        }
        Ok(())
    }
}

fn missing_key(value: &Value, family: Option<Family>) -> Key {
    match (value, family) {
        (Value::Bool(truth), _) => Key::Boolean(*truth),
        (Value::Number(number), Some(Family::Date)) => Key::Date(number.as_i64().unwrap_or(0)),
        (Value::Number(number), Some(Family::Float)) => float_key(number.as_f64().unwrap_or(0.0)),
        (Value::Number(number), _) => match number.as_i64() {
            Some(whole) => Key::Integer(whole),
            None => float_key(number.as_f64().unwrap_or(0.0)),
        },
        (other, _) => Key::Text(text(other)),
    }
}

/// Keys of `date_histogram`: where the interval begins, in milliseconds since 1970.
pub(super) struct DateKeys<'r> {
    rounding: Rounding,
    column: Option<SegmentColumn>,
    missing: Option<i64>,
    hard_bounds: Option<(i64, i64)>,
    /// The interval of the value seen last, from and to: events come in the order of time.
    last: Option<(i64, i64)>,
    _request: &'r DateHistogram,
}

impl<'r> DateKeys<'r> {
    pub(super) fn new(
        request: &'r DateHistogram,
        column: Option<SegmentColumn>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let rounding = Rounding::new(request)?;
        let read = |value: &Value, open: i64| match value {
            Value::Null => Ok(open),
            value => read_date(value, request.format.as_deref(), &rounding.zone, now),
        };
        Ok(Self {
            hard_bounds: match &request.hard_bounds {
                Some((low, high)) => Some((read(low, i64::MIN)?, read(high, i64::MAX)?)),
                None => None,
            },
            missing: request.missing.as_ref().map(|value| read(value, 0)).transpose()?,
            rounding,
            column,
            last: None,
            _request: request,
        })
    }

    fn keys(&mut self, doc: u32, out: &mut Vec<LocalKey>) {
        let Some(column) = &self.column else {
            out.extend(self.missing.map(|missing| Some(self.rounding.start(missing) as u64)));
            return;
        };
        let mut any = false;
        for key in column.keys.values_for_doc(doc) {
            let Some(millis) = milliseconds(column, key) else { continue };
            any = true;
            if self.hard_bounds.is_some_and(|(low, high)| millis < low || millis > high) {
                continue;
            }
            let start = match self.last {
                Some((from, to)) if millis >= from && millis < to => from,
                _ => {
                    let start = self.rounding.start(millis);
                    self.last = Some((start, self.rounding.next(start)));
                    start
                }
            };
            out.push(Some(start as u64));
        }
        if !any {
            out.extend(self.missing.map(|missing| Some(self.rounding.start(missing) as u64)));
        }
    }
}

fn milliseconds(column: &SegmentColumn, key: u64) -> Option<i64> {
    use tantivy::columnar::MonotonicallyMappableToU64;
    match column.kind {
        ColumnKind::Date => Some(i64::from_u64(key).div_euclid(1_000_000)),
        ColumnKind::Integer => Some(i64::from_u64(key)),
        _ => None,
    }
}

/// Reads a date of a request as milliseconds.
pub(super) fn read_date(
    value: &Value,
    format: Option<&str>,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let own = format.map(DateFormats::parse).transpose().map_err(StoreError::invalid)?;
    let read = |formats: &DateFormats| DateReader { formats, zone: zone.clone(), now }.read(value, false);
    let nanos = match &own {
        // Bounds are often given as milliseconds whatever the format of the keys.
        Some(formats) => {
            read(formats).or_else(|error| read(DateFormats::default_ref()).map_err(|_| error))?
        }
        None => read(DateFormats::default_ref())?,
    };
    Ok(nanos.div_euclid(1_000_000))
}

/// Where the intervals of a `date_histogram` begin.
pub(super) struct Rounding {
    interval: DateInterval,
    pub(super) zone: TimeZone,
    offset_ms: i64,
}

impl Rounding {
    pub(super) fn new(request: &DateHistogram) -> Result<Self, StoreError> {
        let zone = request.time_zone.as_deref().map_or(Ok(TimeZone::UTC), time_zone)?;
        Ok(Self { interval: request.interval, zone, offset_ms: request.offset_ms })
    }

    /// The start of the interval that holds the moment.
    pub(super) fn start(&self, millis: i64) -> i64 {
        let shifted = millis.saturating_sub(self.offset_ms);
        let start = match self.interval {
            DateInterval::FixedMs(interval) => {
                let local = self.local_offset(shifted);
                (shifted.saturating_add(local))
                    .div_euclid(interval)
                    .saturating_mul(interval)
                    .saturating_sub(local)
            }
            DateInterval::Calendar(unit) => self.calendar(shifted, unit).unwrap_or(shifted),
        };
        start.saturating_add(self.offset_ms)
    }

    /// The start of the interval after the one that begins there.
    pub(super) fn next(&self, start: i64) -> i64 {
        match self.interval {
            DateInterval::FixedMs(interval) => {
                let next = start.saturating_add(interval);
                // Where the clock is changed, an interval of the zone may be cut short.
                if self.local_offset(start) == self.local_offset(next) {
                    next
                } else {
                    self.start(next).max(start + 1)
                }
            }
            DateInterval::Calendar(unit) => {
                let shifted = start.saturating_sub(self.offset_ms);
                let next = Timestamp::from_millisecond(shifted)
                    .ok()
                    .and_then(|at| at.to_zoned(self.zone.clone()).checked_add(math_unit(unit).span(1)).ok())
                    .map(|next| next.timestamp().as_millisecond());
                // The start of the unit again: after a change of the clock, days do not begin at the same hour.
                next.and_then(|next| self.calendar(next, unit))
                    .filter(|next| *next > shifted)
                    .unwrap_or(i64::MAX - 1)
                    .saturating_add(self.offset_ms)
            }
        }
    }

    fn local_offset(&self, millis: i64) -> i64 {
        if self.zone == TimeZone::UTC {
            return 0;
        }
        let offset = Timestamp::from_millisecond(millis).map(|at| self.zone.to_offset(at).seconds());
        offset.map_or(0, |seconds| i64::from(seconds) * 1_000)
    }

    fn calendar(&self, millis: i64, unit: CalendarUnit) -> Option<i64> {
        let at = Timestamp::from_millisecond(millis).ok()?.to_zoned(self.zone.clone());
        math_unit(unit).start(&at).map(|start| start.timestamp().as_millisecond())
    }
}

fn math_unit(unit: CalendarUnit) -> MathUnit {
    match unit {
        CalendarUnit::Minute => MathUnit::Minute,
        CalendarUnit::Hour => MathUnit::Hour,
        CalendarUnit::Day => MathUnit::Day,
        CalendarUnit::Week => MathUnit::Week,
        CalendarUnit::Month => MathUnit::Month,
        CalendarUnit::Quarter => MathUnit::Quarter,
        CalendarUnit::Year => MathUnit::Year,
    }
}

/// The ends of the buckets of a range, as numbers (dates in milliseconds).
pub(super) fn range_ends(request: &Ranges, now: Timestamp) -> Result<Vec<(f64, f64)>, StoreError> {
    let read = |value: &Value| -> Result<f64, StoreError> {
        match &request.kind {
            RangeKind::Number => {
                value.as_f64().ok_or_else(|| StoreError::invalid(format!("{value} is not an end of a range")))
            }
            RangeKind::Date { format, time_zone: zone } => {
                let zone = zone.as_deref().map_or(Ok(TimeZone::UTC), time_zone)?;
                Ok(read_date(value, format.as_deref(), &zone, now)? as f64)
            }
        }
    };
    request
        .ranges
        .iter()
        .map(|range| {
            Ok((
                range.from.as_ref().map_or(Ok(f64::NEG_INFINITY), read)?,
                range.to.as_ref().map_or(Ok(f64::INFINITY), read)?,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounding(interval: DateInterval, zone: &str, offset_ms: i64) -> Rounding {
        Rounding { interval, zone: time_zone(zone).unwrap(), offset_ms }
    }

    #[test]
    fn intervals_begin_where_the_calendar_says() {
        let check = |rounding: &Rounding, at: &str, start: &str, next: &str| {
            let at: Timestamp = at.parse().unwrap();
            let found = rounding.start(at.as_millisecond());
            assert_eq!(Timestamp::from_millisecond(found).unwrap().to_string(), start);
            assert_eq!(Timestamp::from_millisecond(rounding.next(found)).unwrap().to_string(), next);
        };
        let hour = rounding(DateInterval::FixedMs(3_600_000), "Z", 0);
        check(&hour, "2026-11-21T12:34:56Z", "2026-11-21T12:00:00Z", "2026-11-21T13:00:00Z");
        check(&hour, "1969-12-31T23:30:00Z", "1969-12-31T23:00:00Z", "1970-01-01T00:00:00Z");
        let month = rounding(DateInterval::Calendar(CalendarUnit::Month), "Z", 0);
        check(&month, "2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z");
        let week = rounding(DateInterval::Calendar(CalendarUnit::Week), "Z", 0);
        check(&week, "2026-11-22T12:00:00Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z");
        // The clock goes back on 2026-10-25: that day has 25 hours.
        let day = rounding(DateInterval::Calendar(CalendarUnit::Day), "Europe/Berlin", 0);
        check(&day, "2026-10-25T20:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
        let quarter = rounding(DateInterval::Calendar(CalendarUnit::Quarter), "Z", 0);
        check(&quarter, "2026-11-21T00:00:00Z", "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z");
        let shifted = rounding(DateInterval::Calendar(CalendarUnit::Day), "Z", 6 * 3_600_000);
        check(&shifted, "2026-11-21T05:00:00Z", "2026-11-20T06:00:00Z", "2026-11-21T06:00:00Z");
        let fixed_zone = rounding(DateInterval::FixedMs(86_400_000), "+02:00", 0);
        check(&fixed_zone, "2026-11-21T23:00:00Z", "2026-11-21T22:00:00Z", "2026-11-22T22:00:00Z");
    }
}
