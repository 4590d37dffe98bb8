//! Small helpers over the nested fields of an event.

use event::Object;
use serde_json::Value;

/// The object under a key, made if absent. Anything else that stands there moves to `labels.<key>` as text.
pub(crate) fn object_at<'a>(fields: &'a mut Object, key: &str) -> &'a mut Object {
    if !fields.get(key).is_some_and(Value::is_object)
        && let Some(odd) = fields.insert(key.to_owned(), Value::Object(Object::new()))
        && !odd.is_null()
    {
        let text = if let Value::String(text) = odd { text } else { odd.to_string() };
        if key == "labels" {
            fields.insert(key.to_owned(), serde_json::json!({ "labels": text }));
        } else {
            object_at(fields, "labels").insert(key.to_owned(), Value::String(text));
        }
    }
    fields.get_mut(key).and_then(Value::as_object_mut).expect("an object was just put there")
}

/// Puts a value where there is none; of objects, each member where there is none.
pub(crate) fn fill(fields: &mut Object, key: &str, value: Value) {
    match (fields.get(key), value) {
        (None | Some(Value::Null), value) => {
            fields.insert(key.to_owned(), value);
        }
        (Some(_), Value::Object(members)) => {
            let there = object_at(fields, key);
            for (name, member) in members {
                fill(there, &name, member);
            }
        }
        _ => {}
    }
}

/// The text at a path of keys.
pub(crate) fn text_at<'a>(fields: &'a Object, path: &[&str]) -> Option<&'a str> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(fields.get(*first)?, |value, key| value.get(*key))?.as_str()
}

/// Adds a tag.
pub(crate) fn add_tag(fields: &mut Object, tag: &str) {
    match fields.get_mut("tags") {
        Some(Value::Array(tags)) => tags.push(tag.into()),
        Some(Value::String(only)) => {
            let only = std::mem::take(only);
            fields.insert("tags".into(), Value::Array(vec![only.into(), tag.into()]));
        }
        _ => {
            fields.insert("tags".into(), Value::Array(vec![tag.into()]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Object {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn odd_values_move_to_labels() {
        let check = |fields: Value, key: &str, expected: Value| {
            let mut fields = object(fields);
            object_at(&mut fields, key).insert("id".into(), 1.into());
            assert_eq!(Value::Object(fields), expected);
        };
        check(json!({}), "event", json!({"event": {"id": 1}}));
        check(json!({"event": {"a": 2}}), "event", json!({"event": {"a": 2, "id": 1}}));
        check(json!({"event": null}), "event", json!({"event": {"id": 1}}));
        check(json!({"event": "click"}), "event", json!({"event": {"id": 1}, "labels": {"event": "click"}}));
        check(json!({"event": [1]}), "event", json!({"event": {"id": 1}, "labels": {"event": "[1]"}}));
        check(json!({"labels": "x"}), "labels", json!({"labels": {"labels": "x", "id": 1}}));
        check(
            json!({"labels": 5, "event": true}),
            "event",
            json!({"labels": {"labels": "5", "event": "true"}, "event": {"id": 1}}),
        );
    }

    #[test]
    fn only_what_is_absent_is_filled() {
        let check = |fields: Value, value: Value, expected: Value| {
            let mut fields = object(fields);
            fill(&mut fields, "log", value);
            assert_eq!(Value::Object(fields), expected);
        };
        check(json!({}), json!({"level": "info"}), json!({"log": {"level": "info"}}));
        check(
            json!({"log": {"level": "error"}}),
            json!({"level": "info"}),
            json!({"log": {"level": "error"}}),
        );
        check(json!({"log": {"a": 1}}), json!({"b": {"c": 2}}), json!({"log": {"a": 1, "b": {"c": 2}}}));
        check(json!({"log": "x"}), json!({"a": 1}), json!({"labels": {"log": "x"}, "log": {"a": 1}}));
        check(json!({"log": null}), json!("x"), json!({"log": "x"}));
        check(json!({"log": "x"}), json!("y"), json!({"log": "x"}));
    }

    #[test]
    fn tags_are_added() {
        let check = |fields: Value, expected: Value| {
            let mut fields = object(fields);
            add_tag(&mut fields, "t");
            assert_eq!(fields["tags"], expected);
        };
        check(json!({}), json!(["t"]));
        check(json!({"tags": ["a"]}), json!(["a", "t"]));
        check(json!({"tags": "a"}), json!(["a", "t"]));
    }
}
