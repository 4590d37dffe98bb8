//! The patterns of all datasets.

use super::{
    cluster::Pattern,
    clusterer::{Changes, Clusterer},
    id::PatternId,
    skeleton::Skeleton,
};
use event::Timestamp;
use parking_lot::{Mutex, RwLock};
use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

thread_local! {
    static SKELETON: RefCell<Skeleton> = RefCell::default();
}

/// How many patterns there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternSettings {
    /// Patterns of a dataset.
    pub per_dataset_max: usize,
    /// Datasets with patterns.
    pub datasets_max: usize,
    /// Values of `event.dataset` whose messages get no pattern.
    pub excluded_datasets: Vec<String>,
}

impl Default for PatternSettings {
    fn default() -> Self {
        Self { per_dataset_max: 1_000, datasets_max: 32, excluded_datasets: Vec::new() }
    }
}

/// The patterns of all datasets. Cheap to share between threads; each dataset has a lock of its own.
#[derive(Debug)]
pub struct Patterns {
    settings: PatternSettings,
    datasets: RwLock<HashMap<Arc<str>, Arc<Dataset>>>,
    /// Counts the messages: the age of datasets.
    messages: AtomicU64,
    /// Counts the changes that must be kept.
    changes: AtomicU64,
    /// Patterns of datasets that made room for others.
    gone: Mutex<Vec<PatternId>>,
}

#[derive(Debug)]
struct Dataset {
    clusterer: Mutex<Clusterer>,
    used: AtomicU64,
}

impl Patterns {
    /// No patterns yet.
    pub fn new(settings: PatternSettings) -> Self {
        Self {
            settings,
            datasets: RwLock::default(),
            messages: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            gone: Mutex::default(),
        }
    }

    /// Patterns as they were kept. Of each dataset and of the datasets those stay that were seen last, if there are more than
    /// allowed.
    pub fn restored(settings: PatternSettings, mut kept: Vec<Pattern>) -> Self {
        kept.sort_by_key(|pattern| (pattern.last_seen, pattern.id));
        let patterns = Self::new(settings);
        for pattern in kept {
            if let Some(dataset) = patterns.dataset(&pattern.dataset) {
                dataset.clusterer.lock().restore(pattern);
            }
        }
        patterns
    }

    /// The pattern of a message, which is a new one if there is none like it. `None` for messages without words and for datasets
    /// that are excluded. `at` is the time of the message's event.
    pub fn assign(&self, dataset: &str, message: &str, at: Timestamp) -> Option<PatternId> {
        let dataset = self.dataset(dataset)?;
        SKELETON.with_borrow_mut(|skeleton| {
            skeleton.read(message);
            let mut clusterer = dataset.clusterer.lock();
            let id = clusterer.assign(skeleton, at);
            if clusterer.has_changed() {
                self.changes.fetch_add(1, Ordering::Release);
            }
            id
        })
    }

    /// The clusterer of a dataset, made if absent; `None` if it is excluded.
    fn dataset(&self, name: &str) -> Option<Arc<Dataset>> {
        let used = self.messages.fetch_add(1, Ordering::Relaxed);
        if let Some(dataset) = self.datasets.read().get(name) {
            dataset.used.store(used, Ordering::Relaxed);
            return Some(Arc::clone(dataset));
        }
        if self.settings.excluded_datasets.iter().any(|excluded| excluded == name) {
            return None;
        }
        let mut datasets = self.datasets.write();
        if !datasets.contains_key(name) && datasets.len() >= self.settings.datasets_max.max(1) {
            self.forget_oldest(&mut datasets);
        }
        let name: Arc<str> = name.into();
        let made = || {
            let clusterer = Clusterer::new(Arc::clone(&name), self.settings.per_dataset_max);
            Arc::new(Dataset { clusterer: Mutex::new(clusterer), used: AtomicU64::new(used) })
        };
        Some(Arc::clone(datasets.entry(Arc::clone(&name)).or_insert_with(made)))
    }

    fn forget_oldest(&self, datasets: &mut HashMap<Arc<str>, Arc<Dataset>>) {
        let used = |dataset: &Arc<Dataset>| dataset.used.load(Ordering::Relaxed);
        let oldest =
            datasets.iter().min_by_key(|(_, dataset)| used(dataset)).map(|(name, _)| Arc::clone(name));
        if let Some(dataset) = oldest.and_then(|oldest| datasets.remove(&oldest)) {
            self.gone.lock().extend(dataset.clusterer.lock().kept());
        }
    }

    /// Counts changes: larger than before if there is something that [`Self::take_changes`] would give.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// What changed since the last call; with `times`, also patterns whose times alone have moved.
    pub fn take_changes(&self, times: bool) -> Changes {
        let mut changes = Changes { changed: Vec::new(), gone: std::mem::take(&mut *self.gone.lock()) };
        for dataset in self.all() {
            dataset.clusterer.lock().take_changes(times, &mut changes);
        }
        changes
    }

    /// Takes changes back that could not be kept.
    pub fn give_back(&self, changes: Changes) {
        for pattern in &changes.changed {
            let dataset = self.datasets.read().get(&pattern.dataset).cloned();
            if let Some(dataset) = dataset {
                dataset.clusterer.lock().give_back(&pattern.skeleton);
            }
        }
        self.gone.lock().extend(changes.gone);
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Those of these patterns that are known, in no order; of one that became one with another, the other, once.
    pub fn find(&self, ids: &HashSet<PatternId>) -> Vec<Pattern> {
        self.all().iter().flat_map(|dataset| dataset.clusterer.lock().find(ids).collect::<Vec<_>>()).collect()
    }

    /// All patterns, in no order.
    pub fn all_patterns(&self) -> Vec<Pattern> {
        self.all()
            .iter()
            .flat_map(|dataset| dataset.clusterer.lock().patterns().collect::<Vec<_>>())
            .collect()
    }

    fn all(&self) -> Vec<Arc<Dataset>> {
        self.datasets.read().values().cloned().collect()
    }
}

/// The first line of a message with wildcards for what looks like a value: the most that can be said of its pattern where the
/// patterns are not at hand.
pub fn skeleton(message: &str) -> String {
    let mut skeleton = Skeleton::default();
    skeleton.read(message);
    skeleton.text
}
