//! What type a field gets that no template maps: decided by the first value seen.

use super::{
    DateFormats, Dynamic, DynamicTemplate, FIELDS_MAX, FieldMapping, FieldOrigin, FieldType, Mapping,
    parse::check_path,
};
use crate::scope::wildcard_match;
use event::Object;
use serde_json::Value;

/// Longest string that gets into the `.keyword` of a dynamic text, in characters, as in Elasticsearch.
const KEYWORD_IGNORE_ABOVE: usize = 256;

impl Mapping {
    /// Adds a field by its first value (no null, no array, no object), as the dynamic templates and Elasticsearch's
    /// dynamic mapping say. `false`: the field cannot be added (too many, or no valid name).
    pub(crate) fn add_dynamic(&mut self, path: &str, value: &Value) -> bool {
        if self.fields.contains_key(path) {
            return true;
        }
        if check_path(path).is_err() || self.fields.len() >= FIELDS_MAX || self.is_between_fields(path) {
            return false;
        }
        let detected = self.detect(value);
        let template = self.dynamic_templates.iter().find(|template| template.applies(path, detected));
        if let Some(body) = template.map(|template| template.body(path, detected)) {
            return self.add_from_template(path, &body);
        }
        match detected {
            "string" => {
                if self.fields.len() + 2 > FIELDS_MAX {
                    return false;
                }
                let keyword = format!("{path}.keyword");
                let mut text = FieldMapping::new(FieldType::Text, FieldOrigin::Dynamic);
                text.multi_fields.push(keyword.clone());
                let mut sub = FieldMapping::new(FieldType::Keyword, FieldOrigin::Dynamic);
                sub.ignore_above = Some(KEYWORD_IGNORE_ABOVE);
                sub.is_multi_field = true;
                self.fields.insert(keyword, sub);
                self.fields.insert(path.to_owned(), text);
            }
            other => {
                let field_type = match other {
                    "long" => FieldType::Long,
                    "double" => FieldType::Float,
                    "boolean" => FieldType::Boolean,
                    _ => FieldType::Date,
                };
                let mut field = FieldMapping::new(field_type, FieldOrigin::Dynamic);
                if field_type == FieldType::Date && self.dynamic_date_formats != DateFormats::detection() {
                    field.format = Some(self.dynamic_date_formats.clone());
                } else if field_type == FieldType::Date {
                    let formats = format!("{}||epoch_millis", self.dynamic_date_formats.as_str());
                    field.format = DateFormats::parse(&formats).ok();
                }
                self.fields.insert(path.to_owned(), field);
            }
        }
        true
    }

    /// What becomes of an unmapped field in that object.
    pub(crate) fn dynamic_for(&self, path: &str) -> Dynamic {
        self.dynamic_below(path.rfind('.').map_or("", |dot| &path[..dot]))
    }

    /// Whether the path lies below a leaf, or leaves lie below it: it can't be a leaf then.
    fn is_between_fields(&self, path: &str) -> bool {
        let below_a_leaf = path
            .match_indices('.')
            .any(|(dot, _)| self.fields.get(&path[..dot]).is_some_and(|f| !f.is_multi_field));
        let prefix = format!("{path}.");
        below_a_leaf
            || self.objects.contains_key(path)
            || self.fields.keys().any(|other| other.starts_with(&prefix))
    }

    /// The name that dynamic templates know the value's type by.
    fn detect(&self, value: &Value) -> &'static str {
        match value {
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "double",
            Value::Number(_) => "long",
            Value::String(text) if self.date_detection && self.reads_as_date(text) => "date",
            Value::String(text) if self.numeric_detection && text.parse::<i64>().is_ok() => "long",
            Value::String(text)
                if self.numeric_detection && text.parse::<f64>().is_ok_and(f64::is_finite) =>
            {
                "double"
            }
            _ => "string",
        }
    }

    fn reads_as_date(&self, text: &str) -> bool {
        // A bare year would make numbers dates; Elasticsearch also wants a separator.
        text.len() >= 8
            && text.contains(['-', '/', ':', '.'])
            && self.dynamic_date_formats.read(text).is_some()
    }

    /// Keeps the JSON of a field that a dynamic template has made: it may say more than the engine uses.
    fn remember(&mut self, path: &str, field: &Object) {
        let mut whole = self.to_json();
        let mut at = &mut whole;
        let mut names = path.split('.').peekable();
        while let Some(name) = names.next() {
            let properties = at.entry("properties").or_insert_with(|| Value::Object(Object::new()));
            let Some(properties) = properties.as_object_mut() else { return };
            if names.peek().is_none() {
                properties.insert(name.to_owned(), Value::Object(field.clone()));
                break;
            }
            let inner = properties.entry(name).or_insert_with(|| Value::Object(Object::new()));
            let Some(inner) = inner.as_object_mut() else { return };
            at = inner;
        }
        self.body = whole;
    }

    fn add_from_template(&mut self, path: &str, body: &Object) -> bool {
        let fields = 1 + body.get("fields").and_then(Value::as_object).map_or(0, Object::len);
        if self.fields.len() + fields > FIELDS_MAX {
            return false;
        }
        let mut added = Mapping::default();
        if added.add_leaf(path, body, FieldOrigin::Dynamic).is_err() {
            return false;
        }
        for field in added.fields.values_mut() {
            // The shared JSON fields can't hold these: the index opens a generation with a field for them.
            if field.field_type.family().needs_own_place() {
                field.origin = FieldOrigin::Explicit;
            }
        }
        self.fields.extend(added.fields);
        self.remember(path, body);
        true
    }
}

