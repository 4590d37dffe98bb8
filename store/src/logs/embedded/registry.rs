//! All indices of an engine: found at start, opened when needed, closed when idle.

use super::{
    index::{Committed, Files, Identity, IndexOptions, IndexState, Shared, index_of, merge_committed},
    mapping::Mapping,
    search,
    snapshot::{IndexSnapshot, SearchLimits},
    wal::{Wal, io_error, sync_directory},
};
use crate::{ErrorKind, StoreError, logs::TimeRange};
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use uuid::Uuid;

/// How long a broken index is left alone before the next attempt to recover it.
const RECOVERY_PAUSE: Duration = Duration::from_secs(2);

/// Bounds on what is kept open.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenLimits {
    /// Indices with threads for writing.
    pub(super) writers_max: usize,
    /// Indices with open files for searching.
    pub(super) readers_max: usize,
}

/// One index, open or not.
pub(super) struct Slot {
    pub(super) identity: Identity,
    files: Files,
    state: Mutex<SlotState>,
    /// When it was last asked for; counts the askings of the registry.
    used: AtomicU64,
    settings: RwLock<Arc<IndexOptions>>,
    /// Whether `@timestamp` is read in the usual formats, so that the span of a search can be compared; known once asked.
    usual_time: OnceLock<bool>,
    /// It has been seen as one segment.
    one_segment: AtomicBool,
    /// Its documents are known to be compressed for good.
    compact: AtomicBool,
    /// Flushes that were asked for.
    flushes: AtomicU64,
    /// The name of a synced flush, and up to where it goes.
    synced: Mutex<Option<(u64, String)>>,
}

struct SlotState {
    open: Option<Arc<IndexState>>,
    /// The log holds entries that memory does not: replay before use.
    must_replay: bool,
    /// No attempt to recover before that.
    retry_at: Option<Instant>,
    /// The disk was full at the last attempt.
    disk_full: bool,
    /// What searches see while it cannot be recovered: its last commit.
    view: Option<IndexSnapshot>,
    /// As of when it was last open.
    committed: Committed,
    documents: u64,
    deleted: bool,
}

/// All indices.
pub(super) struct Registry {
    directory: PathBuf,
    limits: OpenLimits,
    shared: Arc<Shared>,
    slots: RwLock<BTreeMap<String, Arc<Slot>>>,
    /// Serialises creation and removal.
    catalog: Mutex<()>,
    clock: AtomicU64,
}

impl Registry {
    /// Finds the indices in that directory; what a crash left half made or half removed is cleared away.
    pub(super) fn open(
        directory: &Path,
        limits: OpenLimits,
        shared: Arc<Shared>,
    ) -> Result<Self, StoreError> {
        let failed = |error| io_error(&format!("read \"{}\"", directory.display()), error);
        fs::create_dir_all(directory).map_err(failed)?;
        let mut slots = BTreeMap::new();
        for entry in fs::read_dir(directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let files = Files { directory: path.clone() };
            if !path.join("index.json").exists() {
                tracing::warn!(directory = %path.display(), "removing an index that was not completed or not wholly removed");
                fs::remove_dir_all(&path).map_err(failed)?;
                continue;
            }
            match Slot::find(files) {
                Ok(slot) => drop(slots.insert(slot.identity.name.clone(), Arc::new(slot))),
                // One damaged index must not keep the others from starting.
                Err(error) => tracing::error!(directory = %path.display(), %error, "index cannot be opened"),
            }
        }
        Ok(Self {
            directory: directory.to_owned(),
            limits,
            shared,
            slots: RwLock::new(slots),
            catalog: Mutex::new(()),
            clock: AtomicU64::new(0),
        })
    }

    /// The largest entry of the log that any index has committed.
    pub(super) fn committed_lsn(&self) -> u64 {
        self.all().iter().map(|slot| slot.committed().lsn).max().unwrap_or(0)
    }

    /// All indices, by name.
    pub(super) fn all(&self) -> Vec<Arc<Slot>> {
        self.slots.read().values().cloned().collect()
    }

