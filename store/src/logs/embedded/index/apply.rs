//! From the log into segments, and from there into what searches see.

use super::{
    Committed, IndexState, Visible,
    building::Building,
    files::{has_no_room, tantivy_error},
    generation::Generation,
};
use crate::{
    ErrorKind, StoreError,
    logs::embedded::{document::IndexDocument, inflight::Reserved},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// What one batch does to an index, in order.
pub(in crate::logs::embedded) struct Batch {
    /// Counts the batches of the index.
    pub(in crate::logs::embedded) number: u64,
    /// Its entry in the write-ahead log.
    pub(in crate::logs::embedded) lsn: u64,
    /// The sequence number after its last write.
    pub(in crate::logs::embedded) next_seq_no: u64,
    /// Span of `@timestamp` in it.
    pub(in crate::logs::embedded) range: Option<(i64, i64)>,
    /// Size of its documents as JSON, which are kept until they are committed.
    pub(in crate::logs::embedded) bytes: usize,
    pub(in crate::logs::embedded) operations: Vec<Operation>,
    /// Its share of the memory for writes under way; given back when it is in segments.
    pub(in crate::logs::embedded) _reserved: Option<Reserved>,
}

/// One change to the index.
pub(in crate::logs::embedded) enum Operation {
    /// A document for that generation. `replaces`: its id, if there is or was one of that id.
    Put { generation: usize, document: IndexDocument, replaces: Option<String> },
    /// No document of that id any more.
    Delete { id: String },
}

impl IndexState {
    /// Takes a durable batch. Called in the order of the log.
    pub(in crate::logs::embedded) fn apply(self: &Arc<Self>, batch: Batch) {
        self.last_write_ms.store(self.now_ms(), Ordering::Relaxed);
        self.pending.lock().push_back(batch);
        self.schedule_drain();
    }

    /// As [`Self::apply`], on this thread, and never with more in memory than may be.
    pub(super) fn apply_now(self: &Arc<Self>, batch: Batch) {
        if self.shared.memory.is_exhausted() && self.uncommitted_bytes() > 0 {
            // The failure is logged.
            let _ = self.commit();
        }
        self.pending.lock().push_back(batch);
        self.drain();
    }

    /// Lets a worker put what is pending into segments, unless one is about to.
    fn schedule_drain(self: &Arc<Self>) {
        if !self.drain_is_scheduled.swap(true, Ordering::AcqRel) {
            let state = self.clone();
            self.shared.workers.submit(Box::new(move || state.drain()));
        }
    }

    /// Puts what is pending into segments, unless somebody else is at it, who then does.
    fn drain(self: &Arc<Self>) {
        self.drain_is_scheduled.store(false, Ordering::Release);
        while !self.pending.lock().is_empty() {
            let Some(mut building) = self.building.try_lock() else { return };
            let result = self.drain_into(&mut building, usize::MAX);
            drop(building);
            if let Err(error) = result {
                self.fail("index documents", error);
                return;
            }
        }
    }

    /// At most so many batches.
    fn drain_into(&self, building: &mut Building, batches: usize) -> tantivy::Result<()> {
        if building.abandoned {
            self.pending.lock().clear();
            return Ok(());
        }
        for _ in 0..batches {
            let Some(batch) = self.pending.lock().pop_front() else { return Ok(()) };
            let before = building.bytes();
            if let Err(error) = building.apply(batch) {
                // A part of the batch is in: nothing of this must ever be committed.
                building.abandon();
                return Err(error);
            }
            self.share.add(building.bytes().saturating_sub(before));
        }
        Ok(())
    }

    /// Memory and tantivy no longer agree; the log has everything, so the index is opened again from there.
    pub(super) fn fail(&self, what: &str, error: tantivy::TantivyError) -> StoreError {
        let mut failure = tantivy_error(&format!("{what} in \"{}\"", self.name), error);
        if failure.kind != ErrorKind::Full && has_no_room(&self.files.directory) {
            failure.kind = ErrorKind::Full;
        }
        self.failed_full.store(failure.kind == ErrorKind::Full, Ordering::Release);
        tracing::error!(index = %self.name, error = %failure, cause = ?failure.source, "index must be recovered");
        self.kill();
        failure.retry_after(Duration::from_secs(5))
    }

    /// Makes everything that was applied visible and durable without the log. Answers whether anything changed. Other
    /// batches go into new segments meanwhile.
    pub(in crate::logs::embedded) fn commit(self: &Arc<Self>) -> Result<bool, StoreError> {
        let mut generations = self.generations.lock();
        self.last_commit_ms.store(self.now_ms(), Ordering::Relaxed);
        let (cut, bytes) = {
            let mut building = self.building.lock();
            // Only what is there now: where writes come faster than this goes, there would be no end to it, nor to the
            // memory that it takes.
            let waiting = self.pending.lock().len();
            if let Err(error) = self.drain_into(&mut building, waiting) {
                drop(building);
                return Err(self.fail("index documents", error));
            }
            if building.abandoned || !building.is_dirty() {
                return Ok(false);
            }
            let bytes = building.bytes();
            (building.cut(), bytes)
        };
        let (applied, batch) = (cut.applied, cut.applied_batch);
        let result = cut.commit(&mut generations);
        self.share.give_back(bytes.min(self.share.bytes()));
        if let Err(error) = result {
            // What came since builds on what is lost here.
            self.building.lock().abandon();
            drop(generations);
            return Err(self.fail("commit", error));
        }
        self.publish(&generations, applied);
        drop(generations);
        self.order.lock().versions.forget(batch);
        if !self.pending.lock().is_empty() {
            self.schedule_drain();
        }
        Ok(true)
    }

    /// Lets searches see what the generations hold.
    pub(super) fn publish(&self, generations: &[Generation], committed: Committed) {
        let generations = generations.iter().map(Generation::snapshot).collect();
        self.visible.store(Arc::new(Visible { generations, committed }));
    }

    /// Commits on a worker, unless that is about to happen.
    pub(in crate::logs::embedded) fn schedule_commit(self: &Arc<Self>) {
        if !self.commit_is_scheduled.swap(true, Ordering::AcqRel) {
            let state = self.clone();
            self.shared.workers.submit(Box::new(move || {
                state.commit_is_scheduled.store(false, Ordering::Release);
                // The failure is logged where it happens; the next round recovers the index.
                if let Ok(true) = state.commit() {
                    state.schedule_merge();
                }
            }));
        }
    }

    /// Whether it has been given documents that no commit contains.
    pub(in crate::logs::embedded) fn is_dirty(&self) -> bool {
        // A lock that is taken means that somebody is writing.
        !self.pending.lock().is_empty()
            || self.building.try_lock().is_none_or(|building| building.is_dirty())
            || self.generations.is_locked()
    }

    /// How long the oldest write has waited for a commit.
    pub(in crate::logs::embedded) fn waiting(&self) -> Duration {
        self.building.try_lock().map_or(Duration::ZERO, |building| building.waiting())
    }

    /// Memory that its uncommitted documents hold.
    pub(in crate::logs::embedded) fn uncommitted_bytes(&self) -> usize {
        self.share.bytes()
    }

    /// Whether it holds threads for writing.
    pub(in crate::logs::embedded) fn has_writer(&self) -> bool {
        self.generations.try_lock().is_none_or(|generations| generations.iter().any(Generation::has_writer))
    }

    /// Commits and gives back the threads for writing, unless a merge needs them. A later write takes them again.
    pub(in crate::logs::embedded) fn close_writer(self: &Arc<Self>) -> Result<(), StoreError> {
        self.commit()?;
        if !self.is_merging() {
            self.generations.lock().iter_mut().for_each(Generation::close_writer);
        }
        Ok(())
    }

    /// Gives back the files at once; what is not committed is left to the log.
    pub(in crate::logs::embedded) fn abandon(&self) {
        self.kill();
        self.building.lock().abandon();
        self.pending.lock().clear();
        self.generations.lock().iter_mut().for_each(Generation::close_writer);
    }
}
