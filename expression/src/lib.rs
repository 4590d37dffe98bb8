//! Conditions, templates and field paths over an event. Pure and bounded in size, depth and steps.
//!
//! *Invariant*: nothing here reads a clock, a file or the network; every text is parsed once, at load time, and
//! what it may cost per event is bounded by its own size and the size of the values that it looks at.

mod condition;
mod context;
mod path;
mod template;

pub use condition::{Condition, ConditionError, EvalError};
pub use context::{Context, Member, lookup};
pub use path::{FieldPath, InvalidPath, PathError};
pub use template::{Escape, Template, TemplateError, ValueTemplate, display_text};
