//! A [`Mapping`] as Elasticsearch's JSON.

use super::{FieldMapping, FieldType, Mapping};
use event::Object;
use serde_json::{Value, json};

impl Mapping {
    /// The mapping as Elasticsearch shows it: what was put, and the fields that events have added.
    pub(crate) fn to_json(&self) -> Object {
        let mut body = self.body.clone();
        let mut added: Vec<_> = self.fields.iter().filter(|(_, field)| !field.is_multi_field).collect();
        added.sort_unstable_by_key(|(path, _)| path.as_str());
        for (path, field) in added {
            self.add_field(&mut body, path, field);
        }
        body
    }

    /// The JSON of one field.
    pub(crate) fn field_json(&self, path: &str) -> Option<Object> {
        if let Some(body) = find(&self.body, path) {
            return Some(body.clone());
        }
        if let Some(parent) = path.rsplit_once('.').map(|(parent, _)| parent)
            && let Some(body) = find(&self.body, parent).and_then(|body| body.get("fields"))
        {
            let name = path.get(parent.len() + 1..)?;
            return body.get(name)?.as_object().cloned();
        }
        self.fields.get(path).map(|field| self.rendered(path, field))
    }

    fn add_field(&self, body: &mut Object, path: &str, field: &FieldMapping) {
        let mut at = body;
        let mut rest = path;
        loop {
            let properties = at.entry("properties").or_insert_with(|| json!({}));
            let Some(properties) = properties.as_object_mut() else { return };
            if properties.contains_key(rest) {
                return;
            }
            let Some((head, tail)) = rest.split_once('.') else {
                properties.insert(rest.to_owned(), Value::Object(self.rendered(path, field)));
                return;
            };
            let inner = properties.entry(head).or_insert_with(|| json!({}));
            let Some(inner) = inner.as_object_mut() else { return };
            if inner.get("type").is_some_and(|name| name == "object") {
                inner.shift_remove("type");
            }
            at = inner;
            rest = tail;
        }
    }

    fn rendered(&self, path: &str, field: &FieldMapping) -> Object {
        let mut out = Object::new();
        out.insert("type".into(), json!(field.field_type.name()));
        if !field.index && field.field_type != FieldType::Binary {
            out.insert("index".into(), json!(false));
        }
        if !field.doc_values && field.field_type != FieldType::Binary {
            out.insert("doc_values".into(), json!(false));
        }
        if let Some(format) = &field.format
            && format.as_str() != "yyyy/MM/dd HH:mm:ss Z||yyyy/MM/dd Z||epoch_millis"
            && !format.as_str().starts_with("strict_date_optional_time")
        {
            out.insert("format".into(), json!(format.as_str()));
        }
        let multi_fields: Object = field
            .multi_fields
            .iter()
            .filter_map(|sub| {
                let name = sub.strip_prefix(path)?.strip_prefix('.')?;
                Some((name.to_owned(), Value::Object(self.rendered(sub, self.fields.get(sub)?))))
            })
            .collect();
        if !multi_fields.is_empty() {
            out.insert("fields".into(), Value::Object(multi_fields));
        }
        let rest = [
            ("ignore_above", field.ignore_above.map(|limit| json!(limit))),
            ("scaling_factor", field.scaling_factor.map(|factor| json!(factor))),
            ("null_value", field.null_value.clone()),
            ("copy_to", (!field.copy_to.is_empty()).then(|| json!(field.copy_to))),
        ];
        out.extend(rest.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
        out
    }
}

fn find<'a>(body: &'a Object, path: &str) -> Option<&'a Object> {
    let properties = body.get("properties")?.as_object()?;
    if let Some(found) = properties.get(path) {
        return found.as_object();
    }
    path.match_indices('.').find_map(|(dot, _)| {
        let inner = properties.get(path.get(..dot)?)?.as_object()?;
        find(inner, path.get(dot + 1..)?)
    })
}

/// The JSON of a mapping without what says nothing: parameters at their default, `"type": "object"` beside
/// `properties`.
pub(super) fn normal_form(body: &Object) -> Object {
    let mut out = Object::new();
    for (key, value) in body {
        match (key.as_str(), value) {
            ("properties" | "fields", Value::Object(members)) => {
                let members: Object = members
                    .iter()
                    .map(|(name, member)| {
                        let member = member.as_object().map(|member| Value::Object(normal_member(member)));
                        (name.clone(), member.unwrap_or_default())
                    })
                    .collect();
                if !members.is_empty() {
                    out.insert(key.clone(), Value::Object(members));
                }
            }
            ("dynamic", Value::Bool(dynamic)) => drop(out.insert(key.clone(), json!(dynamic.to_string()))),
            _ => drop(out.insert(key.clone(), value.clone())),
        }
    }
    out
}

fn normal_member(member: &Object) -> Object {
    let mut out = normal_form(member);
    let is_leaf = out.get("type").is_some_and(|name| name != "object" && name != "nested");
    if is_leaf {
        out.retain(|key, value| match key.as_str() {
            "index" | "doc_values" => !truth(value),
            "store" => truth(value),
            _ => true,
        });
    } else {
        out.retain(|key, value| key != "enabled" || !truth(value));
        if out.contains_key("properties") {
            if out.get("type").is_some_and(|name| name == "object") {
                out.shift_remove("type");
            }
        } else if !out.contains_key("type") {
            out.insert("type".into(), json!("object"));
        }
    }
    out
}

fn truth(value: &Value) -> bool {
    value == &Value::Bool(true) || value == "true"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: Value, expected: Value) {
        let mapping = Mapping::parse(&body).unwrap();
        assert_eq!(Value::Object(mapping.to_json()), expected);
    }

    #[test]
    fn what_was_put_is_shown_in_normal_form() {
        check(json!({"properties": {}}), json!({}));
        check(
            json!({"dynamic": false, "_meta": {"x": 1}, "properties": {
                "o": {"type": "object", "properties": {"k": {"type": "keyword", "index": true}}},
                "e": {"properties": {}}, "n": {"type": "nested", "properties": {}},
                "t": {"type": "text", "analyzer": "whitespace", "fields": {"k": {"type": "keyword"}}}}}),
            json!({"dynamic": "false", "_meta": {"x": 1}, "properties": {
                "o": {"properties": {"k": {"type": "keyword"}}},
                "e": {"type": "object"}, "n": {"type": "nested"},
                "t": {"type": "text", "analyzer": "whitespace", "fields": {"k": {"type": "keyword"}}}}}),
        );
    }

    #[test]
    fn fields_of_events_are_shown_too() {
        let mut mapping = Mapping::parse(&json!({"properties": {"o": {"type": "object"}}})).unwrap();
        for (path, value) in [("o.s", json!("x")), ("n", json!(1)), ("p.q.at", json!("2026-11-21"))] {
            assert!(mapping.add_dynamic(path, &value));
        }
        let text = json!({"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}});
        let expected = json!({"properties": {
            "o": {"properties": {"s": text}}, "n": {"type": "long"},
            "p": {"properties": {"q": {"properties": {"at": {"type": "date"}}}}}}});
        assert_eq!(Value::Object(mapping.to_json()), expected);
        assert_eq!(mapping.field_json("o.s.keyword").unwrap()["type"], "keyword");
    }
}
