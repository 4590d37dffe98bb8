//! `_explain`: why a document matches a query, or that it does not.
//!
//! Source: Elasticsearch reference 7.10, "Explain API".

use super::super::error::ElasticError;
use super::call::Call;
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use event::Object;
use serde_json::{Value, json};

pub(super) async fn explain(mut call: Call) -> Result<Response, ElasticError> {
    let id = call.id.clone().unwrap_or_default();
    let wants_source = ["_source", "_source_includes", "_source_excludes", "stored_fields"]
        .iter()
        .any(|name| call.parameters.contains_key(*name));
    let (body, parameters) = call.search_body()?;
    let Some(query) = body.get("query").cloned() else {
        let message = "Validation Failed: 1: query is missing;";
        return Err(ElasticError::illegal(message).named("action_request_validation_exception"));
    };
    let only = json!({"ids": {"values": [id]}});
    let mut known = Object::new();
    known.insert("query".into(), only.clone());
    known.insert("size".into(), json!(1));
    known.extend(body.get("_source").map(|source| ("_source".to_owned(), source.clone())));
    let found = call.search(known, &parameters).await?.hits.into_iter().next();
    let mut answer = Object::new();
    let index = found.as_ref().map_or_else(|| call.indices.join(","), |hit| hit.index.clone());
    answer.insert("_index".into(), json!(index));
    answer.insert("_type".into(), json!("_doc"));
    answer.insert("_id".into(), json!(id));
    let Some(found) = found else {
        answer.insert("matched".into(), json!(false));
        return Ok((StatusCode::NOT_FOUND, Json(Value::Object(answer))).into_response());
    };
    let mut asked = Object::new();
    // The filter for hits is no part of the explanation.
    asked.insert("query".into(), query);
    asked.insert("post_filter".into(), only);
    asked.insert("explain".into(), json!(true));
    asked.insert("size".into(), json!(1));
    let hit = call.search(asked, &parameters).await?.hits.into_iter().next();
    answer.insert("matched".into(), json!(hit.is_some()));
    let none = || json!({"value": 0.0, "description": "no matching term", "details": []});
    let told = hit.and_then(|hit| hit.explanation).unwrap_or_else(none);
    answer.insert("explanation".into(), told);
    if wants_source {
        let mut get = Object::new();
        get.insert("found".into(), json!(true));
        get.extend(found.source.map(|source| ("_source".to_owned(), Value::Object(source))));
        answer.insert("get".into(), Value::Object(get));
    }
    Ok(Json(Value::Object(answer)).into_response())
}
