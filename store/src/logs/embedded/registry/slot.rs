//! One index as the registry knows it, open or not.

use crate::{
    StoreError,
    logs::{
        TimeRange,
        embedded::{
            index::{Committed, Files, Identity, IndexOptions, IndexState, merge_committed},
            mapping::Mapping,
            search,
            snapshot::{IndexSnapshot, SearchLimits},
        },
    },
};
use parking_lot::{Mutex, RwLock};
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};
use uuid::Uuid;

/// One index, open or not.
pub(in crate::logs::embedded) struct Slot {
    pub(in crate::logs::embedded) identity: Identity,
    pub(super) files: Files,
    pub(super) state: Mutex<SlotState>,
    /// When it was last asked for, in milliseconds since the registry was opened.
    pub(super) used_ms: AtomicU64,
    settings: RwLock<Arc<IndexOptions>>,
    /// Whether `@timestamp` is read in the usual formats, so that the span of a search can be compared; known once asked.
    usual_time: OnceLock<bool>,
    /// It has been seen as one segment.
    one_segment: AtomicBool,
    /// Its documents are known to be compressed for good.
    compact: AtomicBool,
    /// How often it was to be merged or compressed for its age.
    pub(in crate::logs::embedded) tidied: AtomicU64,
    /// Flushes that were asked for.
    flushes: AtomicU64,
    /// The name of a synced flush, and up to where it goes.
    synced: Mutex<Option<(u64, String)>>,
}

pub(super) struct SlotState {
    pub(super) open: Option<Arc<IndexState>>,
    /// The log holds entries that memory does not: replay before use.
    pub(super) must_replay: bool,
    /// No attempt to recover before that.
    pub(super) retry_at: Option<Instant>,
    /// The disk was full at the last attempt.
    pub(super) disk_full: bool,
    /// What searches see while it cannot be recovered: its last commit.
    pub(super) view: Option<IndexSnapshot>,
    /// As of when it was last open.
    pub(super) committed: Committed,
    pub(super) documents: u64,
    pub(super) deleted: bool,
}

impl Slot {
    pub(super) fn find(files: Files) -> Result<Self, StoreError> {
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
            used_ms: AtomicU64::new(0),
            settings,
            usual_time: OnceLock::new(),
            one_segment: AtomicBool::new(false),
            compact: AtomicBool::new(false),
            tidied: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
            synced: Mutex::new(None),
        })
    }

    /// What is set for it.
    pub(in crate::logs::embedded) fn settings(&self) -> Arc<IndexOptions> {
        self.settings.read().clone()
    }

    /// Changes what is set for it; on disk at return.
    pub(in crate::logs::embedded) fn change_settings(
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
    pub(in crate::logs::embedded) fn refreshes(&self) -> bool {
        self.settings.read().settings.text("index.refresh_interval").is_none_or(|text| !text.starts_with('-'))
    }

    /// The index, if it is open.
    pub(in crate::logs::embedded) fn open_state(&self) -> Option<Arc<IndexState>> {
        self.state.lock().open.clone()
    }

    /// What its last commit holds, while it waits to be recovered.
    pub(in crate::logs::embedded) fn view(&self) -> Option<IndexSnapshot> {
        self.state.lock().view.clone()
    }

    /// What its last commit says.
    pub(in crate::logs::embedded) fn committed(&self) -> Committed {
        let state = self.state.lock();
        state.open.as_ref().map_or(state.committed, |open| open.visible().committed)
    }

    /// Notes that everything was committed because somebody asked for it.
    pub(in crate::logs::embedded) fn note_flush(&self, synced: bool) {
        self.flushes.fetch_add(1, Ordering::Relaxed);
        if synced && self.sync_id().is_none() {
            *self.synced.lock() = Some((self.committed().next_seq_no, Uuid::new_v4().simple().to_string()));
        }
    }

    /// Flushes that were asked for since the start.
    pub(in crate::logs::embedded) fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Relaxed)
    }

    /// The name of the synced flush that holds everything.
    pub(in crate::logs::embedded) fn sync_id(&self) -> Option<String> {
        let synced = self.synced.lock();
        let (up_to, id) = synced.as_ref()?;
        (*up_to == self.committed().next_seq_no).then(|| id.clone())
    }

    /// Documents that a search would see.
    pub(in crate::logs::embedded) fn documents(&self) -> u64 {
        let state = self.state.lock();
        state.open.as_ref().map_or(state.documents, |open| open.visible().documents())
    }

    /// Space on disk.
    pub(in crate::logs::embedded) fn size_bytes(&self) -> u64 {
        self.files.size_bytes()
    }

    /// Its mapping, without opening it.
    pub(in crate::logs::embedded) fn mapping(&self) -> Result<Arc<Mapping>, StoreError> {
        match self.open_state() {
            Some(open) => Ok(open.router().mapping.clone()),
            None => self.files.read_mapping().map(Arc::new),
        }
    }

    /// What a search of that span sees of it without opening it: nothing. `None`: it is open, or must be.
    pub(in crate::logs::embedded) fn outside_of(&self, span: TimeRange) -> Option<IndexSnapshot> {
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
    pub(in crate::logs::embedded) fn has_usual_time(&self) -> bool {
        *self.usual_time.get_or_init(|| self.mapping().is_ok_and(|mapping| mapping.has_usual_time()))
    }

    /// Whether it has been merged into one segment. Asks the disk only until that is so; late writes don't count.
    pub(in crate::logs::embedded) fn is_one_segment(&self) -> bool {
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
    pub(in crate::logs::embedded) fn is_compact(&self) -> bool {
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
    pub(in crate::logs::embedded) fn is_broken(&self) -> bool {
        let state = self.state.lock();
        state.must_replay || state.open.as_ref().is_some_and(|open| open.is_dead())
    }

    pub(super) fn uncommitted_above(&self) -> Option<u64> {
        let state = self.state.lock();
        match &state.open {
            _ if state.deleted => None,
            Some(open) if open.is_dead() => Some(open.visible().committed.lsn),
            Some(open) => open.uncommitted_above(),
            None => state.must_replay.then_some(state.committed.lsn),
        }
    }

    /// Closes it if nothing is lost and nobody disturbed by that; whether it did.
    pub(super) fn close_if_clean(&self) -> bool {
        let mut state = self.state.lock();
        let closable = |open: &Arc<IndexState>| {
            Arc::strong_count(open) == 1
                && !open.is_dead()
                && open.uncommitted_above().is_none()
                && !open.is_merging()
        };
        let Some(open) = state.open.take_if(|open| closable(open)) else { return false };
        state.committed = open.visible().committed;
        state.documents = open.visible().documents();
        true
    }
}
