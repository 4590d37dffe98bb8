//! Where two rooms meet: the ports of `ingest` and `detect`, implemented over `store`.

mod blobs;
mod dead_letters;
mod jobs;
mod patterns;
mod sink;
mod snapshots;
mod uploads;
mod verdicts;

pub(crate) use blobs::BlobAdapter;
pub(crate) use dead_letters::DeadLetterAdapter;
pub(crate) use jobs::JobAdapter;
pub(crate) use patterns::PatternAdapter;
pub(crate) use sink::VerdictSink;
pub(crate) use snapshots::SnapshotAdapter;
pub(crate) use uploads::{ContentAdapter, UploadAdapter};
pub(crate) use verdicts::VerdictAdapter;

use event::Object;
use ingest::ports::{PortError, PortErrorKind};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use store::{
    ErrorKind, StoreError,
    documents::{Collection, Condition, Operator, StoredDocument},
};

/// The collections that the adapters use; the document store is opened with them.
pub(crate) const COLLECTIONS: &[Collection] = &[
    uploads::UPLOADS,
    uploads::CONTENTS,
    dead_letters::DEAD_LETTERS,
    verdicts::VERDICTS,
    patterns::LOG_PATTERNS,
];

/// Says a store's error in the terms of `ingest`.
fn port_error(error: StoreError) -> PortError {
    let kind = match error.kind {
        ErrorKind::NotFound => PortErrorKind::NotFound,
        ErrorKind::Conflict => PortErrorKind::Conflict,
        ErrorKind::Overloaded => PortErrorKind::Overloaded,
        ErrorKind::Full => PortErrorKind::Full,
        ErrorKind::Unavailable | ErrorKind::TimedOut => PortErrorKind::Unavailable,
        ErrorKind::InvalidRequest | ErrorKind::Forbidden | ErrorKind::Corrupt | ErrorKind::Internal => {
            PortErrorKind::Internal
        }
    };
    PortError {
        kind,
        message: error.message.clone(),
        retry_after: error.retry_after,
        source: Some(Box::new(error)),
    }
}

/// The members of a value that is stored as a document.
fn body<T: Serialize>(value: &T) -> Result<Object, StoreError> {
    match serde_json::to_value(value) {
        Ok(Value::Object(body)) => Ok(body),
        Ok(_) => Err(StoreError::new(ErrorKind::Internal, "only an object can be stored as a document")),
        Err(error) => Err(StoreError::internal("cannot write a document", error)),
    }
}

/// The value that a document was stored from.
fn read<T: DeserializeOwned>(document: StoredDocument) -> Result<T, StoreError> {
    serde_json::from_value(Value::Object(document.body)).map_err(|error| {
        StoreError::new(ErrorKind::Corrupt, format!("cannot read stored document {:?}", document.id))
            .because(error)
    })
}

/// The condition that a member equals a text.
fn equals(field: &str, value: &str) -> Condition {
    Condition { field: field.to_owned(), operator: Operator::Equal, value: value.into() }
}
