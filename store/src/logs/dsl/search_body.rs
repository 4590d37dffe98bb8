mod parse;
mod source_filter;

use super::aggregations::Aggregation;
use super::highlight::Highlight;
use super::query::Query;
use super::rescore::Rescore;
use super::script::ScriptCall;
use super::sort::SortKey;
use super::suggest::Suggestion;
use serde_json::Value;
use std::{sync::Arc, time::Duration};

pub use parse::parse_duration;
pub use source_filter::{FieldPattern, SourceFilter};

/// The body of a search, read.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchBody {
    /// What must match.
    pub query: Query,
    /// Narrows the hits, not the aggregations.
    pub post_filter: Option<Query>,
    /// Hits to leave out at the start.
    pub from: usize,
    /// Hits wanted.
    pub size: usize,
    /// Levels of the sort; empty: by score.
    pub sort: Vec<SortKey>,
    /// Sort values of the hit after which to go on.
    pub search_after: Option<Vec<Value>>,
    /// Whether scores are computed though the sort does not need them.
    pub track_scores: bool,
    /// Hits with a lower score are left out.
    pub min_score: Option<f32>,
    /// How far to count.
    pub track_total_hits: TrackTotalHits,
    /// What of the document to answer with.
    pub source: SourceFilter,
    /// `fields`: which values to answer with, as they were sent.
    pub fields: Vec<ValueField>,
    /// `docvalue_fields`: which values to answer with, as they are indexed.
    pub docvalue_fields: Vec<ValueField>,
    /// Whether to answer with the version.
    pub version: bool,
    /// Whether to answer with the sequence number.
    pub seq_no_primary_term: bool,
    /// Only the best hit of each value of a field.
    pub collapse: Option<Collapse>,
    /// Where to search instead of in the indices as they are now.
    pub pit: Option<PointInTime>,
    /// Only a part of the documents, for reading them all in parallel.
    pub slice: Option<Slice>,
    /// Marking of matches.
    pub highlight: Option<Highlight>,
    /// Statistics.
    pub aggregations: Vec<Aggregation>,
    /// Gives up after this long.
    pub timeout: Option<Duration>,
    /// Stops after so many matches per index; 0: never.
    pub terminate_after: u64,
    /// `script_fields`: values that scripts make of each hit.
    pub script_fields: Vec<ScriptField>,
    /// Whether each hit tells how its score came about.
    pub explain: bool,
    /// Whether the answer tells what took how long.
    pub profile: bool,
    /// The best hits are scored again, by these in turn.
    pub rescore: Vec<Rescore>,
    /// Scores of these indices (names with `*`) are multiplied; the first that fits counts.
    pub indices_boost: Vec<(FieldPattern, f32)>,
    /// `stored_fields: _none_`: hits come without id.
    pub bare: bool,
    /// `stored_fields`: values of these fields, if they are mapped with `store`.
    pub stored_fields: Vec<FieldPattern>,
    /// `suggest`: words that the index knows.
    pub suggest: Vec<Suggestion>,
}

/// An entry of `script_fields`.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptField {
    /// Its name in the answer.
    pub name: String,
    /// What makes its value.
    pub call: Arc<ScriptCall>,
    /// Whether a hit for which it fails goes without.
    pub ignore_failure: bool,
}

/// An entry of `fields` or `docvalue_fields`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueField {
    /// Which fields.
    pub pattern: FieldPattern,
    /// How dates are written; `None`: as the field's mapping says.
    pub format: Option<String>,
}

/// `collapse`.
#[derive(Debug, Clone, PartialEq)]
pub struct Collapse {
    /// Dotted path of the field whose values are to differ.
    pub field: String,
    /// More hits of each value: name, and the search for them (its query is not looked at).
    pub inner_hits: Vec<(String, SearchBody)>,
}

/// `pit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointInTime {
    /// Its key.
    pub id: String,
    /// For how long it is kept from now on; `None`: as long as before.
    pub keep_alive: Option<Duration>,
}

/// `slice`: the documents whose number leaves the remainder `id` when divided by `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// Which part, from 0.
    pub id: u64,
    /// How many parts there are.
    pub max: u64,
}

/// `track_total_hits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackTotalHits {
    /// Not at all.
    No,
    /// Exactly up to this, beyond it maybe only "at least".
    UpTo(u64),
    /// Exactly.
    Exact,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreError;
    use serde_json::json;

    fn parse(body: Value) -> Result<SearchBody, StoreError> {
        SearchBody::parse(body.as_object().unwrap())
    }

    #[test]
    fn defaults_are_those_of_elasticsearch() {
        let body = parse(json!({})).unwrap();
        assert_eq!((body.from, body.size, &body.query), (0, 10, &Query::MatchAll));
        assert_eq!(body.track_total_hits, TrackTotalHits::UpTo(10_000));
        assert!(body.source.is_all() && body.sort.is_empty());
    }

    #[test]
    fn what_is_refused() {
        let check = |body: Value, part: &str| {
            let error = parse(body).unwrap_err();
            assert_eq!(error.kind, crate::ErrorKind::InvalidRequest);
            assert!(error.message.contains(part), "{}", error.message);
        };
        check(json!({"quarry": {}}), "[search] does not support \"quarry\"");
        check(json!({"collapse": {"field": "a", "query": 1}}), "\"query\"");
        check(json!({"slice": {"id": 2, "max": 2}}), "max must be greater than id");
        check(json!({"size": -5}), "cannot be negative");
        check(json!({"from": 1, "search_after": [1]}), "must be set to 0");
        check(json!({"timeout": "soon"}), "cannot read the time \"soon\"");
        check(json!({"sort": {"a": {"nested": {}}}}), "Required [path]");
        check(json!({"sort": {"a": {"nested": {"path": "x", "filter": {}}}}}), "\"filter\"");
        check(json!({"sort": {"a": "up"}}), "must be asc or desc");
        check(json!({"runtime_mappings": {"a": {}}}), "runtime_mappings");
        check(json!({"_source": {"only": []}}), "\"only\"");
        check(json!({"highlight": {}}), "lacks \"fields\"");
        check(json!({"aggs": {"a": {"foo": {}}}}), "Unknown aggregation type [foo]");
    }

    #[test]
    fn sort_in_all_its_forms() {
        let sort = |value: Value| parse(json!({ "sort": value })).unwrap().sort;
        let keys = sort(json!(["a", {"b": "desc"}, {"c": {"order": "asc", "missing": "_first"}}, "_score"]));
        let shown: Vec<_> = keys.iter().map(|key| (key.target.clone(), key.order)).collect();
        assert_eq!(
            shown,
            [
                (SortTarget::Field("a".into()), SortOrder::Asc),
                (SortTarget::Field("b".into()), SortOrder::Desc),
                (SortTarget::Field("c".into()), SortOrder::Asc),
                (SortTarget::Score, SortOrder::Desc),
            ]
        );
        assert_eq!(keys[2].missing, Missing::First);
        assert_eq!(sort(json!("a")), sort(json!([{"a": {}}])));
        assert_eq!(sort(json!({"a": "asc", "b": "asc"})).len(), 2);
    }

    use super::super::{SortOrder, SortTarget, sort::Missing};
}
