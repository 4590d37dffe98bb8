//! Times in the formats of the `date` processor: named ones and Java's `DateTimeFormatter` patterns.

use event::Timestamp;
use jiff::{
    civil,
    tz::{Offset, TimeZone},
};
use std::fmt::Write as _;

/// Longest pattern and longest text that is read as a time.
const PATTERN_MAX_BYTES: usize = 256;
const TEXT_MAX_BYTES: usize = 256;
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

/// A compiled format.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TimeFormat {
    /// `ISO8601` and the named formats that are its relatives.
    Iso8601,
    /// `UNIX`: seconds, perhaps with a fraction.
    Unix,
    /// `UNIX_MS`: milliseconds.
    UnixMs,
    /// `dd/MMM/yyyy:HH:mm:ss Z`. English names.
    Pattern(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    Literal(String),
    /// A letter and how often it stands there.
    Field(char, usize),
    /// `[…]`.
    Optional(Vec<Token>),
}

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

impl TimeFormat {
    /// Compiles one entry of `formats`; `a||b` gives several.
    ///
    /// # Errors
    /// Letters that are not supported, unclosed quotes and brackets.
    pub(crate) fn compile(text: &str) -> Result<Vec<Self>, String> {
        if text.len() > PATTERN_MAX_BYTES {
            return Err(format!("format is longer than {PATTERN_MAX_BYTES} bytes"));
        }
        text.split("||").map(Self::compile_one).collect()
    }

    fn compile_one(text: &str) -> Result<Self, String> {
        Ok(match text {
            "ISO8601"
            | "iso8601"
            | "date_optional_time"
            | "strict_date_optional_time"
            | "strict_date_time"
            | "strict_date_optional_time_nanos"
            | "date_time"
            | "date_time_no_millis"
            | "strict_date"
            | "date" => Self::Iso8601,
            "UNIX" | "epoch_second" => Self::Unix,
            "UNIX_MS" | "epoch_millis" => Self::UnixMs,
            "TAI64N" => return Err("format TAI64N is not supported".to_owned()),
            pattern => {
                let mut characters = pattern.chars().peekable();
                Self::Pattern(tokens(&mut characters, false)?)
            }
        })
    }

    /// Reads a time; `None`: the text is not of this format.
    ///
    /// Without a zone in the text `zone` counts; without a year the year of `now`, or the one before when that would
    /// lie more than a day ahead (December's lines read in January).
    pub(crate) fn read(&self, text: &str, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        let text = text.trim();
        if text.is_empty() || text.len() > TEXT_MAX_BYTES {
            return None;
        }
        match self {
            Self::Iso8601 => read_iso(text).and_then(|parts| parts.resolve(text, zone, now)),
            Self::Unix => unix(text, 0),
            Self::UnixMs => unix(text, 3),
            Self::Pattern(tokens) => {
                let mut reader = Reader { text, at: 0, parts: Parts::default() };
                reader.tokens(tokens)?;
                (reader.at == text.len()).then_some(())?;
                reader.parts.resolve(text, zone, now)
            }
        }
    }

    /// Writes a time in a zone.
    pub(crate) fn write(&self, time: Timestamp, zone: &TimeZone) -> String {
        let mut out = String::with_capacity(32);
        match self {
            Self::Iso8601 => write_iso(&mut out, time, zone),
            Self::Unix => out = time.as_second().to_string(),
            Self::UnixMs => out = time.as_millisecond().to_string(),
            Self::Pattern(tokens) => write_tokens(&mut out, tokens, &time.to_zoned(zone.clone())),
        }
        out
    }
}

/// `yyyy-MM-dd'T'HH:mm:ss.SSSXXX`: what `date` writes unless told otherwise.
pub(crate) fn write_iso(out: &mut String, time: Timestamp, zone: &TimeZone) {
    let offset = if *zone == TimeZone::UTC { Offset::UTC } else { zone.to_offset(time) };
    let local = offset.to_datetime(time);
    let _ = write!(
        out,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}",
        local.year(),
        local.month(),
        local.day(),
        local.hour(),
        local.minute(),
        local.second(),
        local.subsec_nanosecond() / 1_000_000
    );
    write_offset(out, offset, true, true);
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