    /// The index of that name.
    pub(super) fn get(&self, name: &str) -> Option<Arc<Slot>> {
        self.slots.read().get(name).cloned()
    }

    fn by_uuid(&self, uuid: Uuid) -> Option<Arc<Slot>> {
        self.slots.read().values().find(|slot| slot.identity.uuid == uuid).cloned()
    }

    /// The index of that name, made as `plan` says if there is none, and whether it was. The name has been checked.
    pub(super) fn get_or_create(
        &self,
        name: &str,
        now_ms: i64,
        plan: impl FnOnce() -> Result<(Mapping, IndexOptions), StoreError>,
    ) -> Result<(Arc<Slot>, bool), StoreError> {
        if let Some(slot) = self.get(name) {
            return Ok((slot, false));
        }
        let _catalog = self.catalog.lock();
        if let Some(slot) = self.get(name) {
            return Ok((slot, false));
        }
        let (mapping, settings) = plan()?;
        let uuid = Uuid::new_v4();
        let identity = Identity { name: name.to_owned(), uuid, created_at_ms: now_ms, generations: 1 };
        let files = Files { directory: self.directory.join(uuid.simple().to_string()) };
        IndexState::create(&files, &identity, &mapping, &settings)?;
        let slot = Arc::new(Slot::find(files)?);
        self.slots.write().insert(name.to_owned(), slot.clone());
        Ok((slot, true))
    }

    /// Runs that while no index can be made or removed.
    pub(super) fn exclusively<T>(&self, work: impl FnOnce() -> T) -> T {
        let _catalog = self.catalog.lock();
        work()
    }

    /// Removes an index with all its files; whether there was one.
    pub(super) fn delete(&self, name: &str, wal: &Wal) -> Result<bool, StoreError> {
        let _catalog = self.catalog.lock();
        let Some(slot) = self.get(name) else { return Ok(false) };
        let failed = |error| io_error(&format!("remove index \"{name}\""), error);
        let directory = &slot.files.directory;
        // Without this file it is no index any more, whatever else a crash leaves of it.
        fs::remove_file(directory.join("index.json")).map_err(failed)?;
        sync_directory(directory).map_err(failed)?;
        self.slots.write().remove(name);
        let mut state = slot.state.lock();
        state.deleted = true;
        if let Some(open) = state.open.take() {
            open.abandon();
            wal.settle();
        }
        drop(state);
        fs::remove_dir_all(directory).map_err(failed)?;
        Ok(true)
    }

    /// Opens an index, recovering it from the log if it must be.
    pub(super) fn state(&self, slot: &Slot, wal: &Wal) -> Result<Arc<IndexState>, StoreError> {
        slot.used.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        let mut state = slot.state.lock();
        if state.deleted {
            return Err(StoreError::new(
                ErrorKind::NotFound,
                format!("no such index [{}]", slot.identity.name),
            )
            .with_code("index_not_found_exception"));
        }
        if let Some(open) = state.open.as_ref().filter(|open| !open.is_dead()) {
            return Ok(open.clone());
        }
        if let Some(dead) = state.open.take() {
            dead.abandon();
            state.view = Some(dead.snapshot());
            state.must_replay = true;
        }
        if state.must_replay {
            self.recover(slot, &mut state, wal)
        } else {
            self.open_clean(slot, &mut state)
        }
    }

    fn open_clean(&self, slot: &Slot, state: &mut SlotState) -> Result<Arc<IndexState>, StoreError> {
        let open = Arc::new(IndexState::open(slot.files.clone(), self.shared.clone())?);
        state.open = Some(open.clone());
        Ok(open)
    }

