//! Headers that keep browsers from doing what we never meant, and limits on what comes in.

use crate::{ApiError, state::App};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Nothing that we answer is a page: nothing may be loaded, framed or run.
const API_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// The page of the API's description: its own files only. Swagger UI sets styles on elements and draws its icons from
/// `data:` addresses.
const DOCS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
);

/// Sets the security headers. Answers of the API are private: no cache may keep them unless the handler says so.
pub(crate) async fn secure(request: Request, next: Next) -> Response {
    let docs = request.uri().path().starts_with("/api/docs");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (header::CONTENT_SECURITY_POLICY, if docs { DOCS_POLICY } else { API_POLICY }),
    ];
    for (name, value) in fixed {
        headers.insert(name, value);
    }
    set_default(headers, header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn set_default(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.entry(name).or_insert(value);
}

/// Refuses what is too long before anything looks at it.
pub(crate) async fn limit(State(app): State<App>, request: Request, next: Next) -> Response {
    let uri = request.uri();
    let length = uri.path().len() + uri.query().map_or(0, str::len);
    if length > app.config().limits.uri_max_bytes {
        return ApiError::new(StatusCode::URI_TOO_LONG, "the address is too long").into_response();
    }
    next.run(request).await
}
