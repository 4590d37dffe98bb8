//! Grok: named patterns, compiled to one linear-time regex each.

mod compile;
mod patterns;
#[cfg(test)]
mod tests;

use super::document::Field;
use event::Object;
use regex::Regex;
use serde_json::{Number, Value};
use std::sync::OnceLock;

/// The stock patterns with their names, as Elasticsearch has them by default.
pub fn grok_patterns() -> impl Iterator<Item = (&'static str, &'static str)> {
    patterns::all(Flavour::Legacy)
}

/// Which names the stock patterns give their fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// `clientip`, `verb`, … : Elasticsearch's default.
    Legacy,
    /// Elastic Common Schema, version 1.
    Ecs,
}

/// Type of a capture: `%{NUMBER:bytes:int}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Text,
    /// `int` and `long`: 64 bits for both, since body sizes outgrow 32.
    Whole,
    /// `float` and `double`.
    Fraction,
    Boolean,
}

/// A field and the groups that may give it: the first that took part does.
#[derive(Debug)]
struct Capture {
    field: Field,
    kind: Type,
    groups: Vec<usize>,
}

/// One pattern.
struct Expression {
    regex: Regex,
    /// As `regex`, with `^` and `$` at every line: what they mean to grok. Made for the first text of many lines;
    /// for one line both are the same, and the simple one is much faster.
    multi_line: OnceLock<Option<Regex>>,
    captures: Vec<Capture>,
}

/// Patterns tried in order.
pub(crate) struct Grok {
    expressions: Vec<Expression>,
}

/// What a match gives.
pub(crate) struct Match<'g> {
    /// Which of the patterns matched, from 0.
    pub(crate) index: usize,
    /// Fields and their values, in the order of the pattern.
    pub(crate) values: Vec<(&'g Field, Value)>,
}

impl Grok {
    /// Compiles patterns, with definitions that come before the stock ones.
    ///
    /// # Errors
    /// Unknown names, cycles, look-around and atomic groups, patterns that grow too large.
    pub(crate) fn compile(
        patterns: &[String],
        definitions: &Object,
        flavour: Flavour,
    ) -> Result<Self, String> {
        if patterns.is_empty() {
            return Err("list of match patterns must not be empty".to_owned());
        }
        let expressions = patterns.iter().map(|pattern| compile::expression(pattern, definitions, flavour));
        Ok(Self { expressions: expressions.collect::<Result<_, _>>()? })
    }

    /// How many fields a match can give, at most.
    pub(crate) fn captures(&self) -> usize {
        self.expressions.iter().map(|expression| expression.captures.len()).max().unwrap_or(0)
    }

    /// Whether any pattern matches.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.expressions.iter().any(|expression| expression.regex_for(text).is_match(text))
    }

    /// The first pattern that matches; `Ok(None)`: none does.
    ///
    /// # Errors
    /// A captured text is not of the type that the pattern asks for.
    pub(crate) fn matches(&self, text: &str) -> Result<Option<Match<'_>>, String> {
        for (index, expression) in self.expressions.iter().enumerate() {
            if let Some(values) = expression.values(text)? {
                return Ok(Some(Match { index, values }));
            }
        }
        Ok(None)
    }
}

impl Expression {
    fn regex_for(&self, text: &str) -> &Regex {
        if memchr::memchr(b'\n', text.as_bytes()).is_none() {
            return &self.regex;
        }
        let multi_line = || compile::regex(self.regex.as_str(), true).ok();
        self.multi_line.get_or_init(multi_line).as_ref().unwrap_or(&self.regex)
    }

    fn values(&self, text: &str) -> Result<Option<Vec<(&Field, Value)>>, String> {
        let regex = self.regex_for(text);
        let mut locations = regex.capture_locations();
        if regex.captures_read(&mut locations, text).is_none() {
            return Ok(None);
        }
        let mut values = Vec::with_capacity(self.captures.len());
        for capture in &self.captures {
            let Some((start, end)) = capture.groups.iter().find_map(|group| locations.get(*group)) else {
                continue;
            };
            values.push((&capture.field, capture.kind.read(&text[start..end])?));
        }
        Ok(Some(values))
    }
}

impl Type {
    fn read(self, text: &str) -> Result<Value, String> {
        let fail = || format!("For input string: \"{text}\"");
        Ok(match self {
            Self::Text => Value::String(text.to_owned()),
            Self::Whole => match text.parse::<i64>() {
                Ok(number) => number.into(),
                Err(_) => return Err(fail()),
            },
            Self::Fraction => {
                let number = text.parse().ok().and_then(Number::from_f64);
                Value::Number(number.ok_or_else(fail)?)
            }
            Self::Boolean => Value::Bool(text.eq_ignore_ascii_case("true")),
        })
    }
}
