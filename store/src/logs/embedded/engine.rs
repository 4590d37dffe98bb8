//! What the parts of the engine do together. Synchronous: called on blocking threads.

use super::{
    EmbeddedOptions,
    catalog::Catalog,
    index::{Dead, IndexState, Shared},
    inflight::Inflight,
    lifecycle::Lifecycle,
    memory::Memory,
    registry::{OpenLimits, Registry, Slot},
    select::{Target, check_right, select},
    snapshot::{IndexSnapshot, SearchLimits},
    templates::Templates,
    wal::{Disk, Wal, io_error},
    workers::{Workers, for_each},
    write::{Clock, prepare, refuse},
};
use crate::{
    ErrorKind, StoreError,
    logs::{IndicesOptions, TimeRange, WriteResult, dsl::parse_query},
    scope::{IndexRight, Scope},
};
use event::{Event, Timestamp};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// How often indices are looked at for their age.
const AGING: Duration = Duration::from_secs(60);
/// Attempts to write to an index that has to be opened anew in between.
const ATTEMPTS_MAX: usize = 3;

/// When what was written is committed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rhythm {
    /// How long after a commit the next one comes, in an index that is searched.
    pub(super) refresh_after: Duration,
    /// How long it may take where nobody looks.
    pub(super) commit_after: Duration,
    /// An index is searched if that happened within this time.
    pub(super) search_idle_after: Duration,
}

