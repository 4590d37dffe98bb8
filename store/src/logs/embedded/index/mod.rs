//! One index: its mapping, its place in the order of writes, its tantivy writers, and what searches see of it.
//!
//! A write goes through four stages: *converted* by the mapping (any number of threads), *ordered* (sequence number,
//! version, conflicts; one thread at a time per index), *durable* (write-ahead log), *applied* to tantivy in the
//! order of the log. A commit makes what is applied visible and lets the log forget it.
//!
//! *Invariant*: locks are taken in the order `order`, `growth`, `writer`, `pending`; none is held while waiting for the
//! write-ahead log.

mod apply;
mod files;
mod growth;
mod ids;
mod logged;
mod lookup;
mod order;
mod versions;

pub(super) use apply::Batch;
pub(super) use files::{Committed, Files, Identity};
pub(super) use logged::{Span, index_of};
pub(super) use order::{Action, Dead, Prepared};

use super::{
    inflight::Inflight,
    mapping::Mapping,
    router::Router,
    schema::IndexSchema,
    snapshot::{GenerationSnapshot, IndexSnapshot},
};
use crate::{ErrorKind, StoreError};
use apply::{Generation, Writers};
use arc_swap::ArcSwap;
use order::Order;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};
use uuid::Uuid;

/// What searches see of an index.
pub(super) struct Visible {
    pub(super) generations: Vec<GenerationSnapshot>,
    pub(super) committed: Committed,
}

impl Visible {
    pub(super) fn documents(&self) -> u64 {
        self.generations.iter().map(|generation| generation.searcher.num_docs()).sum()
    }
}

/// An open index.
pub(super) struct IndexState {
    pub(super) name: Arc<str>,
    pub(super) uuid: Uuid,
    files: Files,
    writer_memory_bytes: usize,
    inflight: Arc<Inflight>,
    /// The mapping, compiled; replaced when it grows.
    router: ArcSwap<Router>,
    /// Serialises growth of the mapping and new generations.
    growth: Mutex<Identity>,
    order: Mutex<Order>,
    writers: Mutex<Writers>,
    /// Durable, not yet given to tantivy.
    pending: Mutex<VecDeque<Batch>>,
    visible: ArcSwap<Visible>,
    /// When it was last written to, in milliseconds since `opened`.
    last_write_ms: AtomicU64,
    /// When it was last committed, likewise.
    last_commit_ms: AtomicU64,
    opened: Instant,
    /// Memory and log no longer agree: the index must be opened again. Set under the lock of `order`.
    dead: AtomicBool,
}

impl IndexState {
    /// Makes the files of a new index.
    pub(super) fn create(files: &Files, identity: &Identity, mapping: &Mapping) -> Result<(), StoreError> {
        let what = format!("create the directory of index \"{}\"", identity.name);
        std::fs::create_dir_all(&files.directory).map_err(|error| super::wal::io_error(&what, error))?;
        files.write_mapping(mapping)?;
        files.create_generation(0, &IndexSchema::new(mapping))?;
        // Written last: a directory without it is not an index and is removed at start.
        files.write_identity(identity)?;
        files
            .directory
            .parent()
            .map_or(Ok(()), super::wal::sync_directory)
            .map_err(|error| super::wal::io_error(&what, error))
    }

    /// Opens an index as of its last commit.
    pub(super) fn open(
        files: Files,
        writer_memory_bytes: usize,
        inflight: Arc<Inflight>,
    ) -> Result<Self, StoreError> {
        let identity = files.read_identity()?;
        let mapping = Arc::new(files.read_mapping()?);
        let generations =
            (0..identity.generations).map(|n| Generation::open(&files, n)).collect::<Result<Vec<_>, _>>()?;
        let newest = generations.last().ok_or_else(|| {
            StoreError::new(ErrorKind::Corrupt, format!("index \"{}\" has no generation", identity.name))
        })?;
        let router = Router::new(mapping, newest.schema.clone(), generations.len() - 1);
        let committed = merge_committed(generations.iter().map(|generation| generation.committed));
        let visible =
            Visible { generations: generations.iter().map(Generation::snapshot).collect(), committed };
        Ok(Self {
            name: Arc::from(identity.name.as_str()),
            uuid: identity.uuid,
            files,
            writer_memory_bytes,
            inflight,
            router: ArcSwap::from_pointee(router),
            growth: Mutex::new(identity),
            order: Mutex::new(Order::new(committed)),
            writers: Mutex::new(Writers::new(generations, committed)),
            pending: Mutex::new(VecDeque::new()),
            visible: ArcSwap::from_pointee(visible),
            last_write_ms: AtomicU64::new(0),
            last_commit_ms: AtomicU64::new(0),
            opened: Instant::now(),
            dead: AtomicBool::new(false),
        })
    }

    /// The mapping, compiled.
    pub(super) fn router(&self) -> Arc<Router> {
        self.router.load_full()
    }

    /// What searches see.
    pub(super) fn visible(&self) -> Arc<Visible> {
        self.visible.load_full()
    }

    /// What a search gets.
    pub(super) fn snapshot(&self) -> IndexSnapshot {
        let visible = self.visible();
        IndexSnapshot {
            name: self.name.clone(),
            mapping: self.router().mapping.clone(),
            generations: visible.generations.clone(),
            range: visible.committed.range,
        }
    }

    /// Refuses all further writes: memory and log no longer agree. The caller opens the index again.
    pub(super) fn kill(&self) {
        let _order = self.order.lock();
        self.dead.store(true, Ordering::Release);
    }

    /// Whether writes are refused.
    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Acquire)
    }

    /// The entry of the log up to which everything is committed, if something is not; `None`: all is.
    pub(super) fn uncommitted_above(&self) -> Option<u64> {
        let submitted = self.order.lock().submitted_lsn;
        let committed = self.visible.load().committed.lsn;
        (submitted > committed).then_some(committed)
    }

    /// How long ago it was last committed, whether or not that was needed.
    pub(super) fn since_commit(&self) -> std::time::Duration {
        let at = std::time::Duration::from_millis(self.last_commit_ms.load(Ordering::Relaxed));
        self.opened.elapsed().saturating_sub(at)
    }

    /// How long ago it was last written to.
    pub(super) fn idle(&self) -> std::time::Duration {
        let now_ms = self.opened.elapsed();
        now_ms.saturating_sub(std::time::Duration::from_millis(self.last_write_ms.load(Ordering::Relaxed)))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// What all generations together have committed: a log entry counts as committed when it is so in each.
pub(super) fn merge_committed(generations: impl Iterator<Item = Committed>) -> Committed {
    generations
        .reduce(|a, b| Committed {
            lsn: a.lsn.min(b.lsn),
            next_seq_no: a.next_seq_no.max(b.next_seq_no),
            range: merge_ranges(a.range, b.range),
        })
        .unwrap_or_default()
}

/// The span that covers both.
pub(super) fn merge_ranges(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (a, b) {
        (Some((a_from, a_to)), Some((b_from, b_to))) => Some((a_from.min(b_from), a_to.max(b_to))),
        (one, other) => one.or(other),
    }
}
