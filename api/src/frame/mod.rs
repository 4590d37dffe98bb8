//! What surrounds every handler: trace ids, metrics, limits, headers, extractors that answer with problems.

pub(crate) mod address;
pub(crate) mod extract;
pub(crate) mod headers;
pub(crate) mod metrics;
pub(crate) mod rate;
pub(crate) mod trace;

use crate::ApiError;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use std::any::Any;

/// Answers for a handler that panicked: the fault is logged, the connection and the service go on.
pub(crate) fn on_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    panicked(&*panic).into_response()
}

/// What a panic is to the client: a fault of ours.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> ApiError {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    ApiError::internal(format!("panic: {message}"))
}

/// Answers where there is no such route.
pub(crate) async fn no_route() -> ApiError {
    ApiError::not_found("there is no such route; see /api/docs for those that exist")
}

/// Answers where the route exists, but not for this method.
pub(crate) async fn no_method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "the route does not take this method")
}
