//! Reads the body of a search.

use super::super::aggregations::parse_aggregations;
use super::super::highlight::highlight;
use super::super::parse::Parser;
use super::super::query::Query;
use super::super::read::{Place, illegal, invalid, object, one_or_many, parameters, shown};
use super::super::rescore::rescores;
use super::super::script::script;
use super::super::sort::sort_keys;
use super::super::suggest::suggestions;
use super::{
    Collapse, FieldPattern, PointInTime, ScriptField, SearchBody, Slice, SourceFilter, TrackTotalHits,
    ValueField,
};
use crate::StoreError;
use event::Object;
use expression::Purpose;
use serde::Deserialize;
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// Kinds of `inner_hits` of one `collapse`.
const INNER_HITS_MAX: usize = 8;

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
    collapse: Option<Value>,
    slice: Option<Value>,
    pit: Option<Value>,
    highlight: Option<Value>,
    aggs: Option<Value>,
    aggregations: Option<Value>,
    timeout: Option<String>,
    #[serde(default)]
    terminate_after: u64,
    // Sent by clients as a matter of course; allowed where they ask for nothing.
    stored_fields: Option<Value>,
    script_fields: Option<Object>,
    runtime_mappings: Option<Object>,
    suggest: Option<Object>,
    explain: Option<bool>,
    profile: Option<bool>,
    rescore: Option<Value>,
    indices_boost: Option<Value>,
    #[serde(rename = "ext")]
    _ext: Option<Value>,
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
        let (leaves_out_source, bare) = (read.leaves_out_source(), read.is_bare());
        let stored_fields = read.stored_patterns(&root)?;
        let query = |value: &Value, name| Parser::default().query(value, &Place::root(name));
        let query_body = read.query.as_ref().filter(|value| !is_empty(value));
        let aggregations = match (&read.aggs, &read.aggregations) {
            (Some(_), Some(_)) => {
                return Err(invalid(&root, "[search] holds both \"aggs\" and \"aggregations\""));
            }
            (Some(value), None) | (None, Some(value)) => parse_aggregations(value, &Place::root("aggs"))?,
            (None, None) => Vec::new(),
        };
        let fields = |name: &str, list: &Option<Value>| match list {
            Some(list) => value_fields(list, &Place::root(name)),
            None => Ok(Vec::new()),
        };
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
                None => SourceFilter { none: leaves_out_source, ..SourceFilter::default() },
            },
            fields: fields("fields", &read.fields)?,
            docvalue_fields: fields("docvalue_fields", &read.docvalue_fields)?,
            version: read.version,
            seq_no_primary_term: read.seq_no_primary_term,
            collapse: read.collapse.as_ref().map(|value| collapse(value, &root)).transpose()?,
            pit: read.pit.as_ref().map(|value| point_in_time(value, &root)).transpose()?,
            slice: read.slice.as_ref().map(|value| slice(value, &root)).transpose()?,
            highlight: read
                .highlight
                .as_ref()
                .map(|v| highlight(v, &Place::root("highlight")))
                .transpose()?,
            aggregations,
            timeout: read.timeout.as_deref().map(|text| duration(text, &root)).transpose()?,
            terminate_after: read.terminate_after,
            script_fields: script_fields(read.script_fields.as_ref(), &Place::root("script_fields"))?,
            explain: read.explain.unwrap_or(false),
            profile: read.profile.unwrap_or(false),
            rescore: rescores(read.rescore.as_ref(), &Place::root("rescore"))?,
            indices_boost: indices_boost(read.indices_boost.as_ref(), &root)?,
            bare,
            stored_fields,
            suggest: match &read.suggest {
                Some(wanted) => suggestions(wanted, &Place::root("suggest"))?,
                None => Vec::new(),
            },
        })
    }
}

