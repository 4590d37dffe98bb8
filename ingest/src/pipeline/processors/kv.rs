//! `kv`: `key=value` pairs of a text as fields.

use super::super::document::{Field, FieldTemplate};
use super::all_matches::AllMatches;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor, compile_regex};
use expression::{Escape, Template};
use regex::Regex;
use serde_json::Value;
use std::borrow::Cow;

/// Most pairs taken from one text.
const PAIRS_MAX: usize = 1_000;

struct Kv {
    field: FieldTemplate,
    target: Option<Template>,
    field_split: AllMatches,
    value_split: Regex,
    include: Option<Vec<String>>,
    exclude: Vec<String>,
    prefix: String,
    /// Characters taken off both ends, as a regex of one.
    trim_key: Option<Regex>,
    trim_value: Option<Regex>,
    strip_brackets: bool,
    ignore_missing: bool,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let (fields, values) = (options.text("field_split")?, options.text("value_split")?);
    Ok(Box::new(Kv {
        field: options.field_template("field")?,
        target: options.template("target_field")?,
        field_split: AllMatches::new(compile_regex(options, "field_split", &fields)?),
        value_split: compile_regex(options, "value_split", &values)?,
        include: options.optional_texts("include_keys")?,
        exclude: options.optional_texts("exclude_keys")?.unwrap_or_default(),
        prefix: options.optional_text("prefix")?.unwrap_or_default(),
        trim_key: characters(options, "trim_key")?,
        trim_value: characters(options, "trim_value")?,
        strip_brackets: options.boolean("strip_brackets", false)?,
        ignore_missing: options.boolean("ignore_missing", false)?,
    }))
}

/// The characters of an option, written as inside the brackets of a regex.
fn characters(options: &mut Options, key: &str) -> Result<Option<Regex>, DefinitionError> {
    let Some(text) = options.optional_text(key)?.filter(|text| !text.is_empty()) else { return Ok(None) };
    compile_regex(options, key, &format!("^[{text}]$")).map(Some)
}

fn trim<'t>(text: &'t str, characters: Option<&Regex>) -> &'t str {
    match characters {
        None => text,
        Some(regex) => text.trim_matches(|c: char| regex.is_match(c.encode_utf8(&mut [0; 4]))),
    }
}

impl Kv {
    /// A bracket or quote goes from each end, paired or not, before what is to be trimmed.
    fn value<'t>(&self, text: &'t str) -> &'t str {
        let mut text = text;
        if self.strip_brackets {
            text = text.strip_prefix(['(', '[', '<', '"', '\'']).unwrap_or(text);
            text = text.strip_suffix([')', ']', '>', '"', '\'']).unwrap_or(text);
        }
        trim(text, self.trim_value.as_ref())
    }

    fn text<'d>(&self, field: &Field, document: &'d Document<'_>) -> Result<Option<Cow<'d, str>>, Failure> {
        let name = field.name();
        match document.get(field) {
            None if !self.ignore_missing => Err(Failure::argument(format!("field [{name}] doesn't exist"))),
            Some(value) if value.is_null() && !self.ignore_missing => {
                Err(Failure::argument(format!("field [{name}] is null, cannot extract key-value pairs.")))
            }
            _ => document.text(field, true),
        }
    }
}

impl Processor for Kv {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let field = self.field.resolve(document)?.into_owned();
        let Some(text) = self.text(&field, document)? else { return Ok(Flow::Continue) };
        let text = text.into_owned();
        let target = self.target.as_ref().map(|target| target.render(document, Escape::None));
        let target = target.filter(|target| !target.is_empty());
        let parts = self.field_split.split(&text).map_err(Failure::argument)?;
        for (number, part) in parts.into_iter().filter(|part| !part.is_empty()).enumerate() {
            if number >= PAIRS_MAX {
                return Err(Failure::argument(format!(
                    "field [{}] holds more than {PAIRS_MAX} pairs",
                    field.name()
                )));
            }
            let mut pair = self.value_split.splitn(part, 2);
            let (Some(key), Some(value)) = (pair.next(), pair.next()) else {
                let reason =
                    format!("field [{}] does not contain value_split [{}]", field.name(), self.value_split);
                return Err(Failure::argument(reason));
            };
            let key = trim(key, self.trim_key.as_ref());
            let wanted = self.include.as_ref().is_none_or(|keys| keys.iter().any(|wanted| wanted == key));
            if !wanted || self.exclude.iter().any(|excluded| excluded == key) {
                continue;
            }
            let name = match &target {
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
    use super::super::testing::{check, check_fails, run};
    use proptest::{collection::btree_map, prelude::*};
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
            json!({"l": "-a-=(1),&b=2&c=3", "q": {"p_a": "1)"}}),
        );
        let options = json!({"field": "l", "field_split": " ", "value_split": "=", "strip_brackets": true, "trim_value": "\\[\\]x"});
        let document = json!({"l": "a=(1) b=[x2] c='3 d=]4"});
        let found = run("kv", options, document).unwrap();
        assert_eq!(json!([found["a"], found["b"], found["c"], found["d"]]), json!(["1", "2", "3", "4"]));
    }

    #[test]
    fn names_may_be_templates() {
        let options =
            json!({"field": "{{f}}", "field_split": ";", "value_split": ":", "target_field": "{{t}}"});
        let document = json!({"f": "l", "t": "to", "l": "a:1"});
        assert_eq!(run("kv", options.clone(), document).unwrap()["to"], json!({"a": "1"}));
        check_fails("kv", options.clone(), json!({"f": "l"}), "field [l] doesn't exist");
        check_fails(
            "kv",
            options,
            json!({"f": "l", "l": null}),
            "field [l] is null, cannot extract key-value pairs.",
        );
    }

    proptest! {
        #[test]
        fn print_then_read_is_identity(pairs in btree_map("[a-z]{1,4}", "[a-z0-9é.=]{0,5}", 1..6)) {
            let line: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let options = json!({"field": "l", "field_split": "&", "value_split": "=", "target_field": "to"});
            let found = run("kv", options, json!({"l": line.join("&")})).unwrap();
            prop_assert_eq!(&found["to"], &json!(pairs));
        }

        #[test]
        fn any_text_is_read_or_refused(line in "[a-c=& .\\[\\]\"]{0,30}") {
            let options = json!({"field": "l", "field_split": "&", "value_split": "=", "strip_brackets": true, "trim_key": " ."});
            let _ = run("kv", options, json!({"l": line}));
        }
    }
}
