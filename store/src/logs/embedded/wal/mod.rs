//! The write-ahead log: what is in it and fsynced is acknowledged, whatever happens to the process afterwards.
//!
//! One log serves all indices. Entries are numbered (`lsn`, from 1). Callers submit entries from many threads; one
//! thread writes all that is waiting, calls fsync once, and reports to each caller in order.
//!
//! *Invariant*: after a failed write or fsync nothing of that group counts, nothing that was submitted behind it
//! counts, and every caller is told. Entries become durable in the order of their numbers.

mod disk;
mod frame;
mod segments;

pub(super) use disk::{Disk, RealDisk, sync_directory, write_atomically};
pub(super) use frame::PAYLOAD_MAX_BYTES;

use crate::{ErrorKind, StoreError};
use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use segments::Segments;
use std::{io, path::Path, sync::Arc, thread::JoinHandle, time::Duration};

/// Told when an entry is durable (its number), or why it is not. Called on the log's thread.
pub(super) type Done = Box<dyn FnOnce(Result<u64, Failure>) + Send>;

/// Why an entry could not be made durable.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    kind: ErrorKind,
    message: String,
}

impl Failure {
    fn from_io(error: &io::Error) -> Self {
        Self { kind: kind_of(error), message: format!("write-ahead log cannot be written: {error}") }
    }

    fn closed() -> Self {
        Self { kind: ErrorKind::Unavailable, message: "the log store is closed".to_owned() }
    }

    fn behind_a_failure() -> Self {
        let message = "an earlier write failed; try again".to_owned();
        Self { kind: ErrorKind::Unavailable, message }
    }
}

impl Failure {
    /// The failure as the caller of the store sees it.
    pub(super) fn into_store_error(self) -> StoreError {
        let error = StoreError::new(self.kind, self.message);
        match self.kind {
            ErrorKind::Full | ErrorKind::Unavailable => error.retry_after(Duration::from_secs(5)),
            _ => error,
        }
    }
}

/// `Full` where the device or the quota has no space left.
pub(super) fn kind_of(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Full,
        _ => ErrorKind::Internal,
    }
}

/// An error of a file operation, with what was tried.
pub(super) fn io_error(what: &str, error: io::Error) -> StoreError {
    StoreError::new(kind_of(&error), format!("cannot {what}")).because(error)
}

struct Pending {
    lsn: u64,
    parts: Vec<Bytes>,
    done: Done,
}

struct Queue {
    waiting: Vec<Pending>,
    next_lsn: u64,
    /// All entries up to here are durable or failed, and their callers told.
    settled_lsn: u64,
    /// Set while callers are told of a failure: what they submit now may build on what failed.
    failing: bool,
    closed: bool,
    /// Why the last write failed, if it did.
    failure: Option<Failure>,
}

struct Shared {
    queue: Mutex<Queue>,
    /// There is something to write, or the log closes.
    work: Condvar,
    /// `settled_lsn` has moved.
    settled: Condvar,
    segments: Mutex<Segments>,
}

