//! `join`: a list as one text.

use super::super::document::{Field, wrong_type};
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use serde_json::Value;

struct Join {
    field: Field,
    target: Option<Field>,
    separator: String,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let field = options.field("field")?;
    let target = options.optional_field("target_field")?;
    Ok(Box::new(Join { field, target, separator: options.text("separator")? }))
}

impl Processor for Join {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let value = document.require(&self.field)?;
        let joined = match &*value {
            Value::Array(items) => {
                items.iter().map(expression::display_text).collect::<Vec<_>>().join(&self.separator)
            }
            Value::Null => {
                return Err(Failure::argument(format!(
                    "field [{}] is null, cannot join.",
                    self.field.name()
                )));
            }
            other => return Err(wrong_type(&self.field, other, "java.util.List")),
        };
        document.set(self.target.as_ref().unwrap_or(&self.field), Value::String(joined))?;
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails};
    use serde_json::json;

    #[test]
    fn joins() {
        let options = json!({"field": "a", "separator": "-"});
        check("join", options.clone(), json!({"a": ["x", 1, true]}), json!({"a": "x-1-true"}));
        check_fails(
            "join",
            options,
            json!({"a": "x"}),
            "field [a] of type [java.lang.String] cannot be cast",
        );
    }
}
