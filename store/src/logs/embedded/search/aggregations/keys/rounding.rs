use super::super::super::dates::{DateReader, MathUnit, time_zone};
use crate::{
    StoreError,
    logs::{
        dsl::aggregations::{CalendarUnit, DateHistogram, DateInterval},
        embedded::mapping::DateFormats,
    },
};
use jiff::{
    Timestamp,
    tz::{AmbiguousOffset, AmbiguousTimestamp, TimeZone},
};
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
            DateInterval::FixedMs(interval) => self.fixed(shifted, interval),
            DateInterval::Calendar(unit) => self.calendar(shifted, unit).unwrap_or(shifted),
        };
        start.saturating_add(self.offset_ms)
    }

    /// The start of the interval after the one that begins there.
    pub(in super::super) fn next(&self, start: i64) -> i64 {
        match self.interval {
            DateInterval::FixedMs(interval) => {
                let shifted = start.saturating_sub(self.offset_ms);
                self.next_fixed(shifted, interval).saturating_add(self.offset_ms)
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

    /// Fixed intervals are counted by the clock of the zone. Where that is set back, one lasts longer; where it is set
    /// forward, one that would begin in the gap begins behind it.
    fn fixed(&self, millis: i64, interval: i64) -> i64 {
        let offset = self.local_offset(millis);
        let local = millis.saturating_add(offset).div_euclid(interval).saturating_mul(interval);
        let start = local.saturating_sub(offset);
        if self.local_offset(start) == offset {
            return start;
        }
        self.last_instant(local, millis).unwrap_or(start)
    }

    fn next_fixed(&self, start: i64, interval: i64) -> i64 {
        let next = start.saturating_add(interval);
        if self.fixed(next, interval) == next {
            return next;
        }
        let offset = self.local_offset(start);
        let by_the_clock = self
            .ambiguous(next.saturating_add(offset))
            .and_then(|at| at.compatible().ok())
            .map(|at| self.fixed(at.as_millisecond(), interval));
        by_the_clock.filter(|next| *next > start).unwrap_or(next)
    }

    /// When the clock of the zone shows a time, given as if it were UTC.
    fn ambiguous(&self, local: i64) -> Option<AmbiguousTimestamp> {
        let clock = Timestamp::from_millisecond(local).ok()?.to_zoned(TimeZone::UTC).datetime();
        Some(self.zone.to_ambiguous_timestamp(clock))
    }

    /// The last moment up to `until` at which the clock of the zone showed a time; of a time that it skipped, when it did.
    fn last_instant(&self, local: i64, until: i64) -> Option<i64> {
        let at = self.ambiguous(local)?;
        let found = match at.offset() {
            AmbiguousOffset::Unambiguous { .. } => at.compatible().ok()?,
            AmbiguousOffset::Fold { .. } => {
                let late = at.later().ok()?;
                if late.as_millisecond() <= until { late } else { at.earlier().ok()? }
            }
            AmbiguousOffset::Gap { .. } => {
                let after = Timestamp::from_millisecond(until.saturating_add(1)).ok()?;
                self.zone.preceding(after).next()?.timestamp()
            }
        };
        Some(found.as_millisecond())
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
        // Fixed intervals by the clock of the zone, as Elasticsearch 7.10.2 has them.
        let fixed = |hours: i64, zone: &str| rounding(DateInterval::FixedMs(hours * 3_600_000), zone, 0);
        let back = fixed(3, "Europe/Berlin");
        check(&back, "2015-10-25T01:30:00Z", "2015-10-24T22:00:00Z", "2015-10-25T02:00:00Z");
        check(&back, "2015-10-25T03:30:00Z", "2015-10-25T02:00:00Z", "2015-10-25T05:00:00Z");
        let half = fixed(12, "America/St_Johns");
        check(&half, "2015-11-01T14:00:00Z", "2015-11-01T02:30:00Z", "2015-11-01T15:30:00Z");
        let hours = fixed(1, "Europe/Berlin");
        check(&hours, "2015-10-25T00:30:00Z", "2015-10-25T00:00:00Z", "2015-10-25T01:00:00Z");
        check(&hours, "2015-10-25T01:30:00Z", "2015-10-25T01:00:00Z", "2015-10-25T02:00:00Z");
        let forward = fixed(2, "Europe/Berlin");
        check(&forward, "2015-03-29T01:30:00Z", "2015-03-29T01:00:00Z", "2015-03-29T02:00:00Z");
        let fixed_zone = rounding(DateInterval::FixedMs(86_400_000), "+02:00", 0);
        check(&fixed_zone, "2026-11-21T23:00:00Z", "2026-11-21T22:00:00Z", "2026-11-22T22:00:00Z");
    }
}
