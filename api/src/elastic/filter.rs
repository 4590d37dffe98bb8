//! Parts of JSON by path: `filter_path` of answers, `_source` of documents.

use event::Object;
use serde_json::Value;
use store::scope::wildcard_match;

/// Longest path that is followed, in names.
const DEPTH_MAX: usize = 64;

/// What stays of a document; `_source` and its companions.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct SourceFilter {
    pub(super) wanted: bool,
    includes: Vec<String>,
    excludes: Vec<String>,
}

impl SourceFilter {
    /// All or nothing.
    pub(super) fn whole(wanted: bool) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// From the values of `_source`, `_source_includes`, `_source_excludes`.
    pub(super) fn from_parameters(
        source: Option<&str>,
        includes: Option<&str>,
        excludes: Option<&str>,
    ) -> Option<Self> {
        if source.is_none() && includes.is_none() && excludes.is_none() {
            return None;
        }
        let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        let mut filter = Self::whole(source != Some("false"));
        filter.includes = match source {
            None | Some("" | "true" | "false") => Vec::new(),
            Some(fields) => list(fields),
        };
        filter.includes.extend(includes.map(list).unwrap_or_default());
        filter.excludes = excludes.map(list).unwrap_or_default();
        Some(filter)
    }

    /// From a member `_source` of a body.
    pub(super) fn from_json(value: &Value) -> Self {
        let list = |value: Option<&Value>| -> Vec<String> {
            match value {
                Some(Value::String(one)) => one.split(',').map(str::to_owned).collect(),
                Some(Value::Array(many)) => {
                    many.iter().filter_map(|m| m.as_str().map(str::to_owned)).collect()
                }
                _ => Vec::new(),
            }
        };
        match value {
            Value::Bool(wanted) => Self::whole(*wanted),
            Value::String(text) if text == "true" || text == "false" => Self::whole(text == "true"),
            Value::Object(body) => Self {
                wanted: true,
                includes: list(body.get("includes").or_else(|| body.get("include"))),
                excludes: list(body.get("excludes").or_else(|| body.get("exclude"))),
            },
            other => Self { wanted: true, includes: list(Some(other)), excludes: Vec::new() },
        }
    }

    /// What stays.
    pub(super) fn apply(&self, source: Object) -> Object {
        if self.includes.is_empty() && self.excludes.is_empty() {
            return source;
        }
        keep(source, "", &self.includes, &self.excludes, self.includes.is_empty())
    }
}

fn keep(object: Object, parent: &str, includes: &[String], excludes: &[String], included: bool) -> Object {
    let mut out = Object::new();
    for (name, value) in object {
        let path = if parent.is_empty() { name.clone() } else { format!("{parent}.{name}") };
        if excludes.iter().any(|pattern| wildcard_match(pattern, &path)) {
            continue;
        }
        let whole = included || includes.iter().any(|pattern| wildcard_match(pattern, &path));
        // An object may hold what is wanted although it is not named itself.
        let below = whole || includes.iter().any(|pattern| leads_below(pattern, &path));
        match value {
            Value::Object(inner) if below => {
                let was_empty = inner.is_empty();
                let inner = keep(inner, &path, includes, excludes, whole);
                if !inner.is_empty() || (whole && was_empty) {
                    out.insert(name, Value::Object(inner));
                }
            }
            Value::Array(items) if below && items.iter().any(Value::is_object) => {
                let items: Vec<Value> = items
                    .into_iter()
                    .filter_map(|item| match item {
                        Value::Object(inner) => {
                            let inner = keep(inner, &path, includes, excludes, whole);
                            (!inner.is_empty()).then_some(Value::Object(inner))
                        }
                        other => whole.then_some(other),
                    })
                    .collect();
                if !items.is_empty() {
                    out.insert(name, Value::Array(items));
                }
            }
            value if whole => drop(out.insert(name, value)),
            _ => {}
        }
    }
    out
}

/// Whether a pattern may match something below the path.
fn leads_below(pattern: &str, path: &str) -> bool {
    let mut pattern_names = pattern.split('.');
    for name in path.split('.') {
        match pattern_names.next() {
            Some(part) if part.contains('*') && !part.ends_with('*') => return true,
            Some(part) if wildcard_match(part, name) => {}
            // A star also covers dots.
            Some(part) if part.contains('*') => return true,
            _ => return pattern.contains('*') && wildcard_match(pattern, path),
        }
    }
    pattern_names.next().is_some() || pattern.contains('*')
}

