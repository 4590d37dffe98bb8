//! Scripts, conditions, templates and field paths over an event. Pure and bounded in size, depth and steps.
//!
//! *Invariant*: nothing here reads a clock, the network or a file (but for the rules of a time zone that a script
//! names); every text is parsed once, at load time, and what it may cost per event is bounded by its own size, the
//! size of the values that it looks at and, for scripts with loops, by [`Limits`].

mod condition;
mod context;
mod document_script;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod path;
mod script;
mod search_template;
mod template;

pub use condition::Condition;
pub use context::{Context, Member, lookup};
pub use document_script::{DocumentContext, DocumentScript};
pub use path::{FieldPath, InvalidPath, PathError};
pub use script::{
    CompileError, DocValues, Environment, Language, Limits, Purpose, RunError, Scalar, Script, ScriptError,
};
pub use search_template::{SearchTemplate, SearchTemplateError};
pub use template::{Escape, Template, TemplateError, ValueTemplate, display_text};
