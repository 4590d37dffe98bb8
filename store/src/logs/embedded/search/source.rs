//! The stored document as the caller may see it and wants it.

use super::fields::Mask;
use crate::logs::dsl::{FieldPattern, SourceFilter};
use event::Object;
use serde_json::Value;

/// Removes what is masked. Keys may hold dots: what counts is the dotted path.
pub(super) fn mask(source: &mut Object, mask: &Mask) {
    if !mask.is_empty() {
        mask_below(source, mask, "");
    }
}

fn join(parent: &str, key: &str) -> String {
    if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") }
}

fn mask_below(object: &mut Object, mask: &Mask, path: &str) {
    object.retain(|key, _| !mask.hides(&join(path, key)));
    for (key, value) in object.iter_mut() {
        let path = join(path, key);
        if mask.touches(&path) {
            mask_value(value, mask, &path);
        }
    }
}

fn mask_value(value: &mut Value, mask: &Mask, path: &str) {
    match value {
        Value::Object(object) => mask_below(object, mask, path),
        Value::Array(items) => items.iter_mut().for_each(|item| mask_value(item, mask, path)),
        _ => {}
    }
}

/// Keeps what `_source` asks for. As in Elasticsearch, objects and lists that become empty disappear unless they are
/// asked for themselves: of `a`, when `a.*` is left out, an empty object remains.
pub(crate) fn filter(source: Object, filter: &SourceFilter) -> Object {
    if filter.includes.is_empty() && filter.excludes.is_empty() {
        return source;
    }
    filter_below(source, filter, "", filter.includes.is_empty())
}

fn filter_below(object: Object, filter: &SourceFilter, parent: &str, included: bool) -> Object {
    let mut kept = Object::new();
    for (key, value) in object {
        let path = join(parent, &key);
        if matches_path(&filter.excludes, &path) {
            continue;
        }
        let included = included || matches_path(&filter.includes, &path);
        if let Some(value) = filter_value(value, filter, &path, included) {
            kept.insert(key, value);
        }
    }
    kept
}

fn filter_value(value: Value, filter: &SourceFilter, path: &str, included: bool) -> Option<Value> {
    match value {
        Value::Object(object) => {
            let kept = filter_below(object, filter, path, included);
            (!kept.is_empty() || included).then_some(Value::Object(kept))
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let kept: Vec<Value> =
                items.into_iter().filter_map(|item| filter_element(item, filter, path, included)).collect();
            (!kept.is_empty() || included).then_some(Value::Array(kept))
        }
        other => included.then_some(other),
    }
}

/// An element of an array: an object that becomes empty disappears.
fn filter_element(value: Value, filter: &SourceFilter, path: &str, included: bool) -> Option<Value> {
    let was_empty = value.as_object().is_some_and(Object::is_empty);
    let kept = filter_value(value, filter, path, included)?;
    (was_empty || kept.as_object().is_none_or(|kept| !kept.is_empty())).then_some(kept)
}

fn matches_path(patterns: &[FieldPattern], path: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(path))
}

/// All values at a dotted path.
pub(crate) fn values_of<'s>(object: &'s Object, path: &str) -> Vec<&'s Value> {
    let mut found = Vec::new();
    values_at(object, path, &mut found);
    found
}

/// All values at a dotted path, through arrays of objects and dotted keys.
pub(super) fn values_at<'s>(object: &'s Object, path: &str, found: &mut Vec<&'s Value>) {
    walk(object, path, &mut |value| collect_leaves(value, found));
}

/// All objects at a dotted path, through arrays of objects and dotted keys.
pub(super) fn objects_at<'s>(object: &'s Object, path: &str, found: &mut Vec<&'s Object>) {
    walk(object, path, &mut |value| collect_objects(value, found));
}

