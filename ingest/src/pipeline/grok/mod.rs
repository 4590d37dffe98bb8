//! Grok: named patterns, each searched in linear time.
//!
//! A pattern is translated ([`syntax`]), stripped of what the regex engine has no means for ([`plan`]) and compiled to
//! one regex of the `regex` family ([`expression`]). Look-around is checked where the regex found something
//! ([`check`]), and where it does not hold, the rare case, [`exact`] searches again with the checks counted in. So the
//! answer is the one of a backtracking engine, in time that grows with the text only. Most lines need no search: they
//! match from their first byte on, and are cut at the signs between their fields ([`cuts`]).

#[cfg(any(test, feature = "fuzz"))]
mod agreement;
mod check;
mod cuts;
mod exact;
mod expression;
mod plan;
mod redactor;
mod rim;
mod stock;
mod syntax;
#[cfg(test)]
mod tests;
mod value;

use super::field_tree::FieldTree;
use cuts::Answer;
use event::Object;
use exact::{Exact, Steps};
use expression::{Expression, Found, Regexes, Slots, is_simple};
use regex_automata::{Anchored, Input, util::primitives::NonMaxUsize};
use serde_json::Value;
use std::sync::OnceLock;

#[cfg(any(test, feature = "fuzz"))]
pub(crate) use agreement::{check_grok, check_grok_stock};
pub(crate) use redactor::Redactor;

/// The stock patterns with their names: of before ECS, or for ECS (version 1).
pub fn grok_patterns(ecs: bool) -> impl Iterator<Item = (&'static str, &'static str)> {
    stock::all(if ecs { Flavour::Ecs } else { Flavour::Legacy })
}

/// Which names the stock patterns give their fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// `clientip`, `verb`, … : Elasticsearch's default.
    Legacy,
    /// Elastic Common Schema, version 1.
    Ecs,
}

/// Slots that a search may have without memory of its own.
const SLOTS_INLINE: usize = 96;

/// Where a group is among the slots.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The slot of its beginning; that of its end comes after.
    slot: usize,
    /// It reaches to the end of its line.
    to_line_end: bool,
}

impl Place {
    /// What the group holds; `None`: it took no part.
    fn text<'t>(self, text: &'t str, slots: &Slots) -> Option<&'t str> {
        let at = |slot: usize| slots.get(slot).copied().flatten().map(NonMaxUsize::get);
        let start = at(self.slot)?;
        if self.to_line_end {
            return text.get(start..)?.split('\n').next();
        }
        text.get(start..at(self.slot + 1)?)
    }
}

/// What a match gives the fields, by their numbers; `None`: a field that took no part.
type Values = Vec<Option<Value>>;

/// Patterns of which the first counts that matches leftmost.
pub(crate) struct Grok {
    expressions: Vec<Expression>,
    /// All patterns at once, where there are several: says which one matches, and where.
    all: Option<Regexes>,
    /// Made for the first text in which a check fails.
    exact: OnceLock<Result<Exact, String>>,
}

/// What a match gives.
pub(crate) struct Match<'g> {
    /// Which of the patterns matched, from 0.
    pub(crate) index: usize,
    /// The values of its fields.
    pub(crate) values: Values,
    /// The fields.
    pub(crate) tree: &'g FieldTree,
}

#[cfg(test)]
impl Match<'_> {
    /// The fields that have a value.
    fn fields(self) -> Value {
        let named = self.tree.fields().iter().zip(self.values);
        Value::Object(named.filter_map(|(field, value)| Some((field.name().into_owned(), value?))).collect())
    }
}

impl Grok {
    /// Compiles patterns, with definitions that come before the stock ones.
    ///
    /// # Errors
    /// Unknown names, cycles, what cannot be searched in linear time, patterns that grow too large.
    pub(crate) fn compile(
        patterns: &[String],
        definitions: &Object,
        flavour: Flavour,
    ) -> Result<Self, String> {
        if patterns.is_empty() {
            return Err("list of match patterns must not be empty".to_owned());
        }
        let expressions = patterns.iter().map(|pattern| Expression::compile(pattern, definitions, flavour));
        let expressions: Vec<Expression> = expressions.collect::<Result<_, _>>()?;
        let all = match expressions.len() {
            1 => None,
            _ => {
                let hirs = expressions.iter().map(|expression| expression.hir.clone()).collect();
                Some(Regexes::compile(hirs)?)
            }
        };
        Ok(Self { expressions, all, exact: OnceLock::new() })
    }

