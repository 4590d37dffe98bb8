//! Fields by dotted names. Loggers send nested objects and names with dots, and mappings read both alike; so must who judges.

use event::Object;
use serde_json::{Value, map::Entry};

/// Names of more parts than this stay as they are: no field that counts has so many.
const PARTS_MAX: usize = 20;

/// The value at a dotted path, of nested objects or of names with dots.
pub(crate) fn at<'a>(fields: &'a Object, path: &str) -> Option<&'a Value> {
    let mut dots = path.match_indices('.');
    let nested = dots.find_map(|(dot, _)| at(fields.get(&path[..dot])?.as_object()?, &path[dot + 1..]));
    nested.or_else(|| fields.get(path))
}

/// Makes nested objects of names with dots, so that who changes the event finds each field in one place. What has no room
/// there (a value where an object is needed, or another value) stays under its name.
pub(crate) fn expand(fields: &mut Object) {
    if fields.keys().any(|name| name.contains('.')) {
        let (dotted, plain) =
            std::mem::take(fields).into_iter().partition::<Object, _>(|(name, _)| is_path(name));
        *fields = plain;
        for (name, value) in dotted {
            if let Err(value) = put(fields, &name, value) {
                fields.insert(name, value);
            }
        }
    }
    fields.values_mut().filter_map(Value::as_object_mut).for_each(expand);
}

fn is_path(name: &str) -> bool {
    (2..=PARTS_MAX).contains(&name.split('.').count()) && !name.split('.').any(str::is_empty)
}

/// Gives the value back if there is no room for it.
fn put(fields: &mut Object, path: &str, value: Value) -> Result<(), Value> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    match (fields.entry(first), rest) {
        (Entry::Vacant(free), None) => {
            free.insert(value);
            Ok(())
        }
        (Entry::Occupied(_), None) => Err(value),
        (entry, Some(rest)) => match entry.or_insert_with(|| Object::new().into()) {
            Value::Object(inner) => put(inner, rest, value),
            _ => Err(value),
        },
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
    fn both_spellings_are_found() {
        let check = |fields: Value, expected: Option<i64>| {
            assert_eq!(at(&object(fields.clone()), "a.b.c").and_then(Value::as_i64), expected, "{fields}");
        };
        check(json!({"a": {"b": {"c": 1}}}), Some(1));
        check(json!({"a.b.c": 1}), Some(1));
        check(json!({"a": {"b.c": 1}}), Some(1));
        check(json!({"a.b": {"c": 1}}), Some(1));
        check(json!({"a": {"b": 2}, "a.b": {"c": 1}}), Some(1));
        check(json!({"a": {"b": 2}, "a.b.d": 1}), None);
    }

    #[test]
    fn each_field_comes_to_one_place() {
        let check = |fields: Value, expected: Value| {
            let mut found = object(fields);
            expand(&mut found);
            assert_eq!(Value::Object(found), expected);
        };
        check(json!({"a.b": 1, "a.c": 2, "d": 3}), json!({"d": 3, "a": {"b": 1, "c": 2}}));
        check(json!({"a.b": 1, "a": {"c": 2}}), json!({"a": {"c": 2, "b": 1}}));
        check(json!({"a": {"b.c": 1}}), json!({"a": {"b": {"c": 1}}}));
        check(json!({"a.b": {"c.d": 1}}), json!({"a": {"b": {"c": {"d": 1}}}}));
        check(json!({"a.b": 1, "a": 2}), json!({"a": 2, "a.b": 1}));
        check(json!({"a.b": 1, "a": {"b": 2}}), json!({"a": {"b": 2}, "a.b": 1}));
        check(json!({".": 1, "a..b": 2, "a.": 3}), json!({".": 1, "a..b": 2, "a.": 3}));
        let deep = ["x"; PARTS_MAX + 1].join(".");
        check(json!({&*deep: 1}), json!({&*deep: 1}));
    }
}
