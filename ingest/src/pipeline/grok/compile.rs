//! Patterns into regexes: names are put in, named parts become groups.

use super::{Capture, Expression, Field, Flavour, Type, patterns};
use event::Object;
use regex::{Regex, RegexBuilder};
use serde_json::Value;
use std::sync::OnceLock;

/// Longest pattern of a definition, and the longest text that it may grow to.
const PATTERN_MAX_BYTES: usize = 16 * 1024;
const EXPANDED_MAX_BYTES: usize = 256 * 1024;
/// Deepest nesting of names.
const DEPTH_MAX: usize = 32;
/// Most memory that an automaton may take.
const AUTOMATON_MAX_BYTES: usize = 8 * 1024 * 1024;

/// What one pattern becomes while names are put in.
struct Expansion<'d> {
    definitions: &'d Object,
    flavour: Flavour,
    out: String,
    /// Field, type, and the name of each group that gives it.
    captures: Vec<(Field, Type, Vec<String>)>,
    groups: usize,
    names: Vec<String>,
}

pub(super) fn expression(
    pattern: &str,
    definitions: &Object,
    flavour: Flavour,
) -> Result<Expression, String> {
    let mut expansion = Expansion {
        definitions,
        flavour,
        out: String::new(),
        captures: Vec::new(),
        groups: 0,
        names: Vec::new(),
    };
    expansion.put(pattern)?;
    let regex = regex(&expansion.out, false)?;
    let index = |name: &String| regex.capture_names().position(|known| known == Some(name));
    let captures = expansion.captures.into_iter().map(|(field, kind, groups)| Capture {
        field,
        kind,
        groups: groups.iter().filter_map(index).collect(),
    });
    let captures = captures.collect();
    Ok(Expression { regex, multi_line: OnceLock::new(), captures })
}

pub(super) fn regex(text: &str, multi_line: bool) -> Result<Regex, String> {
    let mut builder = RegexBuilder::new(text);
    builder.size_limit(AUTOMATON_MAX_BYTES).multi_line(multi_line).build().map_err(|e| {
        let text = e.to_string();
        format!("cannot compile pattern: {}", text.trim_end().rsplit('\n').next().unwrap_or("").trim())
    })
}

impl Expansion<'_> {
    fn put(&mut self, pattern: &str) -> Result<(), String> {
        if pattern.len() > PATTERN_MAX_BYTES {
            return Err(format!("pattern is longer than {PATTERN_MAX_BYTES} bytes"));
        }
        let mut rest = pattern;
        while let Some(at) = rest.find(['%', '(', '\\']) {
            self.push(&rest[..at])?;
            rest = &rest[at..];
            rest = if rest.starts_with("%{") {
                let end =
                    rest.find('}').ok_or_else(|| format!("\"%{{\" without its brace in \"{pattern}\""))?;
                self.reference(&rest[2..end])?;
                &rest[end + 1..]
            } else if rest.starts_with("(?") {
                self.group(rest)?
            } else {
                // An escape takes its character along, so that `\(?` is no group.
                let escaped = rest.strip_prefix('\\').and_then(|rest| rest.chars().next());
                let length = 1 + escaped.map_or(0, char::len_utf8);
                self.push(&rest[..length])?;
                &rest[length..]
            };
        }
        self.push(rest)
    }

    fn push(&mut self, text: &str) -> Result<(), String> {
        self.out.push_str(text);
        if self.out.len() > EXPANDED_MAX_BYTES {
            return Err(format!("pattern grows beyond {EXPANDED_MAX_BYTES} bytes"));
        }
        Ok(())
    }

    /// `(?<name>…` opens a field; look-around and atomic groups cannot run in linear time.
    fn group<'r>(&mut self, rest: &'r str) -> Result<&'r str, String> {
        for (sign, what) in [
            ("(?=", "look-ahead"),
            ("(?!", "negative look-ahead"),
            ("(?<=", "look-behind"),
            ("(?<!", "negative look-behind"),
            ("(?>", "an atomic group"),
        ] {
            if rest.starts_with(sign) {
                return Err(format!("{what} \"{sign}\" is not supported: patterns run in linear time"));
            }
        }
        let Some(inner) = rest.strip_prefix("(?<").or_else(|| rest.strip_prefix("(?P<")) else {
            self.push("(?")?;
            return Ok(&rest[2..]);
        };
        let (name, after) = inner.split_once('>').ok_or("\"(?<\" without its \">\"")?;
        let group = self.capture(name, Type::Text)?;
        self.push(&format!("(?P<{group}>"))?;
        Ok(after)
    }

    /// `NAME`, `NAME:field`, `NAME:field:type`.
    fn reference(&mut self, reference: &str) -> Result<(), String> {
        let mut parts = reference.splitn(3, ':');
        let name = parts.next().unwrap_or("");
        let (field, kind) = (parts.next().filter(|field| !field.is_empty()), parts.next());
        let definition = match self.definitions.get(name) {
            Some(Value::String(definition)) => definition.clone(),
            Some(other) => return Err(format!("pattern definition \"{name}\" isn't a string, but {other}")),
            None => patterns::find(name, self.flavour)
                .ok_or_else(|| format!("Unable to find pattern [{name}] in Grok's pattern dictionary"))?
                .to_owned(),
        };
        if self.names.iter().any(|outer| outer == name) {
            return Err(format!("circular reference in pattern [{name}]: {}", self.names.join(" => ")));
        }
        if self.names.len() >= DEPTH_MAX {
            return Err(format!("patterns are nested deeper than {DEPTH_MAX}"));
        }
        let open = match field {
            None => "(?:".to_owned(),
            Some(field) => {
                let kind = match kind {
                    None | Some("string") => Type::Text,
                    Some("int" | "integer" | "long") => Type::Whole,
                    Some("float" | "double") => Type::Fraction,
                    Some("boolean") => Type::Boolean,
                    Some(other) => {
                        return Err(format!(
                            "unknown type \"{other}\" in \"%{{{reference}}}\": int, long, float, double, boolean are known"
                        ));
                    }
                };
                format!("(?P<{}>", self.capture(field, kind)?)
            }
        };
        self.names.push(name.to_owned());
        self.push(&open)?;
        self.put(&definition)?;
        self.push(")")?;
        self.names.pop();
        Ok(())
    }

    /// A new group for a field; answers with the group's name.
    fn capture(&mut self, field: &str, kind: Type) -> Result<String, String> {
        // Logstash writes nested fields as [a][b].
        let dotted = match field.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => inner.replace("][", "."),
            None => field.to_owned(),
        };
        let field = Field::parse(&dotted)?;
        self.groups += 1;
        let group = format!("g{}", self.groups);
        match self.captures.iter_mut().find(|(known, of, _)| *known == field && *of == kind) {
            Some((.., groups)) => groups.push(group.clone()),
            None => self.captures.push((field, kind, vec![group.clone()])),
        }
        Ok(group)
    }
}
