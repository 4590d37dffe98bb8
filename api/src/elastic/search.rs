//! `_search` and `_count`.

use super::{
    answer,
    error::ElasticError,
    names::{everything, patterns},
    parameters,
    routes::{Right, Route, get_or_post},
};
use crate::{
    auth::{User, extract::Caller, scope::scope_of},
    frame::extract::{ApiPath, ApiQuery},
    state::App,
};
use axum::{
    Json,
    body::Bytes,
    extract::{OriginalUri, State},
};
use event::Object;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use store::logs::{IndicesOptions, SearchRequest, SearchResponse};

const SEARCH_TIMEOUT: Duration = Duration::from_secs(30);
/// Hits without `size`.
const SIZE_DEFAULT: u64 = 10;

type Query = ApiQuery<BTreeMap<String, String>>;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Right::Read, "/_search", get_or_post(search_all)),
        Route::new(Right::Read, "/{index}/_search", get_or_post(search)),
        Route::new(Right::Read, "/_count", get_or_post(count_all)),
        Route::new(Right::Read, "/{index}/_count", get_or_post(count)),
    ]
}

async fn search_all(
    app: State<App>,
    user: Caller,
    uri: OriginalUri,
    query: Query,
    body: Bytes,
) -> Result<Json<Value>, ElasticError> {
    run_search(&app, &user.0, everything(), &uri, query, &body).await
}

async fn search(
    app: State<App>,
    user: Caller,
    ApiPath(index): ApiPath<String>,
    uri: OriginalUri,
    query: Query,
    body: Bytes,
) -> Result<Json<Value>, ElasticError> {
    run_search(&app, &user.0, patterns(&index)?, &uri, query, &body).await
}

async fn run_search(
    app: &App,
    user: &User,
    indices: Vec<String>,
    uri: &OriginalUri,
    ApiQuery(query): Query,
    body: &[u8],
) -> Result<Json<Value>, ElasticError> {
    let mut body = read_body(body)?;
    let parameters = parameters::apply(uri.path(), query, &mut body)?;
    body.entry("size").or_insert(json!(SIZE_DEFAULT));
    let response = ask(app, user, indices, body, parameters.options).await?;
    Ok(Json(answer::search(response, parameters.total_as_int)))
}

async fn count_all(
    app: State<App>,
    user: Caller,
    uri: OriginalUri,
    query: Query,
    body: Bytes,
) -> Result<Json<Value>, ElasticError> {
    run_count(&app, &user.0, everything(), &uri, query, &body).await
}

async fn count(
    app: State<App>,
    user: Caller,
    ApiPath(index): ApiPath<String>,
    uri: OriginalUri,
    query: Query,
    body: Bytes,
) -> Result<Json<Value>, ElasticError> {
    run_count(&app, &user.0, patterns(&index)?, &uri, query, &body).await
}

async fn run_count(
    app: &App,
    user: &User,
    indices: Vec<String>,
    uri: &OriginalUri,
    ApiQuery(query): Query,
    body: &[u8],
) -> Result<Json<Value>, ElasticError> {
    let mut body = read_body(body)?;
    if let Some(other) = body.keys().find(|key| *key != "query") {
        return Err(ElasticError::parse(format!("request does not support [{other}]")));
    }
    let parameters = parameters::apply(uri.path(), query, &mut body)?;
    body.insert("size".into(), json!(0));
    body.insert("track_total_hits".into(), json!(true));
    let response = ask(app, user, indices, body, parameters.options).await?;
    let count = response.total.map_or(0, |total| total.value);
    Ok(Json(json!({"count": count, "_shards": answer::shards(response.indices)})))
}

async fn ask(
    app: &App,
    user: &User,
    indices: Vec<String>,
    body: Object,
    options: IndicesOptions,
) -> Result<SearchResponse, ElasticError> {
    let request = SearchRequest { indices, body, timeout: Some(SEARCH_TIMEOUT), options };
    Ok(app.parts().logs.search(&scope_of(user), request).await?)
}

fn read_body(body: &[u8]) -> Result<Object, ElasticError> {
    if body.trim_ascii().is_empty() {
        return Ok(Object::new());
    }
    serde_json::from_slice(body)
        .map_err(|error| ElasticError::parse(format!("cannot read the body: {error}")))
}
