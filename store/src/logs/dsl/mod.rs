//! The Elasticsearch query DSL as types: what a search asks, parsed and checked once, before any engine sees it.
//!
//! Parsing is strict: a clause or parameter that is not known here is an `InvalidRequest` naming it and where it
//! stands, never something that is silently ignored. Names and meanings are those of
//! <https://www.elastic.co/guide/en/elasticsearch/reference/8.17/query-dsl.html>.
//!
//! *Invariant*: nothing here knows tantivy, an index or a scope.

pub mod aggregations;
mod geo;
mod highlight;
mod intervals;
mod nested;
mod parse;
mod parse_geo;
mod parse_terms;
mod parse_text;
mod query;
mod read;
mod rescore;
mod scoring;
mod script;
mod search_body;
mod sort;
mod spans;
mod suggest;

pub use geo::{GeoBox, length_m, point_of};
pub use highlight::{Highlight, HighlightField};
pub use intervals::{IntervalFilter, IntervalRelation, IntervalRule, IntervalSource, Intervals};
pub use nested::{Nested, NestedScore};
pub use parse::parse_query;
pub use query::{
    Analyzer, Bool, Bound, DisMax, Fuzziness, Fuzzy, GeoDistance, Match, MatchPhrase, MinimumShouldMatch,
    MultiMatch, MultiMatchType, Operator, Pattern, Prefix, Query, QueryStringQuery, Range, RangeRelation,
    Term, Terms,
};
pub use rescore::{Rescore, RescoreMode};
pub use scoring::{
    BoostMode, Boosting, Decay, DecayMode, DecayShape, FunctionKind, FunctionScore, Modifier, ScoreFunction,
    ScoreMode,
};
pub use script::ScriptCall;
pub use search_body::{
    Collapse, FieldPattern, PointInTime, ScriptField, SearchBody, Slice, SourceFilter, TrackTotalHits,
    ValueField, parse_duration,
};
pub use sort::{DistanceSort, Missing, ScriptSort, SortKey, SortMode, SortOrder, SortTarget};
pub use spans::Span;
pub use suggest::{SuggestMode, SuggestSort, Suggestion};

/// Queries may be nested so deep.
pub const DEPTH_MAX: usize = 20;
/// A request may hold so many query clauses in all (Elasticsearch's `indices.query.bool.max_clause_count`).
pub const CLAUSES_MAX: usize = 1_024;
/// A `terms` query may list so many values, whatever an index allows (`index.max_terms_count`).
pub const TERMS_MAX: usize = 1_000_000;
/// Pattern of `wildcard`, `regexp` and of `include`/`exclude`, in bytes, whatever an index allows (`index.max_regex_length`).
pub const PATTERN_MAX_BYTES: usize = 32_768;
/// Buckets that one answer may hold in all (Elasticsearch's `search.max_buckets`).
pub const BUCKETS_MAX: usize = 65_536;
