//! Elasticsearch's mapping JSON, read into a [`Mapping`].

use super::{
    DECLARED_MAX, DateFormats, Dynamic, DynamicTemplate, FieldMapping, FieldOrigin, FieldType, Mapping,
    ObjectMapping, SourceRule, render::normal_form,
};
use crate::{StoreError, logs::embedded::schema::RESERVED};
use event::Object;
use serde_json::Value;

/// Deepest nesting of objects in a mapping, as Elasticsearch's `index.mapping.depth.limit`.
pub(crate) const DEPTH_MAX: usize = 20;

impl Mapping {
    /// Reads a mapping (`{"properties": …}`); the error names what is not understood.
    pub(crate) fn parse(body: &Value) -> Result<Self, StoreError> {
        let body = object(body, "mappings")?;
        let mut mapping = Self { body: normal_form(body), ..Self::default() };
        for (key, value) in body {
            match key.as_str() {
                "date_detection" => mapping.date_detection = boolean(value, key)?,
                "numeric_detection" => mapping.numeric_detection = boolean(value, key)?,
                "dynamic_date_formats" => {
                    mapping.dynamic_date_formats = date_formats(&list(value).join("||"))?
                }
                "dynamic_templates" => mapping.dynamic_templates = dynamic_templates(value)?,
                "dynamic" => {
                    let root =
                        ObjectMapping { dynamic: Some(dynamic(value)?), disabled: false, nested: false };
                    mapping.objects.insert(String::new(), root);
                }
                "properties" => mapping.add_properties("", value, FieldOrigin::Explicit, 1)?,
                "_source" => mapping.source = SourceRule::parse(value)?,
                "_routing" => {
                    let required =
                        value.get("required").map(|required| boolean(required, key)).transpose()?;
                    mapping.routing_required = required.unwrap_or(false);
                }
                // Metadata that changes nothing here.
                "_meta" | "_data_stream_timestamp" | "_size" | "runtime" => {}
                other => {
                    return Err(bad(format!(
                        "Root mapping definition has unsupported parameters:  [{other} : {value}]"
                    )));
                }
            }
        }
        if mapping.fields.len() > DECLARED_MAX {
            let count = mapping.fields.len();
            return Err(StoreError::invalid(format!("mapping has {count} fields, limit is {DECLARED_MAX}")));
        }
        Ok(mapping)
    }

    fn add_properties(
        &mut self,
        parent: &str,
        properties: &Value,
        origin: FieldOrigin,
        depth: usize,
    ) -> Result<(), StoreError> {
        if depth > DEPTH_MAX {
            return Err(StoreError::invalid(format!(
                "mapping is deeper than {DEPTH_MAX} objects at \"{parent}\""
            )));
        }
        for (name, body) in object(properties, "properties")? {
            let path = if parent.is_empty() { name.clone() } else { format!("{parent}.{name}") };
            check_path(&path)?;
            self.add_property(&path, object(body, &path)?, origin, depth)?;
        }
        Ok(())
    }

    fn add_property(
        &mut self,
        path: &str,
        body: &Object,
        origin: FieldOrigin,
        depth: usize,
    ) -> Result<(), StoreError> {
        let type_name = body.get("type").and_then(Value::as_str).unwrap_or("object");
        match type_name {
            "object" | "nested" => {
                let own = ObjectMapping {
                    dynamic: body.get("dynamic").map(dynamic).transpose()?,
                    disabled: body
                        .get("enabled")
                        .is_some_and(|enabled| matches!(boolean(enabled, path), Ok(false))),
                    nested: type_name == "nested",
                };
                self.objects.insert(path.to_owned(), own);
                match body.get("properties") {
                    Some(properties) => self.add_properties(path, properties, origin, depth + 1),
                    None => Ok(()),
                }
            }
            "alias" => {
                let target = body.get("path").and_then(Value::as_str);
                let target = target
                    .ok_or_else(|| StoreError::invalid(format!("alias \"{path}\" needs a \"path\"")))?;
                self.aliases.insert(path.to_owned(), target.to_owned());
                Ok(())
            }
            _ => self.add_leaf(path, body, origin),
        }
    }

