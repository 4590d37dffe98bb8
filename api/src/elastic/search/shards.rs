//! `_search_shards`: where a search would run. Each index is one shard on the one node.
//!
//! Source: Elasticsearch reference, "Search shards API".

use super::super::{
    aliases,
    error::ElasticError,
    parameters::{self, flag},
    root::{CLUSTER, NODE_ID},
};
use super::call::Call;
use axum::Json;
use event::Object;
use serde_json::{Value, json};
use store::logs::{Detail, IndexDescription};

pub(super) async fn search_shards(mut call: Call) -> Result<Json<Value>, ElasticError> {
    if let Some(local) = call.take("local") {
        flag("local", &local)?;
    }
    let given = std::mem::take(&mut call.parameters);
    let options = parameters::apply(&call.path, given, &mut Object::new())?.options;
    let found = call.admin().describe(&call.scope, &call.indices, options, Detail::default()).await?;
    let shards: Vec<Value> = found
        .iter()
        .map(|index| {
            json!([{"state": "STARTED", "primary": true, "node": NODE_ID, "relocating_node": null, "shard": 0,
                "index": index.name, "allocation_id": {"id": index.uuid}}])
        })
        .collect();
    // A filter may hold values that the caller must not see.
    let plain = call.scope.masked_fields().is_empty();
    let indices: Object =
        found.iter().map(|index| (index.name.clone(), reached(index, &call.indices, plain))).collect();
    Ok(Json(json!({
        "nodes": {NODE_ID: {"name": CLUSTER, "ephemeral_id": NODE_ID, "transport_address": "127.0.0.1:9300", "attributes": {}}},
        "indices": indices,
        "shards": shards,
    })))
}

/// The aliases that an index was reached by, and the filter that they put before it together: none, if it was also reached
/// without one.
fn reached(index: &IndexDescription, patterns: &[String], shows_filters: bool) -> Value {
    let mut out = Object::new();
    let aliases = aliases::reaching(index, patterns);
    if !aliases.is_empty() {
        out.insert("aliases".into(), aliases.iter().map(|(name, _)| json!(name)).collect());
    }
    match aliases::filters(index, patterns).filter(|_| shows_filters).as_deref() {
        None | Some([]) => {}
        Some([one]) => drop(out.insert("filter".into(), normal(one))),
        Some(many) => {
            let should: Vec<Value> = many.iter().map(|filter| normal(filter)).collect();
            let filter = json!({"bool": {"should": should, "adjust_pure_negative": true, "boost": 1.0}});
            out.insert("filter".into(), filter);
        }
    }
    Value::Object(out)
}

/// A filter as Elasticsearch writes it back: a bare value of `term` becomes an object with its boost.
fn normal(filter: &Value) -> Value {
    let mut filter = filter.clone();
    if let Some(term) = filter.get_mut("term").and_then(Value::as_object_mut) {
        for (_, value) in term.iter_mut().filter(|(_, value)| !value.is_object()) {
            *value = json!({"value": value.take(), "boost": 1.0});
        }
    }
    filter
}
