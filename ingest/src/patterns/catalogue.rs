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
    /// Counts the changes that must be kept.
    changes: AtomicU64,
    /// Patterns of datasets that made room for others.
    gone: Mutex<Vec<PatternId>>,
}

#[derive(Debug)]
struct Dataset {
    clusterer: Mutex<Clusterer>,
    /// Messages that it had.
    messages: AtomicU64,
}

impl Patterns {
    /// No patterns yet.
    pub fn new(settings: PatternSettings) -> Self {
        Self { settings, datasets: RwLock::default(), changes: AtomicU64::new(0), gone: Mutex::default() }
    }

    /// Patterns as they were kept. If there are more than allowed, those of each dataset stay that were seen last, and the
    /// datasets that have most.
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
        if let Some(dataset) = self.datasets.read().get(name) {
            dataset.messages.fetch_add(1, Ordering::Relaxed);
            return Some(Arc::clone(dataset));
        }
        if self.settings.excluded_datasets.iter().any(|excluded| excluded == name) {
            return None;
        }
        let mut datasets = self.datasets.write();
        if !datasets.contains_key(name) && datasets.len() >= self.settings.datasets_max.max(1) {
            self.forget_smallest(&mut datasets);
        }
        let name: Arc<str> = name.into();
        let made = || {
            let clusterer = Clusterer::new(Arc::clone(&name), self.settings.per_dataset_max);
            Arc::new(Dataset { clusterer: Mutex::new(clusterer), messages: AtomicU64::new(1) })
        };
        Some(Arc::clone(datasets.entry(Arc::clone(&name)).or_insert_with(made)))
    }

    /// Forgets the dataset that had fewest messages: names of datasets come from outside, and a flood of them must not make the
    /// patterns of the others go.
    fn forget_smallest(&self, datasets: &mut HashMap<Arc<str>, Arc<Dataset>>) {
        let size = |(name, dataset): &(&Arc<str>, &Arc<Dataset>)| {
            (dataset.messages.load(Ordering::Relaxed), Arc::clone(name))
        };
        let smallest = datasets.iter().min_by_key(size).map(|(name, _)| Arc::clone(name));
        if let Some(dataset) = smallest.and_then(|smallest| datasets.remove(&smallest)) {
            self.gone.lock().extend(dataset.clusterer.lock().kept());
        }
    }

    /// Counts changes: larger than before if there is something that [`Self::take_changes`] would give.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// At most so many patterns that changed since they were taken last, and all that are gone.
    pub fn take_changes(&self, limit: usize) -> Changes {
        let mut changes = Changes { changed: Vec::new(), gone: std::mem::take(&mut *self.gone.lock()) };
        for dataset in self.all() {
            dataset.clusterer.lock().take_changes(limit, &mut changes);
        }
        changes
    }

    /// All that changed, and patterns whose times alone have moved.
    pub fn take_all_changes(&self) -> Changes {
        let mut changes = Changes { changed: Vec::new(), gone: std::mem::take(&mut *self.gone.lock()) };
        for dataset in self.all() {
            dataset.clusterer.lock().take_all_changes(&mut changes);
        }
        changes
    }

    /// Whether there is something that [`Self::take_changes`] would give.
    pub(super) fn has_changed(&self) -> bool {
        !self.gone.lock().is_empty()
            || self.all().iter().any(|dataset| dataset.clusterer.lock().has_changed())
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

    /// How many patterns there are.
    pub(super) fn count(&self) -> usize {
        self.all().iter().map(|dataset| dataset.clusterer.lock().count()).sum()
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
