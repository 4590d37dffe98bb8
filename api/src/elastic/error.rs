use crate::ApiError;
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use store::{ErrorKind, StoreError};

/// An error in Elasticsearch's shape.
#[derive(Debug)]
pub(super) struct ElasticError {
    status: StatusCode,
    kind: &'static str,
    reason: String,
    retry_after: Option<HeaderValue>,
}

impl ElasticError {
    /// An error with a type as Elasticsearch names it.
    pub(super) fn new(status: StatusCode, kind: &'static str, reason: impl Into<String>) -> Self {
        Self { status, kind, reason: reason.into(), retry_after: None }
    }

    /// 400: an argument that cannot be.
    pub(super) fn illegal(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "illegal_argument_exception", reason)
    }

    /// 400: a body that cannot be read.
    pub(super) fn parse(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "parsing_exception", reason)
    }
}

impl From<StoreError> for ElasticError {
    fn from(error: StoreError) -> Self {
        let missing = error.kind == ErrorKind::NotFound;
        let mapped = Self::from(ApiError::from(error));
        if missing { Self { kind: "index_not_found_exception", ..mapped } } else { mapped }
    }
}

impl From<ApiError> for ElasticError {
    fn from(error: ApiError) -> Self {
        error.log();
        let kind = match error.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "security_exception",
            StatusCode::BAD_REQUEST => "illegal_argument_exception",
            StatusCode::NOT_FOUND => "resource_not_found_exception",
            StatusCode::TOO_MANY_REQUESTS => "es_rejected_execution_exception",
            StatusCode::REQUEST_TIMEOUT => "timeout_exception",
            StatusCode::SERVICE_UNAVAILABLE => "cluster_block_exception",
            _ => "exception",
        };
        Self {
            status: error.status(),
            kind,
            reason: error.detail().to_owned(),
            retry_after: error.retry_after_header(),
        }
    }
}

impl IntoResponse for ElasticError {
    fn into_response(self) -> Response {
        let cause = json!({"type": self.kind, "reason": self.reason});
        let body = json!({
            "error": {"root_cause": [cause], "type": self.kind, "reason": self.reason},
            "status": self.status.as_u16(),
        });
        let mut response = (self.status, Json(body)).into_response();
        if let Some(after) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, after);
        }
        response
    }
}
