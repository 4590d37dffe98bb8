//! What stops a search from outside of the loop that goes through its documents.

use crate::{ErrorKind, StoreError};
use parking_lot::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

/// Shared by all parts of one search. Queries that run scripts have no other way to say that one failed, or to learn that
/// nobody waits any more.
#[derive(Debug)]
pub(super) struct Watch {
    cancelled: Arc<AtomicBool>,
    deadline: Option<Instant>,
    failure: Mutex<Option<StoreError>>,
    failed: AtomicBool,
}

impl Watch {
    pub(super) fn new(cancelled: &Arc<AtomicBool>, deadline: Option<Instant>) -> Arc<Self> {
        Arc::new(Self {
            cancelled: Arc::clone(cancelled),
            deadline,
            failure: Mutex::new(None),
            failed: AtomicBool::new(false),
        })
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
