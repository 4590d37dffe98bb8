//! Conditions: the `if` of ingest processors, the part of Painless that such conditions use.

mod ast;
mod eval;
mod lexer;
mod parser;

use crate::Context;
use ast::Expr;
use std::fmt;

/// Longest source.
const SOURCE_MAX_BYTES: usize = 4 * 1024;
/// Deepest nesting of parentheses, member accesses and operators.
const DEPTH_MAX: usize = 64;

/// A compiled condition over `ctx`, the document.
///
/// Painless as Elasticsearch's conditional processors use it: literals, `ctx.a.b`, `ctx['a']`, `?.`, `?:`,
/// comparisons, `&& || !`, `? :`, `instanceof`, `=~` and `==~` with linear-time regexes, list literals and the usual
/// methods of strings, lists and maps. No loops, no assignments: an evaluation takes at most one step per node, and
/// a source of 4 KiB bounds the nodes. Anything else is refused at load, with its position.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    expression: Expr,
}

/// Why a source is not a condition, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {reason}")]
pub struct ConditionError {
    /// Line, from 1.
    pub line: usize,
    /// Character in the line, from 1.
    pub column: usize,
    /// What was found and what was expected.
    pub reason: String,
}

/// Why a condition has no answer for a document; Painless throws in the same cases.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// A field or method of null without `?.`.
    #[error("cannot access method/field [{0}] from a null def reference")]
    Null(String),
    /// A method or a member that such a value does not have.
    #[error("{kind} has no method or field [{name}]")]
    NoMember {
        /// The type of the value.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// An operator on types that it does not take.
    #[error("cannot apply [{operator}] to the types [{left}] and [{right}]")]
    Operands {
        /// The operator.
        operator: &'static str,
        /// Type on the left.
        left: &'static str,
        /// Type on the right.
        right: &'static str,
    },
    /// A value of another type than is needed there.
    #[error("cannot cast {found} to {expected}")]
    Cast {
        /// What it is.
        found: &'static str,
        /// What is needed.
        expected: &'static str,
    },
    /// An index past the end of a list.
    #[error("index [{index}] is out of bounds for length [{length}]")]
    OutOfBounds {
        /// The index.
        index: i64,
        /// Elements of the list.
        length: usize,
    },
}

impl Condition {
    /// Compiles a source.
    ///
    /// # Errors
    /// The first thing that is not understood or not supported, with its line and column; more than 4 KiB; nested
    /// deeper than 64.
    pub fn parse(source: &str) -> Result<Self, ConditionError> {
        if source.len() > SOURCE_MAX_BYTES {
            let reason = format!("condition is longer than {SOURCE_MAX_BYTES} bytes");
            return Err(ConditionError { line: 1, column: 1, reason });
        }
        Ok(Self { expression: parser::parse(source)? })
    }

    /// Whether the condition holds for a document.
    ///
    /// # Errors
    /// Null or types that the operators do not take; an answer that is no boolean.
    pub fn evaluate(&self, context: &impl Context) -> Result<bool, EvalError> {
        eval::evaluate(&self.expression, context)
    }
}

/// The source in canonical form: parsing it gives the same condition.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt(f)
    }
}

impl std::str::FromStr for Condition {
    type Err = ConditionError;
    fn from_str(source: &str) -> Result<Self, ConditionError> {
        Self::parse(source)
    }
}

#[cfg(test)]
mod tests;
