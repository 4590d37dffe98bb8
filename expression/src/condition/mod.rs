//! Conditions: the `if` of ingest processors.

use crate::script::{CompileError, Environment, Language, Limits, Purpose, RunError, Script};
use crate::{Context, Member};
use std::fmt;

/// A compiled condition over `ctx`, the document: a script that only reads and says yes or no.
///
/// Painless as Elasticsearch's conditional processors use it, see [`Script`]. Access to fields and comparisons of them
/// with constants take no memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    script: Script,
}

/// A document as the surroundings of a condition.
struct Document<'a, C>(&'a C);

impl<C: Context> Environment for Document<'_, C> {
    fn ctx(&self, name: &str) -> Option<Member<'_>> {
        self.0.member(name)
    }
}

impl Condition {
    /// Compiles a source.
    ///
    /// # Errors
    /// As [`Script::compile`].
    pub fn parse(source: &str) -> Result<Self, CompileError> {
        Script::compile(Language::Painless, source, Purpose::Condition).map(|script| Self { script })
    }

    /// Whether the condition holds for a document.
    ///
    /// # Errors
    /// Null or types that the operators do not take; an answer that is no boolean; too many steps.
    pub fn evaluate(&self, context: &impl Context) -> Result<bool, RunError> {
        self.script.holds(&Document(context), Limits::default())
    }
}

/// The source in canonical form: parsing it gives the same condition.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.script.fmt(f)
    }
}

impl std::str::FromStr for Condition {
    type Err = CompileError;
    fn from_str(source: &str) -> Result<Self, CompileError> {
        Self::parse(source)
    }
}

#[cfg(test)]
mod tests;
