//! What is behind the refusal of a value that its field cannot take: `caused_by`, as Elasticsearch words it.

use super::{
    mapping::{Family, FieldMapping, FieldType},
    range_values::read_range,
    values::read_date,
};
use serde_json::{Value, json};

/// So much of a value is quoted.
const QUOTED_MAX_BYTES: usize = 100;

/// Why the field does not take the value.
pub(super) fn cause(field: &FieldMapping, value: &Value) -> Value {
    if field.field_type.family() == Family::Range {
        let reason = read_range(field, value).err().unwrap_or_default();
        return illegal("illegal_argument_exception", reason);
    }
    if value.is_object() || value.is_array() {
        let token = if value.is_object() { "START_OBJECT" } else { "START_ARRAY" };
        return illegal("illegal_state_exception", format!("Can't get text on a {token}"));
    }
    let text = quoted(value);
    match field.field_type {
        FieldType::Boolean => illegal(
            "illegal_argument_exception",
            format!("Failed to parse value [{text}] as only [true] or [false] are allowed."),
        ),
        FieldType::Ip => {
            illegal("illegal_argument_exception", format!("'{text}' is not an IP string literal."))
        }
        FieldType::Date | FieldType::DateNanos => {
            if let Some(reason) = beyond_nanos(field, value) {
                return illegal("illegal_argument_exception", reason);
            }
            let reason = format!(
                "failed to parse date field [{text}] with format [{}]",
                field.date_formats().as_str()
            );
            let inner = "Failed to parse with all enclosed parsers";
            let mut cause = illegal("illegal_argument_exception", reason);
            cause["caused_by"] = illegal("date_time_parse_exception", inner.to_owned());
            cause
        }
        FieldType::GeoPoint => illegal("parse_exception", "geo_point expected".to_owned()),
        kind => number(kind, value, &text),
    }
}

/// A date that can be read, but not be kept in nanoseconds.
fn beyond_nanos(field: &FieldMapping, value: &Value) -> Option<String> {
    let at = read_date(field.date_formats(), value).filter(|_| field.field_type == FieldType::DateNanos)?;
    let limit = match at.as_nanosecond() {
        ..0 => "before the epoch in 1970",
        _ => "after 2262-04-11T23:47:16.854775807",
    };
    Some(format!("date[{at}] is {limit} and cannot be stored in nanosecond resolution"))
}

fn number(kind: FieldType, value: &Value, text: &str) -> Value {
    let given = value.as_f64().or_else(|| text.trim().parse::<f64>().ok());
    match (kind, given) {
        (FieldType::Long, None) => {
            illegal("illegal_argument_exception", format!("For input string: \"{text}\""))
        }
        (_, None) => illegal("number_format_exception", format!("For input string: \"{text}\"")),
        (FieldType::Byte | FieldType::Short | FieldType::Integer | FieldType::Long, Some(_)) => {
            illegal("illegal_argument_exception", format!("Value [{text}] is out of range for {}", a(kind)))
        }
        (_, Some(_)) => illegal(
            "illegal_argument_exception",
            format!("[{}] supports only finite values, but got [{text}]", kind.name()),
        ),
    }
}

fn a(kind: FieldType) -> String {
    let article = if kind == FieldType::Integer { "an" } else { "a" };
    format!("{article} {}", kind.name())
}

fn illegal(kind: &str, reason: String) -> Value {
    json!({"type": kind, "reason": reason})
}

fn quoted(value: &Value) -> String {
    let mut text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.truncate(text.floor_char_boundary(QUOTED_MAX_BYTES));
    text
}

#[cfg(test)]
mod tests {
    use crate::logs::embedded::{
        convert::{Content, convert},
        mapping::Mapping,
        router::Router,
        schema::IndexSchema,
    };
    use serde_json::{Value, json};
    use std::sync::Arc;

    #[test]
    fn refusals_say_what_is_behind_them() {
        let check = |kind: &str, value: Value, expected: (&str, &str)| {
            let mapping = Mapping::parse(&json!({"properties": {"x": {"type": kind}}})).unwrap();
            let mapping = Arc::new(mapping);
            let schema = Arc::new(IndexSchema::new(&mapping));
            let router = Router::new(mapping, schema, 0);
            let source = json!({"x": value}).as_object().cloned().unwrap();
            let error = convert(&router, "1", Content::Tree(&source), true).unwrap_err();
            assert_eq!(error.code, Some("mapper_parsing_exception"), "{value}");
            let start = format!("failed to parse field [x] of type [{kind}] in document with id '1'.");
            assert!(error.message.starts_with(&start), "{}", error.message);
            let cause = &error.details.as_ref().unwrap()["caused_by"];
            assert_eq!(
                (cause["type"].as_str().unwrap(), cause["reason"].as_str().unwrap()),
                expected,
                "{value}"
            );
        };
        check("long", json!("abc"), ("illegal_argument_exception", "For input string: \"abc\""));
        check("integer", json!("abc"), ("number_format_exception", "For input string: \"abc\""));
        check("byte", json!(300), ("illegal_argument_exception", "Value [300] is out of range for a byte"));
        check("double", json!("x"), ("number_format_exception", "For input string: \"x\""));
        check("long", json!({"a": 1}), ("illegal_state_exception", "Can't get text on a START_OBJECT"));
        check(
            "boolean",
            json!("maybe"),
            (
                "illegal_argument_exception",
                "Failed to parse value [maybe] as only [true] or [false] are allowed.",
            ),
        );
        check(
            "date_nanos",
            json!("1969-10-28T12:12:12.123456789Z"),
            (
                "illegal_argument_exception",
                "date[1969-10-28T12:12:12.123456789Z] is before the epoch in 1970 and cannot be stored in nanosecond resolution",
            ),
        );
        check(
            "long_range",
            json!({"from_x": 1}),
            ("illegal_argument_exception", "error parsing field, with unknown parameter [from_x]"),
        );
        check("ip", json!("x.y"), ("illegal_argument_exception", "'x.y' is not an IP string literal."));
        check(
            "date",
            json!("soon"),
            (
                "illegal_argument_exception",
                "failed to parse date field [soon] with format [strict_date_optional_time||epoch_millis]",
            ),
        );
    }
}
