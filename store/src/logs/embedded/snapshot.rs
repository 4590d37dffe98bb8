//! What one search sees of one index.

use super::{
    mapping::Mapping,
    schema::{IndexSchema, ResolvedField},
};
use crate::logs::dsl::Query;
use std::sync::Arc;
use tantivy::Searcher;

/// One index at one moment: its mapping and a searcher on each of its generations.
///
/// The engine has checked that the caller's scope reaches the index; filter and masks of the scope are applied by
/// the search.
#[derive(Clone)]
pub(crate) struct IndexSnapshot {
    /// Name of the index.
    pub(crate) name: Arc<str>,
    /// Its mapping. May know fields that no document in the snapshot has yet.
    pub(crate) mapping: Arc<Mapping>,
    /// Its generations, oldest first. A document is in exactly one.
    pub(crate) generations: Vec<GenerationSnapshot>,
    /// Smallest and largest `@timestamp` (milliseconds since 1970) in it, maybe wider; `None` if no document has one.
    pub(crate) range: Option<(i64, i64)>,
    /// What the alias that led here narrows it to.
    pub(crate) filter: Option<Query>,
}

/// One generation of an index at one moment.
#[derive(Clone)]
pub(crate) struct GenerationSnapshot {
    /// Its schema.
    pub(crate) schema: Arc<IndexSchema>,
    /// The documents.
    pub(crate) searcher: Searcher,
}

impl GenerationSnapshot {
    /// Finds a field of the mapping in this generation.
    pub(crate) fn resolve(&self, mapping: &Mapping, path: &str) -> Option<ResolvedField> {
        self.schema.resolve(mapping, path)
    }
}
