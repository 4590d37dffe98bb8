//! What the processors of one text share: `field`, `target_field`, `ignore_missing`, and lists of texts.

use super::super::document::{Field, java_type, wrong_type};
use super::{DefinitionError, Document, Failure, Flow, Options, Processor};
use serde_json::Value;

/// Makes a value of a text.
type Transform = Box<dyn Fn(&str) -> Result<Value, Failure> + Send + Sync>;

/// A function over a text or each text of a list; the result goes to `target_field`, by default in its place.
pub(super) struct TextTransform {
    field: Field,
    target: Option<Field>,
    ignore_missing: bool,
    transform: Transform,
}

impl TextTransform {
    /// Takes the common options.
    pub(super) fn build(
        options: &mut Options,
        transform: impl Fn(&str) -> Result<Value, Failure> + Send + Sync + 'static,
    ) -> Result<Box<dyn Processor>, DefinitionError> {
        let field = options.field("field")?;
        Ok(Box::new(Self {
            target: options.optional_field("target_field")?.filter(|target| *target != field),
            field,
            ignore_missing: options.boolean("ignore_missing", false)?,
            transform: Box::new(transform),
        }))
    }

    fn list(&self, items: &[Value]) -> Result<Value, Failure> {
        let texts = items.iter().map(|item| match item {
            Value::String(text) => (self.transform)(text),
            other => Err(Failure::argument(format!(
                "value [{other}] of type [{}] in list field [{}] cannot be cast to [java.lang.String]",
                java_type(other),
                self.field.name()
            ))),
        });
        texts.collect::<Result<Vec<_>, _>>().map(Value::Array)
    }
}

impl Processor for TextTransform {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let value = match document.get(&self.field) {
            None if self.ignore_missing => return Ok(Flow::Continue),
            None => document.require(&self.field)?,
            Some(value) => value,
        };
        let changed = match &*value {
            Value::String(text) => (self.transform)(text)?,
            Value::Array(items) => self.list(items)?,
            Value::Null if self.ignore_missing => return Ok(Flow::Continue),
            Value::Null => {
                let reason = format!("field [{}] is null, cannot process it.", self.field.name());
                return Err(Failure::argument(reason));
            }
            other => return Err(wrong_type(&self.field, other, "java.lang.String")),
        };
        document.set(self.target.as_ref().unwrap_or(&self.field), changed)?;
        Ok(Flow::Continue)
    }
}
