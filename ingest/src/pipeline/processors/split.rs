//! `split`: a text as a list, parted by a regex.

use super::super::document::Field;
use super::all_matches::AllMatches;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor, compile_regex};
use serde_json::Value;

struct Split {
    field: Field,
    target: Option<Field>,
    separator: AllMatches,
    preserve_trailing: bool,
    ignore_missing: bool,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let separator = options.text("separator")?;
    Ok(Box::new(Split {
        separator: AllMatches::new(compile_regex(options, "separator", &separator)?),
        field: options.field("field")?,
        target: options.optional_field("target_field")?,
        preserve_trailing: options.boolean("preserve_trailing", false)?,
        ignore_missing: options.boolean("ignore_missing", false)?,
    }))
}

impl Processor for Split {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let Some(text) = document.text(&self.field, self.ignore_missing)? else { return Ok(Flow::Continue) };
        let parts = self.separator.split(&text).map_err(Failure::argument)?;
        let mut parts: Vec<Value> = parts.into_iter().map(Value::from).collect();
        // Java's split drops empty parts at the end, never the only part.
        while !self.preserve_trailing && parts.len() > 1 && parts.last().is_some_and(|part| part == "") {
            parts.pop();
        }
        document.set(self.target.as_ref().unwrap_or(&self.field), Value::Array(parts))?;
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use serde_json::json;

    #[test]
    fn splits() {
        check(
            "split",
            json!({"field": "a", "separator": "\\s+"}),
            json!({"a": "x  y z"}),
            json!({"a": ["x", "y", "z"]}),
        );
        check("split", json!({"field": "a", "separator": ","}), json!({"a": "x,,"}), json!({"a": ["x"]}));
        let keep = json!({"field": "a", "separator": ",", "preserve_trailing": true});
        check("split", keep, json!({"a": "x,,"}), json!({"a": ["x", "", ""]}));
        check("split", json!({"field": "a", "separator": ","}), json!({"a": ""}), json!({"a": [""]}));
    }
}
