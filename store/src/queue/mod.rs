//! Queue: jobs that must be done at least once, by whoever is free.

mod limits;
mod sqlite;

pub use sqlite::SqliteQueue;

use crate::StoreError;
use async_trait::async_trait;
use serde_json::Value;
use std::time::Duration;

/// A job as a worker gets it.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// Kind of work, and so who takes it: `upload`, …
    pub topic: String,
    /// What to do, in the terms of the topic.
    pub payload: Value,
    /// How often it was handed out, this time included.
    pub attempt: u32,
    /// Proof that the worker holds it; changes each time the job is handed out.
    pub lease: String,
}

/// How many jobs of a topic are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Waiting for a worker.
    pub waiting: u64,
    /// In the hands of a worker.
    pub running: u64,
    /// Given up after too many attempts.
    pub dead: u64,
}

/// Durable jobs, delivered at least once. A job is idempotent.
///
/// A worker claims a job for the length of a lease and extends it while it works. A job whose lease ran out is
/// handed out again; the calls of the former holder are then refused with `Conflict`.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Adds a job, to be handed out after `delay`. A job with that id which is still waiting or running stays as it is.
    async fn push(&self, topic: &str, id: &str, payload: Value, delay: Duration) -> Result<(), StoreError>;

    /// Hands out the job that has waited longest, if any. Does not wait.
    async fn claim(&self, topic: &str, lease: Duration) -> Result<Option<Job>, StoreError>;

    /// Extends the lease.
    async fn extend(&self, job: &Job, lease: Duration) -> Result<(), StoreError>;

    /// The job is done and forgotten.
    async fn complete(&self, job: &Job) -> Result<(), StoreError>;

    /// The job failed: it is handed out again after `delay`, or is dead if this was attempt `max_attempts`.
    /// Answers whether it will be tried again.
    async fn fail(
        &self,
        job: &Job,
        reason: &str,
        delay: Duration,
        max_attempts: u32,
    ) -> Result<bool, StoreError>;

    /// Gives the job back as if it had not been claimed: at shutdown, or because it must wait for another.
    async fn release(&self, job: &Job, delay: Duration) -> Result<(), StoreError>;

    /// Removes a job that is waiting or dead; whether there was one.
    async fn cancel(&self, id: &str) -> Result<bool, StoreError>;

    /// Returns as soon as there may be something to claim on the topic, or after `timeout`.
    async fn wait(&self, topic: &str, timeout: Duration) -> Result<(), StoreError>;

    /// How many jobs are in which state.
    async fn backlog(&self, topic: &str) -> Result<Backlog, StoreError>;

    /// Whether jobs can be added and claimed now; the error says why not.
    async fn health(&self) -> Result<(), StoreError>;
}
