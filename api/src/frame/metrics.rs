//! Counters of the HTTP service, by route template, never by path: a path would let clients make up series.

use crate::{ApiError, auth::constant_time_eq, state::App};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::time::Instant;

/// Requests answered, by `method`, `route` and `status`.
const REQUESTS: &str = "http_requests_total";
/// Seconds until the answer began, by `method` and `route`.
const DURATION: &str = "http_request_duration_seconds";
/// Requests being answered.
const IN_FLIGHT: &str = "http_requests_in_flight";

struct InFlight;

impl InFlight {
    fn new() -> Self {
        ::metrics::gauge!(IN_FLIGHT).increment(1.0);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        ::metrics::gauge!(IN_FLIGHT).decrement(1.0);
    }
}

/// Counts the request and its time.
pub(crate) async fn measure(request: Request, next: Next) -> Response {
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched".to_owned(), |path| path.as_str().to_owned());
    let in_flight = InFlight::new();
    let started = Instant::now();
    let response = next.run(request).await;
    drop(in_flight);
    ::metrics::histogram!(DURATION, "method" => method.clone(), "route" => route.clone())
        .record(started.elapsed().as_secs_f64());
    let status = response.status().as_u16().to_string();
    ::metrics::counter!(REQUESTS, "method" => method, "route" => route, "status" => status).increment(1);
    response
}

/// The metrics of the whole process, in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "operations", security(()),
    responses((status = 200, description = "Prometheus text format", body = String, content_type = "text/plain")))]
pub(crate) async fn get_metrics(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    if let Some(token) = &app.config().metrics_token {
        let given =
            headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        if !given.is_some_and(|given| constant_time_eq(given, token.expose())) {
            return Err(ApiError::unauthorized(
                "the metrics need the bearer token that is configured for them",
            ));
        }
    }
    let text = app.metrics().map(|handle| handle.render()).unwrap_or_default();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}
