//! Texts as times.

use super::{DAYS, MONTHS, Token};
use event::Timestamp;
use jiff::{
    civil,
    tz::{Offset, TimeZone},
};

/// What was read so far.
#[derive(Debug, Default, Clone, Copy)]
struct Parts {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    day_of_year: Option<i16>,
    hour: Option<i8>,
    /// 1 to 12, with `afternoon`.
    half_day_hour: Option<i8>,
    afternoon: Option<bool>,
    minute: Option<i8>,
    second: Option<i8>,
    nanos: i32,
    zone: Option<Zone>,
}

#[derive(Debug, Clone, Copy)]
enum Zone {
    Offset(Offset),
    /// A name; where it starts and ends in the text.
    Named(usize, usize),
}

/// Reads a text that is written as a pattern says.
pub(super) fn read_pattern(
    tokens: &[Token],
    text: &str,
    zone: &TimeZone,
    now: &dyn Fn() -> Timestamp,
) -> Option<Timestamp> {
    let mut reader = Reader { text, at: 0, parts: Parts::default() };
    reader.tokens(tokens)?;
    (reader.at == text.len()).then_some(())?;
    reader.parts.resolve(text, zone, now)
}

/// Reads a text from left to right.
struct Reader<'t> {
    text: &'t str,
    at: usize,
    parts: Parts,
}

