//! `kv`: `key=value` pairs of a text as fields.

use super::super::document::Field;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor, compile_regex};
use regex::Regex;
use serde_json::Value;

/// Most pairs taken from one text.
const PAIRS_MAX: usize = 1_000;

struct Kv {
    field: Field,
    target: Option<String>,
    field_split: Regex,
    value_split: Regex,
    include: Option<Vec<String>>,
    exclude: Vec<String>,
    prefix: String,
    trim_key: Vec<char>,
    trim_value: Vec<char>,
    strip_brackets: bool,
    ignore_missing: bool,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let (fields, values) = (options.text("field_split")?, options.text("value_split")?);
    let target = options.optional_text("target_field")?;
    if let Some(target) = &target {
        Field::parse(target).map_err(|e| options.error("target_field", e))?;
    }
    let characters = |text: Option<String>| text.unwrap_or_default().chars().collect();
    Ok(Box::new(Kv {
        field: options.field("field")?,
        target,
        field_split: compile_regex(options, "field_split", &fields)?,
        value_split: compile_regex(options, "value_split", &values)?,
        include: options.optional_texts("include_keys")?,
        exclude: options.optional_texts("exclude_keys")?.unwrap_or_default(),
        prefix: options.optional_text("prefix")?.unwrap_or_default(),
        trim_key: characters(options.optional_text("trim_key")?),
        trim_value: characters(options.optional_text("trim_value")?),
        strip_brackets: options.boolean("strip_brackets", false)?,
        ignore_missing: options.boolean("ignore_missing", false)?,
    }))
}

impl Kv {
    fn value<'t>(&self, text: &'t str) -> &'t str {
        let text = text.trim_matches(self.trim_value.as_slice());
        if !self.strip_brackets {
            return text;
        }
        let pairs = [('(', ')'), ('[', ']'), ('<', '>'), ('"', '"'), ('\'', '\'')];
        let inner = pairs.iter().find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close));
        inner.unwrap_or(text)
    }
}

impl Processor for Kv {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let Some(text) = document.text(&self.field, self.ignore_missing)? else { return Ok(Flow::Continue) };
        let text = text.into_owned();
        for part in self.field_split.split(&text).filter(|part| !part.is_empty()).take(PAIRS_MAX) {
            let mut pair = self.value_split.splitn(part, 2);
            let (Some(key), Some(value)) = (pair.next(), pair.next()) else {
                let reason = format!(
                    "field [{}] does not contain value_split [{}]",
                    self.field.name(),
                    self.value_split
                );
                return Err(Failure::argument(reason));
            };
            let key = key.trim_matches(self.trim_key.as_slice());
            let wanted = self.include.as_ref().is_none_or(|keys| keys.iter().any(|wanted| wanted == key));
            if !wanted || self.exclude.iter().any(|excluded| excluded == key) {
                continue;
            }
            let name = match &self.target {
                Some(target) => format!("{target}.{}{key}", self.prefix),
                None => format!("{}{key}", self.prefix),
            };
            let field = Field::parse(&name).map_err(Failure::argument)?;
            let value = Value::String(self.value(value).to_owned());
            let value = match document.get(&field).map(std::borrow::Cow::into_owned) {
                // A key that comes twice makes a list.
                Some(Value::Array(mut items)) => {
                    items.push(value);
                    Value::Array(items)
                }
                Some(Value::Null) | None => value,
                Some(first) => Value::Array(vec![first, value]),
            };
            document.set(&field, value)?;
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails};
    use serde_json::json;

    #[test]
    fn reads_pairs() {
        let options = json!({"field": "l", "field_split": " ", "value_split": "="});
        let document = json!({"l": "a=1 b=x=y a=2"});
        check("kv", options.clone(), document, json!({"l": "a=1 b=x=y a=2", "a": ["1", "2"], "b": "x=y"}));
        check_fails("kv", options, json!({"l": "a"}), "field [l] does not contain value_split [=]");
        let options = json!({"field": "l", "field_split": "&", "value_split": "=", "target_field": "q", "prefix": "p_",
            "include_keys": ["a", "b"], "exclude_keys": ["b"], "trim_key": "-", "trim_value": ",", "strip_brackets": true});
        check(
            "kv",
            options,
            json!({"l": "-a-=(1),&b=2&c=3"}),
            json!({"l": "-a-=(1),&b=2&c=3", "q": {"p_a": "1"}}),
        );
    }
}