/// The write-ahead log of one engine.
pub(super) struct Wal {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Wal {
    /// Opens the log and hands every entry in it to `visit`, in order. New entries are numbered above all old ones and
    /// above `floor`, which `visit` may raise: it is read after the last entry.
    pub(super) fn open(
        directory: &Path,
        disk: Arc<dyn Disk>,
        segment_max_bytes: u64,
        floor: u64,
        visit: &mut dyn FnMut(u64, Bytes),
    ) -> io::Result<Self> {
        let segments = Segments::open(directory, disk, segment_max_bytes, visit)?;
        let last_lsn = segments.last_lsn().max(floor);
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                waiting: Vec::new(),
                next_lsn: last_lsn + 1,
                settled_lsn: last_lsn,
                failing: false,
                closed: false,
                failure: None,
            }),
            work: Condvar::new(),
            settled: Condvar::new(),
            segments: Mutex::new(segments),
        });
        let thread = std::thread::Builder::new().name("vigie-wal".to_owned()).spawn({
            let shared = shared.clone();
            move || shared.run()
        })?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Queues an entry (the parts one after the other) and answers its number; `done` is called when its fate is known.
    /// An error means that `done` is never called.
    pub(super) fn submit(&self, parts: Vec<Bytes>, done: Done) -> Result<u64, Failure> {
        let mut queue = self.shared.queue.lock();
        if queue.closed {
            return Err(Failure::closed());
        }
        if queue.failing {
            return Err(Failure::behind_a_failure());
        }
        let lsn = queue.next_lsn;
        queue.next_lsn += 1;
        queue.waiting.push(Pending { lsn, parts, done });
        drop(queue);
        self.shared.work.notify_one();
        Ok(lsn)
    }

    /// Waits until the fate of all that was submitted before is known; answers the last number.
    pub(super) fn settle(&self) -> u64 {
        let mut queue = self.shared.queue.lock();
        let last = queue.next_lsn - 1;
        while queue.settled_lsn < last {
            self.shared.settled.wait(&mut queue);
        }
        last
    }

    /// The number up to which the fate of all entries is known.
    pub(super) fn settled_lsn(&self) -> u64 {
        self.shared.queue.lock().settled_lsn
    }

    /// Reads the durable entries above `lsn` again, in order.
    pub(super) fn replay(&self, lsn: u64, visit: &mut dyn FnMut(u64, Bytes)) -> io::Result<()> {
        let files = self.shared.segments.lock().above(lsn);
        for (path, first_lsn, bytes) in files {
            segments::read_segment(&path, first_lsn, bytes, &mut |at, payload| {
                if at > lsn {
                    visit(at, payload);
                }
            })?;
        }
        Ok(())
    }

    /// Removes the files that hold nothing above `lsn`.
    pub(super) fn release(&self, lsn: u64) -> io::Result<()> {
        self.shared.segments.lock().release(lsn)
    }

    /// Size of the log on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.shared.segments.lock().bytes()
    }

    /// Whether the last write got through; the error says why not.
    pub(super) fn health(&self) -> Result<(), StoreError> {
        self.shared.queue.lock().failure.clone().map_or(Ok(()), |failure| Err(failure.into_store_error()))
    }

    /// Writes what is waiting, then refuses everything.
    pub(super) fn close(&self) {
        self.shared.queue.lock().closed = true;
        self.shared.work.notify_all();
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the write-ahead log has panicked");
        }
    }
}

impl Drop for Wal {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn run(&self) {
        loop {
            let mut queue = self.queue.lock();
            while queue.waiting.is_empty() && !queue.closed {
                self.work.wait(&mut queue);
            }
            let group = std::mem::take(&mut queue.waiting);
            drop(queue);
            let Some(last) = group.last().map(|entry| entry.lsn) else { return };
            let frames: Vec<_> = group.iter().map(|entry| (entry.lsn, entry.parts.as_slice())).collect();
            let written = self.segments.lock().write(&frames);
            match written {
                Ok(()) => {
                    self.queue.lock().failure = None;
                    for entry in group {
                        (entry.done)(Ok(entry.lsn));
                    }
                    self.queue.lock().settled_lsn = last;
                }
                Err(error) => self.fail(group, &error),
            }
            self.settled.notify_all();
        }
    }

    /// Tells everybody whose entry was in the group or came behind it; then the log may be written again.
    fn fail(&self, group: Vec<Pending>, error: &io::Error) {
        tracing::error!(%error, entries = group.len(), "write-ahead log cannot be written; writes are refused");
        let failure = Failure::from_io(error);
        let behind = {
            let mut queue = self.queue.lock();
            queue.failing = true;
            queue.failure = Some(failure.clone());
            std::mem::take(&mut queue.waiting)
        };
        for entry in group.into_iter().chain(behind) {
            (entry.done)(Err(failure.clone()));
        }
        if let Err(error) = self.segments.lock().repair() {
            // The next write tries again before it writes.
            tracing::error!(%error, "write-ahead log cannot be repaired yet");
        }
        let mut queue = self.queue.lock();
        queue.failing = false;
        queue.settled_lsn = queue.next_lsn - 1;
    }
}

#[cfg(test)]
pub(super) mod tests;
