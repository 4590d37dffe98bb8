use super::Named;
use crate::{
    StoreError,
    logs::dsl::{
        FieldPattern, SearchBody,
        aggregations::ast::{Kind, TopMetrics},
        read::{number, object, one_or_many, parameters},
        sort::sort_keys,
    },
};
use serde::Deserialize;
use serde_json::Value;

/// What of a search `top_hits` takes.
const TOP_HITS: &[&str] = &[
    "from",
    "size",
    "sort",
    "_source",
    "fields",
    "docvalue_fields",
    "script_fields",
    "stored_fields",
    "version",
    "seq_no_primary_term",
    "highlight",
    "explain",
    "track_scores",
];
/// Documents that `top_metrics` may answer with per bucket (Elasticsearch's `index.top_metrics_max_size`).
const TOP_METRICS_MAX: usize = 10;

pub(super) fn top_hits(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    let mut body = object(&at.what(), value, at.place)?.clone();
    if let Some(odd) = body.keys().find(|key| !TOP_HITS.contains(&key.as_str())) {
        return Err(at.invalid(format!("{} does not support \"{odd}\"", at.what())));
    }
    body.entry("size").or_insert(Value::from(3));
    Ok(Kind::TopHits(Box::new(SearchBody::parse(&body)?)))
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
