//! `_nodes`: the one node there is.
//!
//! Source: Elasticsearch reference, "Nodes info", "Nodes stats".

use super::{
    error::ElasticError,
    request::Asked,
    root::{CLUSTER, NODE_ID, VERSION},
    routes::{Right, Route},
};
use axum::{Json, routing::get};
use serde_json::{Value, json};

pub(super) fn routes() -> Vec<Route> {
    let mut routes: Vec<Route> = ["/_nodes", "/_nodes/{node}", "/_nodes/{node}/{metric}"]
        .into_iter()
        .map(|path| Route::new(Right::Monitor, path, get(info)))
        .collect();
    let stats =
        ["/_nodes/stats", "/_nodes/stats/{metric}", "/_nodes/{node}/stats", "/_nodes/{node}/stats/{metric}"];
    routes.extend(stats.into_iter().map(|path| Route::new(Right::Monitor, path, get(stats_of))));
    routes
}

fn answer(node: Value) -> Json<Value> {
    Json(
        json!({"_nodes": {"total": 1, "successful": 1, "failed": 0}, "cluster_name": CLUSTER, "nodes": {NODE_ID: node}}),
    )
}

async fn info(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.take("flat_settings");
    asked.done()?;
    let address = asked.address().to_owned();
    let host = address.rsplit_once(':').map_or("127.0.0.1", |(host, _)| host).to_owned();
    Ok(answer(json!({
        "name": CLUSTER,
        "transport_address": address,
        "host": host,
        "ip": host,
        "version": VERSION,
        "build_flavor": "default",
        "build_type": "tar",
        "build_hash": "unknown",
        "roles": ["data", "ingest", "master"],
        "attributes": {},
        "settings": {"cluster": {"name": CLUSTER}, "node": {"name": CLUSTER}},
        "http": {"bound_address": [address], "publish_address": address, "max_content_length_in_bytes": super::body::BODY_MAX_BYTES},
        "plugins": [],
        "modules": [],
        "ingest": {"processors": []},
    })))
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
    let indices = asked.app.parts().logs.indices(&asked.scope, &["*".to_owned()]).await?;
    let documents: u64 = indices.iter().map(|index| index.documents).sum();
    let size: u64 = indices.iter().map(|index| index.size_bytes).sum();
    Ok(answer(json!({
        "name": CLUSTER,
        "roles": ["data", "ingest", "master"],
        "indices": {"docs": {"count": documents, "deleted": 0}, "store": {"size_in_bytes": size, "reserved_in_bytes": 0}},
    })))
}
