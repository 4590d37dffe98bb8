//! When an event happened and which index it goes to.

use super::fields::text_at;
use crate::pipeline::write_iso;
use event::{DEVICE_LOGS, ECOMMERCE_LOGS, Event, Timestamp, daily_index};
use jiff::{SignedDuration, civil::DateTime, tz::TimeZone};
use serde_json::Value;

/// How far back the time of an event may lie: 20 years.
const PAST_MAX: SignedDuration = SignedDuration::from_hours(20 * 365 * 24 + 5 * 24);
/// How far ahead: a day, for clocks that are set wrong.
const FUTURE_MAX: SignedDuration = SignedDuration::from_hours(24);

/// Settles the time of an event: its own, else when it was received. The error says why its own is not taken.
pub(super) fn settle_time(event: &mut Event, received_at: Timestamp, now: Timestamp) -> Result<(), String> {
    let known = event.metadata.timestamp;
    let own = match known {
        Some(at) => Some(at),
        None => match event.fields.get("@timestamp") {
            None | Some(Value::Null) => None,
            Some(value) => {
                Some(read_time(value).ok_or_else(|| format!("cannot read the time {value} in @timestamp"))?)
            }
        },
    };
    let at = own.unwrap_or(received_at);
    if own.is_some() {
        check_bounds(at, now)?;
    }
    event.metadata.timestamp = Some(at);
    // A pipeline that settled the time left it as text in the right form.
    if known.is_none() || !event.fields.get("@timestamp").is_some_and(Value::is_string) {
        event.fields.insert("@timestamp".into(), Value::String(format_time(at)));
    }
    Ok(())
}

/// RFC 3339, UTC, milliseconds.
pub(crate) fn format_time(at: Timestamp) -> String {
    let mut text = String::with_capacity(24);
    write_iso(&mut text, at, &TimeZone::UTC);
    text
}

/// A time as pipelines leave it: RFC 3339, without zone in UTC, or milliseconds since 1970.
pub(super) fn read_time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok().or_else(|| {
            let local: DateTime = text.parse().ok()?;
            Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
        }),
        Value::Number(number) => Timestamp::from_millisecond(number.as_i64()?).ok(),
        _ => None,
    }
}

fn check_bounds(at: Timestamp, now: Timestamp) -> Result<(), String> {
    let age = now.duration_since(at);
    if age > PAST_MAX {
        return Err(format!("the time {} lies more than 20 years back", format_time(at)));
    }
    if age < -FUTURE_MAX {
        return Err(format!("the time {} lies more than a day ahead", format_time(at)));
    }
    Ok(())
}

/// Settles the index of an event whose time is settled: what the pipeline chose, else by kind and day (UTC). The error
/// says why the choice is not taken.
pub(super) fn settle_index(event: &mut Event, prefix: Option<&str>, at: Timestamp) -> Result<(), String> {
    if let Some(index) = event.metadata.index.as_deref() {
        let reserved = index.is_empty() || index.starts_with(['.', '_', '-', '+']);
        return if reserved { Err(format!("events cannot go to index {index:?}")) } else { Ok(()) };
    }
    let dataset = text_at(&event.fields, &["event", "dataset"]).unwrap_or_default();
    let prefix = if dataset.starts_with("device.") { DEVICE_LOGS } else { prefix.unwrap_or(ECOMMERCE_LOGS) };
    event.metadata.index = Some(daily_index(prefix, at).into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::Origin;
    use serde_json::json;

    const NOW: &str = "2026-11-21T12:00:00Z";
    const RECEIVED: &str = "2026-11-20T23:59:59.5Z";

    fn event(fields: Value) -> Event {
        Event::new(serde_json::from_value(fields).unwrap(), Origin::Request)
    }

    #[test]
    fn times_are_settled() {
        let check = |own: Value, expected: Result<&str, &str>| {
            let mut event = event(json!({ "@timestamp": own }));
            let settled = settle_time(&mut event, RECEIVED.parse().unwrap(), NOW.parse().unwrap());
            match (settled, expected) {
                (Ok(()), Ok(expected)) => {
                    assert_eq!(event.metadata.timestamp, Some(expected.parse().unwrap()));
                    assert_eq!(read_time(&event.fields["@timestamp"]), event.metadata.timestamp);
                    assert!(event.fields["@timestamp"].is_string());
                }
                (Err(reason), Err(part)) => assert!(reason.contains(part), "{reason:?} has no {part:?}"),
                (found, expected) => panic!("{own}: {found:?} is not {expected:?}"),
            }
        };
        check(json!("2026-11-20T10:00:00.123Z"), Ok("2026-11-20T10:00:00.123Z"));
        check(json!("2026-11-20T10:00:00+02:00"), Ok("2026-11-20T08:00:00Z"));
        check(json!("2026-11-20T10:00:00"), Ok("2026-11-20T10:00:00Z"));
        check(json!(1_763_632_800_000_i64), Ok("2025-11-20T10:00:00Z"));
        check(json!(null), Ok(RECEIVED));
        check(json!("2026-11-22T11:59:59Z"), Ok("2026-11-22T11:59:59Z"));
        check(json!("2026-11-22T12:00:01Z"), Err("more than a day ahead"));
        check(json!("9999-12-30T00:00:00Z"), Err("more than a day ahead"));
        check(json!("2006-11-22T12:00:00Z"), Ok("2006-11-22T12:00:00Z"));
        check(json!("2006-11-20T12:00:00Z"), Err("more than 20 years back"));
        check(json!("1970-01-01T00:00:00Z"), Err("more than 20 years back"));
        check(json!("yesterday"), Err("cannot read the time \"yesterday\""));
        check(json!({}), Err("cannot read the time"));
    }

    #[test]
    fn formatted_times_have_milliseconds() {
        let check = |at: &str, text: &str| assert_eq!(format_time(at.parse().unwrap()), text);
        check("2026-11-20T10:00:00Z", "2026-11-20T10:00:00.000Z");
        check("2026-11-20T10:00:00.123456789Z", "2026-11-20T10:00:00.123Z");
    }

    #[test]
    fn indices_are_settled() {
        let check =
            |dataset: &str, chosen: Option<&str>, prefix: Option<&str>, expected: Result<&str, &str>| {
                let mut event = event(json!({"event": {"dataset": dataset}}));
                event.metadata.index = chosen.map(Into::into);
                match (settle_index(&mut event, prefix, RECEIVED.parse().unwrap()), expected) {
                    (Ok(()), Ok(expected)) => assert_eq!(event.metadata.index.as_deref(), Some(expected)),
                    (Err(reason), Err(part)) => assert!(reason.contains(part), "{reason:?} has no {part:?}"),
                    (found, expected) => panic!("{found:?} is not {expected:?}"),
                }
            };
        check("ecommerce.access", None, None, Ok("ecommerce-logs-2026.11.20"));
        check("device.measurement", None, None, Ok("device-logs-2026.11.20"));
        check("text", None, Some("mine"), Ok("mine-2026.11.20"));
        check("text", Some("chosen"), Some("mine"), Ok("chosen"));
        check("text", Some(".internal"), None, Err("cannot go to index \".internal\""));
    }
}
