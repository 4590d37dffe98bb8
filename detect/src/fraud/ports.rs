//! What fraud detection needs of the outside. The binary adapts the document store and a file to these traits.

use super::record::{Verdict, VerdictRecord};
use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The time of day, injected. Only `assessed_at` and labels without a time use it; features never do.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The clock of the machine, in whole milliseconds: what is shown and stored.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    })
}

/// What a caller can do about a failing port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortErrorKind {
    /// Cannot be reached, or has no room, now: wait and repeat.
    Unavailable,
    /// The caller's question is wrong (a cursor that is none, for example).
    Invalid,
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
    /// The cause, for the service's own log.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl PortError {
    /// An error of that kind with a message.
    pub fn new(kind: PortErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }
}

/// Which verdicts to list. Default: all, 100 a page.
#[derive(Debug, Clone, PartialEq)]
pub struct VerdictFilter {
    /// Payments (`payment.time`) at or after.
    pub from: Option<Timestamp>,
    /// Payments before.
    pub to: Option<Timestamp>,
    /// Only this verdict.
    pub verdict: Option<Verdict>,
    /// Only this user (`payment.user_id`).
    pub user_id: Option<String>,
    /// Only scores of at least this.
    pub min_score: Option<f64>,
    /// At most so many.
    pub limit: usize,
    /// Continues after this one.
    pub after: Option<VerdictCursor>,
}

impl Default for VerdictFilter {
    fn default() -> Self {
        Self { from: None, to: None, verdict: None, user_id: None, min_score: None, limit: 100, after: None }
    }
}

/// Position in a list of verdicts: the last one seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictCursor {
    /// Its `payment.time`.
    pub time: Timestamp,
    /// Its transaction.
    pub transaction_id: String,
}

/// A page of verdicts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VerdictPage {
    /// Newest payment first (`payment.time`; ties: larger `transaction_id` first).
    pub records: Vec<VerdictRecord>,
    /// Where the next page continues; `None` after the last.
    pub next: Option<VerdictCursor>,
}

/// The durable history of verdicts.
#[async_trait]
pub trait VerdictHistory: Send + Sync {
    /// Writes records by `transaction_id`, replacing earlier ones: durable when it returns, and may be repeated.
    /// Each record gets a position (from 1) larger than all before it, in the order given; answers with the
    /// last. The detector never has two calls under way.
    async fn put(&self, records: &[Arc<VerdictRecord>]) -> Result<u64, PortError>;

    /// Reads records; one answer per id, in order.
    async fn get_many(&self, transaction_ids: &[String]) -> Result<Vec<Option<VerdictRecord>>, PortError>;

    /// Lists records, newest payment first.
    async fn list(&self, filter: &VerdictFilter) -> Result<VerdictPage, PortError>;

    /// At most `limit` records with a position larger than this, smallest first, each with its position. A record
    /// that was replaced appears once, at its newest position.
    async fn since(&self, position: u64, limit: usize) -> Result<Vec<(u64, VerdictRecord)>, PortError>;
}

/// Keeps the latest snapshot of the features, so that a start need not read the whole history.
#[async_trait]
pub trait SnapshotStore: Send + Sync {
    /// The bytes last saved; `None` if there are none.
    async fn load(&self) -> Result<Option<Vec<u8>>, PortError>;

    /// Replaces them, atomically.
    async fn save(&self, bytes: Vec<u8>) -> Result<(), PortError>;
}
