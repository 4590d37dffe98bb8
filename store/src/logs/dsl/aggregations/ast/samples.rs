use super::ValuesSource;
use crate::logs::dsl::Query;

/// `adjacency_matrix`: a bucket per filter, and one per pair of these.
#[derive(Debug, Clone, PartialEq)]
pub struct AdjacencyMatrix {
    /// The filters by name, sorted.
    pub filters: Vec<(String, Query)>,
    /// Between the names of a pair.
    pub separator: String,
}

/// `sampler`, `diversified_sampler`: one bucket, of the best documents of each segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampler {
    /// How many.
    pub shard_size: usize,
    /// Of each of these values at most so many.
    pub diversity: Option<(ValuesSource, usize)>,
}
