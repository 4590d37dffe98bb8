use crate::logs::dsl::{FieldPattern, SortKey};

/// `top_metrics`.
#[derive(Debug, Clone, PartialEq)]
pub struct TopMetrics {
    /// Paths of the values to answer with.
    pub metrics: Vec<FieldPattern>,
    /// Documents wanted.
    pub size: usize,
    /// Their order.
    pub sort: Vec<SortKey>,
}
