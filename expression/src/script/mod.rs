//! Scripts: the part of Painless that clients send, and Lucene's expressions, in one bounded engine.
//!
//! A source is parsed and checked once: names become variables, methods, functions and types of fixed tables, and
//! what is not in them is refused with its place. Running it walks the checked tree over values that borrow from the
//! document where they can; loops and what scripts make are counted against [`Limits`].

mod assign;
mod ast;
mod calls;
mod convert;
mod environment;
mod error;
mod eval;
mod export;
mod heap;
mod lexer;
mod machine;
mod names;
mod number;
mod parser;
mod print;
mod quick;
mod tail;
mod value;

pub use environment::{DocValues, Environment, Scalar};
pub use error::{CompileError, RunError, ScriptError};
pub use machine::Limits;

use crate::Member;
use ast::{Global, Program};
use event::Object;
use indexmap::IndexMap;
use machine::Machine;
use number::Num;
use quick::Quick;
use serde_json::Value;
use std::fmt;
use value::{Text, Val};

/// Longest source: Elasticsearch's `script.max_size_in_bytes`.
const SOURCE_MAX_BYTES: usize = 65_535;

/// What a source is written in: `lang`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// `painless`, the default.
    #[default]
    Painless,
    /// `expression`: Lucene's expressions, over numbers only.
    Expression,
}

impl Language {
    /// The language of that name; `None` for those that are not known.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "painless" => Some(Self::Painless),
            "expression" => Some(Self::Expression),
            _ => None,
        }
    }

    /// Its name, as in `lang`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Painless => "painless",
            Self::Expression => "expression",
        }
    }
}

/// What a script is for: which variables it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The `if` of an ingest processor: `ctx`, which it can only read.
    Condition,
    /// An update or the `script` processor: `ctx`, which it changes, and `params`.
    Update,
    /// A scripted field: `doc` and `params`.
    Field,
    /// The script of an aggregation over values: `doc`, `params` and `_value`.
    Value,
    /// The score of a document (`script_score`): `doc`, `params` and `_score`.
    Score,
    /// `bucket_script` and `bucket_selector`: `params`, which hold the values of the buckets' paths too.
    Bucket,
    /// `moving_fn`: `values`, the window, and `params`.
    Moving,
}

impl Purpose {
    fn globals(self) -> &'static [Global] {
        match self {
            Self::Condition => &[Global::Ctx],
            Self::Update => &[Global::Ctx, Global::Params],
            Self::Field => &[Global::Doc, Global::Params],
            Self::Value => &[Global::Doc, Global::Params, Global::Value],
            Self::Score => &[Global::Doc, Global::Params, Global::Score],
            Self::Bucket => &[Global::Params],
            Self::Moving => &[Global::Values, Global::Params],
        }
    }

    fn writes_ctx(self) -> bool {
        self == Self::Update
    }
}

/// A compiled script: immutable, shared by any number of threads.
#[derive(Debug, Clone)]
pub struct Script {
    program: Program,
    /// How to tell whether it holds without running it, for most conditions.
    quick: Option<Box<Quick>>,
    language: Language,
    source: Box<str>,
}

impl Script {
    /// Compiles a source.
    ///
    /// # Errors
    /// The first thing that is not understood or not supported, with its line and column; more than 65,535 bytes;
    /// nested deeper than 64.
    pub fn compile(language: Language, source: &str, purpose: Purpose) -> Result<Self, CompileError> {
        if source.len() > SOURCE_MAX_BYTES {
            return Err(CompileError::at("", 0, format!("script is longer than {SOURCE_MAX_BYTES} bytes")));
        }
        let program = parser::parse(source, language, purpose)?;
        let quick = program.only_expression().and_then(Quick::of).map(Box::new);
        Ok(Self { program, quick, language, source: source.into() })
    }

