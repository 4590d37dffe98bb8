//! Times as clients write them: absolute, or relative to now with Elasticsearch's date mathematics.

use crate::ApiError;
use jiff::{
    RoundMode, SignedDuration, Span, Timestamp, ToSpan, Unit, Zoned, ZonedRound, civil::Date, tz::TimeZone,
};
use serde_json::Value;

const TEXT_MAX_BYTES: usize = 64;

/// Which end of a range a time stands for. A time that names a longer span (a day, `now/d`) means the span's first
/// millisecond as the beginning of a range and its last as the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    From,
    To,
}

/// A range of `@timestamp` in milliseconds since 1970, both ends included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Range {
    pub(super) from_ms: Option<i64>,
    pub(super) to_ms: Option<i64>,
}

impl Range {
    /// Reads both ends. Where they are relative, "now" is rounded outwards a little (at most to the minute, and to less
    /// than a hundredth of the range), so that equal questions asked shortly one after the other are equal.
    pub(super) fn resolve(
        from: Option<&Value>,
        to: Option<&Value>,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let exact = Self {
            from_ms: from.map(|text| end("from", text, now, End::From)).transpose()?,
            to_ms: to.map(|text| end("to", text, now, End::To)).transpose()?,
        };
        let now_ms = now.as_millisecond();
        let span = exact.to_ms.unwrap_or(now_ms).saturating_sub(exact.from_ms.unwrap_or(now_ms)).max(0);
        let step = match span {
            0..600_000 => 1_000,
            600_000..21_600_000 => 5_000,
            _ => 60_000,
        };
        let floor = now_ms.div_euclid(step) * step;
        let ceiling = floor + step;
        let at = |millis| Timestamp::from_millisecond(millis).unwrap_or(now);
        let range = Self {
            from_ms: from.map(|text| end("from", text, at(floor), End::From)).transpose()?,
            to_ms: to.map(|text| end("to", text, at(ceiling), End::To)).transpose()?,
        };
        match range {
            Self { from_ms: Some(from), to_ms: Some(to) } if from > to => {
                Err(ApiError::field("from", "lies after \"to\""))
            }
            range => Ok(range),
        }
    }
}

fn end(field: &str, value: &Value, now: Timestamp, end: End) -> Result<i64, ApiError> {
    let bad = || {
        ApiError::field(
            field,
            format!(
                "cannot read a time from {value}: use RFC 3339, a day, milliseconds since 1970, or now-24h"
            ),
        )
    };
    match value {
        Value::Number(number) => number.as_i64().filter(|millis| in_range(*millis)).ok_or_else(bad),
        Value::String(text) if text.len() <= TEXT_MAX_BYTES => parse(text.trim(), now, end).ok_or_else(bad),
        _ => Err(bad()),
    }
}

fn in_range(millis: i64) -> bool {
    Timestamp::from_millisecond(millis).is_ok()
}

fn parse(text: &str, now: Timestamp, end: End) -> Option<i64> {
    if let Some(mathematics) = text.strip_prefix("now") {
        return relative(now, mathematics, end);
    }
    if text.len() > 10 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().filter(|millis| in_range(*millis));
    }
    if let Ok(day) = text.parse::<Date>()
        && text.len() <= 10
    {
        let start = day.to_zoned(TimeZone::UTC).ok()?;
        return match end {
            End::From => Some(start.timestamp().as_millisecond()),
            End::To => Some(start.checked_add(1.day()).ok()?.timestamp().as_millisecond() - 1),
        };
    }
    text.parse::<Timestamp>().ok().map(|time| time.as_millisecond())
}

/// `now` followed by `+1h`, `-7d`, `/d`, … in any number, applied from left to right.
fn relative(now: Timestamp, mut text: &str, end: End) -> Option<i64> {
    let mut time = now.to_zoned(TimeZone::UTC);
    let mut rounded = false;
    while let Some(operator) = text.chars().next() {
        text = &text[operator.len_utf8()..];
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = text.split_at(digits);
        let unit = rest.chars().next()?;
        text = &rest[unit.len_utf8()..];
        match operator {
            '/' if number.is_empty() => {
                time = round(&time, unit, end)?;
                rounded = true;
            }
            '+' | '-' => {
                let number: i64 = if number.is_empty() { 1 } else { number.parse().ok()? };
                let number = if operator == '-' { -number } else { number };
                time = time.checked_add(span(number, unit)?).ok()?;
            }
            _ => return None,
        }
    }
    let millis = time.timestamp().as_millisecond();
    Some(if rounded && end == End::To { millis - 1 } else { millis })
}

fn span(number: i64, unit: char) -> Option<Span> {
    let span = Span::new();
    match unit {
        's' => span.try_seconds(number),
        'm' => span.try_minutes(number),
        'h' | 'H' => span.try_hours(number),
        'd' => span.try_days(number),
        'w' => span.try_weeks(number),
        'M' => span.try_months(number),
        'y' => span.try_years(number),
        _ => return None,
    }
    .ok()
}

