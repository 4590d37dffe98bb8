//! `_search_shards`: where a search would run. Each index is one shard on the one node.

use super::super::error::ElasticError;
use super::call::Call;
use axum::Json;
use event::Object;
use serde_json::{Value, json};

const NODE: &str = "vigie";

pub(super) async fn search_shards(mut call: Call) -> Result<Json<Value>, ElasticError> {
    for name in ["routing", "local"] {
        call.take(name);
    }
    super::super::parameters::apply(&call.path, std::mem::take(&mut call.parameters), &mut Object::new())?;
    let indices = call.logs().indices(&call.scope, &call.indices).await?;
    let shard = |name: &str| {
        json!([{
            "state": "STARTED", "primary": true, "node": NODE, "relocating_node": null, "shard": 0, "index": name,
        }])
    };
    let shards: Vec<Value> = indices.iter().map(|index| shard(&index.name)).collect();
    let names: Object = indices.iter().map(|index| (index.name.clone(), json!({}))).collect();
    Ok(Json(json!({
        "nodes": {NODE: {"name": NODE, "transport_address": "127.0.0.1:9300", "attributes": {}}},
        "indices": names,
        "shards": shards,
    })))
}
