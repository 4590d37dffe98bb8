//! One index: its mapping, its place in the order of writes, its tantivy writers, and what searches see of it.
//!
//! A write goes through four stages: *converted* by the mapping (any number of threads), *ordered* (sequence number,
//! version, conflicts; one thread at a time per index), *durable* (write-ahead log), *applied*: put into a segment in
//! the making, in the order of the log. A commit finishes the segment, makes what is applied visible and lets the log
//! forget it. The threads and the memory for that are shared by all indices: an index that is idle holds neither.
//!
//! *Invariant*: locks are taken in the order `merging_alone`, `order`, `growth`, `generations`, `building`, `pending`; none is held while
//! waiting for the write-ahead log.

mod apply;
mod building;
mod compact;
mod files;
mod generation;
mod growth;
mod ids;
mod logged;
mod lookup;
mod merge;
mod order;
mod replay;
mod versions;

pub(super) use apply::Batch;
pub(super) use files::{Committed, Files, Identity, IndexOptions, tokenizers};
pub(super) use logged::{Span, index_of, put_routing};
pub(super) use lookup::Current;
pub(super) use order::{Action, Changes, Dead, Prepared, Update};

use super::{
    inflight::Inflight,
    mapping::Mapping,
    memory::{Memory, Share},
    options::Redact,
    router::Router,
    schema::IndexSchema,
    snapshot::{GenerationSnapshot, IndexSnapshot, SearchLimits},
    workers::Workers,
};
use crate::{ErrorKind, StoreError};
use arc_swap::ArcSwap;
use building::Building;
use generation::Generation;
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
    pub(super) fn segments(&self) -> usize {
        self.generations.iter().map(|generation| generation.searcher.segment_readers().len()).sum()
    }

    pub(super) fn documents(&self) -> u64 {
        self.generations.iter().map(|generation| generation.searcher.num_docs()).sum()
    }
}

/// What all indices share for writing.
pub(super) struct Shared {
    pub(super) inflight: Arc<Inflight>,
    pub(super) memory: Arc<Memory>,
    /// Fill segments and commit them.
    pub(super) workers: Workers,
    /// Merge segments.
    pub(super) mergers: Workers,
    /// Takes out of what scripts make of documents what must not be stored.
    pub(super) redact: Option<Redact>,
    stopping: AtomicBool,
}

impl Shared {
    pub(super) fn new(
        inflight: Arc<Inflight>,
        memory: Memory,
        (workers, mergers): (Workers, Workers),
        redact: Option<Redact>,
    ) -> Self {
        let stopping = AtomicBool::new(false);
        Self { inflight, memory: Arc::new(memory), workers, mergers, redact, stopping }
    }

    /// Begins no more merges, and ends the threads once they have done what they are at.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.mergers.stop();
        self.workers.stop();
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// An open index.
pub(super) struct IndexState {
    pub(super) name: Arc<str>,
    pub(super) uuid: Uuid,
    files: Files,
    shared: Arc<Shared>,
    /// Memory that documents hold that are not committed yet.
    share: Share,
    /// The mapping, compiled; replaced when it grows.
    router: ArcSwap<Router>,
    /// Serialises growth of the mapping and new generations.
    growth: Mutex<Identity>,
    order: Mutex<Order>,
    /// The tantivy indices. Held while committing.
    generations: Mutex<Vec<Generation>>,
    /// What is applied and not committed.
    building: Mutex<Building>,
    /// Durable, not yet applied.
    pending: Mutex<VecDeque<Batch>>,
    visible: ArcSwap<Visible>,
    /// When it was last written to, in milliseconds since `opened`.
    last_write_ms: AtomicU64,
    /// When it was last committed, likewise.
    last_commit_ms: AtomicU64,
    /// When it was last searched, likewise; 0: never.
    last_search_ms: AtomicU64,
    drain_is_scheduled: AtomicBool,
    commit_is_scheduled: AtomicBool,
    merge_is_scheduled: AtomicBool,
    merging: AtomicBool,
    /// Held while merging: two merges must not take the same segments.
    merging_alone: Mutex<()>,
    /// The next merge makes one segment of all.
    merge_into_one: AtomicBool,
    compact_is_scheduled: AtomicBool,
    opened: Instant,
    /// Memory and log no longer agree: the index must be opened again. Set under the lock of `order`.
    dead: AtomicBool,
    /// It failed for want of space on the disk.
    failed_full: AtomicBool,
}

impl IndexState {
    /// Makes the files of a new index.
    pub(super) fn create(
        files: &Files,
        identity: &Identity,
        mapping: &Mapping,
        settings: &IndexOptions,
    ) -> Result<(), StoreError> {
        let what = format!("create the directory of index \"{}\"", identity.name);
        std::fs::create_dir_all(&files.directory).map_err(|error| super::wal::io_error(&what, error))?;
        files.write_mapping(mapping)?;
        files.write_state(settings)?;
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
    pub(super) fn open(files: Files, shared: Arc<Shared>) -> Result<Self, StoreError> {
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
            share: Share::of(&shared.memory),
            shared,
            router: ArcSwap::from_pointee(router),
            growth: Mutex::new(identity),
            order: Mutex::new(Order::new(committed)),
            building: Mutex::new(Building::new(&generations, committed)),
            generations: Mutex::new(generations),
            pending: Mutex::new(VecDeque::new()),
            visible: ArcSwap::from_pointee(visible),
            last_write_ms: AtomicU64::new(0),
            last_commit_ms: AtomicU64::new(0),
            last_search_ms: AtomicU64::new(0),
            drain_is_scheduled: AtomicBool::new(false),
            commit_is_scheduled: AtomicBool::new(false),
            merge_is_scheduled: AtomicBool::new(false),
            merging: AtomicBool::new(false),
            merging_alone: Mutex::new(()),
            merge_into_one: AtomicBool::new(false),
            compact_is_scheduled: AtomicBool::new(false),
            opened: Instant::now(),
            dead: AtomicBool::new(false),
            failed_full: AtomicBool::new(false),
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
            filter: None,
            limits: SearchLimits::default(),
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

    /// Notes a search: for a while, commits keep what searches see fresh.
    pub(super) fn note_search(&self) {
        self.last_search_ms.store(self.now_ms().max(1), Ordering::Release);
    }

    /// Whether somebody has searched it within that time.
    pub(super) fn is_searched(&self, within: std::time::Duration) -> bool {
        let at_ms = self.last_search_ms.load(Ordering::Acquire);
        at_ms > 0 && self.now_ms().saturating_sub(at_ms) <= within.as_millis() as u64
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// What all generations together have committed, oldest first. The newest is committed last and each time, so what it
/// says holds for all; one that was never committed has no documents either.
pub(super) fn merge_committed(generations: impl Iterator<Item = Committed>) -> Committed {
    generations
        .reduce(|a, b| Committed {
            lsn: if b.lsn > 0 { b.lsn } else { a.lsn },
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
