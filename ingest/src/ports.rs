//! What this room needs of the outside: where uploads, dead letters and digests are remembered, the job queue, the
//! blobs, and the sink that events leave through. The binary adapts the stores to these traits.
//!
//! *Invariant*: every write is durable when its call returns; every call may be repeated after an error.

use crate::{
    dead_letters::{DeadLetter, DeadLetterFilter},
    patterns::{Changes, Pattern},
    upload::{Content, UploadRecord},
};
use async_trait::async_trait;
use bytes::Bytes;
use event::{Event, Timestamp};
use serde_json::Value;
use std::{io::Read, sync::Arc, time::Duration};

/// The time of day, injected so that tests can set it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The clock of the machine, in whole milliseconds: what is shown and stored.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    })
}

/// What a caller can do about a failure of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortErrorKind {
    /// There is no such thing.
    NotFound,
    /// It changed in the meantime, or a lease was lost.
    Conflict,
    /// Too much at once: wait and repeat.
    Overloaded,
    /// No space left; what was acknowledged before is safe. Wait and repeat.
    Full,
    /// Cannot be reached now: wait and repeat.
    Unavailable,
    /// A fault of ours or of the machine, or stored data that does not read back.
    Internal,
}

/// A failure of a port.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct PortError {
    /// For branching.
    pub kind: PortErrorKind,
    /// For people.
    pub message: String,
    /// When to try again, for the kinds that say so.
    pub retry_after: Option<Duration>,
    /// The cause, for the service's own log.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl PortError {
    /// An error of that kind with a message.
    pub fn new(kind: PortErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None, source: None }
    }

    /// Whether the same call may succeed later without anybody mending anything in this process.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, PortErrorKind::Overloaded | PortErrorKind::Full | PortErrorKind::Unavailable)
    }
}

/// The error of an [`EventSink`]: `Overloaded`, `Full`, `Unavailable` or `Internal`.
pub type SinkError = PortError;

/// A position in a list sorted by time, newest first: the last item seen.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// Its time (`created_at` of an upload, `at` of a dead letter).
    pub at: Timestamp,
    /// Its id.
    pub id: String,
}

/// Remembers the uploads.
#[async_trait]
pub trait UploadStore: Send + Sync {
    /// Adds an upload; `Conflict` if the id is taken.
    async fn create(&self, record: &UploadRecord) -> Result<(), PortError>;

    /// Reads one upload.
    async fn get(&self, id: &str) -> Result<Option<UploadRecord>, PortError>;

    /// At most `limit` uploads, newest `created_at` first (ties: larger id first), after that position.
    async fn list(&self, after: Option<&Position>, limit: usize) -> Result<Vec<UploadRecord>, PortError>;

    /// Replaces an upload; `false` (and nothing is written) if it is gone.
    async fn update(&self, record: &UploadRecord) -> Result<bool, PortError>;

    /// Removes an upload; whether there was one.
    async fn delete(&self, id: &str) -> Result<bool, PortError>;
}

/// Remembers which content was stored already, by digest: what makes a repeated upload add nothing.
#[async_trait]
pub trait ContentStore: Send + Sync {
    /// What is known about a digest, with the version for [`ContentStore::put`].
    async fn get(&self, digest: &str) -> Result<Option<(Content, u64)>, PortError>;

    /// Writes what is known about `content.digest` if it still has that version (`None`: if nothing is known).
    /// Answers with the new version, or `None` if somebody else was faster.
    async fn put(&self, content: &Content, expected: Option<u64>) -> Result<Option<u64>, PortError>;
}

/// Remembers the log patterns.
#[async_trait]
pub trait PatternStore: Send + Sync {
    /// All patterns.
    async fn load(&self) -> Result<Vec<Pattern>, PortError>;

    /// Removes and writes patterns, by id, in that order.
    async fn save(&self, changes: Changes) -> Result<(), PortError>;
}

