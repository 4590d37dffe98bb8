//! What can go wrong with a script, and where in its source.

use serde_json::{Value, json};

/// Why a source is not a script, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {reason}")]
pub struct CompileError {
    /// Byte in the source.
    pub offset: usize,
    /// Line, from 1.
    pub line: usize,
    /// Character in the line, from 1.
    pub column: usize,
    /// What was found and what was expected.
    pub reason: String,
}

impl CompileError {
    /// An error at a byte of the source.
    pub(super) fn at(source: &str, offset: usize, reason: impl Into<String>) -> Self {
        let offset = floor_boundary(source, offset);
        let before = &source[..offset];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Self { offset, line, column, reason: reason.into() }
    }
}

/// Why a script has no answer; Painless throws in the same cases.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct RunError {
    /// Byte in the source.
    pub offset: usize,
    /// Elasticsearch's name of the exception that Painless throws, such as `null_pointer_exception`.
    pub kind: &'static str,
    /// What was met and what was needed.
    pub reason: String,
}

impl RunError {
    pub(super) fn boxed(kind: &'static str, at: u32, reason: impl Into<String>) -> Box<Self> {
        Box::new(Self { offset: at as usize, kind, reason: reason.into() })
    }
}

/// A script did not compile, or failed while it ran.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// It did not compile.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// It failed while it ran.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// How many bytes of the source an error shows before and after its place, as Painless does.
const SNIPPET_BYTES: usize = 25;

impl ScriptError {
    /// Elasticsearch's name of the exception under the `script_exception`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Compile(_) => "illegal_argument_exception",
            Self::Run(error) => error.kind,
        }
    }

    /// Byte in the source.
    pub fn offset(&self) -> usize {
        match self {
            Self::Compile(error) => error.offset,
            Self::Run(error) => error.offset,
        }
    }

    /// Elasticsearch's `script_exception` object: `type`, `reason`, `script_stack`, `script`, `lang`, `position` and
    /// `caused_by`. `source` is the script's own source, `language` its `lang`.
    pub fn script_exception(&self, source: &str, language: &str) -> Value {
        let (summary, reason) = match self {
            Self::Compile(error) => ("compile error", &error.reason),
            Self::Run(error) => ("runtime error", &error.reason),
        };
        let offset = floor_boundary(source, self.offset());
        let start = floor_boundary(source, offset.saturating_sub(SNIPPET_BYTES));
        let end = floor_boundary(source, offset.saturating_add(SNIPPET_BYTES));
        let (before, after) =
            (if start > 0 { "... " } else { "" }, if end < source.len() { " ..." } else { "" });
        let blank = " ".repeat(before.len() + source[start..offset].chars().count());
        json!({
            "type": "script_exception",
            "reason": summary,
            "script_stack": [format!("{before}{}{after}", &source[start..end]), format!("{blank}^---- HERE")],
            "script": source,
            "lang": language,
            "position": {"offset": offset, "start": start, "end": end},
            "caused_by": {"type": self.kind(), "reason": reason},
        })
    }
}

/// The last character boundary at or before a byte.
fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
