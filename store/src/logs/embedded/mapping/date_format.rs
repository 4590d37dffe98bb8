//! Dates as text: Elasticsearch's `format` of a date field.
//!
//! Source: Elasticsearch reference, "format" (built-in names) and `java.time.format.DateTimeFormatter` (patterns).

mod cursor;
mod pattern;

use cursor::Cursor;
use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::{Offset, TimeZone},
};
use pattern::{Part, parse_pattern, read_pattern};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// The ways in which a date may be written, tried in order: `strict_date_optional_time||epoch_millis`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct DateFormats {
    text: String,
    formats: Vec<DateFormat>,
}

#[derive(Debug, Clone, PartialEq)]
enum DateFormat {
    /// ISO 8601 date, with or without time and offset.
    OptionalTime,
    EpochMillis,
    EpochSecond,
    /// A pattern in Java's letters.
    Pattern(Vec<Part>),
}

/// Longest format that is accepted, in bytes.
const FORMAT_MAX_BYTES: usize = 512;

static DEFAULT: LazyLock<DateFormats> = LazyLock::new(|| {
    DateFormats::parse("strict_date_optional_time||epoch_millis").expect("both are built in")
});

impl DateFormats {
    /// Reads `a||b||…`; the error names what is not understood.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > FORMAT_MAX_BYTES {
            return Err(format!("date format must have 1 to {FORMAT_MAX_BYTES} bytes"));
        }
        let formats = text.split("||").map(DateFormat::parse).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), formats })
    }

    /// Elasticsearch's default for date fields.
    pub(crate) fn default_ref() -> &'static Self {
        &DEFAULT
    }

    /// What date detection takes for a date by default.
    pub(crate) fn detection() -> Self {
        let text =
            "strict_date_optional_time||yyyy/MM/dd HH:mm:ss Z||yyyy/MM/dd Z||yyyy/MM/dd HH:mm:ss||yyyy/MM/dd";
        Self::parse(text).expect("the formats are known")
    }

    /// The formats as they were written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Reads a date; without an offset in the text it is UTC. `None`: no format fits.
    pub(crate) fn read(&self, text: &str) -> Option<Timestamp> {
        self.read_in(text, &TimeZone::UTC)
    }

    /// Reads a date; without an offset in the text it is in `zone`.
    pub(crate) fn read_in(&self, text: &str, zone: &TimeZone) -> Option<Timestamp> {
        self.formats.iter().find_map(|format| format.read(text, zone))
    }

    /// Reads a number as a date: milliseconds, or seconds if only `epoch_second` is among the formats.
    pub(crate) fn read_number(&self, number: f64) -> Option<Timestamp> {
        self.formats.iter().find_map(|format| match format {
            DateFormat::EpochMillis => from_epoch(number, 1e6),
            DateFormat::EpochSecond => from_epoch(number, 1e9),
            _ => None,
        })
    }
}

impl TryFrom<String> for DateFormats {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<DateFormats> for String {
    fn from(formats: DateFormats) -> Self {
        formats.text
    }
}

fn from_epoch(number: f64, nanos_per_unit: f64) -> Option<Timestamp> {
    let whole = number.trunc();
    let nanos = (whole as i128).checked_mul(nanos_per_unit as i128)?;
    let fraction = ((number - whole) * nanos_per_unit).round() as i128;
    Timestamp::from_nanosecond(nanos.checked_add(fraction)?).ok()
}

impl DateFormat {
    fn parse(name: &str) -> Result<Self, String> {
        let plain = name.strip_prefix("strict_").unwrap_or(name);
        let pattern = match plain {
            "date_optional_time"
            | "date_optional_time_nanos"
            | "iso8601"
            | "date_time"
            | "date_time_no_millis" => {
                return Ok(Self::OptionalTime);
            }
            "epoch_millis" => return Ok(Self::EpochMillis),
            "epoch_second" => return Ok(Self::EpochSecond),
            "basic_date" => "yyyyMMdd",
            "basic_date_time" => "yyyyMMdd'T'HHmmss.SSSXX",
            "basic_date_time_no_millis" => "yyyyMMdd'T'HHmmssXX",
            "date" | "year_month_day" => "yyyy-MM-dd",
            "date_hour_minute" => "yyyy-MM-dd'T'HH:mm",
            "date_hour_minute_second" => "yyyy-MM-dd'T'HH:mm:ss",
            "date_hour_minute_second_millis" | "date_hour_minute_second_fraction" => {
                "yyyy-MM-dd'T'HH:mm:ss.SSS"
            }
            "year" => "yyyy",
            "year_month" => "yyyy-MM",
            "ordinal_date" => "yyyy-DDD",
            _ => name,
        };
        parse_pattern(pattern).map(Self::Pattern)
    }

    fn read(&self, text: &str, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::OptionalTime => read_optional_time(text, zone),
            Self::EpochMillis => read_epoch(text, 1e6),
            Self::EpochSecond => read_epoch(text, 1e9),
            Self::Pattern(parts) => read_pattern(parts, text, zone),
        }
    }
}

fn read_epoch(text: &str, nanos_per_unit: f64) -> Option<Timestamp> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || digits.len() > 32 || !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    from_epoch(text.parse().ok()?, nanos_per_unit)
}

