//! `terms` queries whose values stand in another document.

use super::search::values_of;
use crate::StoreError;
use serde_json::{Map, Value};

/// Lookups of one search.
const LOOKUPS_MAX: usize = 32;
/// Deeper than any query may be.
const DEPTH_MAX: usize = 100;

/// Where the values of a `terms` query stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lookup {
    pub(super) index: String,
    pub(super) id: String,
    pub(super) routing: Option<String>,
    path: String,
}

impl Lookup {
    /// Reads `{"index", "id", "path", "routing"}`; `None` if it is something else.
    fn read(value: &Value) -> Option<Self> {
        let members = value.as_object()?;
        let text = |key: &str| {
            members.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        let known = ["index", "type", "id", "path", "routing"];
        let only_known = members.keys().all(|key| known.contains(&key.as_str()));
        Some(Self { index: text("index")?, id: text("id")?, path: text("path")?, routing: text("routing") })
            .filter(|_| only_known)
    }

    /// The values in the document.
    pub(super) fn values(&self, document: &Map<String, Value>) -> Value {
        values_of(document, &self.path).into_iter().cloned().collect()
    }
}

/// The lookups in a search body, each with the place where its values belong.
pub(super) fn lookups(body: &Map<String, Value>) -> Result<Vec<(String, Lookup)>, StoreError> {
    let mut found = Vec::new();
    for (key, value) in body {
        collect(value, &format!("/{}", escaped(key)), 0, &mut found);
    }
    if found.len() > LOOKUPS_MAX {
        return Err(StoreError::invalid(format!("a search takes at most {LOOKUPS_MAX} terms lookups")));
    }
    Ok(found)
}

/// A name as a step of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn collect(value: &Value, place: &str, depth: usize, found: &mut Vec<(String, Lookup)>) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let at = format!("{place}/{}", escaped(key));
                let fields = if key == "terms" { value.as_object() } else { None };
                for (field, value) in fields.into_iter().flatten() {
                    let lookup = Lookup::read(value);
                    found.extend(lookup.map(|lookup| (format!("{at}/{}", escaped(field)), lookup)));
                }
                collect(value, &at, depth + 1, found);
            }
        }
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                collect(item, &format!("{place}/{position}"), depth + 1, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lookups_are_found_where_they_stand() {
        let lookup = json!({"index": "users", "id": 2, "path": "a.b"});
        let body = json!({"query": {"bool": {"filter": [{"terms": {"x/y": lookup}}]}},
            "aggs": {"t": {"terms": {"field": "index"}}, "f": {"filter": {"terms": {"z": lookup, "boost": 1}}}}});
        let found = lookups(body.as_object().unwrap()).unwrap();
        let places: Vec<_> = found.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(places, ["/query/bool/filter/0/terms/x~1y", "/aggs/f/filter/terms/z"]);
        assert!(places.iter().all(|place| body.pointer(place) == Some(&lookup)));
        let document = json!({"a": [{"b": [1, 2]}, {"b": "x"}]});
        assert_eq!(found[0].1.values(document.as_object().unwrap()), json!([1, 2, "x"]));
        let odd = json!({"query": {"terms": {"x": {"index": "a", "id": "b", "path": "c", "colour": 1}}}});
        assert!(lookups(odd.as_object().unwrap()).unwrap().is_empty());
    }
}
