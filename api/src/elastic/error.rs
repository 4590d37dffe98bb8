use crate::ApiError;
use axum::{
    Json,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use event::Object;
use serde_json::{Value, json};
use store::{ErrorKind, StoreError, logs::NODE_ID};

/// How those who are nobody are asked for credentials.
const CHALLENGE: &str = "Basic realm=\"vigie\", charset=\"UTF-8\"";

/// Type of what shards fail with, one by one.
const SHARD_FAILURE: &str = "query_shard_exception";

/// An error in Elasticsearch's shape.
#[derive(Debug)]
pub(super) struct ElasticError {
    status: StatusCode,
    kind: &'static str,
    reason: String,
    /// What stands beside type and reason, such as `caused_by`.
    details: Option<Box<Object>>,
    retry_after: Option<HeaderValue>,
}

impl ElasticError {
    /// An error with a type as Elasticsearch names it.
    pub(super) fn new(status: StatusCode, kind: &'static str, reason: impl Into<String>) -> Self {
        Self { status, kind, reason: reason.into(), details: None, retry_after: None }
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

impl ElasticError {
    /// With the type that Elasticsearch has for it.
    pub(super) fn named(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    /// With the failure behind it.
    pub(super) fn caused_by(self, cause: Value) -> Self {
        let mut details = self.details.unwrap_or_default();
        details.insert("caused_by".to_owned(), cause);
        Self { details: Some(details), ..self }
    }

    /// 400: a `script_exception`, as `expression` describes it.
    pub(super) fn script(exception: Value) -> Self {
        let reason = exception["reason"].as_str().unwrap_or("runtime error").to_owned();
        let Value::Object(mut details) = exception else { return Self::illegal(reason) };
        details.retain(|name, _| name != "type" && name != "reason");
        let error = Self::new(StatusCode::BAD_REQUEST, "script_exception", reason);
        Self { details: Some(Box::new(details)), ..error }
    }

    /// What went wrong, for people.
    pub(super) fn reason(&self) -> &str {
        &self.reason
    }
}

impl From<StoreError> for ElasticError {
    fn from(error: StoreError) -> Self {
        let missing = error.kind == ErrorKind::NotFound;
        let code = error.code;
        let mut error = error;
        let details = error.details.take();
        let mapped = Self { details, ..Self::from(ApiError::from(error)) };
        match code {
            Some(code) => Self { kind: code, ..mapped },
            None if missing => Self { kind: "index_not_found_exception", ..mapped },
            None => mapped,
        }
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
            details: None,
            retry_after: error.retry_after_header(),
        }
    }
}

impl ElasticError {
    /// The HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// What went wrong, as an item of `_bulk` or `_mget` shows it.
    pub(super) fn cause(&self) -> Value {
        let mut cause = Object::new();
        cause.insert("type".into(), json!(self.kind));
        cause.insert("reason".into(), json!(self.reason));
        if self.kind == "index_not_found_exception"
            && let Some(index) =
                self.reason.strip_prefix("no such index [").and_then(|rest| rest.split(']').next())
        {
            cause.insert("resource.type".into(), json!("index_or_alias"));
            cause.insert("resource.id".into(), json!(index));
            cause.insert("index_uuid".into(), json!("_na_"));
            cause.insert("index".into(), json!(index));
        }
        // Kibana asks the browser for credentials with what it finds here.
        if self.status == StatusCode::UNAUTHORIZED {
            cause.insert("header".into(), json!({"WWW-Authenticate": CHALLENGE}));
        }
        cause.extend(self.details.iter().flat_map(|details| (**details).clone()));
        Value::Object(cause)
    }

    /// The member `error` of an answer.
    pub(super) fn error(&self) -> Value {
        let cause = self.cause();
        // A date that cannot be read is a failure of its own, whatever it is part of.
        let below = cause.get("caused_by").filter(|below| {
            below["type"] == "parse_exception"
                && below["reason"].as_str().is_some_and(|reason| self.reason.ends_with(reason))
        });
        let mut root = below.unwrap_or(&cause).clone();
        if let Some(root) = root.as_object_mut() {
            // What is behind it is said once.
            root.shift_remove("caused_by");
        }
        let mut error = Object::new();
        error.insert("root_cause".into(), json!([root]));
        match cause {
            Value::Object(cause) if self.kind != SHARD_FAILURE => error.extend(cause),
            cause => error.extend(all_shards_failed(cause)),
        }
        Value::Object(error)
    }
}

/// 400: nothing is served by that path. Elasticsearch answers with the bare reason.
pub(super) fn no_handler(uri: &str, method: &Method) -> Response {
    let reason = format!("no handler found for uri [{uri}] and method [{method}]");
    (StatusCode::BAD_REQUEST, Json(json!({"error": reason}))).into_response()
}

/// 405: the path is served, but by other methods.
pub(super) fn no_method(uri: &str, method: &Method, allowed: &str) -> Response {
    let allowed = allowed.split(',').filter(|name| *name != "HEAD" || !allowed.contains("GET"));
    let allowed = allowed.collect::<Vec<_>>().join(", ");
    let reason = format!("Incorrect HTTP method for uri [{uri}] and method [{method}], allowed: [{allowed}]");
    (StatusCode::METHOD_NOT_ALLOWED, Json(json!({"error": reason, "status": 405}))).into_response()
}

/// What one shard fails with, all do.
fn all_shards_failed(cause: Value) -> Object {
    let index = cause.get("index").cloned().unwrap_or_default();
    let failure = json!({"shard": 0, "index": index, "node": NODE_ID, "reason": cause});
    let mut error = Object::new();
    error.insert("type".into(), json!("search_phase_execution_exception"));
    error.insert("reason".into(), json!("all shards failed"));
    error.insert("phase".into(), json!("query"));
    error.insert("grouped".into(), json!(true));
    error.insert("failed_shards".into(), json!([failure]));
    error
}

impl IntoResponse for ElasticError {
    fn into_response(self) -> Response {
        let body = json!({"error": self.error(), "status": self.status.as_u16()});
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        if let Some(after) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, after);
        }
        response
    }
}
