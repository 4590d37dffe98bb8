//! The one thread that writes. Writes that wait at the same time share a transaction, and so one fsync.

use super::sqlite_error;
use crate::{ErrorKind, StoreError};
use rusqlite::Connection;
use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, oneshot};

/// Writes that may wait; further callers wait for room before they are queued.
const WAITING_MAX: usize = 1_024;

/// Writes that share a transaction: bounds how long the first waits for the others.
const BATCH_MAX: usize = 256;

/// How often the maintenance runs.
const MAINTENANCE_EVERY: Duration = Duration::from_secs(60);

/// Housekeeping between the writes, in a transaction of its own. Must be short.
pub(crate) type Maintenance = Box<dyn FnMut(&Connection) -> rusqlite::Result<()> + Send>;

/// Runs one write (or, given an error, none) and says whether to keep what it wrote, and how to tell its caller once
/// the transaction has committed or failed.
type Job = Box<dyn FnOnce(Result<&Connection, &StoreError>) -> (bool, Reply) + Send>;
type Reply = Box<dyn FnOnce(Result<(), &StoreError>) + Send>;

/// Handle of the writer thread. The thread finishes what waits and ends when the handle is dropped.
pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
    room: Arc<Semaphore>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread, which owns the connection from now on.
    pub(super) fn start(connection: Connection, maintenance: Maintenance) -> Result<Self, StoreError> {
        let (jobs, waiting) = channel();
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || run(&connection, &waiting, maintenance))
            .map_err(|error| StoreError::internal("cannot start the database's writer thread", error))?;
        Ok(Self { jobs: Some(jobs), room: Arc::new(Semaphore::new(WAITING_MAX)), thread: Some(thread) })
    }

    /// Runs `work` in the next transaction and answers when that is durable. If the caller stops waiting, the
    /// write may still happen.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let permit = self.room.clone().acquire_owned().await.map_err(|_| closed())?;
        let (sender, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let outcome = connection.map_err(copy).and_then(work);
            let keep = outcome.is_ok();
            let reply: Reply = Box::new(move |committed| {
                drop(permit);
                // A caller that no longer waits misses nothing.
                let _ = sender.send(outcome.and_then(|value| committed.map_err(copy).map(|()| value)));
            });
            (keep, reply)
        });
        self.jobs.as_ref().ok_or_else(closed)?.send(job).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the database's writer thread had failed");
        }
    }
}

fn run(connection: &Connection, jobs: &Receiver<Job>, mut maintenance: Maintenance) {
    let mut next_maintenance = Instant::now();
    loop {
        match jobs.recv_timeout(next_maintenance.saturating_duration_since(Instant::now())) {
            Ok(first) => run_batch(connection, first, jobs),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if Instant::now() >= next_maintenance {
            if let Err(error) = maintain(connection, &mut maintenance) {
                tracing::warn!(error = %error, "the database's maintenance failed; it is tried again later");
            }
            next_maintenance = Instant::now() + MAINTENANCE_EVERY;
        }
    }
}

fn run_batch(connection: &Connection, first: Job, jobs: &Receiver<Job>) {
    let mut replies = Vec::new();
    let committed = write_batch(connection, first, jobs, &mut replies);
    if let Err(error) = &committed {
        tracing::error!(error = %error, cause = ?error.source, writes = replies.len(), "a write failed");
        rollback(connection);
    }
    for reply in replies {
        reply(committed.as_ref().copied());
    }
}

/// One transaction with the first write and those that wait behind it, each in a savepoint of its own. The
/// replies are collected, not yet sent.
fn write_batch(
    connection: &Connection,
    first: Job,
    jobs: &Receiver<Job>,
    replies: &mut Vec<Reply>,
) -> Result<(), StoreError> {
    let failed = |error| sqlite_error("cannot write to the database", error);
    if let Err(error) = execute(connection, "BEGIN IMMEDIATE") {
        let error = failed(error);
        replies.push(first(Err(&error)).1);
        return Err(error);
    }
    for job in std::iter::once(first).chain(jobs.try_iter()).take(BATCH_MAX) {
        if let Err(error) = execute(connection, "SAVEPOINT job") {
            let error = failed(error);
            replies.push(job(Err(&error)).1);
            return Err(error);
        }
        let (keep, reply) = job(Ok(connection));
        replies.push(reply);
        if connection.is_autocommit() {
            // A full disk or a failed read ends the whole transaction inside SQLite.
            return Err(StoreError::new(ErrorKind::Unavailable, "a write of the same batch failed")
                .retry_after(Duration::from_secs(1)));
        }
        if !keep {
            execute(connection, "ROLLBACK TO job").map_err(failed)?;
        }
        execute(connection, "RELEASE job").map_err(failed)?;
    }
    execute(connection, "COMMIT").map_err(failed)
}

fn maintain(connection: &Connection, maintenance: &mut Maintenance) -> rusqlite::Result<()> {
    execute(connection, "BEGIN IMMEDIATE")?;
    let outcome = maintenance(connection).and_then(|()| execute(connection, "COMMIT"));
    if outcome.is_err() {
        rollback(connection);
    }
    outcome
}

fn rollback(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = execute(connection, "ROLLBACK")
    {
        tracing::error!(error = %error, "cannot undo a failed write");
    }
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// The same error for another caller; the cause goes to the log once.
fn copy(error: &StoreError) -> StoreError {
    StoreError {
        code: error.code,
        kind: error.kind,
        message: error.message.clone(),
        retry_after: error.retry_after,
        details: error.details.clone(),
        source: None,
    }
}

fn closed() -> StoreError {
    StoreError::new(ErrorKind::Unavailable, "the database is closing")
}
