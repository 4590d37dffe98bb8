//! Names of indices in paths and parameters, with date math: `<logs-{now/d}>`.
//!
//! Source: Elasticsearch reference, "Date math support in index names".

use super::error::ElasticError;
use axum::http::StatusCode;
use jiff::{Timestamp, ToSpan, Unit, Zoned, tz::TimeZone};

/// Longest name with date math.
const EXPRESSION_MAX_BYTES: usize = 1_000;

/// The pattern that means all indices.
pub(super) fn everything() -> Vec<String> {
    vec!["*".to_owned()]
}

/// The names and patterns of a path segment.
pub(super) fn patterns(index: &str) -> Result<Vec<String>, ElasticError> {
    if index == "_all" || index.is_empty() {
        return Ok(everything());
    }
    let parts = split(index).into_iter().map(str::trim).filter(|part| !part.is_empty());
    parts
        .enumerate()
        .map(|(at, part)| {
            if (part.starts_with('_') && part != "_all") || (at == 0 && part.starts_with('-')) {
                return Err(ElasticError::new(
                    StatusCode::BAD_REQUEST,
                    "invalid_index_name_exception",
                    format!("Invalid index name [{part}], must not start with '_', '-', or '+'"),
                ));
            }
            resolve(part)
        })
        .collect()
}

/// At commas outside of `<…>`.
fn split(index: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    index
        .split(move |c: char| {
            match c {
                '<' => depth += 1,
                '>' => depth = depth.saturating_sub(1),
                _ => {}
            }
            c == ',' && depth == 0
        })
        .collect()
}

/// A name with its date math worked out.
pub(super) fn resolve(name: &str) -> Result<String, ElasticError> {
    if name.starts_with('<') && name.ends_with('>') {
        resolve_at(name, Timestamp::now())
    } else {
        Ok(name.to_owned())
    }
}

fn resolve_at(name: &str, now: Timestamp) -> Result<String, ElasticError> {
    let bad = || ElasticError::illegal(format!("invalid dynamic name expression [{name}]"));
    if name.len() > EXPRESSION_MAX_BYTES {
        return Err(bad());
    }
    let mut rest = name.get(1..name.len() - 1).ok_or_else(bad)?;
    let mut out = String::new();
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        let (expression, after) = placeholder(&rest[open..]).ok_or_else(bad)?;
        out.push_str(&date(expression, now).ok_or_else(bad)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out.to_lowercase())
}

/// What is in the braces at the start of the text, and what is behind them.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((text.get(1..at)?, text.get(at + 1..)?));
        }
    }
    None
}

/// `now-1d/M{yyyy.MM|+09:00}` as text.
fn date(expression: &str, now: Timestamp) -> Option<String> {
    let (math, format) = match expression.split_once('{') {
        Some((math, format)) => (math, format.strip_suffix('}')?),
        None => (expression, "yyyy.MM.dd"),
    };
    let (format, zone) = match format.split_once('|') {
        Some((format, zone)) => (format, zone_of(zone)?),
        None => (format, TimeZone::UTC),
    };
    let mut at = now.to_zoned(zone);
    let mut rest = math.strip_prefix("now")?;
    while let Some(sign) = rest.chars().next() {
        rest = rest.get(1..)?;
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: i64 = if digits == 0 { 1 } else { rest.get(..digits)?.parse().ok()? };
        let unit = rest.get(digits..)?.chars().next()?;
        rest = rest.get(digits + 1..)?;
        at = match sign {
            '+' => shift(&at, count, unit)?,
            '-' => shift(&at, count.checked_neg()?, unit)?,
            '/' => floor(&at, unit)?,
            _ => return None,
        };
    }
    at.strftime(&strftime(format)?).to_string().into()
}

