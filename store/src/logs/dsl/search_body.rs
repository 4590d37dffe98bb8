use super::RESULT_WINDOW_MAX;
use super::aggregations::{Aggregation, parse_aggregations};
use super::highlight::{Highlight, highlight};
use super::parse::Parser;
use super::query::Query;
use super::read::{Place, invalid, object, one_or_many, parameters, shown};
use super::sort::{SortKey, sort_keys};
use crate::{StoreError, scope::wildcard_match};
use event::Object;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

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
    /// `fields` and `docvalue_fields`: which values to answer with, and how dates are written.
    pub fields: Vec<(FieldPattern, Option<String>)>,
    /// Whether to answer with version and sequence number.
    pub version: bool,
    /// Marking of matches.
    pub highlight: Option<Highlight>,
    /// Statistics.
    pub aggregations: Vec<Aggregation>,
    /// Gives up after this long.
    pub timeout: Option<Duration>,
    /// Stops after so many matches per index; 0: never.
    pub terminate_after: u64,
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

/// A field name that may hold `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPattern(String);

impl FieldPattern {
    /// From its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether the path is meant.
    pub fn matches(&self, path: &str) -> bool {
        wildcard_match(&self.0, path)
    }

    /// The path itself, if it holds no `*`.
    pub fn exact(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(&self.0)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `_source`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceFilter {
    /// Answer without the document.
    pub none: bool,
    /// Only these; empty: all.
    pub includes: Vec<FieldPattern>,
    /// But not these.
    pub excludes: Vec<FieldPattern>,
}

impl SourceFilter {
    /// Parses `_source`.
    pub(super) fn parse(value: &Value, place: &Place<'_>) -> Result<Self, StoreError> {
        let patterns = |value: &Value| -> Result<Vec<FieldPattern>, StoreError> {
            one_or_many(value)
                .iter()
                .map(|item| match item.as_str() {
                    Some(text) => Ok(FieldPattern::new(text)),
                    None => Err(invalid(place, format!("[_source] takes field names, not {}", shown(item)))),
                })
                .collect()
        };
        let mut filter = Self::default();
        match value {
            Value::Bool(wanted) => filter.none = !wanted,
            Value::Object(members) => {
                for (key, value) in members {
                    match key.as_str() {
                        "includes" | "include" => filter.includes = patterns(value)?,
                        "excludes" | "exclude" => filter.excludes = patterns(value)?,
                        other => {
                            return Err(invalid(place, format!("[_source] does not support \"{other}\"")));
                        }
                    }
                }
            }
            other => filter.includes = patterns(other)?,
        }
        Ok(filter)
    }

    /// Whether the filter changes nothing.
    pub fn is_all(&self) -> bool {
        !self.none && self.includes.is_empty() && self.excludes.is_empty()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    query: Option<Value>,
    post_filter: Option<Value>,
    from: Option<i64>,
    size: Option<i64>,
    sort: Option<Value>,
    search_after: Option<Vec<Value>>,
    #[serde(default)]
    track_scores: bool,
    min_score: Option<f32>,
    track_total_hits: Option<Value>,
    #[serde(rename = "_source")]
    source: Option<Value>,
    fields: Option<Value>,
    docvalue_fields: Option<Value>,
    #[serde(default)]
    version: bool,
    #[serde(default)]
    seq_no_primary_term: bool,
    highlight: Option<Value>,
    aggs: Option<Value>,
    aggregations: Option<Value>,
    timeout: Option<String>,
    #[serde(default)]
    terminate_after: u64,
    // Sent by clients as a matter of course; allowed where they ask for nothing.
    #[serde(rename = "stored_fields")]
    _stored_fields: Option<Value>,
    script_fields: Option<Object>,
    runtime_mappings: Option<Object>,
    explain: Option<bool>,
    profile: Option<bool>,
    #[serde(rename = "preference")]
    _preference: Option<Value>,
    #[serde(rename = "stats")]
    _stats: Option<Value>,
}

impl SearchBody {
    /// Parses the body of a search.
    ///
    /// # Errors
    /// `InvalidRequest` naming what is not known or makes no sense.
    pub fn parse(body: &Object) -> Result<Self, StoreError> {
        let root = Place::root("body");
        let read: Parameters = parameters("[search]", &Value::Object(body.clone()), &root)?;
        read.refuse_what_is_not_done(&root)?;
        let (from, size) = read.window(&root)?;
        let query = |value: &Value, name| Parser::default().query(value, &Place::root(name));
        let query_body = read.query.as_ref().filter(|value| !is_empty(value));
        let aggregations = match (&read.aggs, &read.aggregations) {
            (Some(_), Some(_)) => {
                return Err(invalid(&root, "[search] holds both \"aggs\" and \"aggregations\""));
            }
            (Some(value), None) | (None, Some(value)) => parse_aggregations(value, &Place::root("aggs"))?,
            (None, None) => Vec::new(),
        };
        let mut fields = Vec::new();
        for (name, list) in [("fields", &read.fields), ("docvalue_fields", &read.docvalue_fields)] {
            if let Some(list) = list {
                fields.extend(value_fields(list, &Place::root(name))?);
            }
        }
        Ok(Self {
            query: query_body.map_or(Ok(Query::MatchAll), |value| query(value, "query"))?,
            post_filter: read.post_filter.as_ref().map(|value| query(value, "post_filter")).transpose()?,
            from,
            size,
            sort: read.sort.as_ref().map_or(Ok(Vec::new()), |sort| sort_keys(sort, &Place::root("sort")))?,
            search_after: read.search_after,
            track_scores: read.track_scores,
            min_score: read.min_score,
            track_total_hits: track_total_hits(read.track_total_hits.as_ref(), &root)?,
            source: match &read.source {
                Some(value) => SourceFilter::parse(value, &Place::root("_source"))?,
                None => SourceFilter::default(),
            },
            fields,
            version: read.version || read.seq_no_primary_term,
            highlight: read
                .highlight
                .as_ref()
                .map(|v| highlight(v, &Place::root("highlight")))
                .transpose()?,
            aggregations,
            timeout: read.timeout.as_deref().map(|text| duration(text, &root)).transpose()?,
            terminate_after: read.terminate_after,
        })
    }
}

impl Parameters {
    fn refuse_what_is_not_done(&self, place: &Place<'_>) -> Result<(), StoreError> {
        for (name, members) in
            [("script_fields", &self.script_fields), ("runtime_mappings", &self.runtime_mappings)]
        {
            if members.as_ref().is_some_and(|members| !members.is_empty()) {
                return Err(invalid(place, format!("[search] does not support \"{name}\"")));
            }
        }
        for (name, wanted) in [("explain", self.explain), ("profile", self.profile)] {
            if wanted == Some(true) {
                return Err(invalid(place, format!("[search] does not support \"{name}\"")));
            }
        }
        Ok(())
    }

    fn window(&self, place: &Place<'_>) -> Result<(usize, usize), StoreError> {
        let read = |name: &str, value: Option<i64>, default: usize| match value {
            // Elasticsearch's clients send -1 for "not set".
            None | Some(-1) => Ok(default),
            Some(value) => usize::try_from(value).map_err(|_| {
                invalid(place, format!("[{name}] parameter cannot be negative, found [{value}]"))
            }),
        };
        let (from, size) = (read("from", self.from, 0)?, read("size", self.size, 10)?);
        if from.saturating_add(size) > RESULT_WINDOW_MAX {
            return Err(invalid(
                place,
                format!(
                    "result window is too large, from + size must be less than or equal to: [{RESULT_WINDOW_MAX}] \
                     but was [{}]; use search_after to go further",
                    from.saturating_add(size)
                ),
            ));
        }
        if from > 0 && self.search_after.is_some() {
            return Err(invalid(place, "[from] parameter must be set to 0 when [search_after] is used"));
        }
        Ok((from, size))
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Object::is_empty)
}

fn track_total_hits(value: Option<&Value>, place: &Place<'_>) -> Result<TrackTotalHits, StoreError> {
    match value {
        None => Ok(TrackTotalHits::UpTo(10_000)),
        Some(Value::Bool(true)) => Ok(TrackTotalHits::Exact),
        Some(Value::Bool(false)) => Ok(TrackTotalHits::No),
        Some(Value::Number(number)) if number.as_i64() == Some(-1) => Ok(TrackTotalHits::No),
        Some(Value::Number(number)) if number.is_u64() => {
            Ok(TrackTotalHits::UpTo(number.as_u64().unwrap_or_default()))
        }
        Some(other) => {
            Err(invalid(place, format!("track_total_hits {} must be a boolean or a count", shown(other))))
        }
    }
}

fn value_fields(list: &Value, place: &Place<'_>) -> Result<Vec<(FieldPattern, Option<String>)>, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        field: String,
        format: Option<String>,
        #[serde(rename = "include_unmapped")]
        _include_unmapped: Option<bool>,
    }
    one_or_many(list)
        .iter()
        .enumerate()
        .map(|(position, item)| match item {
            Value::String(name) => Ok((FieldPattern::new(name), None)),
            other => {
                let at = place.item(position);
                object("a field", other, &at)?;
                let read: Parameters = parameters("a field", other, &at)?;
                // `use_field_mapping` is what old versions of Kibana say for "no format".
                let format = read.format.filter(|format| format != "use_field_mapping");
                Ok((FieldPattern::new(read.field), format))
            }
        })
        .collect()
}

/// Reads a time unit of Elasticsearch: `500ms`, `30s`, `1m`.
pub(super) fn duration(text: &str, place: &Place<'_>) -> Result<Duration, StoreError> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => 0,
    };
    match number.parse::<u64>().ok().and_then(|number| number.checked_mul(millis)) {
        Some(total) if millis > 0 => Ok(Duration::from_millis(total)),
        _ => Err(invalid(
            place,
            format!("cannot read the time \"{text}\", expected for example 500ms, 30s or 1m"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        check(json!({"collapse": {"field": "a"}}), "\"collapse\"");
        check(json!({"size": 10_001}), "result window is too large");
        check(json!({"from": 9_995, "size": 10}), "[10005]");
        check(json!({"size": -5}), "cannot be negative");
        check(json!({"from": 1, "search_after": [1]}), "must be set to 0");
        check(json!({"timeout": "soon"}), "cannot read the time \"soon\"");
        check(json!({"sort": {"a": {"nested": {}}}}), "\"nested\"");
        check(json!({"sort": {"a": "up"}}), "must be asc or desc");
        check(json!({"runtime_mappings": {"a": {}}}), "runtime_mappings");
        check(json!({"_source": {"only": []}}), "\"only\"");
        check(json!({"highlight": {}}), "lacks \"fields\"");
        check(json!({"aggs": {"a": {"foo": {}}}}), "unknown aggregation \"foo\"");
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