    fn recover(&self, slot: &Slot, state: &mut SlotState, wal: &Wal) -> Result<Arc<IndexState>, StoreError> {
        let name = &slot.identity.name;
        if state.retry_at.is_some_and(|at| Instant::now() < at) {
            let (kind, why) = match state.disk_full {
                true => (ErrorKind::Full, "waits for space on the disk"),
                false => (ErrorKind::Unavailable, "is being recovered"),
            };
            return Err(StoreError::new(kind, format!("index \"{name}\" {why}")).retry_after(RECOVERY_PAUSE));
        }
        state.retry_at = Some(Instant::now() + RECOVERY_PAUSE);
        // What was submitted before is now in the log or has failed.
        wal.settle();
        let open = self.open_clean(slot, state);
        state.open = None;
        let open = open.inspect_err(|error| state.disk_full = error.kind == ErrorKind::Full)?;
        state.view = Some(open.snapshot());
        let mut result = Ok(());
        wal.replay(open.visible().committed.lsn, &mut |lsn, entry| {
            if result.is_ok() && index_of(&entry) == Some(slot.identity.uuid) {
                result = open.replay(lsn, &entry);
            }
        })
        .map_err(|error| io_error("read the write-ahead log", error))
        .and(result)
        .and_then(|()| open.commit().map(|_| ()))
        .inspect_err(|error| {
            state.disk_full = error.kind == ErrorKind::Full;
            open.abandon();
        })?;
        tracing::info!(index = %name, "index recovered from the write-ahead log");
        state.must_replay = false;
        state.retry_at = None;
        state.view = None;
        state.open = Some(open.clone());
        Ok(open)
    }

    /// At start: applies an entry of the log to its index, unless a commit contains it.
    pub(super) fn replay(&self, lsn: u64, entry: &Bytes) {
        // An index that was removed has no use for it.
        let Some(slot) = index_of(entry).and_then(|uuid| self.by_uuid(uuid)) else { return };
        let mut state = slot.state.lock();
        if state.must_replay || lsn <= state.committed.lsn {
            return;
        }
        let open = match state.open.clone() {
            Some(open) => Ok(open),
            None => self.open_clean(&slot, &mut state),
        };
        if let Err(error) = open.and_then(|open| open.replay(lsn, entry)) {
            tracing::error!(index = %slot.identity.name, %error, cause = ?error.source, "index cannot be recovered yet");
            if let Some(open) = state.open.take() {
                open.abandon();
                state.view = Some(open.snapshot());
            }
            state.must_replay = true;
        }
        drop(state);
        self.make_room();
        self.limit_writers();
    }

    /// The indices that are open.
    pub(super) fn open_states(&self) -> Vec<Arc<IndexState>> {
        self.slots.read().values().filter_map(|slot| slot.open_state()).collect()
    }

    /// What holds most that is not committed comes first. Indices that are being opened are left out: nobody should wait
    /// for them here.
    fn by_uncommitted_bytes(&self) -> Vec<(usize, Arc<IndexState>)> {
        let slots = self.slots.read();
        let open = slots.values().filter_map(|slot| slot.state.try_lock()?.open.clone());
        let mut holding: Vec<_> =
            open.map(|open| (open.uncommitted_bytes(), open)).filter(|(bytes, _)| *bytes > 0).collect();
        holding.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        holding
    }

    /// Has as much committed as is in memory beyond the budget, the largest first.
    pub(super) fn schedule_commits(&self) {
        let mut excess = self.shared.memory.excess_bytes();
        if excess == 0 {
            return;
        }
        for (bytes, open) in self.by_uncommitted_bytes() {
            open.schedule_commit();
            excess = excess.saturating_sub(bytes);
            if excess == 0 {
                return;
            }
        }
    }

    /// Where memory is exhausted: commits the largest, on this thread, until it is no more. To be called by whoever is about
    /// to add to it, while no index is locked.
    pub(super) fn make_room(&self) {
        if !self.shared.memory.is_exhausted() {
            return;
        }
        for (_, open) in self.by_uncommitted_bytes() {
            // The failure is logged; the index is recovered by the next round.
            if let Ok(true) = open.commit() {
                open.schedule_merge();
            }
            if !self.shared.memory.is_exhausted() {
                return;
            }
        }
    }

