//! Aggregations as types.

mod ast;
mod parse;

pub use ast::*;
pub(super) use parse::parse_aggregations;

/// Aggregations may be nested so deep.
pub const DEPTH_MAX: usize = 8;
/// A request may hold so many aggregations in all.
pub const COUNT_MAX: usize = 256;
