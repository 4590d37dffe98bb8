//! The mapping that fits sample events, as a component template.

use crate::time_forms::TimeForm;
use event::Object;
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::IpAddr};

/// Most fields that are looked at.
const FIELDS_MAX: usize = 1_000;
/// Deepest object.
const DEPTH_MAX: usize = 20;
/// Longest text that is a name or a code (`keyword`) rather than something to read (`text`), in bytes.
const KEYWORD_MAX_BYTES: usize = 256;
/// A text with more blanks than this is something to read.
const KEYWORD_BLANKS_MAX: usize = 3;

/// What a field holds, as Elasticsearch calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Boolean,
    Long,
    Double,
    Date,
    Ip,
    Keyword,
    Text,
    Point,
}

#[derive(Default)]
struct Fields {
    types: BTreeMap<String, Type>,
}

/// `{"template": {"mappings": {"properties": …}}}` for events like these.
pub(super) fn propose(events: &[Object]) -> Value {
    let mut fields = Fields::default();
    for event in events {
        fields.object("", event, 0);
    }
    let mut properties = Object::new();
    for (path, kind) in &fields.types {
        insert(&mut properties, path, kind.mapping());
    }
    json!({"template": {"mappings": {"properties": properties}}})
}

impl Fields {
    fn object(&mut self, at: &str, object: &Object, depth: usize) {
        for (key, value) in object {
            let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            self.value(path, value, depth);
        }
    }

    fn value(&mut self, path: String, value: &Value, depth: usize) {
        let kind = match value {
            Value::Null => return,
            Value::Object(object) if is_point(object) => Type::Point,
            Value::Object(object) if depth < DEPTH_MAX => return self.object(&path, object, depth + 1),
            Value::Object(_) => return,
            Value::Array(items) => {
                for item in items {
                    self.value(path.clone(), item, depth);
                }
                return;
            }
            Value::Bool(_) => Type::Boolean,
            Value::Number(number) if number.is_f64() => Type::Double,
            Value::Number(_) => Type::Long,
            Value::String(text) => Type::of_text(text),
        };
        let known = self.types.get(&path).copied();
        if known.is_none() && self.types.len() >= FIELDS_MAX {
            return;
        }
        let merged = known.map_or(kind, |known| known.merge(kind));
        self.types.insert(path, merged);
    }
}

impl Type {
    fn of_text(text: &str) -> Self {
        if text.parse::<IpAddr>().is_ok() {
            return Self::Ip;
        }
        let iso = || TimeForm::of_all(&[text]).is_some_and(|form| form.formats == ["ISO8601"]);
        if text.contains('T') && iso() {
            return Self::Date;
        }
        let blanks = text.bytes().filter(u8::is_ascii_whitespace).count();
        if text.len() > KEYWORD_MAX_BYTES || blanks > KEYWORD_BLANKS_MAX { Self::Text } else { Self::Keyword }
    }

    fn merge(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Long, Self::Double) | (Self::Double, Self::Long) => Self::Double,
            (Self::Text, _) | (_, Self::Text) => Self::Text,
            _ => Self::Keyword,
        }
    }

    fn mapping(self) -> Value {
        match self {
            Self::Boolean => json!({"type": "boolean"}),
            Self::Long => json!({"type": "long"}),
            Self::Double => json!({"type": "double"}),
            Self::Date => json!({"type": "date"}),
            Self::Ip => json!({"type": "ip"}),
            Self::Keyword => json!({"type": "keyword", "ignore_above": 1024}),
            Self::Text => {
                json!({"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}})
            }
            Self::Point => json!({"type": "geo_point"}),
        }
    }
}

fn is_point(object: &Object) -> bool {
    object.len() == 2 && ["lat", "lon"].iter().all(|key| object.get(*key).is_some_and(Value::is_number))
}

/// Puts a field's mapping below those of the objects around it. One that stands below a plain field is left out: no event
/// can have both.
fn insert(properties: &mut Object, path: &str, mapping: Value) {
    let Some((first, rest)) =
        path.split_once('.').filter(|(first, rest)| !first.is_empty() && !rest.is_empty())
    else {
        properties.entry(path.to_owned()).or_insert(mapping);
        return;
    };
    let object = properties.entry(first.to_owned()).or_insert_with(|| json!({"properties": {}}));
    if let Some(inner) = object.get_mut("properties").and_then(Value::as_object_mut) {
        insert(inner, rest, mapping);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_fit_all_values() {
        let events = [
            json!({"a": 1, "b": true, "c": "192.0.2.1", "t": "2026-11-21T10:00:00Z", "p": {"lat": 1.5, "lon": 2.0}, "x": 1, "n": null}),
            json!({"a": 1.5, "b": false, "c": "::1", "m": "a text of more than a few words", "x": "one", "o": {"k": ["v", "w"]}}),
        ];
        let events = events.map(|event| serde_json::from_value(event).unwrap());
        let keyword = json!({"type": "keyword", "ignore_above": 1024});
        let text = json!({"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}});
        let expected = json!({
            "a": {"type": "double"}, "b": {"type": "boolean"}, "c": {"type": "ip"}, "m": text,
            "o": {"properties": {"k": keyword}}, "p": {"type": "geo_point"}, "t": {"type": "date"}, "x": keyword,
        });
        assert_eq!(propose(&events)["template"]["mappings"]["properties"], expected);
        let odd = json!({"a": 1, "a.b": 2, "c..d": 3, ".e": 4});
        let found = propose(&[serde_json::from_value(odd).unwrap()]);
        assert_eq!(found["template"]["mappings"]["properties"]["a"], json!({"type": "long"}));
    }
}
