//! What uploads and intake object to, as problems.

use crate::ApiError;
use axum::http::StatusCode;
use ingest::{
    intake::IntakeError,
    ports::{PortError, PortErrorKind},
    upload::UploadError,
};
use std::time::Duration;

impl From<PortError> for ApiError {
    fn from(error: PortError) -> Self {
        let (kind, after) = (error.kind, error.retry_after);
        let mapped = match kind {
            PortErrorKind::NotFound => Self::not_found(error.message.clone()),
            PortErrorKind::Conflict => Self::conflict(error.message.clone()),
            PortErrorKind::Overloaded => Self::too_many(
                "the service is behind, wait and send again",
                after.unwrap_or(Duration::from_secs(1)),
            ),
            PortErrorKind::Full => {
                let status = StatusCode::INSUFFICIENT_STORAGE;
                Self::new(status, "no space left; what was acknowledged before is safe").retry_after(after)
            }
            PortErrorKind::Unavailable => {
                Self::unavailable("a part of the service does not answer, try again").retry_after(after)
            }
            PortErrorKind::Internal => return Self::internal(error),
        };
        mapped.because(error)
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        let text = error.to_string();
        match error {
            UploadError::NotFound(_) => Self::not_found(text),
            UploadError::UnknownPipeline(_) => Self::field("pipeline", text),
            UploadError::InvalidDataset(_) => Self::field("dataset", text),
            UploadError::InvalidCursor(_) => Self::field("cursor", text),
            UploadError::TooManyIds { .. } => Self::field("ids", text),
            UploadError::TooLarge { .. } => Self::too_large(text),
            UploadError::Port(error) => error.into(),
        }
    }
}

impl From<IntakeError> for ApiError {
    fn from(error: IntakeError) -> Self {
        let text = error.to_string();
        match error {
            IntakeError::UnknownPipeline(_) => Self::field("pipeline", text),
            IntakeError::Malformed(_) => Self::field("body", text),
            IntakeError::Port(error) => error.into(),
            IntakeError::Internal(_) => Self::internal(error),
        }
    }
}
