//! `append`: adds values to a list; a scalar becomes a list first.

use super::super::document::FieldTemplate;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use expression::{Escape, ValueTemplate};
use serde_json::Value;

struct Append {
    field: FieldTemplate,
    value: ValueTemplate,
    escape: Escape,
    allow_duplicates: bool,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let field = options.field_template("field")?;
    let value =
        options.value("value").ok_or_else(|| options.error("value", "required property is missing"))?;
    let value = options.value_template("value", value)?;
    let escape = super::set::media_type(options)?;
    let allow_duplicates = options.boolean("allow_duplicates", true)?;
    Ok(Box::new(Append { field, value, escape, allow_duplicates }))
}

impl Processor for Append {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let field = self.field.resolve(document)?;
        let added = match self.value.render(document, self.escape) {
            Value::Array(items) => items,
            value => vec![value],
        };
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
