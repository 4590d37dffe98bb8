//! Aggregations over the buckets of others, on the answer as it is given.

mod check;
mod parents;
mod path;
mod script;
mod siblings;

use event::Object;

pub(super) use check::check;
pub(super) use parents::parents;
pub(super) use siblings::siblings;

/// A bucket of the answer, and the name that it has in an answer by names.
pub(super) struct Rendered {
    pub(super) name: String,
    pub(super) body: Object,
}
