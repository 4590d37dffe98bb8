//! The patterns of all datasets.

use super::{
    candidates::{Candidates, Verdict},
    cluster::Pattern,
    clusterer::{Changes, Clusterer},
    id::PatternId,
    skeleton::Skeleton,
};
use event::Timestamp;
use parking_lot::{Mutex, RwLock};
use std::{
    cell::RefCell,
    cmp::Reverse,
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// As many messages a dataset counts for that was kept: it has its place before others send much more.
const KEPT_MESSAGES: u64 = 1_024;

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
    /// Those without a place.
    candidates: Mutex<Candidates>,
    /// Counts the changes that must be kept.
    changes: AtomicU64,
    /// Patterns of datasets that made room for others.
    gone: Mutex<Vec<PatternId>>,
}

#[derive(Debug)]
struct Dataset {
    clusterer: Mutex<Clusterer>,
    /// Messages that it had, older ones counted less.
    messages: AtomicU64,
}

impl Patterns {
    /// No patterns yet.
    pub fn new(settings: PatternSettings) -> Self {
        Self {
            settings,
            datasets: RwLock::default(),
            candidates: Mutex::default(),
            changes: AtomicU64::new(0),
            gone: Mutex::default(),
        }
    }

    /// Patterns as they were kept. If there are more than allowed, those of each dataset stay that were seen last, and the
    /// datasets that have most.
    pub fn restored(settings: PatternSettings, mut kept: Vec<Pattern>) -> Self {
        kept.sort_by_key(|pattern| (pattern.last_seen, pattern.id));
        let mut sizes: HashMap<Arc<str>, usize> = HashMap::new();
        kept.iter().for_each(|pattern| *sizes.entry(Arc::clone(&pattern.dataset)).or_default() += 1);
        let mut largest: Vec<_> = sizes.into_iter().collect();
        largest.sort_unstable_by(|(one, size), (other, other_size)| {
            (Reverse(size), one).cmp(&(Reverse(other_size), other))
        });
        let patterns = Self::new(settings);
        {
            let mut datasets = patterns.datasets.write();
            let allowed = largest.into_iter().filter(|(name, _)| !patterns.excludes(name));
            for (name, _) in allowed.take(patterns.datasets_max()) {
                datasets.insert(Arc::clone(&name), patterns.made(name, KEPT_MESSAGES));
            }
            for pattern in kept {
                match datasets.get(&pattern.dataset) {
                    Some(dataset) => dataset.clusterer.lock().restore(pattern),
                    None => patterns.gone.lock().push(pattern.id),
                }
            }
        }
        patterns
    }

    /// The pattern of a message, which is a new one if there is none like it. `None` for messages without words and for datasets
    /// that are excluded. `at` is the time of the message's event. Of a dataset for which there is no place, the skeleton of the
    /// message is the pattern, which nobody has to remember.
    pub fn assign(&self, dataset: &str, message: &str, at: Timestamp) -> Option<PatternId> {
        let name = dataset;
        let dataset = self.dataset(name);
        if dataset.is_none() && self.excludes(name) {
            return None;
        }
        SKELETON.with_borrow_mut(|skeleton| {
            skeleton.read(message);
            let Some(dataset) = dataset else {
                return (!skeleton.tokens.is_empty()).then(|| PatternId::new(name, &skeleton.text));
            };
            let mut clusterer = dataset.clusterer.lock();
            let id = clusterer.assign(skeleton, at);
            if clusterer.has_changed() {
                self.changes.fetch_add(1, Ordering::Release);
            }
            id
        })
    }

    fn excludes(&self, dataset: &str) -> bool {
        self.settings.excluded_datasets.iter().any(|excluded| excluded == dataset)
    }

    fn datasets_max(&self) -> usize {
        self.settings.datasets_max.max(1)
    }

    fn made(&self, name: Arc<str>, messages: u64) -> Arc<Dataset> {
        let clusterer = Clusterer::new(name, self.settings.per_dataset_max);
        Arc::new(Dataset { clusterer: Mutex::new(clusterer), messages: AtomicU64::new(messages) })
    }

    /// The dataset of that name, made if absent; `None` if it is excluded, or if there is no place for it.
    fn dataset(&self, name: &str) -> Option<Arc<Dataset>> {
        if let Some(dataset) = self.datasets.read().get(name) {
            dataset.messages.fetch_add(1, Ordering::Relaxed);
            return Some(Arc::clone(dataset));
        }
        if self.excludes(name) {
            return None;
        }
        // Places do not become free again.
        let is_full = self.datasets.read().len() >= self.datasets_max();
        let messages = if is_full { self.admit(name)? } else { 1 };
        let mut datasets = self.datasets.write();
        if !datasets.contains_key(name) && datasets.len() >= self.datasets_max() {
            if !is_full {
                // Others were faster.
                return None;
            }
            self.forget_smallest(&mut datasets);
        }
        let name: Arc<str> = name.into();
        let made = || self.made(Arc::clone(&name), messages);
        Some(Arc::clone(datasets.entry(Arc::clone(&name)).or_insert_with(made)))
    }

    /// Whether a dataset may take the place of another, with the messages that it had: names of datasets come from outside, and a
    /// flood of them must not make the patterns of the others go.
    fn admit(&self, name: &str) -> Option<u64> {
        let counts = || self.all().into_iter().map(|dataset| dataset.messages.load(Ordering::Relaxed));
        match self.candidates.lock().count(name, || counts().min().unwrap_or_default()) {
            Verdict::Admit(messages) => Some(messages),
            Verdict::Wait => None,
            Verdict::Halve => {
                // Messages that come in between may be lost from the counts.
                self.all().iter().for_each(|dataset| {
                    dataset.messages.store(dataset.messages.load(Ordering::Relaxed) / 2, Ordering::Relaxed);
                });
                None
            }
        }
    }

    /// Forgets the dataset that had fewest messages.
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
