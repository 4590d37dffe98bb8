//! `append`: adds values to a list; a scalar becomes a list first.

use super::super::document::Field;
use super::super::document::FieldTemplate;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use expression::{Escape, ValueTemplate};
use serde_json::Value;

enum Source {
    Value { value: ValueTemplate, escape: Escape },
    Field(Field),
}

struct Append {
    field: FieldTemplate,
    source: Source,
    allow_duplicates: bool,
    ignore_empty_values: bool,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let field = options.field_template("field")?;
    let escape = super::set::media_type(options)?;
    let source = match (options.value("value"), options.optional_field("copy_from")?) {
        (Some(_), Some(_)) => {
            return Err(options.error("copy_from", "cannot set both `copy_from` and `value`"));
        }
        (Some(value), None) => Source::Value { value: options.value_template("value", value)?, escape },
        (None, Some(field)) => Source::Field(field),
        (None, None) => return Err(options.error("value", "required property is missing")),
    };
    let allow_duplicates = options.boolean("allow_duplicates", true)?;
    let ignore_empty_values = options.boolean("ignore_empty_values", false)?;
    Ok(Box::new(Append { field, source, allow_duplicates, ignore_empty_values }))
}

impl Processor for Append {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let field = self.field.resolve(document)?;
        let added = match &self.source {
            Source::Value { value, escape } => value.render(document, *escape),
            Source::Field(from) => match document.get(from) {
                Some(value) => value.into_owned(),
                None if self.ignore_empty_values => return Ok(Flow::Continue),
                None => document.require(from)?.into_owned(),
            },
        };
        let mut added = match added {
            Value::Array(items) => items,
            value => vec![value],
        };
        if self.ignore_empty_values {
            added.retain(|value| !value.is_null() && value.as_str() != Some(""));
            if added.is_empty() {
                return Ok(Flow::Continue);
            }
        }
        let (mut list, was_list) = match document.get(&field).map(std::borrow::Cow::into_owned) {
            Some(Value::Array(items)) => (items, true),
            Some(Value::Null) | None => (Vec::new(), true),
            Some(scalar) => (vec![scalar], false),
        };
        let before = list.len();
        for value in added {
            if self.allow_duplicates || !list.contains(&value) {
                list.push(value);
            }
        }
        // A scalar that gains nothing stays a scalar.
        if was_list || list.len() > before {
            document.set(&field, Value::Array(list))?;
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use serde_json::json;

    #[test]
    fn appends() {
        let options = |value| json!({"field": "tags", "value": value});
        check("append", options(json!("x")), json!({}), json!({"tags": ["x"]}));
        check(
            "append",
            options(json!(["x", "{{a}}"])),
            json!({"tags": "y", "a": 1}),
            json!({"tags": ["y", "x", "1"], "a": 1}),
        );
        check("append", options(json!("x")), json!({"tags": ["x"]}), json!({"tags": ["x", "x"]}));
        let copied = json!({"field": "tags", "copy_from": "more"});
        check(
            "append",
            copied,
            json!({"tags": "x", "more": ["y", 1]}),
            json!({"tags": ["x", "y", 1], "more": ["y", 1]}),
        );
        let full = json!({"field": "tags", "value": ["", "{{nope}}", "z"], "ignore_empty_values": true});
        check("append", full, json!({}), json!({"tags": ["z"]}));
        let nothing = json!({"field": "tags", "copy_from": "nope", "ignore_empty_values": true});
        check("append", nothing, json!({}), json!({}));
        let unique = json!({"field": "tags", "value": ["x", "y"], "allow_duplicates": false});
        check("append", unique.clone(), json!({"tags": ["x"]}), json!({"tags": ["x", "y"]}));
        check(
            "append",
            json!({"field": "tags", "value": "x", "allow_duplicates": false}),
            json!({"tags": "x"}),
            json!({"tags": "x"}),
        );
    }
}