fn zone_of(text: &str) -> Option<TimeZone> {
    if text == "UTC" || text == "Z" {
        return Some(TimeZone::UTC);
    }
    match text.strip_prefix(['+', '-']) {
        Some(offset) => {
            let (hours, minutes) = offset.split_once(':').unwrap_or((offset, "0"));
            let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
            let seconds = if text.starts_with('-') { -seconds } else { seconds };
            Some(jiff::tz::Offset::from_seconds(seconds).ok()?.to_time_zone())
        }
        None => TimeZone::get(text).ok(),
    }
}

fn shift(at: &Zoned, count: i64, unit: char) -> Option<Zoned> {
    let span = match unit {
        'y' => 1.year(),
        'M' => 1.month(),
        'w' => 1.week(),
        'd' => 1.day(),
        'h' | 'H' => 1.hour(),
        'm' => 1.minute(),
        's' => 1.second(),
        _ => return None,
    };
    at.checked_add(span.checked_mul(count).ok()?).ok()
}

fn floor(at: &Zoned, unit: char) -> Option<Zoned> {
    let day = at.start_of_day().ok()?;
    match unit {
        'y' => day.first_of_year().ok()?.start_of_day().ok(),
        'M' => day.first_of_month().ok()?.start_of_day().ok(),
        'w' => {
            let back = i64::from(day.weekday().to_monday_zero_offset());
            day.checked_sub(back.days()).ok()?.start_of_day().ok()
        }
        'd' => Some(day),
        'h' | 'H' => trunc(at, Unit::Hour),
        'm' => trunc(at, Unit::Minute),
        's' => trunc(at, Unit::Second),
        _ => None,
    }
}

fn trunc(at: &Zoned, unit: Unit) -> Option<Zoned> {
    at.round(jiff::ZonedRound::new().smallest(unit).mode(jiff::RoundMode::Trunc)).ok()
}

/// A Java date pattern of the letters that names use, as strftime's.
fn strftime(format: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        let mut count = 1;
        while chars.next_if_eq(&c).is_some() {
            count += 1;
        }
        let token = match (c, count) {
            ('y' | 'u', 4) => "%Y",
            ('y' | 'u', 2) => "%y",
            ('Y' | 'x', 4) => "%G",
            ('M', 2) => "%m",
            ('d', 2) => "%d",
            ('D', 3) => "%j",
            ('H', 2) => "%H",
            ('m', 2) => "%M",
            ('s', 2) => "%S",
            ('w', 2) => "%V",
            ('.' | '-' | '_', _) => {
                out.extend(std::iter::repeat_n(c, count));
                continue;
            }
            _ => return None,
        };
        out.push_str(token);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_math_in_names() {
        let now: Timestamp = "2024-03-22T23:30:00Z".parse().unwrap();
        let check =
            |name: &str, expected: &str| assert_eq!(resolve_at(name, now).unwrap(), expected, "{name}");
        check("<logstash-{now/d}>", "logstash-2024.03.22");
        check("<logstash-{now/M}>", "logstash-2024.03.01");
        check("<logstash-{now/M{yyyy.MM}}>", "logstash-2024.03");
        check("<logstash-{now/M-1M{yyyy.MM}}>", "logstash-2024.02");
        check("<logstash-{now/d{yyyy.MM.dd|+12:00}}>", "logstash-2024.03.23");
        check("<logs-{now/d-2d}-000001>", "logs-2024.03.20-000001");
        check("<plain>", "plain");
        for bad in ["<a{now/d>", "<a{then}>", "<a{now/q}>", "<a{now{qq}}>", "<a{now+}>"] {
            assert!(resolve_at(bad, now).is_err(), "{bad}");
        }
    }

    #[test]
    fn lists_are_split_outside_of_date_math() {
        assert_eq!(patterns("a,b*").unwrap(), ["a", "b*"]);
        assert_eq!(patterns("_all").unwrap(), ["*"]);
        assert_eq!(split("a,<b-{now/d{yyyy,MM}}>,c").len(), 3);
    }
}
