use crate::logs::dsl::{FieldPattern, Highlight, SortKey, SourceFilter, ValueField};

/// `top_hits`.
#[derive(Debug, Clone, PartialEq)]
pub struct TopHits {
    /// Hits to leave out at the start.
    pub from: usize,
    /// Hits wanted.
    pub size: usize,
    /// Their order; empty: by score.
    pub sort: Vec<SortKey>,
    /// What of the documents to answer with.
    pub source: SourceFilter,
    /// `fields`.
    pub fields: Vec<ValueField>,
    /// `docvalue_fields`.
    pub docvalue_fields: Vec<ValueField>,
    /// Whether to answer with the version.
    pub version: bool,
    /// Whether to answer with the sequence number.
    pub seq_no_primary_term: bool,
    /// Marking of matches.
    pub highlight: Option<Highlight>,
}

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