/// `2026`, `2026-11`, `2026-11-21`, `2026-11-21T`, `2026-11-21T12[:34[:56[.789]]][Z|+01:00|+0100]`. `T` as in ISO 8601.
fn read_optional_time(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let mut cursor = Cursor(text);
    let year = cursor.number(4, 4)?;
    let (mut month, mut day) = (1, 1);
    if cursor.take('-') {
        month = cursor.number(2, 2)?;
        if cursor.take('-') {
            day = cursor.number(2, 2)?;
        }
    }
    let (mut time, mut offset) = (Time::midnight(), None);
    // What follows `T` is optional too: Kibana's own sample data has dates that end there.
    if cursor.take('T') && !cursor.0.is_empty() {
        let hour = cursor.number(2, 2)?;
        let minute = if cursor.take(':') { cursor.number(2, 2)? } else { 0 };
        let second = if cursor.take(':') { cursor.number(2, 2)? } else { 0 };
        let nanos = if cursor.take('.') || cursor.take(',') { cursor.fraction()? } else { 0 };
        time = Time::new(to_i8(hour)?, to_i8(minute)?, to_i8(second)?, nanos).ok()?;
        if !cursor.0.is_empty() {
            offset = Some(cursor.offset()?);
        }
    }
    if !cursor.0.is_empty() {
        return None;
    }
    let date = Date::new(i16::try_from(year).ok()?, to_i8(month)?, to_i8(day)?).ok()?;
    instant(date.to_datetime(time), offset, zone)
}

fn instant(at: DateTime, offset: Option<Offset>, zone: &TimeZone) -> Option<Timestamp> {
    match offset {
        Some(offset) => offset.to_timestamp(at).ok(),
        None => zone.to_timestamp(at).ok(),
    }
}

fn to_i8(number: i32) -> Option<i8> {
    i8::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_dates() {
        let check = |format: &str, text: &str, expected: Option<&str>| {
            let read = DateFormats::parse(format).unwrap().read(text);
            assert_eq!(read.map(|at| at.to_string()).as_deref(), expected, "{format} {text}");
        };
        let default = DateFormats::default_ref().as_str();
        check(default, "2026-11-21", Some("2026-11-21T00:00:00Z"));
        check(default, "2026-11-21T", Some("2026-11-21T00:00:00Z"));
        check(default, "2026-11-21T12", Some("2026-11-21T12:00:00Z"));
        check(default, "2026-11", Some("2026-11-01T00:00:00Z"));
        check(default, "2026-11-21T12:34", Some("2026-11-21T12:34:00Z"));
        check(default, "2026-11-21T12:34:56.5Z", Some("2026-11-21T12:34:56.5Z"));
        check(default, "2026-11-21T12:34:56.123456789+01:00", Some("2026-11-21T11:34:56.123456789Z"));
        check(default, "2026-11-21T12:34:56-0530", Some("2026-11-21T18:04:56Z"));
        check(default, "2026-02-29", None);
        check(default, "2026-11-21T25:00", None);
        check(default, "2026-11-21 12:00:00", None);
        check(default, "yesterday", None);
        check(default, "1700000000000", Some("2023-11-14T22:13:20Z"));
        check("epoch_second", "1700000000.25", Some("2023-11-14T22:13:20.25Z"));
        check("epoch_second", "12a", None);
        check("yyyy-MM-dd HH:mm:ss", "2026-11-21 12:34:56", Some("2026-11-21T12:34:56Z"));
        check("dd/MMM/yyyy:HH:mm:ss Z", "21/Nov/2026:12:34:56 +0200", Some("2026-11-21T10:34:56Z"));
        check("d.M.yyyy", "1.2.2026", Some("2026-02-01T00:00:00Z"));
        check("basic_date_time_no_millis", "20261121T123456Z", Some("2026-11-21T12:34:56Z"));
        check("hh:mm a", "12:05 AM", Some("1970-01-01T00:05:00Z"));
        check("yyyy-DDD", "2024-366", Some("2024-12-31T00:00:00Z"));
        check("yyyy-MM-dd HH:mm:ss,SSS", "2026-11-21 12:34:56,789", Some("2026-11-21T12:34:56.789Z"));
    }

    #[test]
    fn numbers_are_epochs() {
        let default = DateFormats::default_ref();
        assert_eq!(default.read_number(1_000.0).unwrap().as_millisecond(), 1_000);
        let seconds = DateFormats::parse("epoch_second").unwrap();
        assert_eq!(seconds.read_number(1.5).unwrap().as_millisecond(), 1_500);
        assert_eq!(default.read_number(1e300), None);
        assert_eq!(DateFormats::parse("yyyy").unwrap().read_number(2020.0), None);
    }

    #[test]
    fn unknown_formats_are_named() {
        let error = DateFormats::parse("yyyy||[foo]").unwrap_err();
        assert!(error.contains("[foo]"), "{error}");
        assert!(DateFormats::parse("").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(format in "[a-zA-Z'./: -]{1,20}", text in "\\PC{0,30}") {
            if let Ok(formats) = DateFormats::parse(&format) {
                let _ = formats.read(&text);
            }
            let _ = DateFormats::default_ref().read(&text);
        }

        #[test]
        fn milliseconds_round_trip(millis in -1_000_000_000_000_i64..4_000_000_000_000) {
            let at = Timestamp::from_millisecond(millis).unwrap();
            let formats = DateFormats::default_ref();
            prop_assert_eq!(formats.read(&at.to_string()), Some(at));
            prop_assert_eq!(formats.read_number(millis as f64), Some(at));
        }
    }
}