    /// Commits and closes the writers that have been idle longest, beyond the limit.
    pub(super) fn limit_writers(&self) {
        let mut writing = self.open_states();
        writing.retain(|open| open.has_writer());
        if writing.len() <= self.limits.writers_max {
            return;
        }
        writing.sort_by_key(|open| std::cmp::Reverse(open.idle()));
        let excess = writing.len() - self.limits.writers_max;
        for open in writing.into_iter().take(excess) {
            if let Err(error) = open.close_writer() {
                tracing::warn!(index = %open.name, %error, "cannot close the writer of an idle index");
            }
        }
    }

    /// Closes what has not been used for longest, beyond the limit.
    pub(super) fn limit_readers(&self) {
        let mut open: Vec<_> =
            self.all().into_iter().filter(|slot| slot.state.lock().open.is_some()).collect();
        if open.len() <= self.limits.readers_max {
            return;
        }
        open.sort_by_key(|slot| slot.used.load(Ordering::Relaxed));
        let excess = open.len() - self.limits.readers_max;
        open.iter().take(excess).for_each(|slot| slot.close_if_clean());
    }

    /// The entry of the log up to which every index has committed all that is for it; `settled`: what is known to be
    /// in the log.
    pub(super) fn releasable_lsn(&self, settled: u64) -> u64 {
        self.all().iter().filter_map(|slot| slot.uncommitted_above()).min().unwrap_or(settled).min(settled)
    }
}

impl Slot {
    fn find(files: Files) -> Result<Self, StoreError> {
        let identity = files.read_identity()?;
        let settings = RwLock::new(Arc::new(files.read_state()?));
        let generations = (0..identity.generations)
            .map(|number| files.summarise_generation(number))
            .collect::<Result<Vec<_>, _>>()?;
        let state = SlotState {
            open: None,
            must_replay: false,
            retry_at: None,
            disk_full: false,
            view: None,
            committed: merge_committed(generations.iter().map(|generation| generation.committed)),
            documents: generations.iter().map(|generation| generation.documents).sum(),
            deleted: false,
        };
        Ok(Self {
            identity,
            files,
            state: Mutex::new(state),
            used: AtomicU64::new(0),
            settings,
            usual_time: OnceLock::new(),
            one_segment: AtomicBool::new(false),
            compact: AtomicBool::new(false),
            flushes: AtomicU64::new(0),
            synced: Mutex::new(None),
        })
    }

    /// What is set for it.
    pub(super) fn settings(&self) -> Arc<IndexOptions> {
        self.settings.read().clone()
    }

    /// Changes what is set for it; on disk at return.
    pub(super) fn change_settings(
        &self,
        change: impl FnOnce(&mut IndexOptions) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut settings = self.settings.write();
        let mut changed = (**settings).clone();
        change(&mut changed)?;
        self.files.write_state(&changed)?;
        *settings = Arc::new(changed);
        Ok(())
    }

    /// Whether writes become visible by themselves (`index.refresh_interval` is not -1).
    pub(super) fn refreshes(&self) -> bool {
        self.settings.read().settings.text("index.refresh_interval").is_none_or(|text| !text.starts_with('-'))
    }

    /// The index, if it is open.
    pub(super) fn open_state(&self) -> Option<Arc<IndexState>> {
        self.state.lock().open.clone()
    }

    /// What its last commit holds, while it waits to be recovered.
    pub(super) fn view(&self) -> Option<IndexSnapshot> {
        self.state.lock().view.clone()
    }

    /// What its last commit says.
    pub(super) fn committed(&self) -> Committed {
        let state = self.state.lock();
        state.open.as_ref().map_or(state.committed, |open| open.visible().committed)
    }

    /// Notes that everything was committed because somebody asked for it.
    pub(super) fn note_flush(&self, synced: bool) {
        self.flushes.fetch_add(1, Ordering::Relaxed);
        if synced && self.sync_id().is_none() {
            *self.synced.lock() = Some((self.committed().next_seq_no, Uuid::new_v4().simple().to_string()));
        }
    }

