//! Patterns in Java's letters.

use super::{cursor::Cursor, instant, to_i8};
use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};

/// A piece of a Java pattern.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
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
pub(super) enum Unit {
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

pub(super) fn parse_pattern(pattern: &str) -> Result<Vec<Part>, String> {
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

pub(super) const MONTHS: [&str; 12] = [
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

pub(super) fn read_pattern(parts: &[Part], text: &str, zone: &TimeZone) -> Option<Timestamp> {
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