fn tokens(
    characters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    nested: bool,
) -> Result<Vec<Token>, String> {
    let mut tokens: Vec<Token> = Vec::new();
    let literal = |tokens: &mut Vec<Token>, c: char| match tokens.last_mut() {
        Some(Token::Literal(text)) => text.push(c),
        _ => tokens.push(Token::Literal(c.to_string())),
    };
    while let Some(c) = characters.next() {
        match c {
            '\'' if characters.peek() == Some(&'\'') => {
                characters.next();
                literal(&mut tokens, '\'');
            }
            '\'' => loop {
                match characters.next() {
                    Some('\'') if characters.peek() != Some(&'\'') => break,
                    Some('\'') => {
                        characters.next();
                        literal(&mut tokens, '\'');
                    }
                    Some(quoted) => literal(&mut tokens, quoted),
                    None => return Err("format has an unclosed quote".to_owned()),
                }
            },
            '[' if nested => return Err("optional parts cannot be nested in a format".to_owned()),
            '[' => tokens.push(Token::Optional(self::tokens(characters, true)?)),
            ']' if nested => return Ok(tokens),
            'a'..='z' | 'A'..='Z' => {
                let mut count = 1;
                while characters.peek() == Some(&c) {
                    characters.next();
                    count += 1;
                }
                check_letter(c, count)?;
                tokens.push(Token::Field(c, count));
            }
            ']' | '{' | '}' | '#' => return Err(format!("reserved sign \"{c}\" in a format: quote it")),
            c => literal(&mut tokens, c),
        }
    }
    if nested { Err("format has an unclosed bracket".to_owned()) } else { Ok(tokens) }
}

