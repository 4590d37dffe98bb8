//! `foreach`: one processor over each element of a list, or each member of an object.

use super::super::compiled::Step;
use super::super::document::{Field, wrong_type};
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use event::Object;
use serde_json::Value;

struct Foreach {
    field: Field,
    step: Step,
    ignore_missing: bool,
}

pub(super) fn build(
    options: &mut Options,
    compiler: &mut Compiler,
) -> Result<Box<dyn Processor>, DefinitionError> {
    let field = options.field("field")?;
    let ignore_missing = options.boolean("ignore_missing", false)?;
    let definition = options
        .value("processor")
        .ok_or_else(|| options.error("processor", "required property is missing"))?;
    let step = compiler.step(definition, options.place.nested(Some("processor"), 1))?;
    Ok(Box::new(Foreach { field, step, ignore_missing }))
}

impl Foreach {
    /// Runs the inner processor with one element as `_ingest._value` (and `_ingest._key`); what it leaves there is
    /// the new element. The inner error is how it ended the pipeline.
    fn element(
        &self,
        document: &mut Document<'_>,
        key: Option<&str>,
        value: Value,
    ) -> Result<Result<(Option<Value>, Value), Flow>, Failure> {
        let ingest = document.ingest_mut();
        let outer_value = ingest.insert("_value".to_owned(), value);
        let outer_key = key.map(|key| ingest.insert("_key".to_owned(), key.into()));
        let result = self.step.run(document);
        let ingest = document.ingest_mut();
        let changed = ingest.shift_remove("_value").unwrap_or(Value::Null);
        let changed_key = key.and_then(|_| ingest.shift_remove("_key"));
        if let Some(outer) = outer_value {
            ingest.insert("_value".to_owned(), outer);
        }
        if let Some(Some(outer)) = outer_key {
            ingest.insert("_key".to_owned(), outer);
        }
        Ok(match result? {
            Flow::Continue => Ok((changed_key, changed)),
            ended => Err(ended),
        })
    }
}

impl Processor for Foreach {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let value = match document.get(&self.field) {
            None if self.ignore_missing => return Ok(Flow::Continue),
            None => document.require(&self.field)?.into_owned(),
            Some(value) => value.into_owned(),
        };
        let changed = match value {
            Value::Array(items) => {
                let mut changed = Vec::with_capacity(items.len());
                for item in items {
                    match self.element(document, None, item)? {
                        Ok((_, item)) => changed.push(item),
                        Err(ended) => return Ok(ended),
                    }
                }
                Value::Array(changed)
            }
            Value::Object(members) => {
                let mut changed = Object::with_capacity(members.len());
                for (key, item) in members {
                    let (new, item) = match self.element(document, Some(&key), item)? {
                        Ok(element) => element,
                        Err(ended) => return Ok(ended),
                    };
                    let key = new.and_then(|new| new.as_str().map(str::to_owned)).unwrap_or(key);
                    changed.insert(key, item);
                }
                Value::Object(changed)
            }
            Value::Null if self.ignore_missing => return Ok(Flow::Continue),
            Value::Null => {
                let reason = format!("field [{}] is null, cannot loop over its elements.", self.field.name());
                return Err(Failure::argument(reason));
            }
            other => return Err(wrong_type(&self.field, &other, "java.util.List")),
        };
        document.set(&self.field, changed)?;
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails};
    use serde_json::json;

    #[test]
    fn runs_over_each() {
        let upper = json!({"field": "l", "processor": {"uppercase": {"field": "_ingest._value"}}});
        check("foreach", upper.clone(), json!({"l": ["a", "b"]}), json!({"l": ["A", "B"]}));
        check("foreach", upper.clone(), json!({"l": {"k": "a"}}), json!({"l": {"k": "A"}}));
        check_fails("foreach", upper.clone(), json!({}), "field [l] not present");
        check_fails("foreach", upper.clone(), json!({"l": null}), "field [l] is null, cannot loop");
        check_fails(
            "foreach",
            upper,
            json!({"l": ["a", 1]}),
            "field [_ingest._value] of type [java.lang.Integer]",
        );
        let inner = json!({"field": "l", "processor": {"foreach": {
            "field": "_ingest._value", "processor": {"set": {"field": "_ingest._value.x", "value": "{{{_ingest._value.y}}}"}}}}});
        check("foreach", inner, json!({"l": [[{"y": "1"}], []]}), json!({"l": [[{"y": "1", "x": "1"}], []]}));
    }
}
