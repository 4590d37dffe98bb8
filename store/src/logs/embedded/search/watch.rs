//! What stops a search from outside of the loop that goes through its documents, and what its memory counts against.

use super::breaker::{Breaker, Reserved};
use crate::{ErrorKind, StoreError};
use parking_lot::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Shared by all parts of one search. Queries that run scripts have no other way to say that one failed, or to learn that
/// nobody waits any more.
#[derive(Debug)]
pub(super) struct Watch {
    cancelled: Arc<AtomicBool>,
    deadline: Option<Instant>,
    breaker: Arc<Breaker>,
    /// What lives until the phase ends.
    held: Mutex<Reserved>,
    failure: Mutex<Option<StoreError>>,
    failed: AtomicBool,
}

impl Watch {
    pub(super) fn new(
        cancelled: &Arc<AtomicBool>,
        breaker: &Arc<Breaker>,
        deadline: Option<Instant>,
    ) -> Arc<Self> {
        Arc::new(Self {
            cancelled: Arc::clone(cancelled),
            deadline,
            breaker: Arc::clone(breaker),
            held: Mutex::new(breaker.reserve("hits")),
            failure: Mutex::new(None),
            failed: AtomicBool::new(false),
        })
    }

    /// For the next phase of the same search, which may take so long again: what the first has found in its time is not
    /// thrown away because none is left to read it.
    pub(super) fn renewed(&self, timeout: Option<Duration>) -> Arc<Self> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Self::new(&self.cancelled, &self.breaker, deadline)
    }

    /// Memory for a part of the search: nothing yet.
    pub(super) fn reserve(&self, part: &'static str) -> Reserved {
        self.breaker.reserve(part)
    }

    /// Says that so much more is taken until the end of the phase.
    ///
    /// # Errors
    /// As [`Reserved::set`].
    pub(super) fn hold(&self, bytes: usize) -> Result<(), StoreError> {
        self.held.lock().add(bytes)
    }

    /// Whether the time is up.
    pub(super) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Whether there is no use in going on.
    pub(super) fn is_over(&self) -> bool {
        self.failed.load(Ordering::Relaxed) || self.cancelled.load(Ordering::Relaxed) || self.is_late()
    }

    /// Makes the search fail; the first failure counts.
    pub(super) fn fail(&self, error: StoreError) {
        self.failure.lock().get_or_insert(error);
        self.failed.store(true, Ordering::Release);
    }

    /// # Errors
    /// What a part of the search failed with; that nobody waits for the answer any more.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.failed.load(Ordering::Acquire)
            && let Some(error) = self.failure.lock().take()
        {
            return Err(error);
        }
        if self.cancelled.load(Ordering::Relaxed) {
            let error = StoreError::new(ErrorKind::Unavailable, "the search was cancelled");
            return Err(error.with_code("task_cancelled_exception"));
        }
        Ok(())
    }
}
