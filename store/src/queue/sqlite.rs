//! The embedded queue: a table in the file of the documents.

use super::{Backlog, Job, Queue, limits};
use crate::{
    Clock, ErrorKind, StoreError,
    clock::whole_ms,
    documents::SqliteDocuments,
    sqlite::{Database, sqlite_error},
};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Notify, time::Instant};

/// `jobs.state` of a job that may be handed out.
const WAITING: i64 = 0;
/// `jobs.state` of a job that a worker holds until its lease ends.
const RUNNING: i64 = 1;
/// `jobs.state` of a job that was given up.
const DEAD: i64 = 2;

/// Jobs in the SQLite file of the documents: the embedded default. Every change is durable at return.
///
/// Jobs of a topic are handed out by the time at which they became due, ties in order of arrival. A job whose
/// lease ran out is due from then on. Dead jobs stay, with the reason, until they are cancelled or pushed again.
#[derive(Clone)]
pub struct SqliteQueue {
    database: Arc<Database>,
    clock: Clock,
    /// Wakes those who wait for a job, of any topic.
    changed: Arc<Notify>,
}

impl SqliteQueue {
    /// The queue in the file of these documents. Waiting workers are woken by changes through this queue and its
    /// clones: make one per process.
    pub fn new(documents: &SqliteDocuments, clock: Clock) -> Self {
        Self { database: documents.database().clone(), clock, changed: Arc::new(Notify::new()) }
    }

    /// Runs one change of a job that the caller must hold.
    async fn change_held<T: Send + 'static>(
        &self,
        job: &Job,
        change: impl FnOnce(&Connection, &str, &str) -> rusqlite::Result<Option<T>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (id, lease) = (job.id.clone(), job.lease.clone());
        let outcome = self.database.write(move |connection| {
            change(connection, &id, &lease).map_err(failed)?.ok_or_else(|| {
                StoreError::new(
                    ErrorKind::Conflict,
                    format!("the job {id:?} is no longer held by this worker"),
                )
            })
        });
        let outcome = outcome.await?;
        self.changed.notify_waiters();
        Ok(outcome)
    }

    /// When a job of the topic is or becomes due, in milliseconds since 1970.
    async fn next_due_ms(&self, topic: &str) -> Result<Option<i64>, StoreError> {
        let topic = topic.to_owned();
        self.database
            .read(move |connection| {
                connection
                    .prepare_cached("SELECT min(due_ms) FROM jobs WHERE topic = ? AND state <> 2")
                    .and_then(|mut statement| statement.query_row([topic], |row| row.get(0)))
                    .map_err(failed)
            })
            .await
    }
}

#[async_trait]
impl Queue for SqliteQueue {
    async fn push(&self, topic: &str, id: &str, payload: Value, delay: Duration) -> Result<(), StoreError> {
        limits::check_name("topic", topic)?;
        limits::check_name("job's id", id)?;
        let payload = limits::payload_json(id, &payload)?;
        let due_ms = self.clock.now_ms().saturating_add(whole_ms(delay));
        let (topic, id) = (topic.to_owned(), id.to_owned());
        self.database
            .write(move |connection| insert(connection, &topic, &id, &payload, due_ms).map_err(failed))
            .await?;
        self.changed.notify_waiters();
        Ok(())
    }

    async fn claim(&self, topic: &str, lease: Duration) -> Result<Option<Job>, StoreError> {
        let now_ms = self.clock.now_ms();
        // A poll of an empty queue costs no write. Whoever finds a job here may still find it taken below.
        if self.next_due_ms(topic).await?.is_none_or(|due_ms| due_ms > now_ms) {
            return Ok(None);
        }
        let topic = topic.to_owned();
        let lease_end_ms = now_ms.saturating_add(whole_ms(lease));
        self.database.write(move |connection| hand_out(connection, &topic, now_ms, lease_end_ms)).await
    }

    async fn extend(&self, job: &Job, lease: Duration) -> Result<(), StoreError> {
        let lease_end_ms = self.clock.now_ms().saturating_add(whole_ms(lease));
        self.change_held(job, move |connection, id, lease| {
            let sql = "UPDATE jobs SET due_ms = ? WHERE id = ? AND lease = ?";
            let changed = connection.prepare_cached(sql)?.execute(params![lease_end_ms, id, lease])?;
            Ok((changed == 1).then_some(()))
        })
        .await
    }

    async fn complete(&self, job: &Job) -> Result<(), StoreError> {
        self.change_held(job, |connection, id, lease| {
            let sql = "DELETE FROM jobs WHERE id = ? AND lease = ?";
            Ok((connection.prepare_cached(sql)?.execute([id, lease])? == 1).then_some(()))
        })
        .await
    }

    async fn fail(
        &self,
        job: &Job,
        reason: &str,
        delay: Duration,
        max_attempts: u32,
    ) -> Result<bool, StoreError> {
        let due_ms = self.clock.now_ms().saturating_add(whole_ms(delay));
        let reason = limits::shortened_reason(reason).to_owned();
        self.change_held(job, move |connection, id, lease| {
            let sql = "UPDATE jobs SET state = iif(attempt >= ?, 2, 0), due_ms = ?, reason = ?, lease = NULL
                       WHERE id = ? AND lease = ? RETURNING state";
            connection
                .prepare_cached(sql)?
                .query_row(params![max_attempts, due_ms, reason, id, lease], |row| row.get::<_, i64>(0))
                .map(|state| state == WAITING)
                .optional()
        })
        .await
    }

