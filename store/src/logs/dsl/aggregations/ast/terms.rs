use super::{BucketOrder, ValuesSource};
use crate::logs::dsl::Query;
use serde_json::Value;

/// `terms`.
#[derive(Debug, Clone, PartialEq)]
pub struct TermsBuckets {
    /// The values.
    pub source: ValuesSource,
    /// Buckets wanted.
    pub size: usize,
    /// Buckets that a shard of Elasticsearch would send for that; here counts are exact.
    pub shard_size: usize,
    /// Smallest number of documents of a bucket; 0 adds the values that no document has.
    pub min_doc_count: u64,
    /// Order of the buckets.
    pub order: Vec<BucketOrder>,
    /// Only these values.
    pub include: Option<TermSelection>,
    /// But not these.
    pub exclude: Option<TermSelection>,
    /// Whether each bucket says how wrong its count may be (it is not).
    pub show_error: bool,
    /// `collect_mode: breadth_first`; counts are the same either way.
    pub breadth_first: bool,
    /// `execution_hint: map`; counts are the same either way.
    pub by_map: bool,
}

/// `include`, `exclude`.
#[derive(Debug, Clone, PartialEq)]
pub enum TermSelection {
    /// Values that match as a whole.
    Pattern(String),
    /// Exactly these.
    Values(Vec<Value>),
    /// The values whose hash falls into one of several parts.
    Partition {
        /// Which part, from 0.
        partition: u32,
        /// How many there are.
        count: u32,
    },
}

/// `multi_terms`.
#[derive(Debug, Clone, PartialEq)]
pub struct MultiTerms {
    /// The parts of the key.
    pub sources: Vec<ValuesSource>,
    /// Buckets wanted.
    pub size: usize,
    /// Buckets that a shard of Elasticsearch would send for that; here counts are exact.
    pub shard_size: usize,
    /// Smallest number of documents of a bucket.
    pub min_doc_count: u64,
    /// Order of the buckets.
    pub order: Vec<BucketOrder>,
}

/// `rare_terms`.
#[derive(Debug, Clone, PartialEq)]
pub struct RareTerms {
    /// The values.
    pub source: ValuesSource,
    /// Largest number of documents of a bucket.
    pub max_doc_count: u64,
    /// Only these values.
    pub include: Option<TermSelection>,
    /// But not these.
    pub exclude: Option<TermSelection>,
}

/// `significant_terms`.
#[derive(Debug, Clone, PartialEq)]
pub struct SignificantTerms {
    /// The values.
    pub source: ValuesSource,
    /// Buckets wanted.
    pub size: usize,
    /// Smallest number of documents of a bucket.
    pub min_doc_count: u64,
    /// What the bucket is held against; `None`: all documents.
    pub background: Option<Query>,
    /// Only these values.
    pub include: Option<TermSelection>,
    /// But not these.
    pub exclude: Option<TermSelection>,
    /// `significant_text`: the values are the words of the field's texts; these paths of the source hold them.
    pub words_of: Option<Vec<String>>,
}
