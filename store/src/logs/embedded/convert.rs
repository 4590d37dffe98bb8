//! A JSON document as a tantivy document, by the mapping of its index.

mod text;

use super::{
    document::{IndexDocument, IndexValue},
    malformed::cause,
    mapping::{DEPTH_MAX, Dynamic, FieldType},
    range_values::read_range,
    router::{Found, Route, Router},
    schema::Location,
    values::{Leaf, read_geo_point, read_value},
};
use crate::StoreError;
use event::Object;
use serde_json::Value;
use std::sync::Arc;
use tantivy::schema::Field;

/// Most values (leaves) of one document that are indexed; more is a document that nobody wrote by hand.
const VALUES_MAX: usize = 100_000;

/// So much of an odd value is shown.
const PREVIEW_MAX_BYTES: usize = 100;

fn malformed(reason: String) -> StoreError {
    StoreError::invalid(reason).with_code("mapper_parsing_exception")
}

/// A converted document. `_source`, `_seq_no` and `_version` are added when it gets its place in the index.
#[derive(Debug, Default)]
pub(super) struct Converted {
    pub(super) document: IndexDocument,
    /// `@timestamp` in milliseconds since 1970.
    pub(super) timestamp_ms: Option<i64>,
    /// Paths of fields that could not be indexed.
    pub(super) ignored: Vec<String>,
    /// Leaves that the mapping does not know, with their first value: to be added, then convert again.
    pub(super) unmapped: Vec<(String, Value)>,
}

/// A document that is to be converted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content<'a> {
    Tree(&'a Object),
    /// One JSON object in which no name comes twice.
    Text(&'a [u8]),
}

/// Converts a document. `fixed`: unmapped leaves can't be added any more and are ignored. What a text gives is complete once
/// that text is in it.
///
/// Errors: what makes the document as a whole unacceptable; a text that is not JSON.
pub(super) fn convert(
    router: &Router,
    id: &str,
    content: Content<'_>,
    fixed: bool,
) -> Result<Converted, StoreError> {
    let mut walk = Walk::new(router, id, fixed);
    match content {
        Content::Tree(tree) => walk.object(tree, 1)?,
        Content::Text(text) => text::walk(&mut walk, text)?,
    }
    Ok(walk.finish())
}

impl<'a> Walk<'a> {
    fn new(router: &'a Router, id: &'a str, fixed: bool) -> Self {
        let mut walk = Self {
            id,
            router,
            fixed,
            out: Converted::default(),
            path: String::with_capacity(64),
            names: Vec::new(),
            keywords: Vec::new(),
            texts: Vec::new(),
            values: Vec::new(),
            count: 0,
        };
        walk.out.document.values.reserve(16);
        walk.out.document.add(router.schema.id, IndexValue::Str(id.to_owned()));
        walk
    }
}

struct Walk<'a> {
    id: &'a str,
    router: &'a Router,
    fixed: bool,
    out: Converted,
    /// Where the walk is.
    path: String,
    /// For `_field_names`.
    names: Vec<Arc<str>>,
    /// The members of the three shared JSON fields.
    keywords: Vec<(Arc<str>, IndexValue)>,
    texts: Vec<(Arc<str>, IndexValue)>,
    values: Vec<(Arc<str>, IndexValue)>,
    count: usize,
}

impl<'a> Walk<'a> {
    fn object(&mut self, object: &Object, depth: usize) -> Result<(), StoreError> {
        for (name, value) in object {
            let parent = self.path.len();
            if parent > 0 {
                self.path.push('.');
            }
            self.path.push_str(name);
            self.member(value, depth)?;
            self.path.truncate(parent);
        }
        Ok(())
    }

    fn member(&mut self, value: &Value, depth: usize) -> Result<(), StoreError> {
        match value {
            Value::Object(inner) => self.inner_object(value, inner, depth),
            Value::Array(items) => {
                if let Some(route) = self.router.takes_object(&self.path) {
                    // `[lon, lat]` is one point, not two values.
                    let is_pair = route.field.field_type == FieldType::GeoPoint
                        && items.first().is_some_and(Value::is_number);
                    if is_pair {
                        return self.whole(route, value);
                    }
                }
                items.iter().try_for_each(|item| self.member(item, depth))
            }
            leaf => self.leaf(&Leaf::from(leaf)),
        }
    }

    fn inner_object(&mut self, value: &Value, inner: &Object, depth: usize) -> Result<(), StoreError> {
        match self.router.route(&self.path) {
            Some(route) if route.takes_object() => self.whole(route, value),
            Some(route) => self.odd_value(route, value),
            None if depth >= DEPTH_MAX => {
                self.ignore();
                Ok(())
            }
            None if self.router.is_disabled(&self.path) => Ok(()),
            None => self.object(inner, depth + 1),
        }
    }

