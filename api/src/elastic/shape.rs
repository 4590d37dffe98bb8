//! What all answers have in common: `filter_path`, and the media type that the client asks for.

use super::{body::BODY_MAX_BYTES, error::ElasticError, filter::filter_path};
use axum::{
    body::{Body, to_bytes},
    extract::{Query, Request},
    http::{HeaderValue, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::collections::BTreeMap;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=UTF-8");

/// Filters JSON answers and names their type as the client wants it.
pub(super) async fn shape(request: Request, next: Next) -> Response {
    let paths = paths(request.uri());
    let media_type = media_type(request.headers().get(header::ACCEPT), request.uri());
    let response = next.run(request).await;
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if !is_json {
        return response;
    }
    let mut response = match paths {
        Some(paths) => filtered(response, &paths).await,
        None => response,
    };
    response.headers_mut().insert(header::CONTENT_TYPE, media_type.unwrap_or(JSON));
    response
}

fn paths(uri: &Uri) -> Option<String> {
    if !uri.query()?.contains("filter_path") {
        return None;
    }
    let Query(mut parameters) = Query::<BTreeMap<String, String>>::try_from_uri(uri).ok()?;
    parameters.remove("filter_path").filter(|paths| !paths.is_empty())
}

async fn filtered(response: Response, paths: &str) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, BODY_MAX_BYTES).await else {
        return ElasticError::illegal("the answer is too large for [filter_path]").into_response();
    };
    match serde_json::from_slice(&bytes).map(|answer| filter_path(answer, paths).to_string()) {
        Ok(text) => {
            parts.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(text))
        }
        // No JSON in it: the answer to HEAD.
        Err(_) => Response::from_parts(parts, Body::from(bytes)),
    }
}

/// `application/vnd.elasticsearch+json;compatible-with=8` is answered in kind; YAML is too, as JSON is YAML.
fn media_type(accept: Option<&HeaderValue>, uri: &Uri) -> Option<HeaderValue> {
    let accept = accept.and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accept.starts_with("application/yaml")
        || uri.query().is_some_and(|query| query.contains("format=yaml"))
    {
        return Some(HeaderValue::from_static("application/yaml"));
    }
    let vendor = |part: &&str| part.starts_with("application/vnd.elasticsearch+json");
    HeaderValue::from_str(accept.split(',').map(str::trim).find(vendor)?).ok()
}
