//! Extractors that answer with a problem where axum's own answer with plain text.

use crate::ApiError;
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::BytesRejection},
    http::{StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;

/// A JSON body. 415 without a JSON content type, 413 beyond the limit, 400 with the position of what is wrong.
#[derive(Debug)]
pub(crate) struct ApiJson<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(&request) {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must be JSON, with the header content-type: application/json",
            ));
        }
        let body = Bytes::from_request(request, state).await.map_err(body_error)?;
        parse(&body).map(Self)
    }
}

/// The parameters of the query string.
#[derive(Debug)]
pub(crate) struct ApiQuery<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Query(query) = Query::try_from_uri(&parts.uri).map_err(|rejection| {
            let cause = std::error::Error::source(&rejection).map_or_else(String::new, ToString::to_string);
            ApiError::field("query", format!("cannot read the query parameters: {cause}"))
        })?;
        Ok(Self(query))
    }
}

/// The parameters of the path.
#[derive(Debug)]
pub(crate) struct ApiPath<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for ApiPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(path) = Path::from_request_parts(parts, state)
            .await
            .map_err(|rejection| ApiError::field("path", rejection.body_text()))?;
        Ok(Self(path))
    }
}

/// Reads JSON from bytes; the error names the member, line and column.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path();
        let member = path.iter().next().is_some().then(|| path.to_string());
        ApiError::field(member.unwrap_or_else(|| "body".to_owned()), error.inner().to_string())
    })?;
    deserializer.end().map_err(|error| ApiError::field("body", error.to_string()))?;
    Ok(value)
}

/// Maps a body that could not be read.
pub(crate) fn body_error(rejection: BytesRejection) -> ApiError {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large("the body is larger than this route takes"),
        _ => ApiError::invalid("the body could not be read to its end").because(rejection),
    }
}

fn is_json(request: &Request) -> bool {
    let Some(value) = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}