    fn leaf(&mut self, value: &Leaf<'_>) -> Result<(), StoreError> {
        self.count += 1;
        if self.count > VALUES_MAX {
            return Err(malformed(format!("document has more than {VALUES_MAX} values")));
        }
        match self.router.find(&self.path) {
            Found::Route(route) => self.route(route, value),
            Found::Skipped => Ok(()),
            Found::Unmapped(_) if matches!(value, Leaf::Null) || self.router.is_disabled(&self.path) => {
                Ok(())
            }
            Found::Unmapped(Dynamic::Strict) => {
                let (parent, name) = self.path.rsplit_once('.').unwrap_or(("_doc", &self.path));
                let message = format!(
                    "mapping set to strict, dynamic introduction of [{name}] within [{parent}] is not allowed"
                );
                Err(StoreError::invalid(message).with_code("strict_dynamic_mapping_exception"))
            }
            Found::Unmapped(_) if self.fixed => {
                if !self.router.mapping.ignore_malformed && self.is_object() {
                    return Err(malformed(format!(
                        "object mapping for [{0}] tried to parse field [{0}] as object, but found a concrete value",
                        self.path
                    )));
                }
                self.ignore();
                Ok(())
            }
            Found::Unmapped(_) => {
                self.out.unmapped.push((self.path.clone(), value.to_value()));
                Ok(())
            }
        }
    }

    fn route(&mut self, route: &'a Arc<Route>, value: &Leaf<'_>) -> Result<(), StoreError> {
        let replaced;
        let value = match (value, &route.field.null_value) {
            (Leaf::Null, Some(replacement)) => {
                replaced = Leaf::from(replacement);
                &replaced
            }
            (Leaf::Null, None) => return Ok(()),
            (value, _) => value,
        };
        if route.takes_pair() {
            return self.whole(route, &value.to_value());
        }
        let Some(read) = read_value(&route.field, value) else {
            if route.is_timestamp {
                let value = value.to_value();
                return Err(malformed(format!("cannot read a time from {value} in \"@timestamp\"")));
            }
            self.odd(route, value)?;
            return self.copy(route, value);
        };
        if let (true, IndexValue::Date(at)) = (route.is_timestamp, &read) {
            self.out.timestamp_ms = Some(at.into_timestamp_millis());
        }
        self.place(route, read);
        self.copy(route, value)
    }

    /// Fills multi-fields and copies; what doesn't fit there is left out, as the parent has it.
    fn copy(&mut self, route: &'a Arc<Route>, value: &Leaf<'_>) -> Result<(), StoreError> {
        for copy in &route.copies {
            if let Some(read) = read_value(&copy.field, value) {
                self.place(copy, read);
            }
        }
        Ok(())
    }

    fn place(&mut self, route: &Route, value: IndexValue) {
        // Nothing can be asked of bytes but whether they are there.
        let is_binary = route.field.field_type == FieldType::Binary;
        if !(route.field.index || route.field.doc_values || is_binary) {
            return;
        }
        self.name(route);
        if is_binary {
            return;
        }
        match &route.location {
            Location::Own(field) => self.out.document.add(*field, value),
            Location::Json(field, _) => self.shared(*field).push((route.path.clone(), value)),
            Location::Geo(..) | Location::Ends(..) => {}
        }
    }

    /// Makes it known that the document has the field, where no column tells.
    fn name(&mut self, route: &Route) {
        if route.named && !self.names.contains(&route.path) {
            self.names.push(route.path.clone());
        }
    }

    fn shared(&mut self, field: Field) -> &mut Vec<(Arc<str>, IndexValue)> {
        if field == self.router.schema.dynamic_keywords {
            &mut self.keywords
        } else if field == self.router.schema.dynamic_texts {
            &mut self.texts
        } else {
            &mut self.values
        }
    }

    /// A field that takes objects as they are.
    fn whole(&mut self, route: &Route, value: &Value) -> Result<(), StoreError> {
        if let Location::Geo(lat_field, lon_field) = route.location {
            match read_geo_point(value) {
                Some((lat, lon)) => {
                    self.out.document.add(lat_field, IndexValue::F64(lat));
                    self.out.document.add(lon_field, IndexValue::F64(lon));
                    self.name(route);
                }
                None => self.odd_value(route, value)?,
            }
        } else if let Location::Ends(from_field, to_field) = route.location {
            match read_range(&route.field, value) {
                Ok((from, to)) => {
                    self.out.document.add(from_field, IndexValue::Ip(from.into()));
                    self.out.document.add(to_field, IndexValue::Ip(to.into()));
                    self.name(route);
                }
                Err(_) => self.odd_value(route, value)?,
            }
        } else {
            let mut path = self.path.clone();
            self.flatten(route, &mut path, value, 1);
        }
        Ok(())
    }