    async fn release(&self, job: &Job, delay: Duration) -> Result<(), StoreError> {
        let due_ms = self.clock.now_ms().saturating_add(whole_ms(delay));
        self.change_held(job, move |connection, id, lease| {
            let sql = "UPDATE jobs SET state = 0, due_ms = ?, attempt = attempt - 1, lease = NULL
                       WHERE id = ? AND lease = ?";
            let changed = connection.prepare_cached(sql)?.execute(params![due_ms, id, lease])?;
            Ok((changed == 1).then_some(()))
        })
        .await
    }

    async fn cancel(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.database
            .write(move |connection| {
                let sql = "DELETE FROM jobs WHERE id = ? AND state <> 1";
                let removed =
                    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([id]));
                Ok(removed.map_err(failed)? == 1)
            })
            .await
    }

    async fn wait(&self, topic: &str, timeout: Duration) -> Result<(), StoreError> {
        let end = Instant::now() + timeout.min(limits::WAIT_MAX);
        loop {
            // Registered before looking, so that a change between looking and waiting is not missed.
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let now_ms = self.clock.now_ms();
            let wake = match self.next_due_ms(topic).await? {
                Some(due_ms) if due_ms <= now_ms => return Ok(()),
                Some(due_ms) => end.min(Instant::now() + Duration::from_millis(due_ms.abs_diff(now_ms))),
                None => end,
            };
            let timed_out = tokio::time::timeout_at(wake, changed).await.is_err();
            if timed_out && Instant::now() >= end {
                return Ok(());
            }
        }
    }

    async fn backlog(&self, topic: &str) -> Result<Backlog, StoreError> {
        let (topic, now_ms) = (topic.to_owned(), self.clock.now_ms());
        self.database.read(move |connection| count(connection, &topic, now_ms).map_err(failed)).await
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.database.health().await
    }
}

/// A new job, or a dead one made new. One that is waiting or running stays.
fn insert(
    connection: &Connection,
    topic: &str,
    id: &str,
    payload: &str,
    due_ms: i64,
) -> rusqlite::Result<()> {
    let position: i64 = connection
        .prepare_cached("UPDATE sequence SET value = value + 1 RETURNING value")?
        .query_row([], |row| row.get(0))?;
    let sql = "INSERT INTO jobs (id, topic, state, due_ms, position, attempt, payload)
               VALUES (?, ?, 0, ?, ?, 0, ?)
               ON CONFLICT (id) DO UPDATE SET topic = excluded.topic, state = 0, due_ms = excluded.due_ms,
                   position = excluded.position, attempt = 0, lease = NULL, reason = NULL,
                   payload = excluded.payload
               WHERE state = 2";
    connection.prepare_cached(sql)?.execute(params![id, topic, due_ms, position, payload]).map(drop)
}

fn hand_out(
    connection: &Connection,
    topic: &str,
    now_ms: i64,
    lease_end_ms: i64,
) -> Result<Option<Job>, StoreError> {
    let lease = uuid::Uuid::new_v4().simple().to_string();
    let sql = "UPDATE jobs SET state = 1, due_ms = ?, attempt = attempt + 1, lease = ?
               WHERE id = (SELECT id FROM jobs WHERE topic = ? AND state <> 2 AND due_ms <= ?
                           ORDER BY due_ms, position LIMIT 1)
               RETURNING id, attempt, payload";
    let row = connection
        .prepare_cached(sql)
        .and_then(|mut statement| {
            let values = params![lease_end_ms, lease, topic, now_ms];
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            statement.query_row(values, row).optional()
        })
        .map_err(failed)?;
    let Some((id, attempt, payload)) = row else { return Ok(None) };
    let (id, payload): (String, String) = (id, payload);
    let payload = serde_json::from_str(&payload).map_err(|error| {
        let message = format!("the payload of the job {id:?} does not read back as it was written");
        StoreError::new(ErrorKind::Corrupt, message).because(error)
    })?;
    Ok(Some(Job { id, topic: topic.to_owned(), payload, attempt, lease }))
}

/// A running job whose lease ran out counts as waiting: it is in nobody's hands.
fn count(connection: &Connection, topic: &str, now_ms: i64) -> rusqlite::Result<Backlog> {
    let sql =
        "SELECT iif(state = 1 AND due_ms <= ?, 0, state) AS now_state, count(*) FROM jobs WHERE topic = ?
               GROUP BY now_state";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![now_ms, topic])?;
    let mut backlog = Backlog::default();
    while let Some(row) = rows.next()? {
        let jobs = row.get::<_, i64>(1)?.unsigned_abs();
        match row.get::<_, i64>(0)? {
            WAITING => backlog.waiting = jobs,
            RUNNING => backlog.running = jobs,
            DEAD => backlog.dead = jobs,
            state => tracing::warn!(state, "the queue holds jobs of an unknown state"),
        }
    }
    Ok(backlog)
}

fn failed(error: rusqlite::Error) -> StoreError {
    sqlite_error("the queue's table cannot be used", error)
}
