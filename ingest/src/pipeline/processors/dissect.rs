//! `dissect`: a line by its delimiters, without regexes.

use super::super::document::Field;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use serde_json::Value;
use std::collections::BTreeMap;

/// Most keys of one pattern.
const KEYS_MAX: usize = 256;

#[derive(Debug, Clone, PartialEq)]
enum Target {
    /// `%{}` and `%{?name}`.
    Skip,
    /// `%{name}`.
    Field(Field),
    /// `%{+name}`, `%{+name/2}`: parts of one field, joined in order.
    Part { field: Field, order: usize },
    /// `%{*name}`: the text is the name of a field.
    Name(String),
    /// `%{&name}`: the text is the value of that field.
    ValueOf(String),
}

struct Key {
    target: Target,
    /// `->`: the delimiter may be repeated.
    padded: bool,
    /// What comes after it; empty only after the last key.
    delimiter: String,
}

struct Dissect {
    field: Field,
    leading: String,
    keys: Vec<Key>,
    separator: String,
    ignore_missing: bool,
    pattern: String,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let field = options.field("field")?;
    let pattern = options.text("pattern")?;
    let separator = options.optional_text("append_separator")?.unwrap_or_default();
    let ignore_missing = options.boolean("ignore_missing", false)?;
    let (leading, keys) = parse(&pattern)
        .map_err(|e| options.error("pattern", format!("Unable to parse pattern: {pattern}: {e}")))?;
    Ok(Box::new(Dissect { field, leading, keys, separator, ignore_missing, pattern }))
}

fn parse(pattern: &str) -> Result<(String, Vec<Key>), String> {
    let start = pattern.find("%{").ok_or("no keys found")?;
    let mut keys: Vec<Key> = Vec::new();
    let mut rest = &pattern[start..];
    while let Some(inner) = rest.strip_prefix("%{") {
        let (key, after) = inner.split_once('}').ok_or("a key has no closing brace")?;
        let end = after.find("%{").unwrap_or(after.len());
        let (text, padded) = match key.strip_suffix("->") {
            Some(text) => (text, true),
            None => (key, false),
        };
        keys.push(Key { target: target(text)?, padded, delimiter: after[..end].to_owned() });
        rest = &after[end..];
    }
    if keys.len() > KEYS_MAX {
        return Err(format!("more than {KEYS_MAX} keys"));
    }
    if keys[..keys.len() - 1].iter().any(|key| key.delimiter.is_empty()) {
        return Err("two keys without a delimiter between them".to_owned());
    }
    let names = |keys: &[Key], wanted: fn(&Target) -> Option<&String>| {
        let mut names: Vec<String> = keys.iter().filter_map(|key| wanted(&key.target).cloned()).collect();
        names.sort();
        names
    };
    let named = names(&keys, |target| if let Target::Name(name) = target { Some(name) } else { None });
    let valued = names(&keys, |target| if let Target::ValueOf(name) = target { Some(name) } else { None });
    if named != valued {
        return Err("found invalid key/reference associations: each * needs its &".to_owned());
    }
    Ok((pattern[..start].to_owned(), keys))
}

fn target(text: &str) -> Result<Target, String> {
    let mut characters = text.chars();
    Ok(match characters.next() {
        None | Some('?') => Target::Skip,
        Some('*') => Target::Name(characters.as_str().to_owned()),
        Some('&') => Target::ValueOf(characters.as_str().to_owned()),
        Some('+') => {
            let name = characters.as_str();
            let (name, order) = match name.rsplit_once('/') {
                Some((name, order)) => (name, order.parse().map_err(|_| format!("bad order \"{order}\""))?),
                None => (name, 0),
            };
            Target::Part { field: Field::parse(name)?, order }
        }
        Some(_) => Target::Field(Field::parse(text)?),
    })
}

impl Dissect {
    /// The text of each key; `None` when the line does not have the delimiters.
    ///
    /// A delimiter that comes again at once leaves the next key empty, whatever that one's own delimiter is, unless
    /// the key before it is padded.
    fn split<'l>(&self, line: &'l str) -> Option<Vec<&'l str>> {
        let mut rest = line.strip_prefix(self.leading.as_str()).filter(|rest| !rest.is_empty())?;
        let mut values = Vec::with_capacity(self.keys.len());
        let mut keys = self.keys.iter();
        while let Some(key) = keys.next() {
            let delimiter = key.delimiter.as_str();
            if delimiter.is_empty() {
                values.push(rest);
                break;
            }
            let (value, after) = rest.split_once(delimiter)?;
            values.push(value);
            rest = after;
            let mut padded = key.padded;
            while let Some(further) = rest.strip_prefix(delimiter) {
                rest = further;
                if !padded {
                    let Some(empty) = keys.next() else { return Some(values) };
                    padded = empty.padded;
                    values.push("");
                }
            }
        }
        Some(values)
    }
}