    fn flatten(&mut self, route: &Route, path: &mut String, value: &Value, depth: usize) {
        match value {
            Value::Object(object) if depth < DEPTH_MAX => {
                for (name, value) in object {
                    let parent = path.len();
                    path.push('.');
                    path.push_str(name);
                    self.flatten(route, path, value, depth + 1);
                    path.truncate(parent);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.flatten(route, path, item, depth)),
            leaf => {
                self.count += 1;
                if let Some(read) = read_value(&route.field, &Leaf::from(leaf)) {
                    let below: Arc<str> = Arc::from(path.as_str());
                    if below != route.path {
                        self.keywords.push((below, read.clone()));
                    }
                    self.keywords.push((route.path.clone(), read));
                }
            }
        }
    }

    /// A value that its field cannot take: leaves it out or refuses the document, as `ignore_malformed` says.
    fn odd(&mut self, route: &Route, value: &Leaf<'_>) -> Result<(), StoreError> {
        self.odd_value(route, &value.to_value())
    }

    fn odd_value(&mut self, route: &Route, value: &Value) -> Result<(), StoreError> {
        let over_long = route
            .field
            .ignore_above
            .is_some_and(|limit| value.as_str().is_some_and(|text| text.chars().count() > limit));
        if over_long || route.field.ignore_malformed.unwrap_or(self.router.mapping.ignore_malformed) {
            self.ignore();
            return Ok(());
        }
        let mut preview = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        preview.truncate(preview.floor_char_boundary(PREVIEW_MAX_BYTES));
        Err(malformed(format!(
            "failed to parse field [{}] of type [{}] in document with id '{}'. Preview of field's value: '{preview}'",
            self.path,
            route.field.field_type.name(),
            self.id
        ))
        .caused_by(cause(&route.field, value)))
    }

    /// Whether there are fields below this path.
    fn is_object(&self) -> bool {
        let below = |path: &String| path.strip_prefix(&self.path).is_some_and(|rest| rest.starts_with('.'));
        self.router.mapping.fields.keys().any(below)
    }

    fn ignore(&mut self) {
        if !self.out.ignored.contains(&self.path) {
            self.out.ignored.push(self.path.clone());
        }
    }

    fn finish(mut self) -> Converted {
        let schema = &self.router.schema;
        let document = &mut self.out.document;
        for name in self.names {
            document.add(schema.field_names, IndexValue::Str(name.as_ref().to_owned()));
        }
        for path in &self.out.ignored {
            document.add(schema.ignored, IndexValue::Str(path.clone()));
        }
        for (field, members) in [
            (schema.dynamic_keywords, self.keywords),
            (schema.dynamic_texts, self.texts),
            (schema.dynamic_values, self.values),
        ] {
            if !members.is_empty() {
                document.add(field, IndexValue::Object(members));
            }
        }
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::embedded::{document::Located, mapping::Mapping, schema::IndexSchema};
    use serde_json::json;
    use tantivy::schema::document::ReferenceValue;

    fn router(body: Value) -> Router {
        let mapping = Arc::new(Mapping::parse(&body).unwrap());
        let schema = Arc::new(IndexSchema::new(&mapping));
        Router::new(mapping, schema, 0)
    }

    /// As a tree and as text, which must give the same.
    fn both(router: &Router, source: &Value) -> Result<Converted, StoreError> {
        let text = source.to_string();
        let of_text = convert(router, "1", Content::Text(text.as_bytes()), false).map(|mut converted| {
            converted.document.text = text.into();
            converted
        });
        let of_tree = convert(router, "1", Content::Tree(source.as_object().unwrap()), false);
        match (&of_tree, &of_text) {
            (Ok(tree), Ok(text)) => {
                assert_eq!(shown(tree), shown(text), "{source}");
                let rest = |converted: &Converted| {
                    (converted.timestamp_ms, converted.ignored.clone(), converted.unmapped.clone())
                };
                assert_eq!(rest(tree), rest(text), "{source}");
            }
            (Err(tree), Err(text)) => assert_eq!(tree.message, text.message, "{source}"),
            _ => panic!("{source}: {of_tree:?} {of_text:?}"),
        }
        of_tree
    }

    fn shown(converted: &Converted) -> Vec<String> {
        use tantivy::schema::document::{Document as _, Value as _};
        fn show<'a>(value: ReferenceValue<'a, Located<'a>>) -> String {
            match value {
                ReferenceValue::Leaf(leaf) => format!("{leaf:?}"),
                ReferenceValue::Object(members) => {
                    members.map(|(path, value)| format!("{path}={},", show(value.as_value()))).collect()
                }
                ReferenceValue::Array(_) => String::new(),
            }
        }
        let values = converted.document.iter_fields_and_values();
        values.map(|(field, value)| format!("{field:?} {}", show(value.as_value()))).collect()
    }

    fn run(router: &Router, source: Value) -> Converted {
        both(router, &source).unwrap()
    }

    #[test]
    fn odd_values_are_ignored_and_the_document_stays() {
        let router = router(json!({"properties": {
            "n": {"type": "long", "ignore_malformed": true}, "k": {"type": "keyword", "ignore_above": 3},
            "o": {"properties": {"x": {"type": "ip", "ignore_malformed": true}}},
            "p": {"type": "geo_point", "ignore_malformed": true}
        }}));
        let check = |source: Value, ignored: &[&str]| {
            let converted = run(&router, source.clone());
            assert_eq!(converted.ignored, ignored, "{source}");
        };
        check(json!({"n": 1, "k": "abc", "o": {"x": "::1"}, "p": "1,2"}), &[]);
        check(json!({"n": "x", "k": "abcd", "o": {"x": "y"}, "p": "z"}), &["n", "k", "o.x", "p"]);
        check(json!({"n": {"a": 1}}), &["n"]);
        check(json!({"n": [1, "x", 2, "y"]}), &["n"]);
        check(json!({"o.x": "z"}), &["o.x"]);
        check(json!({"n": null, "k": [], "p": [2.0, 1.0]}), &[]);
    }

    #[test]
    fn unmapped_leaves_are_reported_unless_the_mapping_forbids() {
        let router = router(json!({"properties": {
            "closed": {"type": "object", "dynamic": false}, "off": {"type": "object", "enabled": false},
            "strict": {"dynamic": "strict", "properties": {}}
        }}));
        let converted =
            run(&router, json!({"a": {"b": [1]}, "closed": {"x": 1}, "off": {"y": {"z": 1}}, "n": null}));
        assert_eq!(converted.unmapped, [("a.b".to_owned(), json!(1))]);
        let refused = json!({"strict": {"x": 1}});
        assert!(both(&router, &refused).is_err());
    }

    #[test]
    fn the_time_must_be_readable() {
        let router = router(json!({"properties": {"@timestamp": {"type": "date"}}}));
        assert_eq!(run(&router, json!({"@timestamp": "1970-01-01T00:00:01Z"})).timestamp_ms, Some(1_000));
        let bad = json!({"@timestamp": "soon"});
        assert!(both(&router, &bad).is_err());
    }

    #[test]
    fn deep_objects_end_the_walk_not_the_process() {
        let mut value = json!(1);
        for _ in 0..1_000 {
            value = json!({ "a": value });
        }
        assert_eq!(run(&router(json!({})), value).ignored.len(), 1);
    }

    #[test]
    fn texts_give_what_their_trees_give() {
        let router = router(json!({"properties": {
            "@timestamp": {"type": "date"}, "k": {"type": "keyword", "ignore_above": 5, "null_value": "none"},
            "t": {"type": "text", "copy_to": "all", "fields": {"raw": {"type": "keyword"}}}, "all": {"type": "text"},
            "n": {"type": "short"}, "f": {"type": "double"}, "b": {"type": "boolean"}, "i": {"type": "ip"},
            "p": {"type": "geo_point"}, "l": {"type": "flattened"}, "off": {"type": "object", "enabled": false}
        }}));
        for source in [
            json!({"@timestamp": "2026-11-21T00:00:00Z", "k": ["a", "é\n", null], "t": "One \"two\"", "n": 5, "f": 1e3}),
            json!({"b": [true, "false"], "i": ["::1", "10.0.0.1"], "k": [1, 2.5, true], "t": 7, "n": "12", "f": -0.0}),
            json!({"p": [{"lat": 1, "lon": 2}, "3,4"], "l": {"a": {"b": ["x", 1]}, "c": null}, "off": {"x": [{}]}}),
            json!({"p": [1.5, 2.5], "@timestamp": 1_700_000_000_000_i64, "k": [["a", ["b"]]]}),
            json!({"k.x": 1, "n": {"a": 1}}),
            json!({"n": 70_000}),
            json!({"n": [{"a": 1}]}),
            json!({"new": {"a": [1, {"b": "x"}], "c": null}, "other": u64::MAX, "tiny": 1e-300}),
            json!({"k": "too long"}),
            json!({"i": "no address"}),
            json!({"p": "no point"}),
            json!({}),
        ] {
            let _ = both(&router, &source);
        }
    }
}
