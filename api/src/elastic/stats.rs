//! `_stats`: what indices hold.
//!
//! Source: Elasticsearch reference, "Index stats".

use super::{
    error::ElasticError,
    request::Asked,
    routes::{ElasticRight, Route},
};
use axum::{Json, routing::get};
use event::Object;
use serde_json::{Value, json};
use store::logs::{Detail, IndexDescription, IndicesOptions};

/// Groups of numbers that Elasticsearch has; those that the engine does not count are zero.
const METRICS: &[&str] = &[
    "docs",
    "store",
    "indexing",
    "get",
    "search",
    "merges",
    "refresh",
    "flush",
    "warmer",
    "query_cache",
    "fielddata",
    "completion",
    "segments",
    "translog",
    "request_cache",
    "recovery",
];

pub(super) fn routes() -> Vec<Route> {
    ["/_stats", "/_stats/{metric}", "/{index}/_stats", "/{index}/_stats/{metric}"]
        .into_iter()
        .map(|path| Route::new(ElasticRight::Monitor, path, get(stats)))
        .collect()
}

async fn stats(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let level = asked.take("level").unwrap_or_else(|| "indices".to_owned());
    if !matches!(level.as_str(), "cluster" | "indices" | "shards") {
        return Err(ElasticError::illegal(format!(
            "level parameter must be one of [cluster] or [indices] or [shards] but was [{level}]"
        )));
    }
    for name in [
        "fields",
        "completion_fields",
        "fielddata_fields",
        "groups",
        "types",
        "include_segment_file_sizes",
        "include_unloaded_segments",
        "forbid_closed_indices",
        "metric",
    ] {
        asked.take(name);
    }
    let options = asked.options(IndicesOptions::default())?;
    asked.done()?;
    let metric =
        Some(asked.part("metric").to_owned()).filter(|metric| !metric.is_empty() && metric != "_all");
    let metrics: Vec<&str> = match &metric {
        None => METRICS.to_vec(),
        Some(list) => list.split(',').map(|name| if name == "merge" { "merges" } else { name }).collect(),
    };
    if let Some(unknown) = metrics.iter().find(|name| !METRICS.contains(name)) {
        return Err(ElasticError::illegal(format!(
            "request [{}] contains unrecognized metric: [{unknown}]",
            asked.uri_path
        )));
    }
    let detail = Detail { mappings: false, statistics: true };
    let found = asked.app.parts().admin.describe(&asked.scope, &asked.indices()?, options, detail).await?;
    let of = |counts: &Counts| -> Value {
        Value::Object(
            metrics.iter().map(|name| ((*name).to_owned(), numbers(name, counts))).collect::<Object>(),
        )
    };
    let all = found.iter().map(Counts::of).fold(Counts::default(), Counts::and);
    let shards = found.len();
    let mut out = json!({
        "_shards": {"total": shards * 2, "successful": shards, "failed": 0},
        "_all": {"primaries": of(&all), "total": of(&all)},
    });
    if level != "cluster" {
        let indices: Object = found
            .iter()
            .map(|index| {
                let own = of(&Counts::of(index));
                let mut body = json!({"uuid": index.uuid, "primaries": own, "total": own});
                if level == "shards" {
                    let mut shard = own.clone();
                    shard["routing"] = json!({"state": "STARTED", "primary": true, "node": super::root::NODE_ID, "relocating_node": null});
                    let mut user_data = Object::new();
                    user_data.extend(index.sync_id.as_ref().map(|id| ("sync_id".to_owned(), json!(id))));
                    shard["commit"] = json!({"id": index.uuid, "generation": 1, "user_data": user_data, "num_docs": index.documents});
                    shard["seq_no"] = json!({"max_seq_no": index.max_seq_no.map_or(-1, |at| i64::try_from(at).unwrap_or(-1))});
                    body["shards"] = json!({"0": [shard]});
                }
                (index.name.clone(), body)
            })
            .collect();
        out["indices"] = Value::Object(indices);
    }
    Ok(Json(out))
}

/// What is counted of indices.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    documents: u64,
    size: u64,
    flushes: u64,
}

impl Counts {
    fn of(index: &IndexDescription) -> Self {
        Self { documents: index.documents, size: index.size_bytes, flushes: index.flushes }
    }

    fn and(self, other: Self) -> Self {
        Self {
            documents: self.documents + other.documents,
            size: self.size + other.size,
            flushes: self.flushes + other.flushes,
        }
    }
}

fn numbers(metric: &str, counts: &Counts) -> Value {
    let Counts { documents, size, flushes } = counts;
    match metric {
        "docs" => json!({"count": documents, "deleted": 0}),
        "store" => json!({"size_in_bytes": size, "reserved_in_bytes": 0}),
        "indexing" => {
            json!({"index_total": 0, "index_time_in_millis": 0, "index_current": 0, "index_failed": 0,
            "delete_total": 0, "delete_time_in_millis": 0, "delete_current": 0, "noop_update_total": 0,
            "is_throttled": false, "throttle_time_in_millis": 0})
        }
        "search" => {
            json!({"open_contexts": 0, "query_total": 0, "query_time_in_millis": 0, "query_current": 0,
            "fetch_total": 0, "fetch_time_in_millis": 0, "fetch_current": 0})
        }
        "segments" => json!({"count": 0, "memory_in_bytes": 0}),
        "translog" => json!({"operations": 0, "size_in_bytes": 0}),
        "recovery" => json!({"current_as_source": 0, "current_as_target": 0, "throttle_time_in_millis": 0}),
        "query_cache" | "fielddata" | "request_cache" => json!({"memory_size_in_bytes": 0, "evictions": 0}),
        "completion" => json!({"size_in_bytes": 0}),
        "flush" => json!({"total": flushes, "periodic": 0, "total_time_in_millis": 0}),
        _ => json!({"total": 0, "total_time_in_millis": 0}),
    }
}
