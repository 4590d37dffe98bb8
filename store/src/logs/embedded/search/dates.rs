//! Dates in requests and answers: date math, rounding of ends, zones, printing.

use super::super::mapping::DateFormats;
use crate::StoreError;
use jiff::{
    Span, Timestamp, ToSpan, Unit, Zoned,
    civil::DateTime,
    tz::{Offset, TimeZone},
};
use serde_json::Value;

/// Largest date expression, in bytes.
const EXPRESSION_MAX_BYTES: usize = 256;

/// Reads a zone: `Z`, `+02:00`, `Europe/Berlin`.
pub(super) fn time_zone(text: &str) -> Result<TimeZone, StoreError> {
    let unknown = || StoreError::invalid(format!("cannot read the time zone \"{text}\""));
    if matches!(text, "Z" | "UTC" | "utc" | "GMT") {
        return Ok(TimeZone::UTC);
    }
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'+') => (false, &text[1..]),
        Some(b'-') => (true, &text[1..]),
        _ => return TimeZone::get(text).map_err(|_| unknown()),
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 && digits.is_ascii() => digits.split_at(2),
        None => (digits, "0"),
    };
    let hours: i32 = hours.parse().map_err(|_| unknown())?;
    let minutes: i32 = minutes.parse().map_err(|_| unknown())?;
    let seconds = (hours * 60 + minutes) * 60 * if negative { -1 } else { 1 };
    Offset::from_seconds(seconds).map(TimeZone::fixed).map_err(|_| unknown())
}

/// How the dates of a clause are read.
pub(super) struct DateReader<'a> {
    pub(super) formats: &'a DateFormats,
    pub(super) zone: TimeZone,
    pub(super) now: Timestamp,
}

/// A date or date expression by a format, going down and going up; `None`: the format is none. For the fuzz targets.
#[cfg(any(test, feature = "fuzz"))]
pub(crate) fn read_date(
    format: &str,
    date: &str,
) -> Option<(Result<i64, StoreError>, Result<i64, StoreError>)> {
    let formats = DateFormats::parse(format).ok()?;
    let now = Timestamp::from_second(1_795_600_000).ok()?;
    let reader = DateReader { formats: &formats, zone: TimeZone::UTC, now };
    let date = Value::String(date.to_owned());
    Some((reader.read(&date, false), reader.read(&date, true)))
}

