use crate::{
    StoreError,
    logs::dsl::{
        aggregations::ast::{CalendarUnit, DateInterval},
        read::{Place, illegal, shown},
    },
};
use serde_json::Value;

/// Reads `1d`, `month`; `None` if that is no calendar interval.
pub(super) fn calendar_interval(text: &str) -> Option<DateInterval> {
    let unit = match text {
        "second" | "1s" => CalendarUnit::Second,
        "minute" | "1m" => CalendarUnit::Minute,
        "hour" | "1h" => CalendarUnit::Hour,
        "day" | "1d" => CalendarUnit::Day,
        "week" | "1w" => CalendarUnit::Week,
        "month" | "1M" => CalendarUnit::Month,
        "quarter" | "1q" => CalendarUnit::Quarter,
        "year" | "1y" => CalendarUnit::Year,
        _ => return None,
    };
    Some(DateInterval::Calendar(unit))
}

/// Reads a time with a unit, `90m`, `1.5h`, as milliseconds.
pub(super) fn millis(text: &str) -> Option<i64> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(split);
    let unit: i64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 7 * 86_400_000,
        _ => return None,
    };
    match number.parse::<i64>() {
        Ok(number) => number.checked_mul(unit),
        Err(_) => number.parse::<f64>().ok().map(|number| (number * unit as f64) as i64),
    }
}

/// Reads `fixed_interval`.
pub(super) fn fixed_interval(text: &str, place: &Place<'_>) -> Result<DateInterval, StoreError> {
    match millis(text) {
        Some(interval) if interval > 0 => Ok(DateInterval::FixedMs(interval)),
        _ => Err(illegal(
            place,
            format!(
                "failed to parse setting [date_histogram.fixedInterval] with value [{text}], expected for example 30s, 5m or 1d"
            ),
        )),
    }
}

/// Reads `offset`: `+6h`, `-1d`, milliseconds.
pub(super) fn offset_ms(value: &Value, place: &Place<'_>) -> Result<i64, StoreError> {
    let read = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => match text.strip_prefix('-') {
            Some(text) => millis(text).map(|offset| -offset),
            None => {
                let text = text.strip_prefix('+').unwrap_or(text);
                millis(text).or_else(|| text.parse().ok())
            }
        },
        _ => None,
    };
    read.ok_or_else(|| {
        illegal(place, format!("cannot read the offset {}, expected for example +6h", shown(value)))
    })
}
