//! `set`: writes a value, a filled-in template or a copy of another field.

use super::super::document::{Field, FieldTemplate};
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use expression::{Escape, ValueTemplate};
use serde_json::Value;

enum Source {
    Value { value: ValueTemplate, escape: Escape },
    Field(Field),
}

struct Set {
    field: FieldTemplate,
    source: Source,
    overrides: bool,
    ignore_empty_value: bool,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let field = options.field_template("field")?;
    let escape = media_type(options)?;
    let source = match (options.nullable("value"), options.optional_field("copy_from")?) {
        (Some(_), Some(_)) => {
            return Err(options.error("copy_from", "cannot set both `copy_from` and `value`"));
        }
        (Some(value), None) => Source::Value { value: options.value_template("value", value)?, escape },
        (None, Some(field)) => Source::Field(field),
        (None, None) => return Err(options.error("value", "required property is missing")),
    };
    let overrides = options.boolean("override", true)?;
    let ignore_empty_value = options.boolean("ignore_empty_value", false)?;
    Ok(Box::new(Set { field, source, overrides, ignore_empty_value }))
}

/// How `{{field}}` is escaped.
pub(super) fn media_type(options: &mut Options) -> Result<Escape, DefinitionError> {
    match options.optional_text("media_type")?.as_deref() {
        None | Some("application/json") => Ok(Escape::Json),
        Some("text/plain") => Ok(Escape::None),
        Some("application/x-www-form-urlencoded") => Ok(Escape::UrlEncoded),
        Some(other) => Err(options
            .error("media_type", format!("property does not contain a supported media type [{other}]"))),
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

impl Processor for Set {
    fn constant(&self) -> Option<(&Field, &Value)> {
        match (&self.field, &self.source) {
            (FieldTemplate::Fixed(field), Source::Value { value: ValueTemplate::Literal(value), .. })
                if self.overrides && !self.ignore_empty_value =>
            {
                Some((field, value))
            }
            _ => None,
        }
    }

    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let field = self.field.resolve(document)?;
        if !self.overrides && document.get(&field).is_some_and(|value| !value.is_null()) {
            return Ok(Flow::Continue);
        }
        let value = match &self.source {
            Source::Value { value, escape } => value.render(document, *escape),
            Source::Field(from) => match document.get(from) {
                Some(value) => value.into_owned(),
                None if self.ignore_empty_value => return Ok(Flow::Continue),
                None => document.require(from)?.into_owned(),
            },
        };
        if !(self.ignore_empty_value && is_empty(&value)) {
            document.set(&field, value)?;
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails, run_all};
    use serde_json::json;

    #[test]
    fn sets() {
        check("set", json!({"field": "a.b", "value": 1}), json!({}), json!({"a": {"b": 1}}));
        check("set", json!({"field": "a", "value": null}), json!({"a": 1}), json!({"a": null}));
        check("set", json!({"field": "a", "value": 2, "override": false}), json!({"a": 1}), json!({"a": 1}));
        check(
            "set",
            json!({"field": "a", "value": 2, "override": false}),
            json!({"a": null}),
            json!({"a": 2}),
        );
        check(
            "set",
            json!({"field": "a", "copy_from": "b"}),
            json!({"b": {"c": 1}}),
            json!({"b": {"c": 1}, "a": {"c": 1}}),
        );
        check(
            "set",
            json!({"field": "a", "value": "{{b}}-{{{c}}}"}),
            json!({"b": 1, "c": "x"}),
            json!({"b": 1, "c": "x", "a": "1-x"}),
        );
        check(
            "set",
            json!({"field": "{{b}}.x", "value": 1}),
            json!({"b": "k"}),
            json!({"b": "k", "k": {"x": 1}}),
        );
        let quiet = json!({"field": "a", "value": "{{nope}}", "ignore_empty_value": true});
        check("set", quiet, json!({}), json!({}));
        check(
            "set",
            json!({"field": "a", "copy_from": "nope", "ignore_empty_value": true}),
            json!({}),
            json!({}),
        );
        check_fails("set", json!({"field": "a", "copy_from": "nope"}), json!({}), "field [nope] not present");
        check_fails(
            "set",
            json!({"field": "a.b", "value": 1}),
            json!({"a": 1}),
            "cannot set [b] with parent object",
        );
        check_fails(
            "set",
            json!({"field": "a"}),
            json!({}),
            "pipeline \"test\", processor 1 (set), key \"value\"",
        );
    }

    #[test]
    fn sees_metadata() {
        let processors = json!([
            {"set": {"field": "_index", "value": "shop"}},
            {"set": {"field": "_id", "value": "{{a}}"}},
            {"set": {"field": "seen", "value": "{{_index}}/{{_id}}"}},
            {"set": {"field": "when", "copy_from": "_ingest.timestamp", "if": "ctx._index == 'shop'"}},
        ]);
        let document = run_all(processors, json!({"a": 7})).unwrap();
        assert_eq!(document["seen"], "shop/7");
        assert!(document["when"].as_str().unwrap().parse::<event::Timestamp>().is_ok());
    }
}
