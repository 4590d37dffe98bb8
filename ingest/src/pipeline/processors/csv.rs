//! `csv`: one line of separated values into fields.

use super::super::document::Field;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use serde_json::Value;

struct Csv {
    field: Field,
    targets: Vec<Field>,
    separator: char,
    quote: char,
    trim: bool,
    ignore_missing: bool,
    empty_value: Option<Value>,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let field = options.field("field")?;
    let names = options.texts("target_fields")?;
    if names.is_empty() {
        return Err(options.error("target_fields", "target fields list can't be empty"));
    }
    let targets = names.iter().map(|name| Field::parse(name).map_err(|e| options.error("target_fields", e)));
    let targets = targets.collect::<Result<_, _>>()?;
    let quote = character(options, "quote", '"')?;
    let separator = character(options, "separator", ',')?;
    if quote == separator {
        return Err(options.error("quote", "separator and quote can't be the same character"));
    }
    let trim = options.boolean("trim", false)?;
    let ignore_missing = options.boolean("ignore_missing", false)?;
    let empty_value = options.value("empty_value");
    Ok(Box::new(Csv { field, targets, separator, quote, trim, ignore_missing, empty_value }))
}

fn character(options: &mut Options, key: &str, default: char) -> Result<char, DefinitionError> {
    let Some(text) = options.optional_text(key)? else { return Ok(default) };
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) if !matches!(character, '\n' | '\r') => Ok(character),
        _ => Err(options.error(key, format!("must be one character, no line break: {text:?}"))),
    }
}

impl Processor for Csv {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let Some(line) = document.text(&self.field, self.ignore_missing)? else { return Ok(Flow::Continue) };
        let values = self.split(&line)?;
        for (target, value) in self.targets.iter().zip(values) {
            let value = match (value.is_empty(), &self.empty_value) {
                (false, _) => Value::String(value),
                (true, Some(empty)) => empty.clone(),
                (true, None) => continue,
            };
            document.set(target, value)?;
        }
        Ok(Flow::Continue)
    }
}

impl Csv {
    /// RFC 4180 with any separator and quote. Values beyond the targets are not kept.
    fn split(&self, line: &str) -> Result<Vec<String>, Failure> {
        let mut values = Vec::with_capacity(self.targets.len());
        let mut rest = line;
        while values.len() < self.targets.len() {
            let (value, after) = self.value(rest, line)?;
            values.push(value);
            match after {
                Some(after) => rest = after,
                None => break,
            }
        }
        Ok(values)
    }

    /// One value and what comes after its separator.
    fn value<'l>(&self, rest: &'l str, line: &str) -> Result<(String, Option<&'l str>), Failure> {
        // White space around quotes never counts, as in Elasticsearch.
        if let Some(body) = rest.trim_start_matches([' ', '\t']).strip_prefix(self.quote) {
            return self.quoted(body, line);
        }
        let (value, after) = match rest.split_once(self.separator) {
            Some((value, after)) => (value, Some(after)),
            None => (rest, None),
        };
        if value.contains(self.quote) {
            let at = line.len() - rest.len();
            return Err(Failure::argument(format!("Illegal character inside unquoted field at {at}")));
        }
        let value = if self.trim { value.trim_matches([' ', '\t']) } else { value };
        Ok((value.to_owned(), after))
    }

    fn quoted<'l>(&self, body: &'l str, line: &str) -> Result<(String, Option<&'l str>), Failure> {
        let mut value = String::new();
        let mut rest = body;
        loop {
            let Some((text, after)) = rest.split_once(self.quote) else {
                return Err(Failure::argument("Unmatched quote"));
            };
            value.push_str(text);
            if let Some(after) = after.strip_prefix(self.quote) {
                value.push(self.quote);
                rest = after;
                continue;
            }
            let after = after.trim_start_matches([' ', '\t']);
            return match after.strip_prefix(self.separator) {
                Some(after) => Ok((value, Some(after))),
                None if after.is_empty() => Ok((value, None)),
                None => {
                    let at = line.len() - after.len();
                    Err(Failure::argument(format!("character '{}' after quoted field at {at}", self.quote)))
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails, run};
    use proptest::{collection::vec, prelude::*};
    use serde_json::{Value, json};

    proptest! {
        /// RFC 4180: every value in quotes, quotes doubled.
        #[test]
        fn print_then_split_is_identity(values in vec("[a-c,\"' é;]{1,6}", 1..5)) {
            let quoted: Vec<String> =
                values.iter().map(|value| format!("\"{}\"", value.replace('"', "\"\""))).collect();
            let names: Vec<String> = (0..values.len()).map(|number| format!("c{number}")).collect();
            let options = json!({"field": "l", "target_fields": names});
            let found = run("csv", options, json!({"l": quoted.join(",")})).unwrap();
            for (name, value) in names.iter().zip(&values) {
                prop_assert_eq!(&found[name], value);
            }
        }

        #[test]
        fn any_line_is_split_or_refused(line in "[a-c,\"' \\té]{0,30}") {
            let _ = run("csv", json!({"field": "l", "target_fields": ["a", "b"], "trim": true}), json!({"l": line}));
        }
    }

    #[test]
    fn splits() {
        let split = |line: &str, expected: Value| {
            let mut whole = json!({"l": line});
            whole.as_object_mut().unwrap().extend(expected.as_object().unwrap().clone());
            check(
                "csv",
                json!({"field": "l", "target_fields": ["a", "b", "c.d"]}),
                json!({"l": line}),
                whole,
            );
        };
        split("1,2,3", json!({"a": "1", "b": "2", "c": {"d": "3"}}));
        split("1,\"x,\"\"y\"\"\",3,4", json!({"a": "1", "b": "x,\"y\"", "c": {"d": "3"}}));
        split("1,,3", json!({"a": "1", "c": {"d": "3"}}));
        split("", json!({}));
        let options = json!({"field": "l", "target_fields": ["a", "b"], "separator": ";", "quote": "'", "trim": true, "empty_value": ""});
        check("csv", options, json!({"l": " x ; 'y;' "}), json!({"l": " x ; 'y;' ", "a": "x", "b": "y;"}));
        let options = json!({"field": "l", "target_fields": "a"});
        check_fails(
            "csv",
            options.clone(),
            json!({"l": "x\"y"}),
            "Illegal character inside unquoted field at 0",
        );
        check_fails("csv", options.clone(), json!({"l": "\"y"}), "Unmatched quote");
        check_fails("csv", options, json!({"l": "\"y\"z"}), "character '\"' after quoted field at 3");
    }
}