impl DynamicTemplate {
    fn applies(&self, path: &str, detected: &str) -> bool {
        let name = path.rsplit('.').next().unwrap_or(path);
        let any =
            |patterns: &[String], text: &str| patterns.iter().any(|pattern| wildcard_match(pattern, text));
        let type_fits =
            self.match_mapping_type.as_deref().is_none_or(|wanted| wanted == "*" || wanted == detected);
        type_fits
            && (self.matches.is_empty() || any(&self.matches, name))
            && !any(&self.unmatches, name)
            && (self.path_matches.is_empty() || any(&self.path_matches, path))
            && !any(&self.path_unmatches, path)
    }

    /// The field's mapping, placeholders replaced; without a type it gets the detected one.
    fn body(&self, path: &str, detected: &str) -> Object {
        let name = path.rsplit('.').next().unwrap_or(path);
        let dynamic_type = if detected == "string" { "text" } else { detected };
        let mut body = self.mapping.as_object().cloned().unwrap_or_default();
        replace(&mut body, name, dynamic_type);
        if !body.contains_key("type") {
            body.insert("type".to_owned(), Value::String(dynamic_type.to_owned()));
        }
        body
    }
}

fn replace(body: &mut Object, name: &str, dynamic_type: &str) {
    for value in body.values_mut() {
        match value {
            Value::String(text) if text.contains('{') => {
                *text = text.replace("{name}", name).replace("{dynamic_type}", dynamic_type);
            }
            Value::Object(inner) => replace(inner, name, dynamic_type),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn field_type(mapping: &Mapping, path: &str) -> Option<&'static str> {
        mapping.field(path).map(|field| field.field_type.name())
    }

    #[test]
    fn the_first_value_decides() {
        let check = |value: Value, expected: &str| {
            let mut mapping = Mapping::default();
            assert!(mapping.add_dynamic("a.b", &value));
            assert_eq!(field_type(&mapping, "a.b"), Some(expected), "{value}");
        };
        check(json!("hello"), "text");
        check(json!("2026-11-21T10:00:00Z"), "date");
        check(json!("2026/11/21"), "date");
        check(json!("2026"), "text");
        check(json!("10.0.0.1"), "text");
        check(json!(1), "long");
        check(json!(1.5), "float");
        check(json!(true), "boolean");
    }

    #[test]
    fn dynamic_templates_go_first() {
        let mut mapping = Mapping::parse(&json!({"dynamic_templates": [
            {"addresses": {"match": "*_ip", "mapping": {"type": "ip"}}},
            {"labels": {"path_match": "labels.*", "mapping": {"type": "keyword"}}},
            {"strings": {"match_mapping_type": "string", "unmatch": "long_*", "mapping": {"type": "keyword",
                "ignore_above": 5, "fields": {"text": {"type": "text"}}}}},
            {"numbers": {"match_mapping_type": "long", "mapping": {"type": "{dynamic_type}", "index": false}}}
        ]}))
        .unwrap();
        for (path, value, expected) in [
            ("client_ip", json!("10.0.0.1"), "ip"),
            ("labels.n", json!(1), "keyword"),
            ("s", json!("x"), "keyword"),
            ("long_s", json!("x"), "text"),
            ("n", json!(3), "long"),
        ] {
            assert!(mapping.add_dynamic(path, &value));
            assert_eq!(field_type(&mapping, path), Some(expected), "{path}");
        }
        assert_eq!(field_type(&mapping, "s.text"), Some("text"));
        assert_eq!(mapping.field("client_ip").unwrap().origin, FieldOrigin::Explicit);
    }

    #[test]
    fn leaves_and_objects_exclude_each_other() {
        let mut mapping = Mapping::default();
        assert!(mapping.add_dynamic("a.b", &json!(1)));
        assert!(!mapping.add_dynamic("a", &json!(1)));
        assert!(!mapping.add_dynamic("a.b.c", &json!(1)));
        assert!(!mapping.add_dynamic("x..y", &json!(1)));
    }

    #[test]
    fn a_thousand_fields_are_enough() {
        let mut mapping = Mapping::default();
        let added = (0..2_000).filter(|n| mapping.add_dynamic(&format!("f{n}"), &json!(1))).count();
        assert_eq!(added, FIELDS_MAX);
        assert!(!mapping.add_dynamic("s", &json!("text")));
    }
}
