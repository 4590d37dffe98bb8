//! Times in the formats of the `date` processor: named ones and Java's `DateTimeFormatter` patterns.

mod read;
mod write;

use event::Timestamp;
use jiff::tz::TimeZone;
use read::{read_iso, read_pattern, unix};
use write::write_tokens;

pub(crate) use read::time_zone;
pub(crate) use write::write_iso;

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

/// The month of that name, of its first three letters, in any case.
pub(crate) fn month_named(abbreviation: &str) -> Option<i8> {
    let named = |name: &str| name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(abbreviation));
    i8::try_from(MONTHS.iter().position(|name| named(name))? + 1).ok()
}

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
    pub(crate) fn read(&self, text: &str, zone: &TimeZone, now: &dyn Fn() -> Timestamp) -> Option<Timestamp> {
        let text = text.trim();
        if text.is_empty() || text.len() > TEXT_MAX_BYTES {
            return None;
        }
        match self {
            Self::Iso8601 => read_iso(text, zone, now),
            Self::Unix => unix(text, 0),
            Self::UnixMs => unix(text, 3),
            Self::Pattern(tokens) => read_pattern(tokens, text, zone, now),
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(format: &str, text: &str, zone: &str) -> Option<String> {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let zone = time_zone(zone).unwrap();
        let formats = TimeFormat::compile(format).unwrap();
        formats.iter().find_map(|format| format.read(text, &zone, &|| now)).map(|time| time.to_string())
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
            prop_assert_eq!(format.read(&text, &TimeZone::UTC, &|| time), Some(time));
            prop_assert_eq!(TimeFormat::Iso8601.read(&text, &TimeZone::UTC, &|| time), Some(time));
        }

        #[test]
        fn any_text_is_read_or_refused(format in "[yMdHhmsSaEZXxzVD:/ .,'\\[\\]-]{0,16}", text in "[0-9A-Za-z:/ .,+é-]{0,24}") {
            if let Ok(formats) = TimeFormat::compile(&format) {
                for format in formats {
                    let _ = format.read(&text, &TimeZone::UTC, &|| Timestamp::UNIX_EPOCH);
                }
            }
            let _ = TimeFormat::Iso8601.read(&text, &TimeZone::UTC, &|| Timestamp::UNIX_EPOCH);
        }
    }
}
