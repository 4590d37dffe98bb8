//! Times as texts.

use super::{DAYS, MONTHS, Token};
use event::Timestamp;
use jiff::tz::{Offset, TimeZone};
use std::fmt::Write as _;

/// `yyyy-MM-dd'T'HH:mm:ss.SSSXXX`: what `date` writes unless told otherwise.
pub(crate) fn write_iso(out: &mut String, time: Timestamp, zone: &TimeZone) {
    let offset = if *zone == TimeZone::UTC { Offset::UTC } else { zone.to_offset(time) };
    let local = offset.to_datetime(time);
    let mut text = *b"0000-00-00T00:00:00.000";
    let parts = [
        (0..4, i32::from(local.year())),
        (5..7, local.month().into()),
        (8..10, local.day().into()),
        (11..13, local.hour().into()),
        (14..16, local.minute().into()),
        (17..19, local.second().into()),
        (20..23, local.subsec_nanosecond() / 1_000_000),
    ];
    for (place, number) in parts {
        if let Some(place) = text.get_mut(place) {
            write_digits(place, number.unsigned_abs());
        }
    }
    if local.year() < 0 {
        out.push('-');
    }
    out.push_str(std::str::from_utf8(&text).unwrap_or_default());
    write_offset(out, offset, true, true);
}

/// At least so many digits: several times as fast as a format string.
fn write_number(out: &mut String, number: i32, width: u32) {
    if number < 0 || width > 9 || number >= 10_i32.saturating_pow(width) {
        let _ = write!(out, "{number:0width$}", width = width as usize);
        return;
    }
    let mut digits = [b'0'; 9];
    if let Some(digits) = digits.get_mut(..width as usize) {
        write_digits(digits, number.unsigned_abs());
        out.push_str(std::str::from_utf8(digits).unwrap_or_default());
    }
}

/// The last digits of a number, as many as there is room for.
fn write_digits(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn write_offset(out: &mut String, offset: Offset, z_for_zero: bool, colon: bool) {
    let seconds = offset.seconds();
    if seconds == 0 && z_for_zero {
        out.push('Z');
        return;
    }
    let (sign, seconds) = if seconds < 0 { ('-', -seconds) } else { ('+', seconds) };
    let colon = if colon { ":" } else { "" };
    let _ = write!(out, "{sign}{:02}{colon}{:02}", seconds / 3600, seconds / 60 % 60);
}

pub(super) fn write_tokens(out: &mut String, tokens: &[Token], time: &jiff::Zoned) {
    for token in tokens {
        match token {
            Token::Literal(literal) => out.push_str(literal),
            Token::Optional(inner) => write_tokens(out, inner, time),
            Token::Field(letter, count) => write_field(out, *letter, *count, time),
        }
    }
}

fn write_field(out: &mut String, letter: char, count: usize, time: &jiff::Zoned) {
    let half = |hour: i8| if hour % 12 == 0 { 12 } else { hour % 12 };
    let number = match letter {
        'y' | 'u' if count == 2 => i32::from(time.year()).rem_euclid(100),
        'y' | 'u' => time.year().into(),
        'M' | 'L' if count >= 3 => {
            let name = MONTHS[usize::try_from(time.month() - 1).unwrap_or(0)];
            out.push_str(if count == 3 { &name[..3] } else { name });
            return;
        }
        'M' | 'L' => time.month().into(),
        'd' => time.day().into(),
        'D' => time.day_of_year().into(),
        'H' => time.hour().into(),
        'k' => {
            if time.hour() == 0 {
                24
            } else {
                time.hour().into()
            }
        }
        'h' => half(time.hour()).into(),
        'K' => (time.hour() % 12).into(),
        'm' => time.minute().into(),
        's' => time.second().into(),
        'S' => time.subsec_nanosecond() / 10_i32.pow(9 - u32::try_from(count).unwrap_or(9)),
        'E' => {
            let name = DAYS[usize::try_from(time.weekday().to_monday_zero_offset()).unwrap_or(0)];
            out.push_str(if count == 4 { name } else { &name[..3] });
            return;
        }
        'a' => {
            out.push_str(if time.hour() < 12 { "AM" } else { "PM" });
            return;
        }
        'V' | 'z' => {
            out.push_str(time.time_zone().iana_name().unwrap_or("Z"));
            return;
        }
        letter => {
            write_offset(
                out,
                time.offset(),
                letter == 'X' || count == 5,
                matches!(letter, 'X' | 'x') && count == 3,
            );
            return;
        }
    };
    write_number(out, number, u32::try_from(count).unwrap_or(1));
}
