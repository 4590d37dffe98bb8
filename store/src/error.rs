use event::Object;
use serde_json::Value;
use std::time::Duration;

/// What a caller can do about a failure. People read the message, callers branch on this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request makes no sense; the message names the clause or field. (HTTP 400)
    InvalidRequest,
    /// The scope of the caller does not reach that far. (HTTP 403)
    Forbidden,
    /// There is no such index, document, blob or job. (HTTP 404)
    NotFound,
    /// The document exists already or has changed in the meantime. (HTTP 409)
    Conflict,
    /// Too much at once: slow down and retry. (HTTP 429)
    Overloaded,
    /// No space left on the device; what was acknowledged before is safe. (HTTP 507)
    Full,
    /// The backend cannot be reached or has closed. (HTTP 503)
    Unavailable,
    /// It took longer than allowed. (HTTP 408)
    TimedOut,
    /// What is stored does not read back as it was written.
    Corrupt,
    /// A fault of ours or of the machine. (HTTP 500)
    Internal,
}

/// A failure of a store: what was tried on what, why it failed, and what kind of failure it is.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    /// For branching.
    pub kind: ErrorKind,
    /// The name that Elasticsearch has for the failure (`resource_already_exists_exception`), where it is more exact than
    /// the kind.
    pub code: Option<&'static str>,
    /// For people: lower case, no full stop, the offending value quoted. Safe to show to the caller for the kinds
    /// `InvalidRequest`, `Forbidden`, `NotFound`, `Conflict`, `Overloaded`, `Full` and `TimedOut`.
    pub message: String,
    /// When to try again, for `Overloaded`, `Full` and `Unavailable`.
    pub retry_after: Option<Duration>,
    /// What Elasticsearch says of the failure beside type and reason, such as `caused_by`.
    pub details: Option<Box<Object>>,
    /// The cause, for the service's own log.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// An error of that kind with a message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, code: None, message: message.into(), retry_after: None, details: None, source: None }
    }

    /// The request makes no sense.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest, message)
    }

    /// A fault of ours or of the machine.
    pub fn internal(
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::new(ErrorKind::Internal, message).because(source)
    }

    /// Adds the name that Elasticsearch has for the failure.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Adds the failure behind it, in Elasticsearch's shape (`type`, `reason`, …).
    #[must_use]
    pub fn caused_by(self, cause: Value) -> Self {
        self.with_detail("caused_by", cause)
    }

    /// Adds what stands beside type and reason in Elasticsearch's answer.
    #[must_use]
    pub fn with_detail(mut self, name: &str, detail: Value) -> Self {
        self.details.get_or_insert_default().insert(name.to_owned(), detail);
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds when to try again.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }
}
