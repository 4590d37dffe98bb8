//! The search endpoints: `_search`, `_msearch`, `_count`, scrolls, points in time, and what says how a search will go.

mod analyze;
mod call;
mod explain;
mod field_caps;
mod msearch;
mod point_in_time;
mod scroll;
mod shards;
mod template;
mod validate;

use super::{
    answer,
    error::ElasticError,
    routes::{ElasticRight, Route, get_or_post},
};
use axum::{Json, routing::get};
use call::Call;
use serde_json::{Value, json};

/// Hits without `size`.
const SIZE_DEFAULT: u64 = 10;

/// All of them.
pub(super) fn routes() -> Vec<Route> {
    let read = |path, methods| Route::new(ElasticRight::Read, path, methods);
    let scrolls = || get(scroll::next).post(scroll::next).delete(scroll::clear);
    vec![
        read("/_search", get_or_post(search)),
        read("/{index}/_search", get_or_post(search)),
        read("/_count", get_or_post(count)),
        read("/{index}/_count", get_or_post(count)),
        read("/_msearch", get_or_post(msearch::msearch)),
        read("/{index}/_msearch", get_or_post(msearch::msearch)),
        read("/_search/template", get_or_post(template::search)),
        read("/{index}/_search/template", get_or_post(template::search)),
        read("/_msearch/template", get_or_post(msearch::msearch_template)),
        read("/{index}/_msearch/template", get_or_post(msearch::msearch_template)),
        read("/_render/template", get_or_post(template::render)),
        read("/_render/template/{id}", get_or_post(template::render)),
        read("/_search/scroll", scrolls()),
        read("/_search/scroll/{id}", scrolls()),
        read("/{index}/_pit", axum::routing::post(point_in_time::open)),
        read("/_pit", axum::routing::delete(point_in_time::close)),
        read("/{index}/_search/point_in_time", axum::routing::post(point_in_time::open)),
        read("/_search/point_in_time", axum::routing::delete(point_in_time::close)),
        read("/_search/point_in_time/_all", axum::routing::delete(point_in_time::close_all)),
        read("/{index}/_explain/{id}", get_or_post(explain::explain)),
        read("/_field_caps", get_or_post(field_caps::field_caps)),
        read("/{index}/_field_caps", get_or_post(field_caps::field_caps)),
        read("/_validate/query", get_or_post(validate::validate)),
        read("/{index}/_validate/query", get_or_post(validate::validate)),
        read("/_analyze", get_or_post(analyze::analyze)),
        read("/{index}/_analyze", get_or_post(analyze::analyze)),
        read("/_search_shards", get_or_post(shards::search_shards)),
        read("/{index}/_search_shards", get_or_post(shards::search_shards)),
    ]
}

/// `_search`.
async fn search(mut call: Call) -> Result<Json<Value>, ElasticError> {
    let (mut body, parameters) = call.search_body()?;
    body.entry("size").or_insert(json!(SIZE_DEFAULT));
    let response = call.search(body, &parameters).await?;
    Ok(Json(Value::Object(answer::search(response, parameters.total_as_int))))
}

/// `_count`: a search that keeps nothing.
async fn count(mut call: Call) -> Result<Json<Value>, ElasticError> {
    let (mut body, parameters) = call.search_body()?;
    let known = ["query", "terminate_after", "min_score"];
    if let Some(other) = body.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(ElasticError::parse(format!("request does not support [{other}]")));
    }
    body.insert("size".into(), json!(0));
    body.insert("track_total_hits".into(), json!(true));
    let response = call.search(body, &parameters).await?;
    let count = response.total.map_or(0, |total| total.value);
    let mut answer = json!({"count": count});
    if let (Some(early), Some(members)) = (response.terminated_early, answer.as_object_mut()) {
        members.insert("terminated_early".into(), json!(early));
    }
    answer["_shards"] = answer::shards(response.indices);
    Ok(Json(answer))
}
