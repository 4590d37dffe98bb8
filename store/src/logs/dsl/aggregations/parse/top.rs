use super::Named;
use crate::{
    StoreError,
    logs::dsl::{
        FieldPattern, SourceFilter,
        aggregations::ast::{Kind, TopHits, TopMetrics},
        highlight::highlight,
        read::{number, one_or_many, parameters},
        search_body::value_fields,
        sort::sort_keys,
    },
};
use serde::Deserialize;
use serde_json::Value;

/// Hits that `top_hits` may answer with per bucket (Elasticsearch's `index.max_inner_result_window`).
const TOP_HITS_MAX: usize = 100;
/// Documents that `top_metrics` may answer with per bucket (Elasticsearch's `index.top_metrics_max_size`).
const TOP_METRICS_MAX: usize = 10;

pub(super) fn top_hits(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(default)]
        from: usize,
        #[serde(default, deserialize_with = "number")]
        size: Option<usize>,
        sort: Option<Value>,
        #[serde(rename = "_source")]
        source: Option<Value>,
        fields: Option<Value>,
        docvalue_fields: Option<Value>,
        #[serde(default)]
        version: bool,
        #[serde(default)]
        seq_no_primary_term: bool,
        highlight: Option<Value>,
        #[serde(rename = "track_scores")]
        _track_scores: Option<bool>,
        #[serde(rename = "stored_fields")]
        _stored_fields: Option<Value>,
    }
    let read: Parameters = parameters(&at.what(), value, at.place)?;
    let size = read.size.unwrap_or(3);
    if read.from.saturating_add(size) > TOP_HITS_MAX {
        return Err(at.illegal(format!(
            "Top hits result window is too large, the top hits aggregator [{}]'s from + size must be less than or equal \
             to: [{TOP_HITS_MAX}] but was [{}].",
            at.name,
            read.from.saturating_add(size)
        )));
    }
    let fields = |list: &Option<Value>, key: &str| match list {
        Some(list) => value_fields(list, &at.place.key(key)),
        None => Ok(Vec::new()),
    };
    Ok(Kind::TopHits(Box::new(TopHits {
        from: read.from,
        size,
        sort: read.sort.as_ref().map_or(Ok(Vec::new()), |sort| sort_keys(sort, &at.place.key("sort")))?,
        source: match &read.source {
            Some(source) => SourceFilter::parse(source, &at.place.key("_source"))?,
            None => SourceFilter::default(),
        },
        fields: fields(&read.fields, "fields")?,
        docvalue_fields: fields(&read.docvalue_fields, "docvalue_fields")?,
        version: read.version,
        seq_no_primary_term: read.seq_no_primary_term,
        highlight: read
            .highlight
            .as_ref()
            .map(|value| highlight(value, &at.place.key("highlight")))
            .transpose()?,
    })))
}

pub(super) fn top_metrics(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        metrics: Value,
        sort: Value,
        #[serde(default, deserialize_with = "number")]
        size: Option<usize>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct One {
        field: String,
    }
    let read: Parameters = parameters(&at.what(), value, at.place)?;
    let metrics = one_or_many(&read.metrics)
        .iter()
        .map(|metric| parameters(&at.what(), metric, at.place).map(|one: One| FieldPattern::new(one.field)))
        .collect::<Result<Vec<_>, _>>()?;
    let sort = sort_keys(&read.sort, &at.place.key("sort"))?;
    if sort.len() != 1 {
        return Err(at.illegal("[top_metrics] aggregation must sort by exactly one key"));
    }
    let size = read.size.unwrap_or(1);
    if size == 0 || size > TOP_METRICS_MAX {
        return Err(at.illegal(format!(
            "[top_metrics.size] must not be more than [{TOP_METRICS_MAX}] but was [{size}]"
        )));
    }
    Ok(Kind::TopMetrics(TopMetrics { metrics, size, sort }))
}
