//! Points in time: indices as they were, for any searches. Elasticsearch's routes and OpenSearch's.

use super::super::{answer, error::ElasticError, parameters};
use super::call::Call;
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use event::Object;
use serde_json::{Value, json};
use store::logs::ContextKind;

/// Opens one.
pub(super) async fn open(mut call: Call) -> Result<Json<Value>, ElasticError> {
    let keep_alive = call.take_duration("keep_alive")?.ok_or_else(|| {
        let message = "Validation Failed: 1: [keep_alive] is required;";
        ElasticError::illegal(message).named("action_request_validation_exception")
    })?;
    for name in ["allow_partial_pit_creation", "routing", "preference"] {
        call.take(name);
    }
    let given = std::mem::take(&mut call.parameters);
    let options = parameters::apply(&call.path, given, &mut Object::new())?.options;
    call.check_keep_alive(Some(keep_alive)).await?;
    let logs = call.logs();
    let id = logs.open_point_in_time(&call.scope, &call.indices, options, keep_alive).await?;
    let indices = logs.indices(&call.scope, &call.indices).await.map_or(0, |indices| indices.len());
    let created = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let created = u64::try_from(created.as_millis()).unwrap_or_default();
    // Elasticsearch's clients read `id`, OpenSearch's `pit_id`.
    Ok(Json(json!({
        "id": id, "pit_id": id, "_shards": answer::shards(indices), "creation_time": created,
    })))
}

/// Closes some, by id.
pub(super) async fn close(call: Call) -> Result<Response, ElasticError> {
    call.done()?;
    let mut body = call.body()?;
    let given = body.remove("id").or_else(|| body.remove("pit_id"));
    let ids: Vec<String> = match given {
        Some(Value::String(id)) => vec![id],
        Some(Value::Array(ids)) => ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    if ids.is_empty() {
        let message = "Validation Failed: 1: [id] is required;";
        return Err(ElasticError::illegal(message).named("action_request_validation_exception"));
    }
    let freed = call.logs().close_contexts(&call.scope, ContextKind::PointInTime, Some(&ids)).await?;
    let status = if freed == 0 { StatusCode::NOT_FOUND } else { StatusCode::OK };
    let pits: Vec<Value> = ids.iter().map(|id| json!({"pit_id": id, "successful": freed > 0})).collect();
    Ok((status, Json(json!({"succeeded": freed > 0, "num_freed": freed, "pits": pits}))).into_response())
}

/// Closes all of the caller.
pub(super) async fn close_all(call: Call) -> Result<Json<Value>, ElasticError> {
    call.done()?;
    let freed = call.logs().close_contexts(&call.scope, ContextKind::PointInTime, None).await?;
    Ok(Json(json!({"succeeded": true, "num_freed": freed, "pits": []})))
}