    /// Flushes that were asked for since the start.
    pub(super) fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Relaxed)
    }

    /// The name of the synced flush that holds everything.
    pub(super) fn sync_id(&self) -> Option<String> {
        let synced = self.synced.lock();
        let (up_to, id) = synced.as_ref()?;
        (*up_to == self.committed().next_seq_no).then(|| id.clone())
    }

    /// Documents that a search would see.
    pub(super) fn documents(&self) -> u64 {
        let state = self.state.lock();
        state.open.as_ref().map_or(state.documents, |open| open.visible().documents())
    }

    /// Space on disk.
    pub(super) fn size_bytes(&self) -> u64 {
        self.files.size_bytes()
    }

    /// Its mapping, without opening it.
    pub(super) fn mapping(&self) -> Result<Arc<Mapping>, StoreError> {
        match self.open_state() {
            Some(open) => Ok(open.router().mapping.clone()),
            None => self.files.read_mapping().map(Arc::new),
        }
    }

    /// What a search of that span sees of it without opening it: nothing. `None`: it is open, or must be.
    pub(super) fn outside_of(&self, span: TimeRange) -> Option<IndexSnapshot> {
        let range = {
            let state = self.state.lock();
            if state.open.is_some() || state.must_replay || state.deleted {
                return None;
            }
            state.committed.range
        };
        if search::overlaps(span, range) || !self.has_usual_time() {
            return None;
        }
        let name = Arc::from(self.identity.name.as_str());
        Some(IndexSnapshot {
            name,
            mapping: Arc::default(),
            generations: Vec::new(),
            range,
            filter: None,
            limits: SearchLimits::default(),
        })
    }

    /// Whether its span tells what it can hold ([`Mapping::has_usual_time`]).
    pub(super) fn has_usual_time(&self) -> bool {
        *self.usual_time.get_or_init(|| self.mapping().is_ok_and(|mapping| mapping.has_usual_time()))
    }

    /// Whether it has been merged into one segment. Asks the disk only until that is so; late writes don't count.
    pub(super) fn is_one_segment(&self) -> bool {
        if self.one_segment.load(Ordering::Relaxed) {
            return true;
        }
        let segments =
            |number| self.files.summarise_generation(number).map_or(usize::MAX, |found| found.segments);
        let generations = self.files.read_identity().map_or(1, |identity| identity.generations);
        let is_one = (0..generations).all(|number| segments(number) <= 1);
        self.one_segment.store(is_one, Ordering::Relaxed);
        is_one
    }

    /// Whether it has been merged into one segment and that compressed for good. Asks the disk as
    /// [`Self::is_one_segment`] does.
    pub(super) fn is_compact(&self) -> bool {
        if self.compact.load(Ordering::Relaxed) {
            return true;
        }
        let generations = || self.files.read_identity().map_or(1, |identity| identity.generations);
        let is_compact = self.is_one_segment() && self.files.is_compact(generations());
        self.compact.store(is_compact, Ordering::Relaxed);
        if is_compact {
            // The files that were replaced go when nobody has them open.
            self.close_if_clean();
        }
        is_compact
    }

    /// Whether it waits to be recovered.
    pub(super) fn is_broken(&self) -> bool {
        let state = self.state.lock();
        state.must_replay || state.open.as_ref().is_some_and(|open| open.is_dead())
    }

    fn uncommitted_above(&self) -> Option<u64> {
        let state = self.state.lock();
        match &state.open {
            _ if state.deleted => None,
            Some(open) if open.is_dead() => Some(open.visible().committed.lsn),
            Some(open) => open.uncommitted_above(),
            None => state.must_replay.then_some(state.committed.lsn),
        }
    }

    fn close_if_clean(&self) {
        let mut state = self.state.lock();
        let closable = |open: &Arc<IndexState>| {
            Arc::strong_count(open) == 1
                && !open.is_dead()
                && open.uncommitted_above().is_none()
                && !open.is_merging()
        };
        if let Some(open) = state.open.take_if(|open| closable(open)) {
            state.committed = open.visible().committed;
            state.documents = open.visible().documents();
        }
    }
}
