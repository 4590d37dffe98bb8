//! Dates as text: Elasticsearch's `format` of a date field.
//!
//! Source: Elasticsearch reference, "format" (built-in names) and `java.time.format.DateTimeFormatter` (patterns).

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::{Offset, TimeZone},
};
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

/// A piece of a Java pattern.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Literal(char),
    /// Number of that meaning; how many digits at least and at most.
    Number(Unit, usize, usize),
    MonthName,
    WeekdayName,
    AmPm,
    /// `+01:00`, `+0100`, `+01`; `Z` for zero.
    Offset,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    Year,
    Month,
    Day,
    DayOfYear,
    Hour,
    Hour12,
    Minute,
    Second,
    Fraction,
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

fn parse_pattern(pattern: &str) -> Result<Vec<Part>, String> {
    let unknown = |what: String| format!("unknown date format \"{pattern}\": {what}");
    let mut parts = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(letter) = chars.next() {
        if letter == '\'' {
            let before = parts.len();
            for quoted in chars.by_ref() {
                if quoted == '\'' {
                    break;
                }
                parts.push(Part::Literal(quoted));
            }
            if parts.len() == before {
                parts.push(Part::Literal('\''));
            }
            continue;
        }
        if !letter.is_ascii_alphabetic() {
            if !"[]".contains(letter) {
                parts.push(Part::Literal(letter));
                continue;
            }
            return Err(unknown("optional sections are not supported".to_owned()));
        }
        let mut count = 1;
        while chars.next_if_eq(&letter).is_some() {
            count += 1;
        }
        let adjacent = chars.peek().is_some_and(char::is_ascii_alphabetic);
        let part = pattern_part(letter, count, adjacent);
        parts.push(part.ok_or_else(|| unknown(format!("letter \"{letter}\" is not supported")))?);
    }
    Ok(parts)
}

/// `adjacent`: another number follows at once, so that a single letter can't take more digits.
fn pattern_part(letter: char, count: usize, adjacent: bool) -> Option<Part> {
    let number = |unit, width: usize| {
        Part::Number(
            unit,
            count,
            if count >= width || adjacent { count.max(width.min(count)) } else { width },
        )
    };
    Some(match (letter, count) {
        ('y' | 'u' | 'Y', 1 | 4) => Part::Number(Unit::Year, 4, 4),
        ('y' | 'u' | 'Y', 2) => Part::Number(Unit::Year, 2, 2),
        ('M' | 'L', 1 | 2) => number(Unit::Month, 2),
        ('M' | 'L', 3..) => Part::MonthName,
        ('d', _) => number(Unit::Day, 2),
        ('D', _) => number(Unit::DayOfYear, 3),
        ('H' | 'k', _) => number(Unit::Hour, 2),
        ('h' | 'K', _) => number(Unit::Hour12, 2),
        ('m', _) => number(Unit::Minute, 2),
        ('s', _) => number(Unit::Second, 2),
        ('S', _) => Part::Number(Unit::Fraction, count, count),
        ('a', _) => Part::AmPm,
        ('E' | 'e', _) => Part::WeekdayName,
        ('Z' | 'X' | 'x' | 'z', _) => Part::Offset,
        _ => return None,
    })
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

fn read_pattern(parts: &[Part], text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let mut cursor = Cursor(text);
    let (mut year, mut month, mut day, mut day_of_year) = (1970, 1, 1, None);
    let (mut hour, mut minute, mut second, mut nanos) = (0, 0, 0, 0);
    let (mut afternoon, mut offset) = (None, None);
    for part in parts {
        match part {
            Part::Literal(expected) => cursor.take(*expected).then_some(())?,
            Part::Number(Unit::Fraction, min, _) => {
                let (value, digits) = cursor.digits(*min, *min)?;
                nanos = value.checked_mul(10_i32.checked_pow(9_u32.checked_sub(digits)?)?)?;
            }
            Part::Number(unit, min, max) => {
                let value = cursor.number(*min, *max)?;
                match unit {
                    Unit::Year if *max == 2 => year = 2000 + value,
                    Unit::Year => year = value,
                    Unit::Month => month = value,
                    Unit::Day => day = value,
                    Unit::DayOfYear => day_of_year = Some(value),
                    Unit::Hour | Unit::Hour12 => hour = value,
                    Unit::Minute => minute = value,
                    Unit::Second => second = value,
                    Unit::Fraction => {}
                }
            }
            Part::MonthName => month = cursor.month_name()?,
            Part::WeekdayName => cursor.word()?,
            Part::AmPm => afternoon = Some(cursor.am_pm()?),
            Part::Offset => offset = Some(cursor.offset()?),
        }
    }
    if !cursor.0.is_empty() {
        return None;
    }
    match afternoon {
        Some(true) if hour < 12 => hour += 12,
        Some(false) if hour == 12 => hour = 0,
        _ => {}
    }
    let time = Time::new(to_i8(hour)?, to_i8(minute)?, to_i8(second)?, nanos).ok()?;
    let year = i16::try_from(year).ok()?;
    let date = match day_of_year {
        Some(number) => {
            Date::new(year, 1, 1).ok()?.with().day_of_year(i16::try_from(number).ok()?).build().ok()?
        }
        None => Date::new(year, to_i8(month)?, to_i8(day)?).ok()?,
    };
    instant(date.to_datetime(time), offset, zone)
}

/// What is left of a text.
struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn take(&mut self, expected: char) -> bool {
        match self.0.strip_prefix(expected) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// Value and number of digits.
    fn digits(&mut self, min: usize, max: usize) -> Option<(i32, u32)> {
        let count = self.0.bytes().take(max).take_while(u8::is_ascii_digit).count();
        if count < min {
            return None;
        }
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        Some((digits.parse().ok()?, u32::try_from(count).ok()?))
    }

    fn number(&mut self, min: usize, max: usize) -> Option<i32> {
        self.digits(min, max).map(|(value, _)| value)
    }

    /// One to nine digits after the point, as nanoseconds.
    fn fraction(&mut self) -> Option<i32> {
        let (value, digits) = self.digits(1, 9)?;
        value.checked_mul(10_i32.checked_pow(9_u32.checked_sub(digits)?)?)
    }

    fn offset(&mut self) -> Option<Offset> {
        if self.take('Z') || self.take('z') {
            return Some(Offset::UTC);
        }
        for name in ["UTC", "GMT"] {
            if let Some(rest) = self.0.strip_prefix(name) {
                self.0 = rest;
                return Some(Offset::UTC);
            }
        }
        let sign = if self.take('+') { 1 } else { self.take('-').then_some(-1)? };
        let hours = self.number(2, 2)?;
        let colon = self.take(':');
        let minutes =
            if colon || self.0.starts_with(|c: char| c.is_ascii_digit()) { self.number(2, 2)? } else { 0 };
        if minutes > 59 {
            return None;
        }
        Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
    }

    fn letters(&mut self) -> Option<String> {
        let count = self.0.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (word, rest) = self.0.split_at(count);
        self.0 = rest;
        (count > 0 && count < 16).then(|| word.to_ascii_lowercase())
    }

    fn word(&mut self) -> Option<()> {
        self.letters().map(|_| ())
    }

    fn month_name(&mut self) -> Option<i32> {
        let word = self.letters()?;
        let at = MONTHS.iter().position(|month| word.len() >= 3 && month.starts_with(&word))?;
        i32::try_from(at + 1).ok()
    }

    fn am_pm(&mut self) -> Option<bool> {
        match self.letters()?.as_str() {
            "am" => Some(false),
            "pm" => Some(true),
            _ => None,
        }
    }
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
