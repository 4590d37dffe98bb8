use super::super::super::column::{ColumnKind, SegmentColumn};
use super::LocalKey;
use super::rounding::{LEVELS, Rounding, read_date};
use crate::{
    StoreError,
    logs::dsl::aggregations::{AutoDateHistogram, DateHistogram, DateInterval},
};
use jiff::Timestamp;
use serde_json::Value;

/// The interval that holds a moment, with the last one kept: events come in the order of time.
struct Intervals {
    rounding: Rounding,
    /// From and to, in milliseconds since 1970.
    last: Option<(i64, i64)>,
}

impl Intervals {
    fn start(&mut self, millis: i64) -> i64 {
        match self.last {
            Some((from, to)) if millis >= from && millis < to => from,
            _ => {
                let start = self.rounding.start(millis);
                self.last = Some((start, self.rounding.next(start)));
                start
            }
        }
    }
}

/// Keys of `date_histogram`: where the interval begins, in milliseconds since 1970.
pub(in super::super) struct DateKeys {
    intervals: Intervals,
    pub(super) column: Option<SegmentColumn>,
    missing: Option<i64>,
    hard_bounds: Option<(i64, i64)>,
}

impl DateKeys {
    pub(in super::super) fn new(
        request: &DateHistogram,
        column: Option<SegmentColumn>,
        missing: Option<f64>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let rounding = Rounding::new(request)?;
        let read = |value: &Value, open: i64| match value {
            Value::Null => Ok(open),
            value => read_date(value, request.source.format.as_deref(), &rounding.zone, now),
        };
        Ok(Self {
            hard_bounds: match &request.hard_bounds {
                Some((low, high)) => Some((read(low, i64::MIN)?, read(high, i64::MAX)?)),
                None => None,
            },
            missing: missing.map(|millis| millis as i64),
            intervals: Intervals { rounding, last: None },
            column,
        })
    }

    /// Where buckets begin, and between which moments.
    pub(super) fn rounding(&self) -> (&Rounding, Option<(i64, i64)>) {
        (&self.intervals.rounding, self.hard_bounds)
    }

    fn key_at(&mut self, millis: i64) -> Option<LocalKey> {
        let inside = self.hard_bounds.is_none_or(|(low, high)| millis >= low && millis < high);
        inside.then(|| Some(self.intervals.start(millis) as u64))
    }

    pub(super) fn key_of(&mut self, raw: u64) -> Option<LocalKey> {
        let millis = milliseconds(self.column.as_ref()?, raw)?;
        self.key_at(millis)
    }

    pub(super) fn keys(&mut self, doc: u32, out: &mut Vec<LocalKey>) {
        for millis in moments(self.column.as_ref(), doc, self.missing) {
            out.extend(self.key_at(millis));
        }
    }
}

/// Keys of `auto_date_histogram`: finest units first, wider ones when there are too many.
pub(in super::super) struct AutoDates {
    intervals: Intervals,
    level: usize,
    pub(super) column: Option<SegmentColumn>,
    missing: Option<i64>,
}

impl AutoDates {
    pub(in super::super) fn new(
        request: &AutoDateHistogram,
        column: Option<SegmentColumn>,
        missing: Option<f64>,
    ) -> Result<Self, StoreError> {
        let rounding =
            Rounding::in_zone(DateInterval::Calendar(LEVELS[0].unit), request.source.time_zone.as_deref())?;
        let intervals = Intervals { rounding, last: None };
        Ok(Self { intervals, level: 0, column, missing: missing.map(|millis| millis as i64) })
    }

    pub(super) fn coarsen(&mut self) -> bool {
        let Some(next) = LEVELS.get(self.level + 1) else { return false };
        self.level += 1;
        self.intervals.rounding.interval = DateInterval::Calendar(next.unit);
        self.intervals.last = None;
        true
    }

    pub(super) fn key_of(&mut self, raw: u64) -> Option<LocalKey> {
        let millis = milliseconds(self.column.as_ref()?, raw)?;
        Some(Some(self.intervals.start(millis) as u64))
    }

    pub(super) fn keys(&mut self, doc: u32, out: &mut Vec<LocalKey>) {
        for millis in moments(self.column.as_ref(), doc, self.missing) {
            out.push(Some(self.intervals.start(millis) as u64));
        }
    }
}

/// The dates of a document in milliseconds, or the one that stands for those it lacks. Mostly one.
fn moments(column: Option<&SegmentColumn>, doc: u32, missing: Option<i64>) -> Vec<i64> {
    let mut found: Vec<i64> = Vec::new();
    if let Some(column) = column {
        found.extend(column.keys.values_for_doc(doc).filter_map(|key| milliseconds(column, key)));
    }
    if found.is_empty() {
        found.extend(missing);
    }
    found
}

fn milliseconds(column: &SegmentColumn, key: u64) -> Option<i64> {
    use tantivy::columnar::MonotonicallyMappableToU64;
    match column.kind {
        ColumnKind::Date => Some(i64::from_u64(key).div_euclid(1_000_000)),
        ColumnKind::Integer => Some(i64::from_u64(key)),
        ColumnKind::Unsigned => i64::try_from(key).ok(),
        ColumnKind::Float => Some(f64::from_u64(key) as i64),
        _ => None,
    }
}
