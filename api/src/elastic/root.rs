//! `GET /`: who answers here.

use super::{
    error::ElasticError,
    request::Asked,
    routes::{ElasticRight, Route},
};
use axum::{Json, routing::get};
use serde_json::Value;
pub(super) use store::logs::NODE_ID;

/// Identifies the cluster.
pub(super) const CLUSTER_UUID: &str = "vigie-cluster-00000001";
/// Name of the cluster and of its only node.
pub(super) const CLUSTER: &str = "vigie";

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(ElasticRight::Monitor, "/", get(root))]
}

async fn root(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    Ok(Json(asked.persona.root(CLUSTER, CLUSTER, CLUSTER_UUID)))
}