    /// The source as it was given.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it is written in.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Whether it holds. A script that ends without an answer does not.
    ///
    /// # Errors
    /// What Painless throws in; an answer that is no boolean (in Lucene's expressions: 0 does not hold); the limits.
    pub fn holds(&self, environment: &dyn Environment, limits: Limits) -> Result<bool, RunError> {
        if self.language == Language::Expression {
            return self.number(environment, limits).map(|number| number.is_some_and(|number| number != 0.0));
        }
        if let Some(holds) = self.quick.as_ref().and_then(|quick| quick.holds(environment)) {
            return Ok(holds);
        }
        let mut machine = self.machine(environment, limits);
        if let Some(condition) = self.program.only_expression() {
            return machine.truth(condition, 0).map_err(|error| *error);
        }
        match machine.run(&self.program).map_err(|error| *error)? {
            Some(Val::Bool(value)) => Ok(value),
            None => Ok(false),
            Some(other) => Err(*machine.cannot_cast(&other, "boolean", 0)),
        }
    }

    /// The number that it gives; `None` for null.
    ///
    /// # Errors
    /// What Painless throws in; an answer that is no number; the limits.
    pub fn number(&self, environment: &dyn Environment, limits: Limits) -> Result<Option<f64>, RunError> {
        let mut machine = self.machine(environment, limits);
        match machine.run(&self.program).map_err(|error| *error)? {
            None | Some(Val::Null) => Ok(None),
            Some(value) => match Num::of(&value) {
                Some(number) => Ok(Some(number.double())),
                None => Err(*machine.cannot_cast(&value, "number", 0)),
            },
        }
    }

    /// The value that it gives, as JSON. Dates become text; NaN and the infinities too.
    ///
    /// # Errors
    /// What Painless throws in; the limits; lists that hold themselves.
    pub fn value(&self, environment: &dyn Environment, limits: Limits) -> Result<Value, RunError> {
        let mut machine = self.machine(environment, limits);
        let answer = machine.run(&self.program).map_err(|error| *error)?.unwrap_or(Val::Null);
        machine.export(&answer, 0).map_err(|error| *error)
    }

    /// Runs a script that changes `ctx`, and gives back what has become of it. The members are those of `ctx`, such
    /// as `_source` and `op` of an update.
    ///
    /// # Errors
    /// What Painless throws in; the limits; lists that hold themselves. Then nothing has changed.
    pub fn update<'a>(
        &'a self,
        ctx: impl IntoIterator<Item = (&'a str, Member<'a>)>,
        params: &'a Object,
        limits: Limits,
    ) -> Result<Object, RunError> {
        let mut machine = self.machine(&Nothing, limits);
        let members = ctx.into_iter().map(|(name, member)| match member {
            Member::Value(value) => (Text::Borrowed(name), Val::from_json(value)),
            Member::Text(text) => (Text::Borrowed(name), Val::Text(Text::Borrowed(text))),
        });
        machine.begin(members.collect(), params).map_err(|error| *error)?;
        machine.run(&self.program).map_err(|error| *error)?;
        machine.finish().map_err(|error| *error)
    }

    fn machine<'a>(&'a self, environment: &'a dyn Environment, limits: Limits) -> Machine<'a> {
        let mut machine = Machine::new(environment, &self.program, limits);
        machine.lucene = self.language == Language::Expression;
        machine
    }
}

/// Two scripts are equal when they do the same thing in the same words, wherever those stand in the source.
impl PartialEq for Script {
    fn eq(&self, other: &Self) -> bool {
        self.language == other.language && self.program == other.program
    }
}

/// A Painless script in canonical form: parsing it gives the same script. An expression of Lucene's as it was given.
impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.language {
            Language::Painless if !self.program.has_functions => self.program.fmt(f),
            _ => f.write_str(&self.source),
        }
    }
}

/// The surroundings of a script whose variables all are its own to change.
struct Nothing;

impl Environment for Nothing {}

impl<'a> Machine<'a> {
    /// Puts `ctx` and `params` where the script may change them; the caller's stay as they are.
    fn begin(&mut self, ctx: IndexMap<Text<'a>, Val<'a>>, params: &'a Object) -> machine::Ran<()> {
        if let Val::Node(id) = self.new_map(ctx, 0)? {
            self.ctx = Some(id);
        }
        if let Val::Node(id) = self.adopt(Val::Map(params), 0)? {
            self.params = Some(id);
        }
        Ok(())
    }

    fn finish(&mut self) -> machine::Ran<Object> {
        let ctx = self.ctx.map_or(Val::Null, Val::Node);
        match self.export(&ctx, 0)? {
            Value::Object(ctx) => Ok(ctx),
            _ => Ok(Object::new()),
        }
    }
}

#[cfg(test)]
mod tests;
