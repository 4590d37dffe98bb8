//! `_cat/*`: tables for people.

use super::{
    answer,
    error::ElasticError,
    names::{everything, patterns},
    routes::{Right, Route},
};
use crate::{
    auth::{User, extract::Caller, scope::scope_of},
    frame::extract::{ApiPath, ApiQuery},
    state::App,
};
use axum::{Json, extract::State, routing::get};
use serde_json::Value;
use std::collections::BTreeMap;

type Query = ApiQuery<BTreeMap<String, String>>;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Right::Monitor, "/_cat/indices", get(cat_indices)),
        Route::new(Right::Monitor, "/_cat/indices/{index}", get(cat_indices_of)),
    ]
}

async fn cat_indices(app: State<App>, user: Caller, query: Query) -> Result<Json<Vec<Value>>, ElasticError> {
    cat(&app, &user.0, &everything(), &query.0).await
}

async fn cat_indices_of(
    app: State<App>,
    user: Caller,
    ApiPath(index): ApiPath<String>,
    query: Query,
) -> Result<Json<Vec<Value>>, ElasticError> {
    cat(&app, &user.0, &patterns(&index)?, &query.0).await
}

async fn cat(
    app: &App,
    user: &User,
    patterns: &[String],
    query: &BTreeMap<String, String>,
) -> Result<Json<Vec<Value>>, ElasticError> {
    if query.get("format").map(String::as_str) != Some("json") {
        return Err(ElasticError::illegal("only format=json is served"));
    }
    let indices = app.parts().logs.indices(&scope_of(user), patterns).await?;
    Ok(Json(indices.iter().map(answer::cat_index).collect()))
}