impl DateReader<'_> {
    /// Reads a date or a date expression (`now-1d/d`, `2026-01-01||+1M/M`) as nanoseconds since 1970. Missing parts
    /// and rounding go down, or to the last nanosecond with `round_up`.
    pub(super) fn read(&self, value: &Value, round_up: bool) -> Result<i64, StoreError> {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => {
                let read = number.as_f64().and_then(|number| {
                    // A whole number keeps its last digit, which f64 might lose.
                    match number_as_millis(value) {
                        Some(exact) if self.formats.read_number(0.0).is_some() && self.is_millis() => {
                            Some(exact)
                        }
                        _ => self
                            .formats
                            .read_number(number)
                            .or_else(|| self.formats.read(&number.to_string())),
                    }
                });
                return read.map(nanos).ok_or_else(|| self.unreadable(&value.to_string()));
            }
            other => return Err(self.unreadable(&other.to_string())),
        };
        if text.len() > EXPRESSION_MAX_BYTES {
            return Err(StoreError::invalid("a date expression is too long"));
        }
        let (start, math) = if let Some(math) = text.strip_prefix("now") {
            (self.now, math)
        } else {
            let (date, math) = text.split_once("||").unwrap_or((text, ""));
            let read = self.formats.read_in(date, &self.zone).ok_or_else(|| self.unreadable(date))?;
            match (math.is_empty() && round_up).then(|| granularity(date)).flatten() {
                Some(unit) => (self.last_of(read, unit).ok_or_else(|| self.unreadable(date))?, ""),
                None => (read, math),
            }
        };
        self.calculate(start, math, round_up).map(nanos).ok_or_else(|| self.unreadable(text))
    }

    fn is_millis(&self) -> bool {
        self.formats.read_number(1_000.0).is_some_and(|at| at.as_millisecond() == 1_000)
    }

    fn unreadable(&self, text: &str) -> StoreError {
        let reason = format!("failed to parse date field [{text}] with format [{}]", self.formats.as_str());
        StoreError::invalid(format!("{reason}: [{reason}]")).with_code("parse_exception")
    }

    fn last_of(&self, at: Timestamp, unit: MathUnit) -> Option<Timestamp> {
        let zoned = at.to_zoned(self.zone.clone());
        let next = zoned.checked_add(unit.span(1)).ok()?;
        next.timestamp().checked_sub(1.nanosecond()).ok()
    }

    /// Applies `+1M`, `-3d`, `/d` … one after the other.
    fn calculate(&self, start: Timestamp, math: &str, round_up: bool) -> Option<Timestamp> {
        let mut at = start.to_zoned(self.zone.clone());
        let mut rest = math;
        while let Some(operator) = rest.chars().next() {
            rest = rest.get(1..)?;
            let digits = rest.find(|c: char| !c.is_ascii_digit())?;
            let count: i64 = if digits == 0 { 1 } else { rest[..digits].parse().ok()? };
            let unit = MathUnit::of(rest[digits..].chars().next()?)?;
            rest = &rest[digits + 1..];
            at = match operator {
                '+' if count < 1_000_000_000 => at.checked_add(unit.span(count)).ok()?,
                '-' if count < 1_000_000_000 => at.checked_sub(unit.span(count)).ok()?,
                '/' if digits == 0 => {
                    let start = unit.start(&at)?;
                    match round_up {
                        false => start,
                        true => start.checked_add(unit.span(1)).ok()?.checked_sub(1.nanosecond()).ok()?,
                    }
                }
                _ => return None,
            };
        }
        Some(at.timestamp())
    }
}

fn number_as_millis(value: &Value) -> Option<Timestamp> {
    value.as_i64().and_then(|millis| Timestamp::from_millisecond(millis).ok())
}

/// Nanoseconds since 1970, held to what a column can store.
fn nanos(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(if at.as_nanosecond() < 0 { i64::MIN } else { i64::MAX })
}

/// Units of date math.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MathUnit {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}

impl MathUnit {
    fn of(letter: char) -> Option<Self> {
        Some(match letter {
            'y' => Self::Year,
            'M' => Self::Month,
            'w' => Self::Week,
            'd' => Self::Day,
            'h' | 'H' => Self::Hour,
            'm' => Self::Minute,
            's' => Self::Second,
            _ => return None,
        })
    }

    pub(super) fn span(self, count: i64) -> Span {
        match self {
            // The calls refuse spans beyond what a calendar holds; counts are bounded before.
            Self::Year => Span::new().try_years(count).unwrap_or_default(),
            Self::Quarter => Span::new().try_months(count.saturating_mul(3)).unwrap_or_default(),
            Self::Month => Span::new().try_months(count).unwrap_or_default(),
            Self::Week => Span::new().try_weeks(count).unwrap_or_default(),
            Self::Day => Span::new().try_days(count).unwrap_or_default(),
            Self::Hour => Span::new().try_hours(count).unwrap_or_default(),
            Self::Minute => Span::new().try_minutes(count).unwrap_or_default(),
            Self::Second => Span::new().try_seconds(count).unwrap_or_default(),
        }
    }

