//! All indices of an engine: found at start, opened when needed, closed when idle.

mod limits;
mod slot;
#[cfg(test)]
mod tests;

pub(super) use limits::OpenLimits;
pub(super) use slot::Slot;

use super::{
    index::{Files, Identity, IndexOptions, IndexState, Shared, index_of},
    mapping::Mapping,
    wal::{Wal, io_error, sync_directory},
};
use crate::{ErrorKind, StoreError};
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use slot::SlotState;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use uuid::Uuid;

/// How long a broken index is left alone before the next attempt to recover it.
const RECOVERY_PAUSE: Duration = Duration::from_secs(2);

/// All indices.
pub(super) struct Registry {
    directory: PathBuf,
    limits: OpenLimits,
    shared: Arc<Shared>,
    slots: RwLock<BTreeMap<String, Arc<Slot>>>,
    /// Serialises creation and removal.
    catalog: Mutex<()>,
    opened: Instant,
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
            opened: Instant::now(),
        })
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
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
        slot.used_ms.store(self.now_ms(), Ordering::Relaxed);
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

    /// The entry of the log up to which every index has committed all that is for it; `settled`: what is known to be
    /// in the log.
    pub(super) fn releasable_lsn(&self, settled: u64) -> u64 {
        self.all().iter().filter_map(|slot| slot.uncommitted_above()).min().unwrap_or(settled).min(settled)
    }
}
