use super::pipelines::Takes;
use event::Object;
use serde_json::Value;
use std::borrow::Cow;

/// One record before its pipeline.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A line of text.
    Line(String),
    /// A JSON object.
    Object(Object),
}

/// Reads a text as the pipeline wants it; the error says why it cannot.
pub(super) fn decode_text(text: Cow<'_, str>, takes: Takes) -> Result<Object, String> {
    let looks_like_object = text.trim_start().starts_with('{');
    Ok(match takes {
        Takes::Lines => message(text.into_owned()),
        Takes::Objects => serde_json::from_str(&text).map_err(|error| not_an_object(&text, &error))?,
        Takes::Either if looks_like_object => {
            serde_json::from_str(&text).unwrap_or_else(|_| message(text.into_owned()))
        }
        Takes::Either => message(text.into_owned()),
    })
}

fn message(text: String) -> Object {
    let mut fields = Object::new();
    fields.insert("message".into(), Value::String(text));
    fields
}

fn not_an_object(text: &str, error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => {
            let start: String = text.trim_start().chars().take(20).collect();
            format!("expected a JSON object, found {start:?}")
        }
        _ => format!("not JSON: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_the_pipeline_wants_them() {
        let check = |bytes: &[u8], takes: Takes, expected: Result<&str, &str>| match (
            decode_text(String::from_utf8_lossy(bytes), takes),
            expected,
        ) {
            (Ok(found), Ok(expected)) => {
                assert_eq!(serde_json::to_string(&found).unwrap(), expected, "{bytes:?}");
            }
            (Err(found), Err(part)) => assert!(found.contains(part), "{found:?} has no {part:?}"),
            (found, expected) => panic!("{bytes:?}: {found:?} is not {expected:?}"),
        };
        check(b"GET /", Takes::Lines, Ok(r#"{"message":"GET /"}"#));
        check(br#"{"a":1}"#, Takes::Lines, Ok(r#"{"message":"{\"a\":1}"}"#));
        check(br#" {"a":1}"#, Takes::Objects, Ok(r#"{"a":1}"#));
        check(br#"{"a":1}"#, Takes::Either, Ok(r#"{"a":1}"#));
        check(br#"{"a":1"#, Takes::Either, Ok(r#"{"message":"{\"a\":1"}"#));
        check(b"caf\xe9", Takes::Either, Ok("{\"message\":\"caf\u{fffd}\"}"));
        check(b"[1]", Takes::Objects, Err("expected a JSON object, found \"[1]\""));
        check(b"7", Takes::Objects, Err("expected a JSON object"));
        check(br#"{"a":1"#, Takes::Objects, Err("not JSON"));
        check(b"{}{}", Takes::Objects, Err("not JSON"));
        let deep = "[".repeat(100_000);
        check(format!("{{\"a\":{deep}").as_bytes(), Takes::Objects, Err("not JSON"));
    }
}
