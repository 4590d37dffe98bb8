//! What all answers have in common: `filter_path`, `pretty`, whether documents have a type, and the media type that the
//! client asks for.

use super::{
    body::BODY_MAX_BYTES, error::ElasticError, filter::filter_path, persona::Persona, pretty::pretty,
    typeless::without_types,
};
use axum::{
    body::{Body, to_bytes},
    extract::{Query, Request},
    http::{HeaderValue, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// The type of an answer whose client asks for no other.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=UTF-8");

/// Filters JSON answers and names their type as the client wants it.
pub(super) async fn shape(request: Request, next: Next) -> Response {
    let typed = request.extensions().get::<Persona>().is_none_or(|persona| persona.has_types())
        || request.uri().path().contains("/_source/");
    let wanted = Wanted::new(request.uri(), typed);
    let media_type = media_type(request.headers().get(header::ACCEPT), request.uri());
    let response = next.run(request).await;
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if !is_json {
        return response;
    }
    let mut response = match wanted {
        Some(wanted) => wanted.rewrite(response).await,
        None => response,
    };
    response.headers_mut().insert(header::CONTENT_TYPE, media_type.unwrap_or(JSON));
    response
}

/// What an answer is to be made of what it is.
struct Wanted {
    /// `filter_path`
    paths: Option<String>,
    /// `pretty`, alone or with a value other than `false`.
    pretty: bool,
    /// Documents have their `_type`.
    typed: bool,
}

impl Wanted {
    /// `None`: the answer goes out as it is.
    fn new(uri: &Uri, typed: bool) -> Option<Self> {
        let query = uri.query().unwrap_or_default();
        let (mut paths, mut pretty) = (None, false);
        if query.contains("filter_path") || query.contains("pretty") {
            let Query(mut parameters) = Query::<BTreeMap<String, String>>::try_from_uri(uri).ok()?;
            paths = parameters.remove("filter_path").filter(|paths| !paths.is_empty());
            pretty = parameters.remove("pretty").is_some_and(|value| value != "false");
        }
        (pretty || paths.is_some() || !typed).then_some(Self { paths, pretty, typed })
    }

    async fn rewrite(self, response: Response) -> Response {
        let (mut parts, body) = response.into_parts();
        let Ok(bytes) = to_bytes(body, BODY_MAX_BYTES).await else {
            let reason = "the answer is too large for [filter_path], [pretty] and clients of later versions";
            return ElasticError::illegal(reason).into_response();
        };
        let typeless = (!self.typed).then(|| without_types(&bytes)).flatten();
        let bytes = match typeless {
            Some(typeless) => {
                parts.headers.remove(header::CONTENT_LENGTH);
                typeless.into()
            }
            None => bytes,
        };
        if self.paths.is_none() && !self.pretty {
            return Response::from_parts(parts, Body::from(bytes));
        }
        let Ok(text) = serde_json::from_slice(&bytes).and_then(|answer| self.print(answer)) else {
            // No JSON in it: the answer to HEAD.
            return Response::from_parts(parts, Body::from(bytes));
        };
        parts.headers.remove(header::CONTENT_LENGTH);
        Response::from_parts(parts, Body::from(text))
    }

    fn print(&self, answer: Value) -> serde_json::Result<Vec<u8>> {
        let answer = match &self.paths {
            Some(paths) => filter_path(answer, paths),
            None => answer,
        };
        if self.pretty { pretty(&answer) } else { serde_json::to_vec(&answer) }
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