    /// Where the unit that holds the moment begins, in the moment's zone.
    pub(super) fn start(self, at: &Zoned) -> Option<Zoned> {
        let date = at.date();
        let first = match self {
            Self::Year => date.first_of_year(),
            Self::Quarter => {
                let month = (date.month() - 1) / 3 * 3 + 1;
                jiff::civil::Date::new(date.year(), month, 1).ok()?
            }
            Self::Month => date.first_of_month(),
            Self::Week => date.checked_sub(i64::from(date.weekday().to_monday_zero_offset()).days()).ok()?,
            Self::Day => date,
            Self::Hour => return at.round(floor(Unit::Hour)).ok(),
            Self::Minute => return at.round(floor(Unit::Minute)).ok(),
            Self::Second => return at.round(floor(Unit::Second)).ok(),
        };
        first.to_zoned(at.time_zone().clone()).ok()
    }
}

fn floor(unit: Unit) -> jiff::ZonedRound {
    jiff::ZonedRound::new().smallest(unit).mode(jiff::RoundMode::Floor)
}

/// The smallest unit that an ISO date names, if it leaves out the time or parts of it.
fn granularity(text: &str) -> Option<MathUnit> {
    let body = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = body.split_once(['T', ' ']).unwrap_or((body, ""));
    if date.is_empty() || !date.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'/')) {
        return None;
    }
    let parts: Vec<_> = date.split(['-', '/']).collect();
    if parts[0].len() != 4 {
        return None;
    }
    let time = time.split(['+', '-']).next().unwrap_or(time);
    match (parts.len(), time.len()) {
        (1, 0) => Some(MathUnit::Year),
        (2, 0) => Some(MathUnit::Month),
        (3, 0) => Some(MathUnit::Day),
        (3, 2) => Some(MathUnit::Hour),
        (3, 5) => Some(MathUnit::Minute),
        (3, 8) => Some(MathUnit::Second),
        _ => None,
    }
}

/// Writes dates.
#[derive(Debug, Clone)]
pub(super) struct DatePrinter {
    format: Option<String>,
    zone: TimeZone,
    /// Digits of the second that ISO dates have at most.
    digits: usize,
}

impl DatePrinter {
    /// In the first of the formats (`||` between them); without, or for ISO formats: `2026-11-21T12:34:56.789Z`.
    ///
    /// # Errors
    /// If the format holds a letter that cannot be written.
    pub(super) fn new(format: Option<&str>, zone: TimeZone) -> Result<Self, StoreError> {
        let first = format.map(|format| format.split("||").next().unwrap_or(format));
        let format = first.filter(|name| {
            !matches!(
                name.strip_prefix("strict_").unwrap_or(name),
                "date_optional_time" | "date_optional_time_nanos" | "date_time" | "iso8601"
            )
        });
        let digits = if first.is_some_and(|name| name.ends_with("_nanos")) { 9 } else { 3 };
        let printer = Self { format: format.map(str::to_owned), zone, digits };
        if let Some(format) = &printer.format
            && print_pattern(pattern_of(format), &Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC)).is_none()
        {
            return Err(StoreError::invalid(format!("cannot write dates in the format \"{format}\"")));
        }
        Ok(printer)
    }

    /// ISO, UTC.
    pub(super) fn iso() -> Self {
        Self { format: None, zone: TimeZone::UTC, digits: 3 }
    }

    pub(super) fn print(&self, nanos: i64) -> String {
        let at = Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::UNIX_EPOCH);
        match self.format.as_deref() {
            Some("epoch_millis") => with_fraction(nanos, 1_000_000, 6),
            Some("epoch_second") => with_fraction(nanos, 1_000_000_000, 9),
            Some(format) => {
                let zoned = at.to_zoned(self.zone.clone());
                print_pattern(pattern_of(format), &zoned).unwrap_or_else(|| at.to_string())
            }
            None => print_iso(at, &self.zone, self.digits),
        }
    }
}

/// A number of units and, where there is one, the rest in so many digits at most.
fn with_fraction(nanos: i64, unit: i64, digits: usize) -> String {
    let (whole, rest) = (nanos.div_euclid(unit), nanos.rem_euclid(unit));
    match rest {
        0 => whole.to_string(),
        rest => format!("{whole}.{rest:0digits$}").trim_end_matches('0').to_owned(),
    }
}