/// The start of the unit that holds the time; for the end of a range the start of the next.
fn round(time: &Zoned, unit: char, end: End) -> Option<Zoned> {
    let day = time.start_of_day().ok()?;
    let start = match unit {
        's' | 'm' | 'h' | 'H' => {
            let unit = match unit {
                's' => Unit::Second,
                'm' => Unit::Minute,
                _ => Unit::Hour,
            };
            time.round(ZonedRound::new().smallest(unit).mode(RoundMode::Trunc)).ok()?
        }
        'd' => day,
        'w' => day.checked_sub(i64::from(day.weekday().to_monday_zero_offset()).days()).ok()?,
        'M' => day.first_of_month().ok()?,
        'y' => day.first_of_year().ok()?,
        _ => return None,
    };
    match end {
        End::From => Some(start),
        End::To => start.checked_add(span(1, unit)?).ok(),
    }
}

/// A length of time: a number with `s`, `m`, `h`, `d` or `w`, in milliseconds.
pub(super) fn parse_interval(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let number: i64 = text[..text.len() - unit.len_utf8()].parse().ok().filter(|number| *number > 0)?;
    let unit = match unit {
        's' => SignedDuration::from_secs(1),
        'm' => SignedDuration::from_mins(1),
        'h' => SignedDuration::from_hours(1),
        'd' => SignedDuration::from_hours(24),
        'w' => SignedDuration::from_hours(24 * 7),
        _ => return None,
    };
    number.checked_mul(i64::try_from(unit.as_millis()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const NOW: &str = "2026-11-21T12:34:56.789Z";

    fn millis(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn times() {
        let check = |text: &str, kind: End, expected: Option<&str>| {
            let found = parse(text, NOW.parse().unwrap(), kind);
            assert_eq!(found, expected.map(millis), "{text} {kind:?}");
        };
        check("now", End::From, Some(NOW));
        check("now-1h", End::From, Some("2026-11-21T11:34:56.789Z"));
        check("now-h", End::From, Some("2026-11-21T11:34:56.789Z"));
        check("now+15m", End::To, Some("2026-11-21T12:49:56.789Z"));
        check("now-1M", End::From, Some("2026-10-21T12:34:56.789Z"));
        check("now/d", End::From, Some("2026-11-21T00:00:00Z"));
        check("now/d", End::To, Some("2026-11-21T23:59:59.999Z"));
        check("now-7d/d", End::From, Some("2026-11-14T00:00:00Z"));
        check("now/w", End::From, Some("2026-11-16T00:00:00Z"));
        check("now/M", End::To, Some("2026-11-30T23:59:59.999Z"));
        check("now/y", End::From, Some("2026-01-01T00:00:00Z"));
        check("now/h", End::From, Some("2026-11-21T12:00:00Z"));
        check("2026-11-20", End::From, Some("2026-11-20T00:00:00Z"));
        check("2026-11-20", End::To, Some("2026-11-20T23:59:59.999Z"));
        check("2026-11-20T10:00:00+02:00", End::From, Some("2026-11-20T08:00:00Z"));
        check("1795262096789", End::From, Some("2026-11-21T11:54:56.789Z"));
        for bad in [
            "",
            "yesterday",
            "now-",
            "now-1x",
            "now*2",
            "now-1",
            "now/3d",
            "2026-13-01",
            "now-99999999999999999999d",
        ] {
            check(bad, End::From, None);
        }
    }

    #[test]
    fn now_is_rounded_outwards() {
        let range = |from: &str, to: &str| {
            Range::resolve(Some(&json!(from)), Some(&json!(to)), NOW.parse().unwrap()).unwrap()
        };
        let check = |from: &str, to: &str, expected: (&str, &str)| {
            let expected = Range { from_ms: Some(millis(expected.0)), to_ms: Some(millis(expected.1)) };
            assert_eq!(range(from, to), expected, "{from} {to}");
        };
        check("now-5m", "now", ("2026-11-21T12:29:56Z", "2026-11-21T12:34:57Z"));
        check("now-1d", "now", ("2026-11-20T12:34:00Z", "2026-11-21T12:35:00Z"));
        check("2026-11-20T00:00:00Z", "now", ("2026-11-20T00:00:00Z", "2026-11-21T12:35:00Z"));
        assert!(Range::resolve(Some(&json!("now")), Some(&json!("now-1h")), NOW.parse().unwrap()).is_err());
        assert!(Range::resolve(Some(&json!([])), None, NOW.parse().unwrap()).is_err());
    }

    #[test]
    fn intervals() {
        let check = |text: &str, expected| assert_eq!(parse_interval(text), expected, "{text}");
        check("1s", Some(1_000));
        check("5m", Some(300_000));
        check("2h", Some(7_200_000));
        check("1d", Some(86_400_000));
        check("1w", Some(604_800_000));
        for bad in ["", "s", "0s", "-1m", "1", "1y", "1é", "9999999999999999d"] {
            check(bad, None);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(now)?[-+/0-9smhdwMy]{0,12}|\\PC{0,20}") {
            let _ = parse(&text, NOW.parse().unwrap(), End::To);
            let _ = parse_interval(&text);
        }
    }
}