/// Hands over what stands at a dotted path.
fn walk<'s>(object: &'s Object, path: &str, at_end: &mut dyn FnMut(&'s Value)) {
    if let Some(value) = object.get(path) {
        at_end(value);
    }
    for (at, _) in path.match_indices('.') {
        if let Some(inner) = object.get(&path[..at]) {
            descend(inner, &path[at + 1..], at_end);
        }
    }
}

fn descend<'s>(value: &'s Value, path: &str, at_end: &mut dyn FnMut(&'s Value)) {
    match value {
        Value::Object(object) => walk(object, path, at_end),
        Value::Array(items) => items.iter().for_each(|item| descend(item, path, at_end)),
        _ => {}
    }
}

fn collect_leaves<'s>(value: &'s Value, found: &mut Vec<&'s Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_leaves(item, found)),
        Value::Null | Value::Object(_) => {}
        leaf => found.push(leaf),
    }
}

fn collect_objects<'s>(value: &'s Value, found: &mut Vec<&'s Object>) {
    match value {
        Value::Object(object) => found.push(object),
        Value::Array(items) => items.iter().for_each(|item| collect_objects(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{logs::embedded::mapping::Mapping, scope::Scope};
    use serde_json::json;

    fn object(value: Value) -> Object {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn masked_fields_disappear_wherever_they_stand() {
        let scope = Scope::none("x").with_masked_fields(["user.email", "card"]);
        let check = |source: Value, expected: Value| {
            let mut source = object(source);
            mask(&mut source, &Mask::new(&scope, &Mapping::default()));
            assert_eq!(Value::Object(source), expected);
        };
        check(json!({"user": {"email": "x", "id": 1}}), json!({"user": {"id": 1}}));
        check(json!({"user.email": "x", "a": 1}), json!({"a": 1}));
        check(json!({"user": [{"email": "x"}, {"id": 2}]}), json!({"user": [{}, {"id": 2}]}));
        check(json!({"card": {"number": 1}}), json!({}));
        check(json!({"card.number": 1, "cards": 2}), json!({"cards": 2}));
        check(json!({"user": {"email.keyword": 1, "emails": 2}}), json!({"user": {"emails": 2}}));
    }

    #[test]
    fn source_filters() {
        let check = |includes: &[&str], excludes: &[&str], expected: Value| {
            let patterns = |list: &[&str]| list.iter().map(|p| FieldPattern::new(*p)).collect();
            let wanted =
                SourceFilter { none: false, includes: patterns(includes), excludes: patterns(excludes) };
            let source = object(json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [{"f": 4}, {"g": 5}]}));
            assert_eq!(Value::Object(filter(source, &wanted)), expected);
        };
        check(&["a"], &[], json!({"a": 1}));
        check(&["b"], &[], json!({"b": {"c": 2, "d": 3}}));
        check(&["b.c"], &[], json!({"b": {"c": 2}}));
        check(&["b.*"], &["*.d"], json!({"b": {"c": 2}}));
        check(&["b.*"], &["b.c", "b.d"], json!({}));
        check(&["b"], &["b.*"], json!({"b": {}}));
        check(&[], &["b.*", "e.*"], json!({"a": 1, "b": {}, "e": []}));
        check(&[], &["b.c", "b.d", "e.g"], json!({"a": 1, "b": {}, "e": [{"f": 4}]}));
        check(&[], &["b", "e.f"], json!({"a": 1, "e": [{"g": 5}]}));
        check(&["nothing"], &[], json!({}));
    }

    #[test]
    fn values_behind_arrays_and_dotted_keys() {
        let source = object(json!({"a": [{"b": [1, 2]}, {"b": 3}], "a.b": 4, "c.d": {"e": 5}}));
        let check = |path: &str, expected: &[i64]| {
            let mut found = Vec::new();
            values_at(&source, path, &mut found);
            let found: Vec<_> = found.into_iter().filter_map(Value::as_i64).collect();
            assert_eq!(found, expected, "{path}");
        };
        check("a.b", &[4, 1, 2, 3]);
        check("c.d.e", &[5]);
        check("x", &[]);
    }
}
