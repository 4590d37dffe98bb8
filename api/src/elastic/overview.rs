//! `_cluster/stats`, `_nodes/usage`, `_remote/info`: the whole in numbers.
//!
//! Source: Elasticsearch reference, "Cluster stats API", "Nodes feature usage API", "Remote cluster info API".

use super::{
    error::ElasticError,
    request::Asked,
    root::{CLUSTER, CLUSTER_UUID, NODE_ID},
    routes::{ElasticRight, Route},
};
use axum::{Json, routing::get};
use event::Object;
use ingest::pipeline::PipelineSource;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use store::logs::{Detail, IndexDescription, IndicesOptions};

pub(super) fn routes() -> Vec<Route> {
    let mut routes: Vec<Route> = ["/_cluster/stats", "/_cluster/stats/nodes/{node}"]
        .into_iter()
        .map(|path| Route::new(ElasticRight::Monitor, path, get(stats)))
        .collect();
    let usage_of =
        ["/_nodes/usage", "/_nodes/{node}/usage", "/_nodes/usage/{metric}", "/_nodes/{node}/usage/{metric}"];
    routes.extend(usage_of.into_iter().map(|path| Route::new(ElasticRight::Monitor, path, get(usage))));
    routes.push(Route::new(ElasticRight::Monitor, "/_remote/info", get(remote)));
    routes
}

async fn stats(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.flag("flat_settings", false)?;
    asked.done()?;
    let options = IndicesOptions { expand_hidden: true, expand_closed: false, ..IndicesOptions::ADMIN };
    let detail = Detail { mappings: true, statistics: true };
    let everything = super::names::everything();
    let found = asked.app.parts().admin.describe(&asked.scope, &everything, options, detail).await?;
    let is_up = asked.app.parts().logs.health().await.is_ok();
    let status = match (is_up, found.iter().any(|index| index.health() == "yellow")) {
        (false, _) => "red",
        (true, true) => "yellow",
        (true, false) => "green",
    };
    Ok(Json(json!({
        "_nodes": {"total": 1, "successful": 1, "failed": 0},
        "cluster_name": CLUSTER,
        "cluster_uuid": CLUSTER_UUID,
        "timestamp": jiff::Timestamp::now().as_millisecond(),
        "status": status,
        "indices": indices(&found),
        "nodes": nodes(&asked),
    })))
}

fn indices(found: &[IndexDescription]) -> Value {
    let shards: u64 = found.iter().map(|index| u64::from(index.shards)).sum();
    let documents: u64 = found.iter().map(|index| index.documents).sum();
    let size: u64 = found.iter().map(|index| index.size_bytes).sum();
    let numbers = match found.is_empty() {
        true => json!({}),
        false => {
            let spread = |of: &dyn Fn(&IndexDescription) -> u32| {
                let values = || found.iter().map(of);
                let sum: u64 = values().map(u64::from).sum();
                json!({"min": values().min(), "max": values().max(), "avg": sum as f64 / found.len() as f64})
            };
            let shards_of: &dyn Fn(&IndexDescription) -> u32 = &|index| index.shards;
            json!({"total": shards, "primaries": shards, "replication": 0.0, "index": {
                "shards": spread(shards_of), "primaries": spread(shards_of), "replication": spread(&|_| 0)}})
        }
    };
    json!({
        "count": found.len(),
        "shards": numbers,
        "docs": {"count": documents, "deleted": 0},
        "store": {"size_in_bytes": size, "reserved_in_bytes": 0},
        "fielddata": {"memory_size_in_bytes": 0, "evictions": 0},
        "query_cache": {"memory_size_in_bytes": 0, "total_count": 0, "hit_count": 0, "miss_count": 0,
            "cache_size": 0, "cache_count": 0, "evictions": 0},
        "completion": {"size_in_bytes": 0},
        "segments": {"count": 0, "memory_in_bytes": 0},
        "mappings": {"field_types": field_types(found)},
        "analysis": {"char_filter_types": [], "tokenizer_types": [], "filter_types": [], "analyzer_types": [],
            "built_in_char_filters": [], "built_in_tokenizers": [], "built_in_filters": [],
            "built_in_analyzers": []},
    })
}

/// How many fields there are of each type, and in how many indices.
fn field_types(found: &[IndexDescription]) -> Value {
    let mut types: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for index in found {
        let mut of_index: BTreeMap<String, u64> = BTreeMap::new();
        count_types(index.mappings.as_ref().and_then(|mapping| mapping.get("properties")), &mut of_index);
        for (name, count) in of_index {
            let (fields, indices) = types.entry(name).or_default();
            *fields += count;
            *indices += 1;
        }
    }
    types
        .into_iter()
        .map(|(name, (count, index_count))| json!({"name": name, "count": count, "index_count": index_count}))
        .collect()
}

fn count_types(properties: Option<&Value>, types: &mut BTreeMap<String, u64>) {
    for field in properties.and_then(Value::as_object).into_iter().flat_map(|fields| fields.values()) {
        let name = field.get("type").and_then(Value::as_str).unwrap_or("object");
        *types.entry(name.to_owned()).or_default() += 1;
        count_types(field.get("properties"), types);
        count_types(field.get("fields"), types);
    }
}

fn nodes(asked: &Asked) -> Value {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let pipelines = asked.app.parts().pipelines.list();
    let own: Vec<_> = pipelines.iter().filter(|pipeline| pipeline.source == PipelineSource::User).collect();
    let processors: BTreeSet<&str> = own
        .iter()
        .filter_map(|pipeline| pipeline.definition.get("processors")?.as_array())
        .flatten()
        .filter_map(|processor| Some(processor.as_object()?.keys().next()?.as_str()))
        .collect();
    let processors: Object = processors
        .into_iter()
        .map(|name| (name.to_owned(), json!({"count": 0, "failed": 0, "current": 0, "time_in_millis": 0})))
        .collect();
    json!({
        "count": {"total": 1, "coordinating_only": 0, "data": 1, "ingest": 1, "master": 1,
            "remote_cluster_client": 0},
        "versions": [asked.persona.version.to_string()],
        "os": {"available_processors": cores, "allocated_processors": cores,
            "names": [{"name": std::env::consts::OS, "count": 1}],
            "mem": {"total_in_bytes": 0, "free_in_bytes": 0, "used_in_bytes": 0, "free_percent": 0, "used_percent": 0}},
        "process": {"cpu": {"percent": 0}, "open_file_descriptors": {"min": -1, "max": -1, "avg": 0}},
        "jvm": {"max_uptime_in_millis": 0, "versions": [],
            "mem": {"heap_used_in_bytes": 0, "heap_max_in_bytes": 0}, "threads": 0},
        "fs": {"total_in_bytes": 0, "free_in_bytes": 0, "available_in_bytes": 0},
        "plugins": [],
        "network_types": {"transport_types": {}, "http_types": {}},
        "discovery_types": {"single-node": 1},
        "packaging_types": [{"flavor": "default", "type": "tar", "count": 1}],
        "ingest": {"number_of_pipelines": own.len(), "processor_stats": processors},
    })
}

/// What was used of which feature is not counted.
async fn usage(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    let now = jiff::Timestamp::now().as_millisecond();
    Ok(Json(json!({"_nodes": {"total": 1, "successful": 1, "failed": 0}, "cluster_name": CLUSTER,
        "nodes": {NODE_ID: {"timestamp": now, "since": now, "rest_actions": {}, "aggregations": {}}}})))
}

/// There are no other clusters.
async fn remote(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    Ok(Json(json!({})))
}