fn print_iso(at: Timestamp, zone: &TimeZone, digits: usize) -> String {
    let zoned = at.to_zoned(zone.clone());
    let local: DateTime = zoned.datetime();
    let offset = zoned.offset();
    let mut fraction = format!("{:09}", local.subsec_nanosecond());
    fraction.truncate(digits);
    while fraction.len() > 3 && fraction.ends_with('0') {
        fraction.pop();
    }
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{fraction}{}",
        local.year(),
        local.month(),
        local.day(),
        local.hour(),
        local.minute(),
        local.second(),
        print_offset(offset, true),
    )
}

fn print_offset(offset: Offset, colon: bool) -> String {
    let seconds = offset.seconds();
    if seconds == 0 {
        return "Z".to_owned();
    }
    let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.abs() / 60);
    format!("{sign}{:02}{}{:02}", minutes / 60, if colon { ":" } else { "" }, minutes % 60)
}

/// The pattern behind a built-in name.
fn pattern_of(name: &str) -> &str {
    match name.strip_prefix("strict_").unwrap_or(name) {
        "epoch_millis" | "epoch_second" => "",
        "date" | "year_month_day" => "yyyy-MM-dd",
        "basic_date" => "yyyyMMdd",
        "date_hour_minute" => "yyyy-MM-dd'T'HH:mm",
        "date_hour_minute_second" => "yyyy-MM-dd'T'HH:mm:ss",
        "date_time_no_millis" => "yyyy-MM-dd'T'HH:mm:ssXXX",
        "year_month" => "yyyy-MM",
        "year" => "yyyy",
        "hour_minute_second" => "HH:mm:ss",
        "hour_minute" => "HH:mm",
        _ => name,
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Writes a date in Java's pattern letters; `None` if one is not known.
fn print_pattern(pattern: &str, at: &Zoned) -> Option<String> {
    let local = at.datetime();
    let mut out = String::new();
    let mut characters = pattern.chars().peekable();
    while let Some(letter) = characters.next() {
        if letter == '\'' {
            if characters.next_if_eq(&'\'').is_some() {
                out.push('\'');
            } else {
                out.extend(characters.by_ref().take_while(|c| *c != '\''));
            }
            continue;
        }
        if !letter.is_ascii_alphabetic() {
            out.push(letter);
            continue;
        }
        let mut width = 1;
        while characters.next_if_eq(&letter).is_some() {
            width += 1;
        }
        let padded = |value: i64| format!("{value:0width$}");
        let name = |names: &[&str], index: usize| {
            let full = names.get(index).copied().unwrap_or_default();
            if width >= 4 { full.to_owned() } else { full.chars().take(3).collect() }
        };
        out.push_str(&match letter {
            'y' | 'u' | 'Y' if width == 2 => format!("{:02}", local.year().rem_euclid(100)),
            'y' | 'u' | 'Y' => padded(i64::from(local.year())),
            'M' | 'L' if width >= 3 => name(&MONTHS, usize::try_from(local.month() - 1).ok()?),
            'M' | 'L' => padded(i64::from(local.month())),
            'd' => padded(i64::from(local.day())),
            'D' => padded(i64::from(local.date().day_of_year())),
            'H' => padded(i64::from(local.hour())),
            'h' => padded((i64::from(local.hour()) + 11) % 12 + 1),
            'm' => padded(i64::from(local.minute())),
            's' => padded(i64::from(local.second())),
            'S' => format!("{:09}", local.subsec_nanosecond()).chars().take(width).collect(),
            'a' => if local.hour() < 12 { "AM" } else { "PM" }.to_owned(),
            'E' | 'e' => name(&DAYS, usize::try_from(local.date().weekday().to_monday_zero_offset()).ok()?),
            'w' => padded(i64::from(local.date().iso_week_date().week())),
            'X' | 'x' | 'Z' => print_offset(at.offset(), width != 2 && letter != 'Z' && width != 1),
            'z' | 'V' => at.time_zone().iana_name().unwrap_or("UTC").to_owned(),
            _ => return None,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: &str = "2026-11-21T12:34:56.789Z";

    #[test]
    fn dates_and_date_math() {
        let check = |value: Value, zone: &str, round_up: bool, expected: &str| {
            let reader = DateReader {
                formats: DateFormats::default_ref(),
                zone: time_zone(zone).unwrap(),
                now: NOW.parse().unwrap(),
            };
            let read = reader.read(&value, round_up).map_err(|error| error.message);
            let printed =
                read.map(|nanos| Timestamp::from_nanosecond(i128::from(nanos)).unwrap().to_string());
            assert_eq!(printed, Ok(expected.to_owned()), "{value}");
        };
        check(json!("now"), "Z", false, NOW);
        check(json!("now-1d"), "Z", false, "2026-11-20T12:34:56.789Z");
        check(json!("now-1d/d"), "Z", false, "2026-11-20T00:00:00Z");
        check(json!("now/d"), "Z", true, "2026-11-21T23:59:59.999999999Z");
        check(json!("now/d"), "+02:00", false, "2026-11-20T22:00:00Z");
        check(json!("now/w"), "Z", false, "2026-11-16T00:00:00Z");
        check(json!("now/M+1d"), "Z", false, "2026-11-02T00:00:00Z");
        check(json!("2026-01-31||+1M"), "Z", false, "2026-02-28T00:00:00Z");
        check(json!("2026-01-31||/M"), "Z", false, "2026-01-01T00:00:00Z");
        check(json!("2026-11-21"), "Z", true, "2026-11-21T23:59:59.999999999Z");
        check(json!("2026"), "Z", true, "2026-12-31T23:59:59.999999999Z");
        check(json!("2026-11-21T10:00"), "Z", true, "2026-11-21T10:00:59.999999999Z");
        check(json!("2026-11-21"), "Europe/Berlin", false, "2026-11-20T23:00:00Z");
        check(json!("2026-11-21T00:00:00Z"), "Europe/Berlin", false, "2026-11-21T00:00:00Z");
        check(json!(1_000), "Z", false, "1970-01-01T00:00:01Z");
        check(json!("1000000"), "Z", false, "1970-01-01T00:16:40Z");
    }

    #[test]
    fn what_is_no_date() {
        let reader = DateReader {
            formats: DateFormats::default_ref(),
            zone: TimeZone::UTC,
            now: NOW.parse().unwrap(),
        };
        for text in ["soon", "now-1x", "now/", "now+", "now-d1", "2026-13-01", "now-99999999999y", "nowé"] {
            assert!(reader.read(&json!(text), false).is_err(), "{text}");
        }
        assert!(time_zone("Mars/Base").is_err() && time_zone("+aa").is_err() && time_zone("+é").is_err());
    }

    #[test]
    fn dates_are_written_in_java_patterns() {
        let check = |format: Option<&str>, zone: &str, expected: &str| {
            let printer = DatePrinter::new(format, time_zone(zone).unwrap()).unwrap();
            let at: Timestamp = NOW.parse().unwrap();
            assert_eq!(printer.print(i64::try_from(at.as_nanosecond()).unwrap()), expected);
        };
        check(None, "Z", "2026-11-21T12:34:56.789Z");
        check(None, "+01:00", "2026-11-21T13:34:56.789+01:00");
        check(Some("yyyy-MM-dd"), "Z", "2026-11-21");
        check(Some("epoch_millis"), "Z", "1795264496789");
        check(Some("dd/MMM/yyyy:HH:mm:ss Z"), "Z", "21/Nov/2026:12:34:56 Z");
        check(Some("EEE, h a"), "Z", "Sat, 12 PM");
        check(Some("strict_date_optional_time||epoch_millis"), "Z", "2026-11-21T12:34:56.789Z");
        assert!(DatePrinter::new(Some("jjj"), TimeZone::UTC).is_err());
    }
}
