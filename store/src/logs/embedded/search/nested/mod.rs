//! Nested objects: each asked by itself, as if it were a document of its own.
//!
//! They are indexed with the document that holds them. What speaks of single objects takes those of the documents that can
//! matter from their source into an index in memory, made with the schema of the real one, and asks that: whatever can be
//! asked of documents can be asked of objects, with the same answer.

mod hits;
mod objects;
mod query;

pub(super) use hits::inner_hits;
pub(super) use objects::{NestedObjects, source_of};
pub(super) use query::{NestedQuery, superset};

use super::fields::Fields;
use crate::StoreError;

/// Whether a path holds nested objects; `Ok(false)` if it is not mapped and that is to be ignored.
pub(super) fn check_path(fields: &Fields<'_>, path: &str, ignore_unmapped: bool) -> Result<bool, StoreError> {
    let refuse = |message: String| Err(StoreError::invalid(message).with_code("query_shard_exception"));
    let hidden = fields.mask.hides(path);
    match fields.index.mapping.objects.get(path).filter(|_| !hidden) {
        Some(object) if object.nested => Ok(true),
        Some(_) => refuse(format!("[nested] nested object under path [{path}] is not of nested type")),
        None if ignore_unmapped => Ok(false),
        None => refuse(format!("[nested] failed to find nested object under path [{path}]")),
    }
}