/// Keeps what could not be indexed.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// Adds dead letters; one with an id that is there already replaces it.
    async fn append(&self, letters: Vec<DeadLetter>) -> Result<(), PortError>;

    /// At most `limit` dead letters that match, newest `at` first (ties: larger id first), after that position.
    async fn list(
        &self,
        filter: &DeadLetterFilter,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, PortError>;

    /// Reads those of these ids that exist.
    async fn get(&self, ids: &[String]) -> Result<Vec<DeadLetter>, PortError>;

    /// How many match.
    async fn count(&self, filter: &DeadLetterFilter) -> Result<u64, PortError>;

    /// Removes these ids; absent ones are no error.
    async fn delete(&self, ids: &[String]) -> Result<(), PortError>;

    /// Removes all of an upload.
    async fn delete_of_upload(&self, upload: &str) -> Result<(), PortError>;
}

/// A job as a worker holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// Kind of work.
    pub topic: String,
    /// What to do.
    pub payload: Value,
    /// How often it was handed out, this time included.
    pub attempt: u32,
    /// Proof that the worker holds it.
    pub lease: String,
}

/// Durable jobs, delivered at least once under a lease.
#[async_trait]
pub trait JobQueue: Send + Sync {
    /// Adds a job, to be handed out after `delay`; one with that id which waits or runs stays as it is.
    async fn push(&self, topic: &str, id: &str, payload: Value, delay: Duration) -> Result<(), PortError>;

    /// Hands out the job that has waited longest, if any. Does not wait.
    async fn claim(&self, topic: &str, lease: Duration) -> Result<Option<Job>, PortError>;

    /// Extends the lease; `Conflict` if the job was handed to somebody else in the meantime.
    async fn extend(&self, job: &Job, lease: Duration) -> Result<(), PortError>;

    /// The job is done and forgotten.
    async fn complete(&self, job: &Job) -> Result<(), PortError>;

    /// The job failed: it is handed out again after `delay`, or is dead if this was attempt `max_attempts`.
    /// Answers whether it will be tried again.
    async fn fail(
        &self,
        job: &Job,
        reason: &str,
        delay: Duration,
        max_attempts: u32,
    ) -> Result<bool, PortError>;

    /// Gives the job back as if it had not been claimed.
    async fn release(&self, job: &Job, delay: Duration) -> Result<(), PortError>;

    /// Removes a job that is waiting or dead; whether there was one.
    async fn cancel(&self, id: &str) -> Result<bool, PortError>;

    /// Returns as soon as there may be something to claim on the topic, or after `timeout`.
    async fn wait(&self, topic: &str, timeout: Duration) -> Result<(), PortError>;
}

/// Keeps uploaded files, encrypted, until their job ends.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Begins a blob; it exists only after [`BlobWriter::finish`] and leaves nothing behind if dropped before.
    async fn create(&self, id: &str) -> Result<Box<dyn BlobWriter>, PortError>;

    /// Opens a blob for reading from the start. The reader blocks.
    async fn open(&self, id: &str) -> Result<Box<dyn Read + Send>, PortError>;

    /// Removes a blob; whether there was one.
    async fn delete(&self, id: &str) -> Result<bool, PortError>;

    /// The ids of all finished blobs.
    async fn list(&self) -> Result<Vec<String>, PortError>;
}

/// A blob being written.
#[async_trait]
pub trait BlobWriter: Send {
    /// Adds bytes.
    async fn write(&mut self, chunk: Bytes) -> Result<(), PortError>;

    /// Makes the blob durable and visible under its id.
    async fn finish(self: Box<Self>) -> Result<(), PortError>;
}

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored (new, or merged into the document that it updates).
    Indexed {
        /// The index that holds it.
        index: String,
        /// Its id there.
        id: String,
    },
    /// The store holds it already; nothing was written.
    Duplicate {
        /// The index that holds it.
        index: String,
        /// Its id there.
        id: String,
    },
    /// The store cannot take it, ever.
    Refused {
        /// Why, for people.
        reason: String,
    },
}

/// Where processed events leave this room: fraud verdicts, then the log store.
#[async_trait]
pub trait EventSink: Send + Sync {
    /// Writes a batch. One outcome per event in the order of the batch, each durable; on `Err` an unknown part
    /// was written and the whole batch may be sent again (ids make that harmless).
    async fn write(&self, batch: Vec<Event>) -> Result<Vec<Outcome>, SinkError>;
}
