//! How much memory writes under way may hold.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

/// Counts the bytes between acceptance and tantivy.
#[derive(Debug)]
pub(super) struct Inflight {
    bytes: AtomicUsize,
    max_bytes: usize,
    freed: Notify,
}

impl Inflight {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { bytes: AtomicUsize::new(0), max_bytes, freed: Notify::new() }
    }

    /// Waits until there is room; `false` if there is none in that time.
    pub(super) async fn room(&self, patience: Duration) -> bool {
        let wait = async {
            loop {
                let freed = self.freed.notified();
                if self.bytes.load(Ordering::Acquire) < self.max_bytes {
                    return;
                }
                freed.await;
            }
        };
        tokio::time::timeout(patience, wait).await.is_ok()
    }
}

/// A share of that memory; given back when dropped.
#[derive(Debug)]
pub(super) struct Reserved {
    inflight: Arc<Inflight>,
    bytes: usize,
}

impl Reserved {
    pub(super) fn take(inflight: &Arc<Inflight>, bytes: usize) -> Self {
        inflight.bytes.fetch_add(bytes, Ordering::AcqRel);
        Self { inflight: inflight.clone(), bytes }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.inflight.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
        self.inflight.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_store_makes_writers_wait() {
        let inflight = Arc::new(Inflight::new(10));
        let first = Reserved::take(&inflight, 10);
        assert!(!inflight.room(Duration::from_millis(1)).await);
        drop(first);
        assert!(inflight.room(Duration::from_millis(1)).await);
    }
}