impl Parameters {
    /// Whoever asks for stored fields and does not name `_source` among them does not get it.
    fn leaves_out_source(&self) -> bool {
        self.stored_fields.as_ref().is_some_and(|fields| {
            !one_or_many(fields).is_empty() && !one_or_many(fields).iter().any(|field| field == "_source")
        }) || self.stored_fields.is_none()
            && self.script_fields.as_ref().is_some_and(|fields| !fields.is_empty())
    }

    fn stored_patterns(&self, place: &Place<'_>) -> Result<Vec<FieldPattern>, StoreError> {
        let named = self.stored_fields.as_ref().map(one_or_many).unwrap_or_default();
        let pattern = |name: &Value| match name.as_str() {
            Some("_source" | "_none_") => Ok(None),
            Some(name) => Ok(Some(FieldPattern::new(name))),
            None => Err(invalid(place, format!("[stored_fields] takes field names, not {}", shown(name)))),
        };
        let patterns: Vec<_> = named.iter().map(pattern).collect::<Result<_, _>>()?;
        if self.is_bare() && named.len() > 1 {
            return Err(illegal(place, "cannot combine _none_ with other fields"));
        }
        Ok(patterns.into_iter().flatten().collect())
    }

    fn is_bare(&self) -> bool {
        self.stored_fields
            .as_ref()
            .is_some_and(|fields| one_or_many(fields).iter().any(|field| field == "_none_"))
    }

    fn refuse_what_is_not_done(&self, place: &Place<'_>) -> Result<(), StoreError> {
        match &self.runtime_mappings {
            Some(members) if !members.is_empty() => {
                Err(invalid(place, "[search] does not support \"runtime_mappings\""))
            }
            _ => Ok(()),
        }
    }

    fn window(&self, place: &Place<'_>) -> Result<(usize, usize), StoreError> {
        let read = |name: &str, value: Option<i64>, default: usize| match value {
            // Elasticsearch's clients send -1 for "not set".
            None | Some(-1) => Ok(default),
            Some(value) => usize::try_from(value).map_err(|_| {
                illegal(place, format!("[{name}] parameter cannot be negative, found [{value}]"))
            }),
        };
        let (from, size) = (read("from", self.from, 0)?, read("size", self.size, 10)?);
        if from > 0 && self.search_after.is_some() {
            return Err(illegal(place, "`from` parameter must be set to 0 when `search_after` is used."));
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

/// Reads `fields`, `docvalue_fields`.
fn value_fields(list: &Value, place: &Place<'_>) -> Result<Vec<ValueField>, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        field: String,
        format: Option<String>,
        #[serde(rename = "include_unmapped")]
        _include_unmapped: Option<bool>,
    }
    let items = one_or_many(list);
    let field = |(position, item): (usize, &Value)| match item {
        Value::String(name) => Ok(ValueField { pattern: FieldPattern::new(name), format: None }),
        other => {
            let at = place.item(position);
            object("a field", other, &at)?;
            let read: Parameters = parameters("a field", other, &at)?;
            // `use_field_mapping` is what old versions of Kibana say for "no format".
            let format = read.format.filter(|format| format != "use_field_mapping");
            Ok(ValueField { pattern: FieldPattern::new(read.field), format })
        }
    };
    items.iter().enumerate().map(field).collect()
}

/// Reads `script_fields`.
fn script_fields(given: Option<&Object>, place: &Place<'_>) -> Result<Vec<ScriptField>, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        script: Value,
        #[serde(default)]
        ignore_failure: bool,
        // Of Elasticsearch before 5, still sent by old plugins.
        #[serde(rename = "lang")]
        _lang: Option<String>,
    }
    let read = |(name, value): (&String, &Value)| {
        let at = place.key(name);
        let read: Parameters = parameters("[script_fields]", value, &at)?;
        let call = Arc::new(script(&read.script, Purpose::Field, &at.key("script"))?);
        Ok(ScriptField { name: name.clone(), call, ignore_failure: read.ignore_failure })
    };
    given.into_iter().flatten().map(read).collect()
}

/// Reads `indices_boost`: a list of objects, or (as before version 5) one.
fn indices_boost(value: Option<&Value>, place: &Place<'_>) -> Result<Vec<(FieldPattern, f32)>, StoreError> {
    let at = place.key("indices_boost");
    let mut boosts = Vec::new();
    for item in value.map(one_or_many).unwrap_or_default() {
        for (name, boost) in object("[indices_boost]", item, &at)? {
            let boost = boost.as_f64().filter(|boost| *boost >= 0.0);
            let boost = boost.ok_or_else(|| {
                invalid(&at, format!("the boost of [{name}] must be a number of at least 0"))
            })?;
            boosts.push((FieldPattern::new(name), boost as f32));
        }
    }
    Ok(boosts)
}

fn collapse(value: &Value, place: &Place<'_>) -> Result<Collapse, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        field: String,
        inner_hits: Option<Value>,
        #[serde(rename = "max_concurrent_group_searches")]
        _max_concurrent_group_searches: Option<u64>,
    }
    let at = place.key("collapse");
    let read: Parameters = parameters("[collapse]", value, &at)?;
    let mut inner_hits = Vec::new();
    for item in read.inner_hits.as_ref().map(one_or_many).unwrap_or_default() {
        let mut body = object("[inner_hits]", item, &at)?.clone();
        let name = match body.remove("name") {
            Some(Value::String(name)) => name,
            None => read.field.clone(),
            Some(other) => {
                return Err(invalid(&at, format!("[inner_hits] name {} must be a text", shown(&other))));
            }
        };
        if inner_hits.iter().any(|(known, _)| *known == name) {
            return Err(illegal(&at, format!("[inner_hits] already contains an entry for key [{name}]")));
        }
        let own = ["aggs", "aggregations", "query", "slice", "search_after", "post_filter"];
        if let Some(odd) = own.iter().find(|key| body.contains_key(**key)) {
            return Err(invalid(&at, format!("[inner_hits] does not support \"{odd}\"")));
        }
        body.entry("size").or_insert(Value::from(3));
        let inner = SearchBody::parse(&body)?;
        if inner.collapse.as_ref().is_some_and(|collapse| !collapse.inner_hits.is_empty()) {
            return Err(illegal(&at, "[inner_hits] of [inner_hits] are not supported"));
        }
        inner_hits.push((name, inner));
    }
    if inner_hits.len() > INNER_HITS_MAX {
        return Err(illegal(&at, format!("[collapse] takes at most {INNER_HITS_MAX} [inner_hits]")));
    }
    Ok(Collapse { field: read.field, inner_hits })
}