fn check_letter(letter: char, count: usize) -> Result<(), String> {
    let most = match letter {
        'Y' => return Err("\"Y\" is the year of weeks: write \"yyyy\"".to_owned()),
        'y' | 'u' => 4,
        'M' | 'L' | 'E' => 4,
        'd' | 'H' | 'h' | 'k' | 'K' | 'm' | 's' | 'V' => 2,
        'D' | 'X' | 'x' => 3,
        'S' => 9,
        'a' => 1,
        'Z' | 'z' => 5,
        other => return Err(format!("letter \"{other}\" is not supported in a format")),
    };
    if count <= most {
        Ok(())
    } else {
        Err(format!("\"{letter}\" stands {count} times in a format, at most {most}"))
    }
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
                    self.text[self.at..].starts_with(literal.as_str()).then_some(())?;
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
        let rest = &self.text[self.at..];
        let starts =
            |name: &str| rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        for (i, name) in names.iter().enumerate() {
            let length = if starts(name) {
                name.len()
            } else if starts(&name[..3]) {
                3
            } else {
                continue;
            };
            self.at += length;
            // `Sept` is common too.
            if length == 3 && *name == "September" && self.text[self.at..].starts_with(['t', 'T']) {
                self.at += 1;
            }
            return i8::try_from(i + 1).ok();
        }
        None
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
fn read_iso(text: &str) -> Option<Parts> {
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
fn unix(text: &str, scale: u32) -> Option<Timestamp> {
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
    fn resolve(self, text: &str, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        let Some(year) = self.year else {
            let year = now.to_zoned(zone.clone()).year();
            let time = Self { year: Some(year), ..self }.resolve(text, zone, now);
            let ahead = time.is_none_or(|time| time.as_second() > now.as_second() + 86_400);
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

fn write_tokens(out: &mut String, tokens: &[Token], time: &jiff::Zoned) {
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
    let _ = write!(out, "{number:0count$}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(format: &str, text: &str, zone: &str) -> Option<String> {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let zone = time_zone(zone).unwrap();
        let formats = TimeFormat::compile(format).unwrap();
        formats.iter().find_map(|format| format.read(text, &zone, now)).map(|time| time.to_string())
    }

    #[test]
    fn reads_times() {
        let check = |format: &str, text: &str, expected: &str| {
            let expected = (!expected.is_empty()).then(|| expected.to_owned());
            assert_eq!(read(format, text, "UTC"), expected, "{format}: {text}");
        };
        check("dd/MMM/yyyy:HH:mm:ss Z", "17/May/2015:10:05:03 +0200", "2015-05-17T08:05:03Z");
        check("dd/MMM/yyyy:HH:mm:ss Z", "17/may/2015:10:05:03 -0330", "2015-05-17T13:35:03Z");
        check("dd/MMM/yyyy:HH:mm:ss Z", "32/May/2015:10:05:03 +0000", "");
        check("dd/MMM/yyyy:HH:mm:ss Z", "17/May/2015:10:05:03", "");
        check("yyyy-MM-dd HH:mm:ss,SSS", "2026-11-21 12:00:01,250", "2026-11-21T12:00:01.25Z");
        check("yyyyMMddHHmmss", "20261121120001", "2026-11-21T12:00:01Z");
        check("yyyy-MM-dd[ HH:mm]", "2026-11-21", "2026-11-21T00:00:00Z");
        check("yyyy-MM-dd[ HH:mm]", "2026-11-21 10:30", "2026-11-21T10:30:00Z");
        check("MMM d yyyy h:mm a", "Nov 5 2026 3:07 PM", "2026-11-05T15:07:00Z");
        check("EEE, d MMM yyyy HH:mm:ss zzz", "Sat, 21 Nov 2026 12:00:00 GMT", "2026-11-21T12:00:00Z");
        check("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2026-11-21T12:00:00.125+01:00", "2026-11-21T11:00:00.125Z");
        check("yyyy||dd.MM.yyyy", "21.11.2026", "2026-11-21T00:00:00Z");
        check("yyyy-DDD", "2024-366", "2024-12-31T00:00:00Z");
        // The year is missing: this one's, or last year's when that lies ahead.
        check("MMM d HH:mm:ss", "Jan 1 10:00:00", "2026-01-01T10:00:00Z");
        check("MMM d HH:mm:ss", "Dec 31 23:59:60", "2025-12-31T23:59:59Z");
        check("UNIX", "1448018000", "2015-11-20T11:13:20Z");
        check("UNIX", "1448018000.25", "2015-11-20T11:13:20.25Z");
        check("UNIX", "-1", "1969-12-31T23:59:59Z");
        check("UNIX", "1e9", "");
        check("UNIX", "999999999999999999", "");
        check("UNIX_MS", "1448018000456", "2015-11-20T11:13:20.456Z");
        check("ISO8601", "2026-11-21T12:00:00.5+01:00", "2026-11-21T11:00:00.5Z");
        check("ISO8601", "2026-11-21 12:00", "2026-11-21T12:00:00Z");
        check("ISO8601", "2026-11-21T12:00:00Z", "2026-11-21T12:00:00Z");
        check("ISO8601", "2026", "2026-01-01T00:00:00Z");
        check("ISO8601", "2026-02-30", "");
        check("ISO8601", "2026-11-21T25:00", "");
        check("ISO8601", "yesterday", "");
    }

    #[test]
    fn counts_the_zone() {
        assert_eq!(read("yyyy-MM-dd HH:mm", "2026-07-01 12:00", "+02:00").unwrap(), "2026-07-01T10:00:00Z");
        assert_eq!(read("yyyy-MM-dd HH:mm", "2026-07-01 12:00", "EST").unwrap(), "2026-07-01T17:00:00Z");
        assert!(time_zone("Nowhere/Land").is_none());
    }

    #[test]
    fn writes_what_it_reads() {
        let time: Timestamp = "2026-11-05T15:07:09.042Z".parse().unwrap();
        let check = |format: &str, zone: &str, expected: &str| {
            let zone = time_zone(zone).unwrap();
            assert_eq!(TimeFormat::compile(format).unwrap()[0].write(time, &zone), expected, "{format}");
        };
        check("ISO8601", "UTC", "2026-11-05T15:07:09.042Z");
        check("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "+01:00", "2026-11-05T16:07:09.042+01:00");
        check("dd/MMM/yyyy:HH:mm:ss Z", "UTC", "05/Nov/2026:15:07:09 +0000");
        check("EEEE d MMMM yy h a", "UTC", "Thursday 5 November 26 3 PM");
        check("yyyy.MM.dd", "UTC", "2026.11.05");
    }

    #[test]
    fn refuses_formats() {
        for format in ["YYYY-MM-dd", "yyyy'", "[yyyy", "yyyyy", "w", "[a[b]]", "TAI64N", "{"] {
            assert!(TimeFormat::compile(format).is_err(), "{format}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(second in -60_000_000_000_i64..200_000_000_000, milli in 0_i64..1000) {
            let time = Timestamp::from_millisecond(second * 1000 + milli).unwrap();
            let format = &TimeFormat::compile("yyyy-MM-dd'T'HH:mm:ss.SSSXXX").unwrap()[0];
            let text = format.write(time, &TimeZone::UTC);
            prop_assert_eq!(format.read(&text, &TimeZone::UTC, time), Some(time));
            prop_assert_eq!(TimeFormat::Iso8601.read(&text, &TimeZone::UTC, time), Some(time));
        }

        #[test]
        fn any_text_is_read_or_refused(format in "[yMdHhmsSaEZXxzVD:/ .,'\\[\\]-]{0,16}", text in "[0-9A-Za-z:/ .,+é-]{0,24}") {
            if let Ok(formats) = TimeFormat::compile(&format) {
                for format in formats {
                    let _ = format.read(&text, &TimeZone::UTC, Timestamp::UNIX_EPOCH);
                }
            }
            let _ = TimeFormat::Iso8601.read(&text, &TimeZone::UTC, Timestamp::UNIX_EPOCH);
        }
    }
}
