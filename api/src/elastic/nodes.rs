//! `_nodes`: the one node there is.
//!
//! Source: Elasticsearch reference, "Nodes info", "Nodes stats".

use super::{
    error::ElasticError,
    request::Asked,
    root::{CLUSTER, NODE_ID},
    routes::{ElasticRight, Route},
};
use axum::{Json, routing::get};
use event::Object;
use ingest::pipeline::PipelineSource;
use serde_json::{Value, json};
use store::scope::wildcard_match;

/// Parts of the answer that can be asked for alone.
const INFO_METRICS: &[&str] = &[
    "settings",
    "os",
    "process",
    "jvm",
    "thread_pool",
    "transport",
    "http",
    "plugins",
    "ingest",
    "indices",
    "aggregations",
];
const STATS_METRICS: &[&str] = &[
    "indices",
    "os",
    "process",
    "jvm",
    "thread_pool",
    "fs",
    "transport",
    "http",
    "breaker",
    "breakers",
    "script",
    "discovery",
    "ingest",
    "adaptive_selection",
    "script_cache",
    "indexing_pressure",
];
/// Names of the node that are none of its own.
const MEANS_ALL: &[&str] = &["_all", "_local", "_master", "*"];

pub(super) fn routes() -> Vec<Route> {
    let mut routes: Vec<Route> = ["/_nodes", "/_nodes/{node}", "/_nodes/{node}/{metric}"]
        .into_iter()
        .map(|path| Route::new(ElasticRight::Monitor, path, get(info)))
        .collect();
    let stats = [
        "/_nodes/stats",
        "/_nodes/stats/{metric}",
        "/_nodes/stats/{metric}/{index_metric}",
        "/_nodes/{node}/stats",
        "/_nodes/{node}/stats/{metric}",
        "/_nodes/{node}/stats/{metric}/{index_metric}",
    ];
    routes.extend(stats.into_iter().map(|path| Route::new(ElasticRight::Monitor, path, get(stats_of))));
    routes
}

fn answer(node: Option<Value>) -> Json<Value> {
    let count = usize::from(node.is_some());
    let nodes: Object = node.map(|node| (NODE_ID.to_owned(), node)).into_iter().collect();
    Json(
        json!({"_nodes": {"total": count, "successful": count, "failed": 0}, "cluster_name": CLUSTER, "nodes": nodes}),
    )
}

/// Whether the node is one of those that the path names.
fn is_meant(nodes: &str) -> bool {
    nodes.is_empty()
        || nodes.split(',').any(|name| {
            MEANS_ALL.contains(&name)
                || wildcard_match(name, NODE_ID)
                || wildcard_match(name, CLUSTER)
                || name.contains(':')
        })
}

/// The metrics that a segment of the path names; `None`: all.
fn metrics(segment: &str) -> Option<Vec<&str>> {
    let list: Vec<&str> = segment.split(',').filter(|metric| !metric.is_empty()).collect();
    (!list.is_empty() && !list.contains(&"_all")).then_some(list)
}

/// Leaves of the parts that are metrics only those that are wanted.
fn keep(mut node: Value, known: &[&str], wanted: Option<&[&str]>) -> Value {
    if let (Some(members), Some(wanted)) = (node.as_object_mut(), wanted) {
        members.retain(|name, _| !known.contains(&name.as_str()) || wanted.contains(&name.as_str()));
    }
    node
}

async fn info(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.flag("flat_settings", false)?;
    asked.done()?;
    // One segment may name nodes or metrics.
    let (first, second) = (asked.part("node"), asked.part("metric"));
    let only_metrics = second.is_empty()
        && !first.is_empty()
        && first.split(',').all(|part| INFO_METRICS.contains(&part) || part == "_all");
    let (nodes, metric) = if only_metrics { ("", first) } else { (first, second) };
    if !is_meant(nodes) {
        return Ok(answer(None));
    }
    let address = asked.address();
    let host = address.rsplit_once(':').map_or("127.0.0.1", |(host, _)| host);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let processors: Vec<Value> =
        ingest::pipeline::processor_names().map(|name| json!({"type": name})).collect();
    let node = json!({
        "name": CLUSTER,
        "transport_address": address,
        "host": host,
        "ip": host,
        "version": asked.persona.version.to_string(),
        "build_flavor": "default",
        "build_type": "tar",
        "build_hash": "unknown",
        "roles": ["data", "ingest", "master"],
        "attributes": {},
        "settings": {"cluster": {"name": CLUSTER}, "node": {"name": CLUSTER}},
        "os": {"name": std::env::consts::OS, "arch": std::env::consts::ARCH, "available_processors": cores,
            "allocated_processors": cores},
        "process": {"id": std::process::id(), "mlockall": false},
        "transport": {"bound_address": [address], "publish_address": address, "profiles": {}},
        "http": {"bound_address": [address], "publish_address": address, "max_content_length_in_bytes": super::body::BODY_MAX_BYTES},
        "plugins": [],
        "modules": [],
        "ingest": {"processors": processors},
    });
    Ok(answer(Some(keep(node, INFO_METRICS, metrics(metric).as_deref()))))
}

async fn stats_of(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    for name in [
        "level",
        "fields",
        "groups",
        "types",
        "completion_fields",
        "fielddata_fields",
        "include_segment_file_sizes",
    ] {
        asked.take(name);
    }
    asked.done()?;
    let wanted = metrics(asked.part("metric"));
    if let Some(unknown) = wanted.iter().flatten().find(|metric| !STATS_METRICS.contains(metric)) {
        return Err(ElasticError::illegal(format!(
            "request [{}] contains unrecognized metric: [{unknown}]",
            asked.uri_path
        )));
    }
    if !is_meant(asked.part("node")) {
        return Ok(answer(None));
    }
    let indices = asked.app.parts().logs.indices(&asked.scope, &["*".to_owned()]).await?;
    let documents: u64 = indices.iter().map(|index| index.documents).sum();
    let size: u64 = indices.iter().map(|index| index.size_bytes).sum();
    let pipelines = asked.app.parts().pipelines.list();
    let own = pipelines.into_iter().filter(|pipeline| pipeline.source == PipelineSource::User);
    let address = asked.address();
    let node = json!({
        "timestamp": jiff::Timestamp::now().as_millisecond(),
        "name": CLUSTER,
        "transport_address": address,
        "host": address.rsplit_once(':').map_or("127.0.0.1", |(host, _)| host),
        "ip": address,
        "roles": ["data", "ingest", "master"],
        "indices": {"docs": {"count": documents, "deleted": 0}, "store": {"size_in_bytes": size, "reserved_in_bytes": 0}},
        "ingest": asked.app.ingest_counts().shown(own.map(|pipeline| pipeline.name)),
    });
    Ok(answer(Some(keep(node, STATS_METRICS, wanted.as_deref()))))
}