impl Reader<'_> {
    fn tokens(&mut self, tokens: &[Token]) -> Option<()> {
        for (i, token) in tokens.iter().enumerate() {
            match token {
                Token::Literal(literal) => {
                    self.text.as_bytes().get(self.at..)?.starts_with(literal.as_bytes()).then_some(())?;
                    self.at += literal.len();
                }
                Token::Optional(inner) => {
                    let (at, parts) = (self.at, self.parts);
                    if self.tokens(inner).is_none() {
                        (self.at, self.parts) = (at, parts);
                    }
                }
                Token::Field(letter, count) => {
                    // Numbers side by side have the width that the pattern gives them.
                    let adjacent = matches!(tokens.get(i + 1), Some(Token::Field(next, _)) if !matches!(next, 'Z' | 'X' | 'x' | 'z' | 'a' | 'E'));
                    self.field(*letter, *count, adjacent)?;
                }
            }
        }
        Some(())
    }

    fn field(&mut self, letter: char, count: usize, adjacent: bool) -> Option<()> {
        let one_or_two = if count == 1 && !adjacent { (1, 2) } else { (count, count.max(1)) };
        match letter {
            'y' | 'u' if count == 2 => self.parts.year = Some(2000 + self.number::<i16>(2, 2)?),
            'y' | 'u' => self.parts.year = Some(self.number(if count == 4 { 4 } else { 1 }, 4)?),
            'M' | 'L' if count >= 3 => self.parts.month = Some(self.name(&MONTHS)?),
            'M' | 'L' => self.parts.month = Some(self.number(one_or_two.0, one_or_two.1)?),
            'd' => self.parts.day = Some(self.number(one_or_two.0, one_or_two.1)?),
            'D' => self.parts.day_of_year = Some(self.number(count, 3)?),
            'H' => self.parts.hour = Some(self.number(one_or_two.0, one_or_two.1)?),
            'k' => self.parts.hour = Some(self.number::<i8>(one_or_two.0, one_or_two.1)? % 24),
            'h' | 'K' => self.parts.half_day_hour = Some(self.number::<i8>(one_or_two.0, one_or_two.1)? % 12),
            'm' => self.parts.minute = Some(self.number(one_or_two.0, one_or_two.1)?),
            's' => self.parts.second = Some(self.number(one_or_two.0, one_or_two.1)?),
            'S' => {
                let digits: i32 = self.number(count, count)?;
                self.parts.nanos = digits * 10_i32.pow(9 - u32::try_from(count).ok()?);
            }
            'a' => {
                let half = self.text.get(self.at..self.at + 2)?;
                self.parts.afternoon = Some(if half.eq_ignore_ascii_case("pm") {
                    true
                } else {
                    half.eq_ignore_ascii_case("am").then_some(false)?
                });
                self.at += 2;
            }
            'E' => {
                self.name(&DAYS)?;
            }
            'Z' | 'X' | 'x' => self.parts.zone = Some(Zone::Offset(self.offset()?)),
            'z' | 'V' => {
                let length = self.text[self.at..]
                    .bytes()
                    .take_while(|b| {
                        b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'+' | b'-' | b':')
                    })
                    .count();
                (length > 0).then_some(())?;
                self.parts.zone = Some(Zone::Named(self.at, self.at + length));
                self.at += length;
            }
            _ => return None,
        }
        Some(())
    }

    /// Digits, at least and at most so many.
    fn number<N: TryFrom<i32>>(&mut self, least: usize, most: usize) -> Option<N> {
        let bytes = &self.text.as_bytes()[self.at..];
        let length = bytes.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        (length >= least).then_some(())?;
        let number = bytes[..length]
            .iter()
            .fold(0_i32, |n, digit| n.wrapping_mul(10).wrapping_add(i32::from(digit - b'0')));
        self.at += length;
        N::try_from(number).ok()
    }

    /// An English name, whole or its first three letters, in any case: its place in the list, from 1.
    fn name(&mut self, names: &[&str]) -> Option<i8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let starts =
            |name: &[u8]| rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        let place = names.iter().position(|name| name.as_bytes().get(..3).is_some_and(starts))?;
        let name = names.get(place)?.as_bytes();
        let length = if starts(name) { name.len() } else { 3 };
        self.at += length;
        // `Sept` is common too.
        let is_september = length == 3 && name.starts_with(b"Sept");
        self.at += usize::from(is_september && matches!(rest.get(3), Some(b't' | b'T')));
        i8::try_from(place + 1).ok()
    }

    /// `Z`, `+01`, `+0100`, `+01:00`.
    fn offset(&mut self) -> Option<Offset> {
        let rest = &self.text.as_bytes()[self.at..];
        let sign = match rest.first()? {
            b'Z' | b'z' => {
                self.at += 1;
                return Some(Offset::UTC);
            }
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.at += 1;
        let hours: i32 = self.number(2, 2)?;
        let rest = &self.text.as_bytes()[self.at..];
        let minutes: i32 = match rest.first() {
            Some(b':') if rest.get(1).is_some_and(u8::is_ascii_digit) => {
                self.at += 1;
                self.number(2, 2)?
            }
            Some(b'0'..=b'9') => self.number(2, 2)?,
            _ => 0,
        };
        (minutes < 60).then_some(())?;
        Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
    }

    fn take(&mut self, signs: &[u8]) -> bool {
        let found = self.text.as_bytes().get(self.at).is_some_and(|byte| signs.contains(byte));
        self.at += usize::from(found);
        found
    }
}

/// ISO 8601: a date, then perhaps a time of any precision, then perhaps a zone.
pub(super) fn read_iso(text: &str, zone: &TimeZone, now: &dyn Fn() -> Timestamp) -> Option<Timestamp> {
    iso_parts(text).and_then(|parts| parts.resolve(text, zone, now))
}

fn iso_parts(text: &str) -> Option<Parts> {
    let mut reader = Reader { text, at: 0, parts: Parts::default() };
    reader.parts.year = Some(reader.number(4, 4)?);
    if reader.take(b"-") {
        reader.parts.month = Some(reader.number(1, 2)?);
        if reader.take(b"-") {
            reader.parts.day = Some(reader.number(1, 2)?);
        }
    }
    if reader.take(b"Tt ") {
        reader.parts.hour = Some(reader.number(1, 2)?);
        if reader.take(b":") {
            reader.parts.minute = Some(reader.number(2, 2)?);
            if reader.take(b":") {
                reader.parts.second = Some(reader.number(2, 2)?);
                if reader.take(b".,") {
                    let start = reader.at;
                    let digits: i32 = reader.number(1, 9)?;
                    let length = u32::try_from(reader.at - start).ok()?;
                    reader.parts.nanos = digits.checked_mul(10_i32.checked_pow(9 - length)?)?;
                }
            }
        }
        reader.take(b" ");
        if reader.at < text.len() {
            reader.parts.zone = Some(Zone::Offset(reader.offset()?));
        }
    }
    (reader.at == text.len()).then_some(reader.parts)
}

