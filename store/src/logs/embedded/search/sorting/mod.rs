//! The best documents of a segment by several keys, and the best of all segments.
//!
//! Within a segment each key is a `u128` that is compared ascending; [`level`] says how. What survives a segment is
//! translated into typed values, which compare across segments and indices.

mod entry;
mod level;
mod sortable;
mod top;

pub(super) use entry::{Entry, SortValue, by_score, compare, values_to_json};
pub(super) use level::one_of;
pub(super) use sortable::{sortable, with_column};
pub(crate) use top::Cursor;
pub(super) use top::{Leading, SegmentTop, TopRequest};
