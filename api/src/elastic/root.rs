//! `GET /`: who answers here.

use super::routes::{Right, Route};
use axum::{Json, routing::get};
use serde_json::{Value, json};

/// The version whose behaviour is followed.
pub(super) const VERSION: &str = "7.10.2";
/// Identifies the node; there is one.
pub(super) const NODE_ID: &str = "vigie-node-000000000001";
/// Identifies the cluster.
pub(super) const CLUSTER_UUID: &str = "vigie-cluster-00000001";
/// Name of the cluster and of its only node.
pub(super) const CLUSTER: &str = "vigie";

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(Right::Monitor, "/", get(root))]
}

async fn root() -> Json<Value> {
    Json(json!({
        "name": CLUSTER,
        "cluster_name": CLUSTER,
        "cluster_uuid": CLUSTER_UUID,
        "version": {
            "number": VERSION,
            "build_flavor": "default",
            "build_type": "tar",
            "build_hash": "unknown",
            "build_date": "2026-11-21T00:00:00.000Z",
            "build_snapshot": false,
            "lucene_version": "8.7.0",
            "minimum_wire_compatibility_version": "6.8.0",
            "minimum_index_compatibility_version": "6.0.0-beta1",
        },
        "tagline": "You Know, for Search",
    }))
}
