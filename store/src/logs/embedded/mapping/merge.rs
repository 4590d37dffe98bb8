//! A mapping that an index has, and one that is put over it.

use super::{FieldOrigin, Mapping, render::normal_form};
use crate::{StoreError, logs::embedded::mapping::DECLARED_MAX};
use event::Object;
use serde_json::Value;

impl Mapping {
    /// Adds the fields of another mapping, and what it says of those that are there.
    ///
    /// Errors: a field that would change its type, an object that would become a field or the other way round.
    pub(crate) fn merge(&mut self, body: &Value) -> Result<(), StoreError> {
        let mut added = Self::parse(body)?;
        self.check_conflicts(&added)?;
        if body.get("_source").is_some() && added.source != self.source {
            let message =
                "Mapper for [_source] conflicts with existing mapper:\n\tCannot update parameter [_source]";
            return Err(StoreError::invalid(message));
        }
        for (path, mut field) in std::mem::take(&mut added.fields) {
            match self.fields.get_mut(&path) {
                Some(known) => {
                    known.ignore_above = field.ignore_above.or(known.ignore_above);
                    known.ignore_malformed = field.ignore_malformed.or(known.ignore_malformed);
                    field.multi_fields.retain(|sub| !known.multi_fields.contains(sub));
                    known.multi_fields.append(&mut field.multi_fields);
                    if !field.copy_to.is_empty() {
                        known.copy_to = field.copy_to;
                    }
                }
                None => {
                    // The shared fields take it at once, if they can.
                    if !field.field_type.family().needs_own_place() {
                        field.origin = FieldOrigin::Dynamic;
                    }
                    self.fields.insert(path, field);
                }
            }
        }
        if self.fields.len() > DECLARED_MAX {
            return Err(StoreError::invalid(format!(
                "Limit of total fields [{DECLARED_MAX}] has been exceeded"
            )));
        }
        self.aliases.append(&mut added.aliases);
        for (path, object) in std::mem::take(&mut added.objects) {
            let known = self.objects.entry(path).or_default();
            known.dynamic = object.dynamic.or(known.dynamic);
        }
        self.merge_root(body, added);
        Ok(())
    }

    fn merge_root(&mut self, body: &Value, added: Self) {
        if body.get("dynamic_templates").is_some() {
            self.dynamic_templates = added.dynamic_templates;
        }
        if body.get("_routing").is_some() {
            self.routing_required = added.routing_required;
        }
        if body.get("date_detection").is_some() {
            self.date_detection = added.date_detection;
        }
        if body.get("numeric_detection").is_some() {
            self.numeric_detection = added.numeric_detection;
        }
        if body.get("dynamic_date_formats").is_some() {
            self.dynamic_date_formats = added.dynamic_date_formats;
        }
        let added = body.as_object().map(normal_form).unwrap_or_default();
        // What events have added gets its place in the JSON, so that the new parameters have something to join.
        let mut whole = self.to_json();
        merge_json(&mut whole, &added);
        self.body = whole;
    }

    fn check_conflicts(&self, added: &Self) -> Result<(), StoreError> {
        for (path, field) in &added.fields {
            if let Some(known) = self.fields.get(path)
                && known.field_type != field.field_type
            {
                return Err(StoreError::invalid(format!(
                    "mapper [{path}] cannot be changed from type [{}] to [{}]",
                    known.field_type.name(),
                    field.field_type.name()
                )));
            }
            if self.is_object(path) {
                return Err(StoreError::invalid(format!(
                    "can't merge a non object mapping [{path}] with an object mapping"
                )));
            }
        }
        for path in added.objects.keys() {
            if self.fields.contains_key(path) {
                return Err(StoreError::invalid(format!(
                    "can't merge a non object mapping [{path}] with an object mapping"
                )));
            }
        }
        for (alias, target) in &added.aliases {
            let is_field = |mapping: &Self| mapping.fields.contains_key(target);
            if !is_field(self) && !is_field(added) {
                let reason = format!(
                    "Invalid [path] value [{target}] for field alias [{alias}]: an alias must refer to an existing \
                     field in the mappings."
                );
                return Err(StoreError::invalid(reason).with_code("mapper_parsing_exception"));
            }
        }
        Ok(())
    }

    fn is_object(&self, path: &str) -> bool {
        let prefix = format!("{path}.");
        !self.fields.contains_key(path)
            && (self.objects.contains_key(path) || self.fields.keys().any(|known| known.starts_with(&prefix)))
    }
}

/// Objects deeply, except what is one value to Elasticsearch; all else is replaced.
fn merge_json(target: &mut Object, added: &Object) {
    for (key, value) in added {
        match (target.get_mut(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) if key != "_meta" && key != "meta" => {
                merge_json(old, new)
            }
            _ => drop(target.insert(key.clone(), value.clone())),
        }
    }
    if target.contains_key("properties") && target.get("type").is_some_and(|name| name == "object") {
        target.shift_remove("type");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn mappings_grow_and_never_change() {
        let mut mapping = Mapping::parse(&json!({"properties": {
            "a": {"type": "keyword"}, "o": {"properties": {"p": {"type": "long"}}}}}))
        .unwrap();
        let added = json!({"_meta": {"v": 1}, "properties": {
            "a": {"type": "keyword", "ignore_above": 3, "fields": {"t": {"type": "text"}}},
            "o": {"properties": {"q": {"type": "ip"}}}}});
        mapping.merge(&added).unwrap();
        assert_eq!(
            Value::Object(mapping.to_json()),
            json!({"properties": {
                "a": {"type": "keyword", "ignore_above": 3, "fields": {"t": {"type": "text"}}},
                "o": {"properties": {"p": {"type": "long"}, "q": {"type": "ip"}}}}, "_meta": {"v": 1}}),
        );
        assert_eq!(mapping.field("a").unwrap().multi_fields, ["a.t"]);
        let mut check = |body: Value, part: &str| {
            let error = mapping.merge(&body).unwrap_err();
            assert!(error.message.contains(part), "{}", error.message);
        };
        check(
            json!({"properties": {"a": {"type": "long"}}}),
            "cannot be changed from type [keyword] to [long]",
        );
        check(json!({"properties": {"o": {"type": "long"}}}), "can't merge a non object mapping [o]");
        check(json!({"properties": {"a": {"type": "object"}}}), "can't merge a non object mapping [a]");
        check(
            json!({"properties": {"x": {"type": "alias", "path": "y"}}}),
            "must refer to an existing field",
        );
    }
}