    /// Adds a field with its multi-fields.
    pub(crate) fn add_leaf(
        &mut self,
        path: &str,
        body: &Object,
        origin: FieldOrigin,
    ) -> Result<(), StoreError> {
        let mut field = parse_field(path, body, origin)?;
        if let Some(fields) = body.get("fields") {
            for (name, body) in object(fields, "fields")? {
                let sub_path = format!("{path}.{name}");
                check_path(&sub_path)?;
                let mut sub = parse_field(&sub_path, object(body, &sub_path)?, origin)?;
                sub.is_multi_field = true;
                field.multi_fields.push(sub_path.clone());
                self.fields.insert(sub_path, sub);
            }
        }
        self.fields.insert(path.to_owned(), field);
        Ok(())
    }
}

fn parse_field(path: &str, body: &Object, origin: FieldOrigin) -> Result<FieldMapping, StoreError> {
    let name = body.get("type").and_then(Value::as_str).unwrap_or_default();
    let field_type = FieldType::from_name(name).ok_or_else(|| {
        bad(format!("No handler for type [{name}] declared on field [{}]", last_name(path)))
    })?;
    let mut field = FieldMapping::new(field_type, origin);
    if field_type == FieldType::Binary {
        (field.index, field.doc_values) = (false, false);
        return Ok(field);
    }
    for (key, value) in body {
        match key.as_str() {
            "index" => field.index = boolean(value, path)?,
            "doc_values" => field.doc_values = boolean(value, path)?,
            "ignore_malformed" => field.ignore_malformed = Some(boolean(value, path)?),
            "ignore_above" => {
                field.ignore_above = value.as_u64().and_then(|limit| usize::try_from(limit).ok());
            }
            "format" => field.format = Some(date_formats(value.as_str().unwrap_or_default())?),
            "scaling_factor" => field.scaling_factor = value.as_f64().filter(|factor| *factor > 0.0),
            "null_value" if !value.is_null() => field.null_value = Some(value.clone()),
            "copy_to" => field.copy_to = list(value),
            // The rest tunes scoring or storage and changes no answer that the engine gives.
            _ => {}
        }
    }
    if field_type == FieldType::ScaledFloat && field.scaling_factor.is_none() {
        return Err(StoreError::invalid(format!("field \"{path}\" needs a positive \"scaling_factor\"")));
    }
    Ok(field)
}

/// A mapping that cannot be.
fn bad(reason: impl Into<String>) -> StoreError {
    StoreError::invalid(reason).with_code("mapper_parsing_exception")
}

fn last_name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// Refuses paths that can't be stored under their name.
pub(crate) fn check_path(path: &str) -> Result<(), StoreError> {
    let refused = path.split('.').any(str::is_empty)
        || path.contains(['\0', '\u{1}'])
        || path.starts_with('-')
        || RESERVED.contains(&path);
    if refused {
        return Err(StoreError::invalid(format!("invalid field name \"{}\"", path.escape_debug())));
    }
    Ok(())
}

fn object<'a>(value: &'a Value, what: &str) -> Result<&'a Object, StoreError> {
    value.as_object().ok_or_else(|| StoreError::invalid(format!("\"{what}\" must be an object")))
}

fn boolean(value: &Value, what: &str) -> Result<bool, StoreError> {
    match value {
        Value::Bool(truth) => Ok(*truth),
        Value::String(text) if text == "true" || text == "false" => Ok(text == "true"),
        other => Err(StoreError::invalid(format!("cannot read a boolean from {other} in \"{what}\""))),
    }
}

