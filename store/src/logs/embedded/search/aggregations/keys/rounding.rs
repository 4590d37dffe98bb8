use super::super::super::dates::{DateReader, MathUnit, time_zone};
use crate::{
    StoreError,
    logs::{
        dsl::aggregations::{CalendarUnit, DateHistogram, DateInterval},
        embedded::mapping::DateFormats,
    },
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

/// A width that `auto_date_histogram` may choose: a unit, and how many of them make one bucket.
pub(in super::super) struct Level {
    pub(in super::super) unit: CalendarUnit,
    /// In the answer's `interval`.
    pub(in super::super) letter: char,
    pub(in super::super) steps: &'static [usize],
}

/// Elasticsearch's widths, finest first.
pub(in super::super) const LEVELS: [Level; 6] = [
    Level { unit: CalendarUnit::Second, letter: 's', steps: &[1, 5, 10, 30] },
    Level { unit: CalendarUnit::Minute, letter: 'm', steps: &[1, 5, 10, 30] },
    Level { unit: CalendarUnit::Hour, letter: 'h', steps: &[1, 3, 12] },
    Level { unit: CalendarUnit::Day, letter: 'd', steps: &[1, 7] },
    Level { unit: CalendarUnit::Month, letter: 'M', steps: &[1, 3] },
    Level { unit: CalendarUnit::Year, letter: 'y', steps: &[1, 5, 10, 20, 50, 100] },
];

/// Reads a date of a request as milliseconds.
pub(in super::super) fn read_date(
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
pub(in super::super) struct Rounding {
    pub(super) interval: DateInterval,
    pub(in super::super) zone: TimeZone,
    offset_ms: i64,
}

impl Rounding {
    pub(in super::super) fn new(request: &DateHistogram) -> Result<Self, StoreError> {
        let rounding = Self::in_zone(request.interval, request.source.time_zone.as_deref())?;
        Ok(Self { offset_ms: request.offset_ms, ..rounding })
    }

    /// Without offset.
    pub(in super::super) fn in_zone(interval: DateInterval, zone: Option<&str>) -> Result<Self, StoreError> {
        let zone = zone.map_or(Ok(TimeZone::UTC), time_zone)?;
        Ok(Self { interval, zone, offset_ms: 0 })
    }

    /// The start of the interval that holds the moment.
    pub(in super::super) fn start(&self, millis: i64) -> i64 {
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
    pub(in super::super) fn next(&self, start: i64) -> i64 {
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
        CalendarUnit::Second => MathUnit::Second,
        CalendarUnit::Minute => MathUnit::Minute,
        CalendarUnit::Hour => MathUnit::Hour,
        CalendarUnit::Day => MathUnit::Day,
        CalendarUnit::Week => MathUnit::Week,
        CalendarUnit::Month => MathUnit::Month,
        CalendarUnit::Quarter => MathUnit::Quarter,
        CalendarUnit::Year => MathUnit::Year,
    }
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
