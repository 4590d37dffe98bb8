//! Single documents by id.

use super::{
    answer,
    error::ElasticError,
    routes::{Right, Route},
};
use crate::{
    auth::{extract::Caller, scope::scope_of},
    frame::extract::ApiPath,
    state::App,
};
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(Right::Read, "/{index}/_doc/{id}", get(get_document))]
}

async fn get_document(
    State(app): State<App>,
    Caller(user): Caller,
    ApiPath((index, id)): ApiPath<(String, String)>,
) -> Result<Response, ElasticError> {
    match app.parts().logs.get(&scope_of(&user), &index, &id).await? {
        Some(document) => Ok(Json(answer::document(document)).into_response()),
        None => {
            let body = json!({"_index": index, "_id": id, "found": false});
            Ok((StatusCode::NOT_FOUND, Json(body)).into_response())
        }
    }
}