impl Processor for Dissect {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let Some(line) = document.text(&self.field, self.ignore_missing)? else { return Ok(Flow::Continue) };
        let Some(values) = self.split(&line) else {
            let reason =
                format!("Unable to find match for dissect pattern: {} against source: {line}", self.pattern);
            return Err(Failure { kind: "dissect_exception", reason, inner: None });
        };
        let mut parts: Vec<(Field, Vec<(usize, String)>)> = Vec::new();
        let mut references: BTreeMap<&str, (Option<String>, Option<String>)> = BTreeMap::new();
        let mut fields: Vec<(&Field, String)> = Vec::new();
        let appended = |field: &Field| {
            self.keys
                .iter()
                .any(|key| matches!(&key.target, Target::Part { field: other, .. } if other == field))
        };
        let mut add = |field: &Field, order: usize, value: &str| match parts
            .iter_mut()
            .find(|(known, _)| known == field)
        {
            Some((_, list)) => list.push((order, value.to_owned())),
            None => parts.push((field.clone(), vec![(order, value.to_owned())])),
        };
        for (key, value) in self.keys.iter().zip(values) {
            match &key.target {
                Target::Skip => {}
                Target::Field(field) if appended(field) => add(field, 0, value),
                Target::Field(field) => fields.push((field, value.to_owned())),
                Target::Part { field, order } => add(field, *order, value),
                Target::Name(name) => references.entry(name).or_default().0 = Some(value.to_owned()),
                Target::ValueOf(name) => references.entry(name).or_default().1 = Some(value.to_owned()),
            }
        }
        for (field, value) in fields {
            document.set(field, Value::String(value))?;
        }
        for (field, mut list) in parts {
            list.sort_by_key(|(order, _)| *order);
            let texts: Vec<String> = list.into_iter().map(|(_, text)| text).collect();
            document.set(&field, Value::String(texts.join(&self.separator)))?;
        }
        for (name, value) in references.into_values().filter_map(|(name, value)| name.zip(value)) {
            let field = Field::parse(&name).map_err(Failure::argument)?;
            document.set(&field, Value::String(value))?;
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_fails, run};
    use proptest::{collection::vec, prelude::*};
    use serde_json::{Value, json};

    #[test]
    fn dissects() {
        let check = |pattern: &str, line: &str, expected: Value| {
            let options = json!({"field": "l", "pattern": pattern, "append_separator": " "});
            let mut found = run("dissect", options, json!({"l": line})).expect(line);
            found.as_object_mut().unwrap().shift_remove("l");
            assert_eq!(found, expected, "{pattern}");
        };
        check("%{a} %{b} %{c}", "foo bar baz", json!({"a": "foo", "b": "bar", "c": "baz"}));
        check(
            "[%{ts}] %{?skip} %{} %{x.y}",
            "[now] 1 2 rest of it",
            json!({"ts": "now", "x": {"y": "rest of it"}}),
        );
        check("%{a->} %{b}", "foo      bar", json!({"a": "foo", "b": "bar"}));
        check("%{+n} %{+n}", "john doe", json!({"n": "john doe"}));
        check("%{+n/2} %{+n/1}", "john doe", json!({"n": "doe john"}));
        check("%{n} %{x} %{+n}", "john q doe", json!({"x": "q", "n": "john doe"}));
        check("%{*k}=%{&k}", "key=value", json!({"key": "value"}));
        check("%{a},%{b}", ",", json!({"a": "", "b": ""}));
        check("%{a},%{b},%{c},%{d}", "foo,,,", json!({"a": "foo", "b": "", "c": "", "d": ""}));
        check("%{a} %{b}", "foo  bar", json!({"a": "foo", "b": ""}));
        check("%{a} %{b->} %{c}", "foo    bar", json!({"a": "foo", "b": "", "c": "bar"}));
        check("%{a->}", "foo ", json!({"a": "foo "}));
        check("%{a}|", "foo|bar", json!({"a": "foo"}));
    }

    proptest! {
        /// What is printed by a pattern is read by it, if no value holds a delimiter or is empty.
        #[test]
        fn print_then_dissect_is_identity(
            values in vec("[a-zé0-9]{1,5}", 1..6),
            delimiters in vec("[ ,;|:-]{1,3}", 6),
        ) {
            let (mut pattern, mut line, mut expected) = (String::from("<"), String::from("<"), json!({}));
            for (number, (value, delimiter)) in values.iter().zip(&delimiters).enumerate() {
                pattern.push_str(&format!("%{{k{number}}}{delimiter}"));
                line.push_str(&format!("{value}{delimiter}"));
                expected[format!("k{number}")] = json!(value);
            }
            expected["l"] = json!(line);
            let options = json!({"field": "l", "pattern": pattern});
            prop_assert_eq!(run("dissect", options, json!({"l": line})), Ok(expected));
        }

        #[test]
        fn any_pattern_is_read_or_refused(pattern in "([a-c ,]|%\\{[+*&?]?[a-c]{0,2}(/[0-9])?(->)?\\}){0,8}", line in "[a-c ,é]{0,20}") {
            let _ = run("dissect", json!({"field": "l", "pattern": pattern}), json!({"l": line}));
        }
    }

    #[test]
    fn refuses() {
        let options = |pattern: &str| json!({"field": "l", "pattern": pattern});
        let reason = "Unable to find match for dissect pattern: %{a},%{b} against source: x";
        check_fails("dissect", options("%{a},%{b}"), json!({"l": "x"}), reason);
        check_fails("dissect", options("%{a}"), json!({"l": ""}), "Unable to find match for dissect pattern");
        for pattern in ["plain", "%{a}%{b}", "%{a", "%{*k}", "%{a..b}"] {
            check_fails(
                "dissect",
                options(pattern),
                json!({"l": "x"}),
                "pipeline \"test\", processor 1 (dissect)",
            );
        }
    }
}