    /// How many fields a match can give, at most.
    pub(crate) fn captures(&self) -> usize {
        self.expressions.iter().map(Expression::fields).max().unwrap_or(0)
    }

    /// Whether any pattern matches.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        let may = self.expressions.iter().any(|expression| expression.may_match(text));
        if !may || self.expressions.iter().all(Expression::is_plain) {
            return may;
        }
        with_slots(self.expressions.iter(), |slots| Ok(self.search(text, slots)?.is_some())).unwrap_or(false)
    }

    /// The pattern that matches leftmost, the first of several there; `Ok(None)`: none does.
    ///
    /// # Errors
    /// A captured text is not of the type that the pattern asks for.
    pub(crate) fn matches(&self, text: &str) -> Result<Option<Match<'_>>, String> {
        with_slots(self.expressions.iter(), |slots| {
            let Some(index) = self.search(text, slots)? else { return Ok(None) };
            let Some(expression) = self.expressions.get(index) else { return Ok(None) };
            Ok(Some(Match { index, values: expression.values(text, slots)?, tree: &expression.tree }))
        })
    }

    /// What the quick way says of one line of ASCII: a pattern that matches from the first byte on is leftmost, and the first
    /// of them counts.
    fn at_start(&self, line: &str, slots: &mut Slots) -> (Answer, usize) {
        let mut nowhere = true;
        for (index, expression) in self.expressions.iter().enumerate() {
            match expression.at_start(line, slots) {
                Answer::NoMatch => {}
                Answer::NotHere => nowhere = false,
                answer => return (answer, index),
            }
        }
        (if nowhere { Answer::NoMatch } else { Answer::NotHere }, 0)
    }

    fn search(&self, text: &str, slots: &mut Slots) -> Result<Option<usize>, String> {
        if is_simple(text) {
            match self.at_start(text, slots) {
                (Answer::Match, index) => return Ok(Some(index)),
                (Answer::NoMatch, _) => return Ok(None),
                (Answer::NotHere | Answer::Unsure, _) => slots.fill(None),
            }
        }
        let (index, from, anchored) = match &self.all {
            None => (0, 0, Anchored::No),
            Some(all) => {
                let (all, input) = (all.of(text)?, Input::new(text));
                // As in an expression: first at the beginning.
                let at_once = all.search(&input.clone().anchored(Anchored::Yes));
                match at_once.or_else(|| all.search(&input)) {
                    None => return Ok(None),
                    Some(found) => (found.pattern().as_usize(), found.start(), Anchored::Yes),
                }
            }
        };
        let Some(expression) = self.expressions.get(index) else { return Ok(None) };
        match expression.search(text, from, anchored, slots)? {
            Found::Match => Ok(Some(index)),
            Found::Nothing if self.all.is_none() => Ok(None),
            Found::Nothing | Found::Doubtful => {
                slots.fill(None);
                let exact = self.exact.get_or_init(|| Exact::compile(&self.expressions));
                let exact = exact.as_ref().map_err(Clone::clone)?;
                exact.search(&self.expressions, text, 0, slots, &mut Steps::of(text))
            }
        }
    }
}

/// Runs with slots enough for each of the expressions.
fn with_slots<'e, T>(
    expressions: impl Iterator<Item = &'e Expression>,
    run: impl FnOnce(&mut Slots) -> Result<T, String>,
) -> Result<T, String> {
    let width = expressions.map(Expression::slots).max().unwrap_or(0);
    let mut inline = [None; SLOTS_INLINE];
    match inline.get_mut(..width) {
        Some(slots) => run(slots),
        None => run(&mut vec![None; width]),
    }
}