/// A number of seconds (`scale` 0) or milliseconds (3) since 1970, perhaps with a fraction.
pub(super) fn unix(text: &str, scale: u32) -> Option<Timestamp> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 18 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let places = 9 - scale as usize;
    let mut nanos = whole.parse::<i128>().ok()? * 10_i128.pow(9 - scale);
    let padded: String = fraction.chars().chain(std::iter::repeat('0')).take(places).collect();
    nanos += padded.parse::<i128>().ok()?;
    Timestamp::from_nanosecond(if negative { -nanos } else { nanos }).ok()
}

impl Parts {
    fn resolve(self, text: &str, zone: &TimeZone, now: &dyn Fn() -> Timestamp) -> Option<Timestamp> {
        let Some(year) = self.year else {
            let at = now();
            let year = at.to_zoned(zone.clone()).year();
            let time = Self { year: Some(year), ..self }.resolve(text, zone, now);
            let ahead = time.is_none_or(|time| time.as_second() > at.as_second() + 86_400);
            return if ahead { Self { year: Some(year - 1), ..self }.resolve(text, zone, now) } else { time };
        };
        let date = match self.day_of_year {
            Some(day) => civil::Date::new(year, 1, 1).ok()?.with().day_of_year(day).build().ok()?,
            None => civil::Date::new(year, self.month.unwrap_or(1), self.day.unwrap_or(1)).ok()?,
        };
        let hour = match (self.hour, self.half_day_hour) {
            (Some(hour), _) => hour,
            (None, Some(hour)) => hour + if self.afternoon == Some(true) { 12 } else { 0 },
            (None, None) => 0,
        };
        // A leap second counts as the second before it, as everywhere where time is a number.
        let second = self.second.map_or(0, |second| if second == 60 { 59 } else { second });
        let time = civil::Time::new(hour, self.minute.unwrap_or(0), second, self.nanos).ok()?;
        let local = date.to_datetime(time);
        match self.zone {
            Some(Zone::Offset(offset)) => offset.to_timestamp(local).ok(),
            Some(Zone::Named(start, end)) => time_zone(&text[start..end])?.to_timestamp(local).ok(),
            None => zone.to_timestamp(local).ok(),
        }
    }
}

/// A zone by its name (`Europe/Paris`), its offset (`+01:00`), or one of Java's short names.
pub(crate) fn time_zone(name: &str) -> Option<TimeZone> {
    if let "UTC" | "GMT" | "Z" | "UT" | "Etc/UTC" = name {
        return Some(TimeZone::UTC);
    }
    let offset = name.strip_prefix("UTC").or_else(|| name.strip_prefix("GMT")).unwrap_or(name);
    if offset.starts_with(['+', '-']) {
        let mut reader = Reader { text: offset, at: 0, parts: Parts::default() };
        let fixed = reader.offset()?;
        return (reader.at == offset.len()).then(|| TimeZone::fixed(fixed));
    }
    let region = match name {
        "EST" => return Some(TimeZone::fixed(Offset::constant(-5))),
        "MST" => return Some(TimeZone::fixed(Offset::constant(-7))),
        "EDT" => return Some(TimeZone::fixed(Offset::constant(-4))),
        "CDT" => return Some(TimeZone::fixed(Offset::constant(-5))),
        "MDT" => return Some(TimeZone::fixed(Offset::constant(-6))),
        "PDT" => return Some(TimeZone::fixed(Offset::constant(-7))),
        "CST" => "America/Chicago",
        "PST" => "America/Los_Angeles",
        "CET" | "CEST" => "Europe/Paris",
        name => name,
    };
    TimeZone::get(region).ok()
}
