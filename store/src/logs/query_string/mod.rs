//! What people type into a search field: Lucene's query syntax, and two relatives of it, as one tree.
//!
//! * [`parse`]: the syntax of Elasticsearch's `query_string`;
//! * [`parse_kql`]: what users of Kibana's search bar expect (`status >= 500 and not user.name: bot*`);
//! * [`parse_simple`]: the forgiving syntax of `simple_query_string`.
//!
//! A tree prints as Lucene syntax ([`std::fmt::Display`]), so a KQL text becomes a `query_string` query that every
//! backend understands. Parsing a printed tree gives the same tree.
//!
//! More forgiving than Lucene where that cannot be mistaken: `:` and `/` may stand inside a value
//! (`source.ip:2001:db8::1`, `url.path:/cart/items`).

mod ast;
mod cursor;
mod kql;
mod parse;
mod print;
mod simple;

pub use ast::{Clause, Leaf, Node, Occur};
pub use kql::parse_kql;
pub use parse::{ParseOptions, parse};
pub use simple::parse_simple;

/// A query text may be so long.
pub const TEXT_MAX_BYTES: usize = 16 * 1024;
/// Parentheses may be nested so deep.
pub const DEPTH_MAX: usize = 20;
/// A text may hold so many words, phrases, ranges …
pub const LEAVES_MAX: usize = 1_024;

/// Why and where a text is not a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot parse the query at character {position}: {message}")]
pub struct SyntaxError {
    /// Counted in characters from 1.
    pub position: usize,
    /// What is wrong there.
    pub message: String,
}
