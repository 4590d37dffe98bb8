//! Names of indices in paths and parameters.

use super::error::ElasticError;

/// The pattern that means all indices.
pub(super) fn everything() -> Vec<String> {
    vec!["*".to_owned()]
}

/// The names and patterns of a path segment.
pub(super) fn patterns(index: &str) -> Result<Vec<String>, ElasticError> {
    if index == "_all" {
        return Ok(everything());
    }
    crate::search::patterns(Some(index))
        .map_err(|_| ElasticError::illegal(format!("invalid index name [{index}]")))
}
