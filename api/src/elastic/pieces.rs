//! `_segments`, `_recovery`, `_shard_stores`, `_nodes/hot_threads`, `_snapshot`: what indices and the node are made of.
//!
//! Each index is one shard on the one node, recovered from its own files, and what is committed of it is shown as one
//! segment. There are no repositories for snapshots.
//!
//! Source: Elasticsearch reference, "Index segments API", "Index recovery API", "Index shard stores API", "Nodes hot
//! threads API", "Get snapshot repository API".

use super::{
    answer,
    error::ElasticError,
    indices::missing,
    request::Asked,
    root::{CLUSTER, NODE_ID},
    routes::{ElasticRight, Route},
};
use axum::{
    Json,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use event::Object;
use serde_json::{Value, json};
use store::logs::{Detail, IndexDescription, IndicesOptions};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ElasticRight::Monitor, "/_segments", get(segments)),
        Route::new(ElasticRight::Monitor, "/{index}/_segments", get(segments)),
        Route::new(ElasticRight::Monitor, "/_recovery", get(recovery)),
        Route::new(ElasticRight::Monitor, "/{index}/_recovery", get(recovery)),
        Route::new(ElasticRight::Monitor, "/_shard_stores", get(stores)),
        Route::new(ElasticRight::Monitor, "/{index}/_shard_stores", get(stores)),
        Route::new(ElasticRight::Monitor, "/_nodes/hot_threads", get(hot_threads)),
        Route::new(ElasticRight::Monitor, "/_nodes/{node}/hot_threads", get(hot_threads)),
        Route::new(ElasticRight::Monitor, "/_snapshot", get(repositories)),
        Route::new(ElasticRight::Monitor, "/_snapshot/_status", get(snapshot_status)),
        Route::new(ElasticRight::Monitor, "/_snapshot/{repository}", get(repositories)),
        Route::new(ElasticRight::Monitor, "/_snapshot/{repository}/{snapshot}", get(repositories)),
    ]
}

async fn described(asked: &mut Asked) -> Result<Vec<IndexDescription>, ElasticError> {
    let options = asked.options(IndicesOptions::default())?;
    asked.done()?;
    let detail = Detail { mappings: false, statistics: true };
    Ok(asked.app.parts().admin.describe(&asked.scope, &asked.indices()?, options, detail).await?)
}

fn by_index(found: &[IndexDescription], body: impl Fn(&IndexDescription) -> Value) -> Value {
    Value::Object(found.iter().map(|index| (index.name.clone(), body(index))).collect::<Object>())
}

async fn segments(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.flag("verbose", false)?;
    let found = described(&mut asked).await?;
    let of_index = |index: &IndexDescription| {
        let segment = json!({"generation": 0, "num_docs": index.documents, "deleted_docs": 0,
            "size_in_bytes": index.size_bytes, "memory_in_bytes": 0, "committed": true, "search": true,
            "version": "8.7.0", "compound": false, "attributes": {}});
        let segments = if index.documents > 0 { json!({"_0": segment}) } else { json!({}) };
        let count = usize::from(index.documents > 0);
        json!({"shards": {"0": [{
            "routing": {"state": "STARTED", "primary": true, "node": NODE_ID},
            "num_committed_segments": count, "num_search_segments": count, "segments": segments}]}})
    };
    Ok(Json(json!({"_shards": answer::shards(found.len()), "indices": by_index(&found, of_index)})))
}

async fn recovery(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let active_only = asked.flag("active_only", false)?;
    asked.flag("detailed", false)?;
    let found = described(&mut asked).await?;
    if active_only {
        return Ok(Json(json!({})));
    }
    let nothing = json!({"total": 0, "reused": 0, "recovered": 0, "percent": "100.0%"});
    let of_index = |index: &IndexDescription| {
        json!({"shards": [{
            "id": 0, "type": "EXISTING_STORE", "stage": "DONE", "primary": true,
            "start_time_in_millis": index.created_at_ms, "stop_time_in_millis": index.created_at_ms,
            "total_time_in_millis": 0,
            "source": {"bootstrap_new_history_uuid": false},
            "target": {"id": NODE_ID, "host": "127.0.0.1", "transport_address": "127.0.0.1:9300",
                "ip": "127.0.0.1", "name": CLUSTER},
            "index": {
                "size": {"total_in_bytes": index.size_bytes, "reused_in_bytes": index.size_bytes,
                    "recovered_in_bytes": 0, "percent": "100.0%"},
                "files": nothing, "total_time_in_millis": 0, "source_throttle_time_in_millis": 0,
                "target_throttle_time_in_millis": 0},
            "translog": {"recovered": 0, "total": 0, "percent": "100.0%", "total_on_start": 0,
                "total_time_in_millis": 0},
            "verify_index": {"check_index_time_in_millis": 0, "total_time_in_millis": 0},
        }]})
    };
    Ok(Json(by_index(&found, of_index)))
}

/// Where copies are of shards that lack some: without `status`, of the indices that are not green.
async fn stores(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let wanted = asked.take("status").unwrap_or_else(|| "yellow,red".to_owned());
    let states: Vec<&str> = wanted.split(',').map(str::trim).collect();
    if let Some(unknown) = states.iter().find(|state| !["green", "yellow", "red", "all"].contains(state)) {
        return Err(ElasticError::illegal(format!("unknown cluster health status [{unknown}]")));
    }
    let mut found = described(&mut asked).await?;
    found.retain(|index| states.contains(&"all") || states.contains(&index.health()));
    let of_index = |index: &IndexDescription| {
        json!({"shards": {"0": {"stores": [{
            NODE_ID: {"name": CLUSTER, "ephemeral_id": NODE_ID, "transport_address": "127.0.0.1:9300",
                "attributes": {}},
            "allocation_id": index.uuid, "allocation": "primary"}]}}})
    };
    Ok(Json(json!({"indices": by_index(&found, of_index)})))
}

/// Threads are not sampled: the heading alone says of which node, and when.
async fn hot_threads(mut asked: Asked) -> Result<Response, ElasticError> {
    for name in ["threads", "interval", "snapshots", "type", "doc_type", "ignore_idle_threads"] {
        asked.take(name);
    }
    asked.done()?;
    let now = jiff::Timestamp::now();
    let text = format!(
        "::: {{{CLUSTER}}}{{{NODE_ID}}}{{127.0.0.1}}{{127.0.0.1:9300}}\n   Hot threads at {now:.3}, interval=0s, \
         busiestThreads=0, ignoreIdleThreads=true:\n"
    );
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=UTF-8")], text).into_response())
}

async fn repositories(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    for name in ["ignore_unavailable", "verbose"] {
        asked.flag(name, false)?;
    }
    asked.done()?;
    let name = asked.part("repository");
    if name.is_empty() || name == "_all" || name.contains('*') {
        return Ok(Json(json!({})));
    }
    Err(missing("repository_missing_exception", format!("[{name}] missing")))
}

async fn snapshot_status(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    Ok(Json(json!({"snapshots": []})))
}
