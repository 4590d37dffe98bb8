//! `_cluster/*`: how the one node is.

use super::{
    error::ElasticError,
    names::everything,
    root::CLUSTER,
    routes::{Right, Route},
};
use crate::{
    auth::{extract::Caller, scope::scope_of},
    state::App,
};
use axum::{Json, extract::State, routing::get};
use serde_json::{Value, json};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(Right::Monitor, "/_cluster/health", get(cluster_health))]
}

async fn cluster_health(State(app): State<App>, Caller(user): Caller) -> Result<Json<Value>, ElasticError> {
    let up = app.parts().logs.health().await.is_ok();
    let shards = if up { app.parts().logs.indices(&scope_of(&user), &everything()).await?.len() } else { 0 };
    Ok(Json(json!({
        "cluster_name": CLUSTER,
        "status": if up { "green" } else { "red" },
        "timed_out": false,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": shards,
        "active_shards": shards,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": 0,
        "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": 100.0,
    })))
}
