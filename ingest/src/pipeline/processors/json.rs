//! `json`: a text that holds JSON, as what it holds.

use super::super::document::Field;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use event::Object;
use serde_json::Value;

struct Json {
    field: Field,
    target: Option<Field>,
    add_to_root: bool,
    merge: bool,
    strict: bool,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let add_to_root = options.boolean("add_to_root", false)?;
    let target = options.optional_field("target_field")?;
    if add_to_root && target.is_some() {
        return Err(options
            .error("target_field", "Cannot set a target field while also setting `add_to_root` to true"));
    }
    let merge = match options.optional_text("add_to_root_conflict_strategy")?.as_deref() {
        None | Some("replace") => false,
        Some("merge") => true,
        Some(other) => {
            let reason = format!("conflict strategy [{other}] not supported, cannot convert field.");
            return Err(options.error("add_to_root_conflict_strategy", reason));
        }
    };
    let strict = options.boolean("strict_json_parsing", true)?;
    // The last of several equal keys always wins here.
    options.boolean("allow_duplicate_keys", false)?;
    Ok(Box::new(Json { field: options.field("field")?, target, add_to_root, merge, strict }))
}

impl Json {
    fn parse(&self, value: &Value) -> Result<Value, Failure> {
        let text = match value {
            Value::String(text) => text.as_str(),
            Value::Array(_) | Value::Object(_) => {
                let kind = super::super::document::java_type(value);
                let reason = format!("field [{}] of type [{kind}] is no text to parse", self.field.name());
                return Err(Failure::argument(reason));
            }
            scalar => return Ok(scalar.clone()),
        };
        let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        match stream.next() {
            Some(Ok(parsed)) if !self.strict || text[stream.byte_offset()..].trim().is_empty() => Ok(parsed),
            Some(Ok(_)) => {
                let at = stream.byte_offset();
                Err(Failure::argument(format!(
                    "field [{}] has text after its JSON, at byte {at}",
                    self.field.name()
                )))
            }
            Some(Err(e)) => Err(Failure::argument(format!("field [{}] is no JSON: {e}", self.field.name()))),
            None => Ok(Value::Null),
        }
    }
}

fn merge_into(object: &mut Object, added: Object) {
    for (key, value) in added {
        match (object.get_mut(&key), value) {
            (Some(Value::Object(there)), Value::Object(value)) => merge_into(there, value),
            (_, value) => {
                object.insert(key, value);
            }
        }
    }
}

impl Processor for Json {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let parsed = self.parse(&*document.require(&self.field)?)?;
        if !self.add_to_root {
            document.set(self.target.as_ref().unwrap_or(&self.field), parsed)?;
            return Ok(Flow::Continue);
        }
        let Value::Object(added) = parsed else {
            return Err(Failure::argument("cannot add non-map fields to root of document"));
        };
        if added.contains_key("@timestamp") {
            document.event.metadata.timestamp = None;
        }
        if self.merge {
            merge_into(&mut document.event.fields, added);
        } else {
            document.event.fields.extend(added);
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails, run};
    use serde_json::{Value, json};

    #[test]
    fn parses() {
        let parse = |text: Value, expected: Value| {
            check("json", json!({"field": "a"}), json!({"a": text}), json!({"a": expected}))
        };
        parse(json!("{\"b\": [1, null]}"), json!({"b": [1, null]}));
        parse(json!("3.5"), json!(3.5));
        parse(json!(7), json!(7));
        parse(json!(" \"x\" "), json!("x"));
        check(
            "json",
            json!({"field": "a", "target_field": "b"}),
            json!({"a": "1"}),
            json!({"a": "1", "b": 1}),
        );
        let root = json!({"field": "a", "add_to_root": true});
        check(
            "json",
            root.clone(),
            json!({"a": "{\"b\": {\"x\": 1}}", "b": {"y": 2}}),
            json!({"a": "{\"b\": {\"x\": 1}}", "b": {"x": 1}}),
        );
        let merge = json!({"field": "a", "add_to_root": true, "add_to_root_conflict_strategy": "merge"});
        let merged = run("json", merge, json!({"a": "{\"b\": {\"x\": 1}}", "b": {"y": 2}})).unwrap();
        assert_eq!(merged["b"], json!({"x": 1, "y": 2}));
        check_fails("json", root, json!({"a": "[1]"}), "cannot add non-map fields to root of document");
        for text in ["{", "1 2", "nope", "{\"a\": 1} x"] {
            check_fails("json", json!({"field": "a"}), json!({"a": text}), "field [a] ");
        }
        check(
            "json",
            json!({"field": "a", "strict_json_parsing": false}),
            json!({"a": "1 x"}),
            json!({"a": 1}),
        );
        let deep = "[".repeat(500);
        check_fails(
            "json",
            json!({"field": "a"}),
            json!({"a": deep}),
            "field [a] is no JSON: recursion limit",
        );
    }
}