fn dynamic(value: &Value) -> Result<Dynamic, StoreError> {
    match value {
        Value::Bool(true) => Ok(Dynamic::True),
        Value::Bool(false) => Ok(Dynamic::False),
        // Runtime fields are computed at search in Elasticsearch; here they are indexed, the answers are the same.
        Value::String(text) if text == "true" || text == "runtime" => Ok(Dynamic::True),
        Value::String(text) if text == "false" => Ok(Dynamic::False),
        Value::String(text) if text == "strict" => Ok(Dynamic::Strict),
        other => Err(StoreError::invalid(format!("unknown value {other} of \"dynamic\""))),
    }
}

fn date_formats(text: &str) -> Result<DateFormats, StoreError> {
    DateFormats::parse(text).map_err(StoreError::invalid)
}

/// One string or a list of strings.
pub(super) fn list(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

fn dynamic_templates(value: &Value) -> Result<Vec<DynamicTemplate>, StoreError> {
    let bad = || StoreError::invalid("\"dynamic_templates\" must be a list of objects with one name each");
    let mut templates = Vec::new();
    for entry in value.as_array().ok_or_else(bad)? {
        let (name, rule) = entry.as_object().and_then(|entry| entry.iter().next()).ok_or_else(bad)?;
        let rule = object(rule, name)?;
        if rule.get("match_pattern").is_some_and(|pattern| pattern != "simple") {
            return Err(StoreError::invalid(format!(
                "dynamic template \"{name}\": only simple patterns are supported"
            )));
        }
        let patterns = |key: &str| rule.get(key).map(list).unwrap_or_default();
        let mapping = rule.get("mapping").or_else(|| rule.get("runtime"));
        templates.push(DynamicTemplate {
            name: name.clone(),
            match_mapping_type: patterns("match_mapping_type").first().cloned(),
            matches: patterns("match"),
            unmatches: patterns("unmatch"),
            path_matches: patterns("path_match"),
            path_unmatches: patterns("path_unmatch"),
            mapping: mapping.cloned().unwrap_or_else(|| Value::Object(Object::new())),
        });
    }
    Ok(templates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_found_under_their_paths() {
        let mapping = Mapping::parse(&json!({
            "dynamic": "strict",
            "properties": {
                "@timestamp": {"type": "date"},
                "a": {"properties": {"b": {"type": "keyword", "ignore_above": 10, "fields": {"text": {"type": "text"}}}}},
                "c.d": {"type": "long", "index": false, "doc_values": "false"},
                "raw": {"type": "object", "enabled": false},
                "x": {"type": "alias", "path": "a.b"}
            }
        }))
        .unwrap();
        let mut paths: Vec<_> = mapping.fields.keys().map(String::as_str).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["@timestamp", "a.b", "a.b.text", "c.d"]);
        assert_eq!(mapping.field("x").unwrap().ignore_above, Some(10));
        assert_eq!(mapping.field("a.b").unwrap().multi_fields, ["a.b.text"]);
        assert!(mapping.field("a.b.text").unwrap().is_multi_field);
        assert!(!mapping.field("c.d").unwrap().index && !mapping.field("c.d").unwrap().doc_values);
        assert!(mapping.objects["raw"].disabled);
        assert_eq!(mapping.dynamic_below("a"), Dynamic::Strict);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let check = |body: Value, part: &str| {
            let error = Mapping::parse(&body).unwrap_err();
            assert!(error.message.contains(part), "{} lacks {part}", error.message);
        };
        check(json!({"properties": {"a": {"type": "hologram"}}}), "No handler for type [hologram]");
        check(json!({"properties": {"a": {"type": "scaled_float"}}}), "scaling_factor");
        check(json!({"properties": {"_source": {"type": "long"}}}), "_source");
        check(json!({"properties": {"a..b": {"type": "long"}}}), "a..b");
        check(json!({"properties": {"a": {"type": "date", "format": "qqq"}}}), "qqq");
        check(json!({"dynamic": 3}), "dynamic");
        check(json!([]), "mappings");
        check(json!({"propertys": {}}), "propertys");
        let many: Object = (0..=DECLARED_MAX).map(|n| (format!("f{n}"), json!({"type": "long"}))).collect();
        check(json!({"properties": many}), "limit is 10000");
    }
}
