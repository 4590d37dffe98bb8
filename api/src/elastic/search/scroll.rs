//! Scrolls: a search read page by page.

use super::super::{answer, error::ElasticError};
use super::call::{Call, duration};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use event::Object;
use serde_json::{Value, json};
use store::logs::ContextKind;

/// The ids of a body or path; `None`: all.
fn ids(call: &mut Call, body: &mut Object) -> Option<Vec<String>> {
    let listed = match body.remove("scroll_id") {
        Some(Value::String(id)) => vec![id],
        Some(Value::Array(ids)) => ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    let in_address = call.id.take().or_else(|| call.take("scroll_id"));
    let in_address = in_address.iter().flat_map(|ids| ids.split(',')).map(str::to_owned);
    let all: Vec<String> = listed.into_iter().chain(in_address).collect();
    (!all.iter().any(|id| id == "_all")).then_some(all)
}

/// The next page.
pub(super) async fn next(mut call: Call) -> Result<Json<Value>, ElasticError> {
    let mut body = call.body()?;
    let total_as_int = call.take("rest_total_hits_as_int").is_some_and(|wanted| wanted != "false");
    let in_body = match body.remove("scroll") {
        Some(Value::String(text)) => Some(duration("scroll", &text)?),
        _ => None,
    };
    let keep_alive = call.take_duration("scroll")?.or(in_body);
    let ids = ids(&mut call, &mut body).unwrap_or_default();
    call.done()?;
    if let Some(other) = body.keys().next() {
        return Err(ElasticError::illegal(format!(
            "Unknown parameter [{other}] in request body or parameter"
        )));
    }
    let Some(id) = ids.first() else {
        let message = "Validation Failed: 1: scrollId is missing;";
        return Err(ElasticError::illegal(message).named("action_request_validation_exception"));
    };
    call.check_keep_alive(keep_alive).await?;
    let response = call.logs().scroll(&call.scope, id, keep_alive).await?;
    Ok(Json(Value::Object(answer::search(response, total_as_int))))
}

/// Closes scrolls.
pub(super) async fn clear(mut call: Call) -> Result<Response, ElasticError> {
    let mut body = call.body()?;
    let ids = ids(&mut call, &mut body);
    call.done()?;
    if ids.as_ref().is_some_and(Vec::is_empty) {
        let message = "Validation Failed: 1: no scroll ids specified;";
        return Err(ElasticError::illegal(message).named("action_request_validation_exception"));
    }
    let freed = call.logs().close_contexts(&call.scope, ContextKind::Scroll, ids.as_deref()).await?;
    let status = if freed == 0 && ids.is_some() { StatusCode::NOT_FOUND } else { StatusCode::OK };
    Ok((status, Json(json!({"succeeded": true, "num_freed": freed}))).into_response())
}