/// What `filter_path` leaves of an answer: paths with `*` for a name and `**` for any number of names; those after `-`
/// are taken away.
pub(super) fn filter_path(answer: Value, paths: &str) -> Value {
    let split = |path: &str| path.split('.').map(str::to_owned).collect::<Vec<String>>();
    let (without, with): (Vec<&str>, Vec<&str>) = paths
        .split(',')
        .map(str::trim)
        .filter(|path| !path.is_empty())
        .partition(|path| path.starts_with('-'));
    let mut answer = answer;
    if !with.is_empty() {
        let with: Vec<Vec<String>> = with.into_iter().map(split).collect();
        let with: Vec<&[String]> = with.iter().map(Vec::as_slice).collect();
        answer = include(answer, &with, 0).unwrap_or_else(|| Value::Object(Object::new()));
    }
    for path in without {
        let path = split(&path[1..]);
        exclude(&mut answer, &[&path], 0);
    }
    answer
}

/// Where each path goes from here under that name: the rests of those that match.
fn step<'a>(paths: &[&'a [String]], name: &str) -> Vec<&'a [String]> {
    let mut next: Vec<&'a [String]> = Vec::new();
    for path in paths {
        let mut path = *path;
        while let Some((head, rest)) = path.split_first() {
            if head != "**" {
                if wildcard_match(head, name) {
                    next.push(rest);
                }
                break;
            }
            // Any number of names: stay, or go on as if it were not there.
            next.push(path);
            path = rest;
            if path.is_empty() {
                next.push(path);
            }
        }
    }
    next
}

fn include(value: Value, paths: &[&[String]], depth: usize) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    if paths.iter().any(|path| path.is_empty()) {
        return Some(value);
    }
    match value {
        Value::Object(object) => {
            let kept: Object = object
                .into_iter()
                .filter_map(|(name, value)| {
                    let next = step(paths, &name);
                    if next.is_empty() { None } else { Some((name, include(value, &next, depth + 1)?)) }
                })
                .collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(items) => {
            let kept: Vec<Value> =
                items.into_iter().filter_map(|item| include(item, paths, depth + 1)).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        _ => None,
    }
}

fn exclude(value: &mut Value, paths: &[&[String]], depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::Object(object) => object.retain(|name, value| {
            let next = step(paths, name);
            if next.iter().any(|path| path.is_empty()) {
                return false;
            }
            if !next.is_empty() {
                exclude(value, &next, depth + 1);
            }
            true
        }),
        Value::Array(items) => items.iter_mut().for_each(|item| exclude(item, paths, depth + 1)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_of_answers() {
        let answer = || {
            json!({"took": 1, "nodes": {"a": {"version": "7", "ip": "x"}, "b": {"version": "8"}},
            "items": [{"index": {"_id": "1", "status": 200}}]})
        };
        let check =
            |paths: &str, expected: Value| assert_eq!(filter_path(answer(), paths), expected, "{paths}");
        check("took", json!({"took": 1}));
        check(
            "nodes.*.version,nodes.*.nothing",
            json!({"nodes": {"a": {"version": "7"}, "b": {"version": "8"}}}),
        );
        check("items.*._id", json!({"items": [{"index": {"_id": "1"}}]}));
        check("**.status", json!({"items": [{"index": {"status": 200}}]}));
        check("-nodes,-items.index._id", json!({"took": 1, "items": [{"index": {"status": 200}}]}));
        check("nothing", json!({}));
    }

    #[test]
    fn parts_of_documents() {
        let source = || json!({"a": {"b": 1, "c": 2}, "d": [{"e": 1, "f": 2}], "g": {}, "include": {"x": 1}});
        let check = |filter: Value, expected: Value| {
            let kept = SourceFilter::from_json(&filter).apply(source().as_object().cloned().unwrap());
            assert_eq!(Value::Object(kept), expected, "{filter}");
        };
        check(json!("a.b"), json!({"a": {"b": 1}}));
        check(json!(["*.b", "d.e"]), json!({"a": {"b": 1}, "d": [{"e": 1}]}));
        check(json!({"excludes": ["a", "d.e", "g"]}), json!({"d": [{"f": 2}], "include": {"x": 1}}));
        check(json!({"includes": ["a"], "excludes": ["a.c"]}), json!({"a": {"b": 1}}));
        check(json!("include.*"), json!({"include": {"x": 1}}));
        check(json!(true), source());
    }
}
