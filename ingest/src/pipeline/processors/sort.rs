//! `sort`: puts a list in order.

use super::super::document::{Field, wrong_type};
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use serde_json::Value;
use std::cmp::Ordering;

struct Sort {
    field: Field,
    target: Option<Field>,
    descending: bool,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let descending = match options.optional_text("order")?.as_deref() {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(other) => {
            let reason = format!("Sort direction [{other}] not recognized. Valid values are: [asc, desc]");
            return Err(options.error("order", reason));
        }
    };
    let target = options.optional_field("target_field")?;
    Ok(Box::new(Sort { field: options.field("field")?, target, descending }))
}

impl Processor for Sort {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let mut items = match &*document.require(&self.field)? {
            Value::Array(items) => items.clone(),
            Value::Null => {
                return Err(Failure::argument(format!(
                    "field [{}] is null, cannot sort.",
                    self.field.name()
                )));
            }
            other => return Err(wrong_type(&self.field, other, "java.util.List")),
        };
        let rank = |value: &Value| match value {
            Value::Number(_) => Some(0),
            Value::String(_) => Some(1),
            Value::Bool(_) => Some(2),
            _ => None,
        };
        let first = items.first().and_then(rank);
        if items.iter().any(|item| rank(item).is_none() || rank(item) != first) {
            let reason = format!("field [{}] holds values that cannot be compared", self.field.name());
            return Err(Failure::argument(reason));
        }
        items.sort_by(compare);
        if self.descending {
            items.reverse();
        }
        document.set(self.target.as_ref().unwrap_or(&self.field), Value::Array(items))?;
        Ok(Flow::Continue)
    }
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.as_f64().unwrap_or(0.0).total_cmp(&b.as_f64().unwrap_or(0.0)),
        },
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails};
    use serde_json::json;

    #[test]
    fn sorts() {
        check("sort", json!({"field": "a"}), json!({"a": [3, 1.5, 2]}), json!({"a": [1.5, 2, 3]}));
        check(
            "sort",
            json!({"field": "a", "order": "desc"}),
            json!({"a": ["a", "c", "b"]}),
            json!({"a": ["c", "b", "a"]}),
        );
        check("sort", json!({"field": "a"}), json!({"a": []}), json!({"a": []}));
        check_fails(
            "sort",
            json!({"field": "a"}),
            json!({"a": [1, "x"]}),
            "field [a] holds values that cannot",
        );
        check_fails("sort", json!({"field": "a", "order": "up"}), json!({}), "pipeline \"test\"");
    }
}