/// The engine behind [`super::EmbeddedLogs`].
pub(super) struct Engine {
    pub(super) registry: Registry,
    pub(super) wal: Wal,
    pub(super) templates: Templates,
    pub(super) catalog: Catalog,
    pub(super) shared: Arc<Shared>,
    pub(super) closed: AtomicBool,
    pub(super) rhythm: Rhythm,
    pub(super) lifecycle: Lifecycle,
    /// Held while an alias or data stream moves on: two at a time would each take the other's index for the old one.
    pub(super) rolling: Mutex<()>,
    /// When indices were last looked at for their age.
    aged_at: Mutex<Option<Instant>>,
    log_max_bytes: u64,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

/// The part of a batch that goes to one index, on its way to the disk.
pub(super) struct Submitted {
    /// Where in the batch its events are.
    pub(super) positions: Vec<usize>,
    /// What became of each, provided that `durable` says so.
    pub(super) results: Vec<WriteResult>,
    /// The index.
    pub(super) slot: Option<Arc<Slot>>,
    /// Told when it is on the disk; `None`: nothing has to be.
    pub(super) durable: Option<oneshot::Receiver<Result<(), StoreError>>>,
}

impl Engine {
    /// Opens the store in that directory and recovers what the log has and the indices lack.
    pub(super) fn open(
        directory: &Path,
        options: &EmbeddedOptions,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, StoreError> {
        let what = format!("open the log store in \"{}\"", directory.display());
        fs::create_dir_all(directory).map_err(|error| io_error(&what, error))?;
        let limits = OpenLimits {
            writers_max: options.open_writers_max.max(1),
            segments_max: options.open_segments_max,
            idle_after: options.close_idle_after,
        };
        let shared = Arc::new(share(options).map_err(|error| io_error(&what, error))?);
        let registry = Registry::open(&directory.join("indices"), limits, shared.clone())?;
        let templates = Templates::open(directory)?;
        let catalog = Catalog::open(directory)?;
        let mut replayed = 0_u64;
        let wal = Wal::open(
            &directory.join("wal"),
            disk,
            options.log_segment_max_bytes,
            registry.committed_lsn(),
            &mut |lsn, entry| {
                replayed += 1;
                registry.replay(lsn, &entry);
            },
        )
        .map_err(|error| io_error(&what, error))?;
        let engine = Self {
            registry,
            wal,
            templates,
            catalog,
            shared,
            rhythm: Rhythm {
                refresh_after: options.refresh_after,
                commit_after: options.commit_after.max(options.refresh_after),
                search_idle_after: options.search_idle_after,
            },
            closed: AtomicBool::new(false),
            lifecycle: options.lifecycle(),
            rolling: Mutex::new(()),
            aged_at: Mutex::new(None),
            log_max_bytes: options.log_max_bytes,
            clock: options.clock.clone(),
        };
        engine.commit_all();
        engine.finish_removals()?;
        if replayed > 0 {
            tracing::info!(entries = replayed, "write-ahead log read");
        }
        Ok(engine)
    }

    /// Refuses everything once the store is closed.
    pub(super) fn check_open(&self) -> Result<(), StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::new(ErrorKind::Unavailable, "the log store is closed"));
        }
        Ok(())
    }

    /// Prepares, orders and submits a batch, index by index.
    pub(super) fn submit(&self, scope: &Scope, batch: &[Event]) -> Result<Vec<Submitted>, StoreError> {
        self.check_open()?;
        let scope = &*check_right(scope, IndexRight::Write)?;
        let now = Clock { now_ms: self.now_ms() };
        let mut groups: Vec<(Option<&str>, Vec<usize>)> = Vec::new();
        let mut group_of: HashMap<Option<&str>, usize> = HashMap::new();
        for (position, event) in batch.iter().enumerate() {
            let index = event.metadata.index.as_deref();
            let group = *group_of.entry(index).or_insert_with(|| {
                groups.push((index, Vec::new()));
                groups.len() - 1
            });
            groups[group].1.push(position);
        }
        Ok(groups
            .into_iter()
            .map(|(index, positions)| {
                let events: Vec<&Event> = positions.iter().map(|at| &batch[*at]).collect();
                self.submit_group(scope, index, &events, now, positions)
            })
            .collect())
    }

    fn submit_group(
        &self,
        scope: &Scope,
        index: Option<&str>,
        events: &[&Event],
        now: Clock,
        positions: Vec<usize>,
    ) -> Submitted {
        let attempt = index
            .ok_or_else(|| StoreError::invalid("the event has no index"))
            .and_then(|index| self.try_group(scope, index, events, now));
        match attempt {
            Ok((slot, results, durable)) => Submitted { positions, results, slot: Some(slot), durable },
            Err(error) => {
                let refused = refuse(error);
                Submitted { results: vec![refused; positions.len()], positions, slot: None, durable: None }
            }
        }
    }

    #[allow(clippy::type_complexity, reason = "the parts of `Submitted`")]
    fn try_group(
        &self,
        scope: &Scope,
        index: &str,
        events: &[&Event],
        now: Clock,
    ) -> Result<(Arc<Slot>, Vec<WriteResult>, Option<oneshot::Receiver<Result<(), StoreError>>>), StoreError>
    {
        self.registry.make_room();
        for attempt in 1..=ATTEMPTS_MAX {
            let (slot, rules) = match self.write_target(scope, index, events, now) {
                // The index behind an alias may have gone while it was looked up, and the alias with it.
                Err(error) if error.kind == ErrorKind::NotFound && attempt < ATTEMPTS_MAX => continue,
                found => found?,
            };
            let state = match self.registry.state(&slot, &self.wal) {
                // Removed in between: the write makes it anew.
                Err(error) if error.kind == ErrorKind::NotFound => continue,
                state => state?,
            };
            let prepared = prepare(&state, events, now, &rules);
            let (sender, receiver) = oneshot::channel();
            match state.submit(&self.wal, prepared.items, prepared.blob, now, sender) {
                Ok((mut results, submitted)) => {
                    for result in &mut results {
                        if let WriteResult::Refused { index, .. } = result {
                            *index = Some(state.name.clone());
                        }
                    }
                    return Ok((slot, results, submitted.then_some(receiver)));
                }
                Err(Dead) => drop(self.wal.settle()),
            }
        }
        // The disk is the reason if it was so for the write before.
        self.wal.health()?;
        let message = format!("index \"{index}\" cannot be written now");
        Err(StoreError::new(ErrorKind::Unavailable, message).retry_after(Duration::from_secs(2)))
    }

    /// Makes what was written to these indices visible.
    pub(super) fn refresh(&self, slots: &[Arc<Slot>]) -> Result<(), StoreError> {
        let mut stale = Vec::new();
        for slot in slots {
            if let Some(open) = slot.open_state() {
                if open.is_dead() {
                    self.registry.state(slot, &self.wal)?;
                } else if open.is_dirty() {
                    stale.push(open);
                }
            }
        }
        self.commit_each(stale)
    }

    /// Commits these, several at a time; the first failure.
    fn commit_each(&self, stale: Vec<Arc<IndexState>>) -> Result<(), StoreError> {
        if let [only] = stale.as_slice() {
            only.commit()?;
            only.schedule_merge();
            return Ok(());
        }
        let failure = Arc::new(Mutex::new(None));
        let first = failure.clone();
        for_each(&self.shared.workers, stale, move |open| match open.commit() {
            Ok(_) => open.schedule_merge(),
            Err(error) => drop(first.lock().get_or_insert(error)),
        });
        failure.lock().take().map_or(Ok(()), Err)
    }

    /// Brings up to date what nobody has looked at for a while; commits keep the rest fresh. What a search, or a question
    /// for the state, does first.
    pub(super) fn freshen(&self, slots: &[Arc<Slot>]) -> Result<(), StoreError> {
        let stale = self.stale(slots);
        // A commit that fails is logged; what was committed before can be searched.
        let _ = self.commit_each(stale.clone());
        // Only now: whoever comes in between has to wait too.
        stale.iter().for_each(|open| open.note_search());
        Ok(())
    }

    /// What [`Self::freshen`] has to commit.
    pub(super) fn stale(&self, slots: &[Arc<Slot>]) -> Vec<Arc<IndexState>> {
        let refreshing = slots.iter().filter(|slot| slot.refreshes());
        let mut open: Vec<_> = refreshing.filter_map(|slot| slot.open_state()).collect();
        open.retain(|open| {
            let is_stale =
                !open.is_searched(self.rhythm.search_idle_after) && !open.is_dead() && open.is_dirty();
            if !is_stale {
                open.note_search();
            }
            is_stale
        });
        open
    }

    /// The indices that names mean.
    pub(super) fn select(
        &self,
        scope: &Scope,
        names: &[String],
        options: IndicesOptions,
    ) -> Result<Vec<Target>, StoreError> {
        select(&self.registry, &self.catalog.names(), scope, names, options)
    }

    /// The same, where no alias filter matters.
    pub(super) fn slots(
        &self,
        scope: &Scope,
        names: &[String],
        options: IndicesOptions,
    ) -> Result<Vec<Arc<Slot>>, StoreError> {
        Ok(self.select(scope, names, options)?.into_iter().map(|target| target.slot).collect())
    }

    /// The time, in milliseconds since 1970.
    pub(super) fn now_ms(&self) -> i64 {
        (self.clock)().as_millisecond()
    }

    /// What a search over these indices sees that asks for nothing outside of that span. Indices that are closed and lie
    /// outside stay so.
    pub(super) fn snapshots(
        &self,
        targets: &[Target],
        span: TimeRange,
    ) -> Result<Vec<IndexSnapshot>, StoreError> {
        let slots: Vec<_> = targets.iter().map(|target| target.slot.clone()).collect();
        self.freshen(&slots)?;
        let mut snapshots = Vec::with_capacity(targets.len());
        for Target { slot, filter } in targets {
            let limits = SearchLimits::of(&slot.settings().settings);
            if let Some(nothing) = slot.outside_of(span) {
                snapshots.push(IndexSnapshot { limits, ..nothing });
                continue;
            }
            let seen = match self.registry.state(slot, &self.wal) {
                Ok(state) => state.snapshot(),
                // Removed since it was selected.
                Err(error) if error.kind == ErrorKind::NotFound => continue,
                // What is committed can be searched while the rest waits, for space on the disk for example.
                Err(error) => slot.view().ok_or(error)?,
            };
            let filter = filter.as_ref().map(parse_query).transpose()?;
            snapshots.push(IndexSnapshot { filter, limits, ..seen });
        }
        Ok(snapshots)
    }

    /// An open index.
    pub(super) fn state(&self, slot: &Slot) -> Result<Arc<IndexState>, StoreError> {
        self.registry.state(slot, &self.wal)
    }

    /// One round of what is done in the background: commits what is due, recovers what is broken, and lets go of log
    /// files and idle indices.
    pub(super) fn maintain(&self) {
        for slot in self.registry.all().iter().filter(|slot| slot.is_broken()) {
            if let Err(error) = self.registry.state(slot, &self.wal) {
                tracing::debug!(index = %slot.identity.name, %error, "index is still broken");
            }
        }
        let log_is_long = self.wal.bytes() > self.log_max_bytes;
        let mut open = self.registry.open_states();
        open.retain(|open| !open.is_dead());
        let due = |open: &IndexState| {
            self.is_due(open) && self.registry.get(&open.name).is_some_and(|slot| slot.refreshes())
        };
        for open in open.iter().filter(|open| log_is_long || due(open)) {
            open.schedule_commit();
        }
        drop(open);
        self.registry.schedule_commits();
        self.release_log();
        self.registry.limit_writers();
        self.registry.close_idle();
        let mut aged_at = self.aged_at.lock();
        if aged_at.is_none_or(|at| at.elapsed() >= AGING) {
            *aged_at = Some(Instant::now());
            drop(aged_at);
            self.age_indices();
        }
    }

    fn is_due(&self, open: &IndexState) -> bool {
        let Rhythm { refresh_after, commit_after, search_idle_after } = self.rhythm;
        let after = if open.is_searched(search_idle_after) { refresh_after } else { commit_after };
        open.waiting() > Duration::ZERO && (open.since_commit() >= after || open.waiting() >= after)
    }

    #[cfg(test)]
    pub(super) fn has_never_aged(&self) -> bool {
        self.aged_at.lock().is_none()
    }

    fn release_log(&self) {
        let settled = self.wal.settled_lsn();
        if let Err(error) = self.wal.release(self.registry.releasable_lsn(settled)) {
            tracing::warn!(%error, "cannot remove old files of the write-ahead log");
        }
    }

    fn commit_all(&self) {
        for_each(&self.shared.workers, self.registry.open_states(), |open| {
            // Logged where it happens; what is not committed stays in the log.
            let _ = open.close_writer();
        });
        self.release_log();
    }

    /// Writes what is waiting, commits everything, refuses what comes.
    pub(super) fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.wal.close();
        self.commit_all();
        self.shared.stop();
    }
}

impl Drop for Engine {
    /// What is not committed is in the log; only the threads must not outlive the store.
    fn drop(&mut self) {
        self.wal.close();
        self.shared.stop();
    }
}

fn share(options: &EmbeddedOptions) -> std::io::Result<Shared> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    Ok(Shared::new(
        Arc::new(Inflight::new(options.inflight_max_bytes)),
        Memory::new(options.indexing_memory_bytes),
        // One more than can compute: some wait for the disk.
        (Workers::start(cores + 1)?, Workers::start(cores.div_ceil(4))?),
        options.redact.clone(),
    ))
}
