use crate::frame::trace;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::{error::Error, sync::Arc, time::Duration};
use store::{ErrorKind, StoreError};
use utoipa::ToSchema;

/// An error as the client sees it: RFC 9457 `application/problem+json`. The cause stays in the service's log.
///
/// There is no conversion from any error: each kind is mapped here to a status and a sentence.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{status}: {detail}")]
pub struct ApiError {
    status: StatusCode,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// One thing that is wrong with the input.
#[derive(Debug, Clone, Serialize, ToSchema, PartialEq, Eq)]
pub struct FieldError {
    /// Path of the field in the body, or name of the parameter.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// A problem (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem, for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time.
    pub detail: String,
    /// Finds the request in the service's log.
    pub trace_id: Option<String>,
    /// What is wrong with the input, if that is the problem.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl ApiError {
    /// An error of that status; `detail` is shown to the client.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), errors: Vec::new(), retry_after: None, cause: None }
    }

    /// 400: the input makes no sense.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 400: one field of the input makes no sense.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// 400: these fields of the input make no sense.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let names: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        let detail = format!("invalid input: {}", names.join(", "));
        Self { errors, ..Self::invalid(detail) }
    }

    /// 401: who asks is not known.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// 403: who asks may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 404: there is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 409: it exists already or has changed.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 413: more bytes than allowed.
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    /// 429: wait that long.
    pub fn too_many(detail: impl Into<String>, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    /// 500: a fault of ours; the cause goes to the log only.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the service failed to answer; the fault was logged")
            .because(cause)
    }

    /// 503: a part that is needed does not answer.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            retry_after: Some(Duration::from_secs(5)),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// Adds the cause, for the log.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(Arc::from(cause.into()));
        self
    }

    /// Adds when to try again.
    #[must_use]
    pub fn retry_after(mut self, after: Option<Duration>) -> Self {
        self.retry_after = after.or(self.retry_after);
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What the client is told.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Writes what only we may know to the log.
    pub(crate) fn log(&self) {
        if !self.status.is_server_error() {
            return;
        }
        let mut causes = Vec::new();
        let mut next: Option<&(dyn Error + 'static)> = self.cause.as_deref().map(|cause| cause as _);
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        tracing::error!(status = self.status.as_u16(), detail = %self.detail, causes = ?causes, "request failed");
    }

    pub(crate) fn retry_after_header(&self) -> Option<HeaderValue> {
        self.retry_after
            .map(|after| HeaderValue::from(after.as_millis().div_ceil(1000).clamp(1, 86_400) as u64))
    }
}

impl From<StoreError> for ApiError {
    /// The store's messages of some kinds are safe to show (see [`StoreError::message`]); the others are not.
    fn from(error: StoreError) -> Self {
        let shown = |status| Self::new(status, told(&error)).retry_after(error.retry_after);
        let mapped = match error.kind {
            ErrorKind::InvalidRequest => shown(StatusCode::BAD_REQUEST),
            ErrorKind::Forbidden => shown(StatusCode::FORBIDDEN),
            ErrorKind::NotFound => shown(StatusCode::NOT_FOUND),
            ErrorKind::Conflict => shown(StatusCode::CONFLICT),
            ErrorKind::Overloaded => shown(StatusCode::TOO_MANY_REQUESTS)
                .retry_after(error.retry_after.or(Some(Duration::from_secs(1)))),
            ErrorKind::Full => shown(StatusCode::INSUFFICIENT_STORAGE)
                .retry_after(error.retry_after.or(Some(Duration::from_secs(30)))),
            ErrorKind::TimedOut => shown(StatusCode::REQUEST_TIMEOUT),
            ErrorKind::Unavailable => Self::unavailable("a part of the service does not answer, try again")
                .retry_after(error.retry_after),
            ErrorKind::Corrupt | ErrorKind::Internal => return Self::internal(error),
        };
        mapped.because(error)
    }
}

/// What went wrong, and what is behind it where the message does not say.
fn told(error: &StoreError) -> String {
    let cause = error.details.as_ref().and_then(|details| details.get("caused_by")?.get("reason")?.as_str());
    match cause.filter(|cause| !error.message.contains(cause)) {
        Some(cause) => format!("{}: {cause}", error.message),
        None => error.message.clone(),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log();
        let title = self.status.canonical_reason().unwrap_or("Error");
        let problem = Problem {
            kind: format!("urn:vigie:problem:{}", title.to_ascii_lowercase().replace(' ', "-")),
            title: title.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            trace_id: trace::current().map(|id| id.to_string()),
            errors: self.errors.clone(),
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response =
            (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        let headers = response.headers_mut();
        if let Some(after) = self.retry_after_header() {
            headers.insert(header::RETRY_AFTER, after);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"vigie\""));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_errors_have_a_status_and_hide_what_is_ours() {
        let check = |kind, status: u16, shown: bool| {
            let error = ApiError::from(StoreError::new(kind, "the message"));
            assert_eq!(error.status().as_u16(), status, "{kind:?}");
            assert_eq!(error.detail().contains("the message"), shown, "{kind:?}");
        };
        check(ErrorKind::InvalidRequest, 400, true);
        check(ErrorKind::Forbidden, 403, true);
        check(ErrorKind::NotFound, 404, true);
        check(ErrorKind::Conflict, 409, true);
        check(ErrorKind::Overloaded, 429, true);
        check(ErrorKind::Full, 507, true);
        check(ErrorKind::TimedOut, 408, true);
        check(ErrorKind::Unavailable, 503, false);
        check(ErrorKind::Corrupt, 500, false);
        check(ErrorKind::Internal, 500, false);
    }

    #[test]
    fn retry_after_is_whole_seconds_rounded_up() {
        let check = |millis, expected| {
            let error = ApiError::too_many("slow down", Duration::from_millis(millis));
            assert_eq!(error.retry_after_header(), Some(HeaderValue::from(expected)));
        };
        check(0, 1_u64);
        check(1, 1);
        check(1_001, 2);
        check(300_000, 300);
    }
}
