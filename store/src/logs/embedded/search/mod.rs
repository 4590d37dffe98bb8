//! Search over snapshots of indices: query, sort, aggregations, highlights.

use super::snapshot::IndexSnapshot;
use crate::{
    ErrorKind, StoreError,
    logs::{SearchRequest, SearchResponse},
    scope::Scope,
};

/// Runs one search over these indices (already narrowed to what the scope reaches). Applies the scope's filter and
/// masks. Synchronous: called on a blocking pool.
pub(crate) fn execute(
    snapshots: &[IndexSnapshot],
    scope: &Scope,
    request: &SearchRequest,
) -> Result<SearchResponse, StoreError> {
    let _ = (snapshots, scope, request);
    Err(StoreError::new(ErrorKind::Unavailable, "this build has no search"))
}
