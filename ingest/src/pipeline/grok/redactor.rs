//! Names in place of what patterns match.

use super::exact::{Exact, Steps};
use super::expression::{Expression, Found};
use super::{Flavour, Slots, with_slots};
use crate::pipeline::work::{Odometer, Reads};
use event::Object;
use regex_automata::{Anchored, util::primitives::NonMaxUsize};
use std::sync::OnceLock;

/// Patterns of which every match is replaced by the name of the pattern's first field.
pub(crate) struct Redactor {
    patterns: Vec<Pattern>,
}

struct Pattern {
    /// In an array, since that is what the exact search takes.
    expression: [Expression; 1],
    exact: OnceLock<Result<Exact, String>>,
    odometer: Odometer,
    /// What stands in place of a match.
    replacement: String,
}

/// A match: from, to, and the pattern.
type Span = (usize, usize, usize);

impl Redactor {
    /// Compiles patterns with the names of ECS; around a field's name come `prefix` and `suffix`.
    ///
    /// # Errors
    /// As [`super::Grok::compile`]; a pattern without a field.
    pub(crate) fn compile(
        patterns: &[String],
        definitions: &Object,
        (prefix, suffix): (String, String),
    ) -> Result<Self, String> {
        if patterns.is_empty() {
            return Err("List of patterns must not be empty".to_owned());
        }
        let compile = |pattern: &String| {
            let expression = Expression::compile(pattern, definitions, Flavour::Ecs)?;
            let name = expression.first_field().ok_or_else(|| {
                format!(
                    "pattern \"{pattern}\" gives no field, whose name would stand in place of what it matches"
                )
            })?;
            let replacement = format!("{prefix}{}{suffix}", name.name());
            let (exact, odometer) = (OnceLock::new(), Odometer::default());
            Ok(Pattern { expression: [expression], exact, odometer, replacement })
        };
        Ok(Self { patterns: patterns.iter().map(compile).collect::<Result<_, String>>()? })
    }

    /// The text with names in place of what matches; `Ok(None)`: nothing does.
    ///
    /// # Errors
    /// A pattern takes too much work for the text.
    pub(crate) fn redact(&self, text: &str) -> Result<Option<String>, String> {
        let mut spans: Vec<Span> = Vec::new();
        let mut steps = Steps::of(text);
        for (index, pattern) in self.patterns.iter().enumerate() {
            with_slots(pattern.expression.iter(), |slots| {
                pattern.find_all(text, slots, &mut steps, |start, end| spans.push((start, end, index)))
            })?;
        }
        if spans.is_empty() {
            return Ok(None);
        }
        spans.sort_by_key(|(start, ..)| *start);
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for (start, end, index) in merge(spans) {
            out.push_str(text.get(done..start).unwrap_or(""));
            out.push_str(self.patterns.get(index).map_or("", |pattern| &pattern.replacement));
            done = end;
        }
        out.push_str(text.get(done..).unwrap_or(""));
        Ok(Some(out))
    }
}

/// Matches that overlap or touch become one, under the name of the longest.
fn merge(spans: Vec<Span>) -> Vec<Span> {
    let mut merged: Vec<(Span, usize)> = Vec::new();
    for (start, end, index) in spans {
        let length = end - start;
        match merged.last_mut() {
            Some(((_, last, name), longest)) if *last >= start => {
                *last = end.max(*last);
                if length > *longest {
                    (*name, *longest) = (index, length);
                }
            }
            _ => merged.push(((start, end, index), length)),
        }
    }
    merged.into_iter().map(|(span, _)| span).collect()
}

impl Pattern {
    /// Adds all matches, each behind the one before; empty ones hold nothing to redact.
    fn find_all(
        &self,
        text: &str,
        slots: &mut Slots,
        steps: &mut Steps,
        mut found: impl FnMut(usize, usize),
    ) -> Result<(), String> {
        let (mut from, mut reads) = (0, Reads::of(text));
        let [expression] = &self.expression;
        while from < text.len() {
            self.odometer.count(&mut reads, from, || Some(expression.hir.clone()))?;
            if !self.find(text, from, slots, steps)? {
                break;
            }
            let mut ends = slots.iter().take(2).map(|slot| slot.map_or(text.len(), NonMaxUsize::get));
            let (Some(start), Some(end)) = (ends.next(), ends.next()) else { return Ok(()) };
            if start < end {
                found(start, end);
            }
            from = if end > from { end } else { text.ceil_char_boundary(from + 1) };
        }
        Ok(())
    }

    fn find(&self, text: &str, from: usize, slots: &mut Slots, steps: &mut Steps) -> Result<bool, String> {
        let [expression] = &self.expression;
        Ok(match expression.search(text, from, Anchored::No, slots)? {
            Found::Match => true,
            Found::Nothing => false,
            Found::Doubtful => {
                let exact = self.exact.get_or_init(|| Exact::compile(&self.expression));
                let exact = exact.as_ref().map_err(Clone::clone)?;
                exact.search(&self.expression, text, from, slots, steps)?.is_some()
            }
        })
    }
}
