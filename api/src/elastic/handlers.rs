use super::{answer, error::ElasticError, parameters};
use crate::{
    auth::{User, extract::Analyst, scope::scope_of},
    frame::extract::{ApiPath, ApiQuery},
    state::App,
};
use axum::{
    Json,
    body::Bytes,
    extract::{OriginalUri, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use event::Object;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use store::logs::{SearchRequest, SearchResponse};

/// The version whose behaviour is followed.
const VERSION: &str = "8.11.0";
const CLUSTER: &str = "vigie";
const SEARCH_TIMEOUT: Duration = Duration::from_secs(30);
/// Hits without `size`.
const SIZE_DEFAULT: u64 = 10;

type Query = ApiQuery<BTreeMap<String, String>>;

pub(super) async fn root() -> Json<Value> {
    Json(json!({
        "name": CLUSTER,
        "cluster_name": CLUSTER,
        "cluster_uuid": "_na_",
        "version": {
            "number": VERSION,
            "build_flavor": "default",
            "build_type": "tar",
            "build_hash": "unknown",
            "build_date": "2026-11-21T00:00:00.000Z",
            "build_snapshot": false,
            "lucene_version": "9.8.0",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    }))
}

pub(super) async fn cluster_health(
    State(app): State<App>,
    Analyst(user): Analyst,
) -> Result<Json<Value>, ElasticError> {
    let up = app.parts().logs.health().await.is_ok();
    let shards = if up { app.parts().logs.indices(&scope_of(&user), &everything()).await?.len() } else { 0 };
    Ok(Json(json!({
        "cluster_name": CLUSTER,
        "status": if up { "green" } else { "red" },
        "timed_out": false,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": shards,
        "active_shards": shards,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": 0,
        "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": 100.0,
    })))
}

pub(super) async fn cat_indices(
    app: State<App>,
    user: Analyst,
    query: Query,
) -> Result<Json<Vec<Value>>, ElasticError> {
    cat(&app, &user.0, &everything(), &query.0).await
}

pub(super) async fn cat_indices_of(
    app: State<App>,
    user: Analyst,
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

pub(super) async fn search_all(
    app: State<App>,
    user: Analyst,
    uri: OriginalUri,
    query: Query,
    body: Bytes,
) -> Result<Json<Value>, ElasticError> {
    run_search(&app, &user.0, everything(), &uri, query, &body).await
}

pub(super) async fn search(
    app: State<App>,
    user: Analyst,
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
    let response = ask(app, user, indices, body, parameters.ignore_unavailable).await?;
    Ok(Json(answer::search(response, parameters.total_as_int)))
}

pub(super) async fn count_all(
    app: State<App>,
    user: Analyst,
    uri: OriginalUri,
    query: Query,
    body: Bytes,
) -> Result<Json<Value>, ElasticError> {
    run_count(&app, &user.0, everything(), &uri, query, &body).await
}

pub(super) async fn count(
    app: State<App>,
    user: Analyst,
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
    let response = ask(app, user, indices, body, parameters.ignore_unavailable).await?;
    let count = response.total.map_or(0, |total| total.value);
    Ok(Json(json!({"count": count, "_shards": answer::shards(response.indices)})))
}

pub(super) async fn get_document(
    State(app): State<App>,
    Analyst(user): Analyst,
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

async fn ask(
    app: &App,
    user: &User,
    indices: Vec<String>,
    body: Object,
    ignore_unavailable: bool,
) -> Result<SearchResponse, ElasticError> {
    let request = SearchRequest { indices, body, timeout: Some(SEARCH_TIMEOUT), ignore_unavailable };
    Ok(app.parts().logs.search(&scope_of(user), request).await?)
}

fn read_body(body: &[u8]) -> Result<Object, ElasticError> {
    if body.trim_ascii().is_empty() {
        return Ok(Object::new());
    }
    serde_json::from_slice(body)
        .map_err(|error| ElasticError::parse(format!("cannot read the body: {error}")))
}

fn everything() -> Vec<String> {
    vec!["*".to_owned()]
}

fn patterns(index: &str) -> Result<Vec<String>, ElasticError> {
    if index == "_all" {
        return Ok(everything());
    }
    crate::search::patterns(Some(index))
        .map_err(|_| ElasticError::illegal(format!("invalid index name [{index}]")))
}