fn point_in_time(value: &Value, place: &Place<'_>) -> Result<PointInTime, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        id: String,
        keep_alive: Option<String>,
    }
    let at = place.key("pit");
    let read: Parameters = parameters("[pit]", value, &at)?;
    let keep_alive = read.keep_alive.as_deref().map(|text| duration(text, &at)).transpose()?;
    Ok(PointInTime { id: read.id, keep_alive })
}

fn slice(value: &Value, place: &Place<'_>) -> Result<Slice, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        id: i64,
        max: i64,
        // All documents are parted by their number, which parts them as evenly as any field.
        #[serde(rename = "field")]
        _field: Option<String>,
    }
    let at = place.key("slice");
    let read: Parameters = parameters("[slice]", value, &at)?;
    match (u64::try_from(read.id), u64::try_from(read.max)) {
        (Ok(id), Ok(max)) if max > 1 && id < max => Ok(Slice { id, max }),
        (Err(_), _) => Err(illegal(&at, "id must be greater than or equal to 0")),
        (_, Ok(0 | 1) | Err(_)) => Err(illegal(&at, "max must be greater than 1")),
        _ => Err(illegal(&at, "max must be greater than id")),
    }
}

fn duration(text: &str, place: &Place<'_>) -> Result<Duration, StoreError> {
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

/// Reads a time of Elasticsearch: `500ms`, `30s`, `1m`; `None` if it is none.
pub fn parse_duration(text: &str) -> Option<Duration> {
    duration(text, &Place::root("time")).ok()
}
