//! `dot_expander`: a key with dots as nested objects.

use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use event::Object;
use expression::FieldPath;
use serde_json::Value;

struct DotExpander {
    /// The key; `*` is every key with a dot.
    key: String,
    /// The object that holds it; `None`: the document.
    parent: Option<FieldPath>,
    overrides: bool,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let key = options.text("field")?;
    if key != "*" && !key.contains('.') {
        return Err(options.error("field", "field does not contain a dot and is not a wildcard"));
    }
    if key != "*" {
        FieldPath::parse(&key).map_err(|e| options.error("field", e.to_string()))?;
    }
    let parent = options.path("path")?;
    Ok(Box::new(DotExpander { key, parent, overrides: options.boolean("override", false)? }))
}

impl DotExpander {
    fn expand(&self, object: &mut Object, key: &str) -> Result<(), Failure> {
        if !object.contains_key(key) {
            return Ok(());
        }
        let path = FieldPath::parse(key).map_err(|e| Failure::argument(e.to_string()))?;
        let value = match (path.get(object), object.get(key)) {
            (Some(there), Some(value)) if !self.overrides => merge(there, value),
            (_, value) => value.cloned().unwrap_or(Value::Null),
        };
        path.set(object, value)?;
        object.shift_remove(key);
        Ok(())
    }
}

/// Both values in one list, as Elasticsearch appends.
fn merge(there: &Value, value: &Value) -> Value {
    let mut items = match there {
        Value::Array(items) => items.clone(),
        scalar => vec![scalar.clone()],
    };
    match value {
        Value::Array(more) => items.extend(more.iter().cloned()),
        scalar => items.push(scalar.clone()),
    }
    Value::Array(items)
}

impl Processor for DotExpander {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let object = match &self.parent {
            None => &mut document.event.fields,
            Some(path) => match path.get_mut(&mut document.event.fields) {
                Some(Value::Object(object)) => object,
                _ => return Ok(Flow::Continue),
            },
        };
        if self.key != "*" {
            self.expand(object, &self.key)?;
            return Ok(Flow::Continue);
        }
        let keys: Vec<String> = object.keys().filter(|key| key.contains('.')).cloned().collect();
        keys.iter().try_for_each(|key| self.expand(object, key))?;
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails};
    use serde_json::json;

    #[test]
    fn expands() {
        check("dot_expander", json!({"field": "a.b"}), json!({"a.b": 1}), json!({"a": {"b": 1}}));
        check(
            "dot_expander",
            json!({"field": "*"}),
            json!({"a.b": 1, "a.c.d": 2}),
            json!({"a": {"b": 1, "c": {"d": 2}}}),
        );
        check(
            "dot_expander",
            json!({"field": "a.b"}),
            json!({"a.b": 1, "a": {"b": 2}}),
            json!({"a": {"b": [2, 1]}}),
        );
        let options = json!({"field": "a.b", "override": true});
        check("dot_expander", options, json!({"a.b": 1, "a": {"b": 2}}), json!({"a": {"b": 1}}));
        check(
            "dot_expander",
            json!({"field": "a.b", "path": "x"}),
            json!({"x": {"a.b": 1}}),
            json!({"x": {"a": {"b": 1}}}),
        );
        check("dot_expander", json!({"field": "a.b"}), json!({"c": 1}), json!({"c": 1}));
        check_fails(
            "dot_expander",
            json!({"field": "a.b"}),
            json!({"a.b": 1, "a": 2}),
            "cannot set [b] with parent",
        );
        check_fails(
            "dot_expander",
            json!({"field": "ab"}),
            json!({}),
            "pipeline \"test\", processor 1 (dot_expander)",
        );
    }
}
