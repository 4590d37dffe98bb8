//! The patterns of one dataset.

use super::{
    cluster::{Cluster, Pattern, values},
    id::PatternId,
    skeleton::{Skeleton, shape_of},
};
use event::Timestamp;
use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

/// From so many equal words in a hundred on, a message belongs to a pattern, and the words in which they differ become values.
const ALIKE_PERCENT: u32 = 85;
/// Below, messages have nothing to do with each other.
const RELATED_PERCENT: u32 = 50;
/// So many related messages that differ in nothing but the same words show that these are values.
const SIBLINGS: usize = 5;
/// So many patterns of one shape there are at most: each is compared with a message.
const SHAPE_MAX: usize = 128;

/// Finds the pattern of each message of one dataset, and makes new ones.
///
/// After Drain (He et al., ICWS 2017): messages of one form are compared word by word with the patterns known. Other than
/// there, values are masked first, the form is what stands between the words and not their number alone, and what two short
/// messages differ in becomes a value only when several do: `VM started` and `VM stopped` stay apart, while `login of
/// ann`, `login of ben` and more become one.
#[derive(Debug)]
pub(super) struct Clusterer {
    dataset: Arc<str>,
    clusters_max: usize,
    slots: Vec<Option<Cluster>>,
    free: Vec<usize>,
    /// Places in `slots`, by skeleton and by shape.
    by_skeleton: HashMap<Arc<str>, usize>,
    by_shape: HashMap<Box<str>, Vec<usize>>,
    hasher: RandomState,
    scratch: Scratch,
    messages: u64,
    born: u64,
    /// How many patterns are to be kept anew, and ids of those that are not to be kept any more.
    changed: usize,
    gone: Vec<(PatternId, Arc<str>)>,
}

#[derive(Debug, Default)]
struct Scratch {
    hashes: Vec<u64>,
    shape: String,
    /// Words in which a related pattern differs, its age and place.
    related: Vec<(u64, u64, usize)>,
}

impl Clusterer {
    pub(super) fn new(dataset: Arc<str>, clusters_max: usize) -> Self {
        Self {
            dataset,
            clusters_max: clusters_max.max(1),
            slots: Vec::new(),
            free: Vec::new(),
            by_skeleton: HashMap::new(),
            by_shape: HashMap::new(),
            hasher: RandomState::new(),
            scratch: Scratch::default(),
            messages: 0,
            born: 0,
            changed: 0,
            gone: Vec::new(),
        }
    }

    /// The pattern of a message whose event has that time. Skeletons without words have none.
    pub(super) fn assign(&mut self, skeleton: &Skeleton, at: Timestamp) -> Option<PatternId> {
        if skeleton.tokens.is_empty() {
            return None;
        }
        self.messages += 1;
        let slot = match self.by_skeleton.get(skeleton.text.as_str()) {
            Some(slot) => *slot,
            None => {
                let mut scratch = std::mem::take(&mut self.scratch);
                scratch.read(skeleton, &self.hasher);
                let slot = self
                    .closest(&mut scratch, values(skeleton))
                    .unwrap_or_else(|| self.add(skeleton, &scratch, at));
                self.scratch = scratch;
                slot
            }
        };
        let used = self.messages;
        let cluster = self.slots.get_mut(slot)?.as_mut()?;
        cluster.used = used;
        cluster.see(at);
        Some(cluster.id)
    }

    /// The place of the pattern that a message is of, which is widened for it if need be.
    fn closest(&mut self, message: &mut Scratch, values: u64) -> Option<usize> {
        message.related.clear();
        let mut best = None;
        for &slot in self.by_shape.get(message.shape.as_str())? {
            let Some(cluster) = self.slots.get(slot).and_then(Option::as_ref) else { continue };
            let likeness = cluster.likeness(&message.hashes, values);
            let percent = likeness.percent();
            let rank = (
                likeness.is_full(),
                if likeness.is_full() { likeness.equal } else { percent },
                Reverse(cluster.born),
            );
            if (likeness.is_full() || percent >= ALIKE_PERCENT) && best.is_none_or(|(best, _, _)| rank > best)
            {
                best = Some((rank, slot, likeness.differ));
            }
            if percent >= RELATED_PERCENT {
                message.related.push((likeness.differ, cluster.born, slot));
            }
        }
        if let Some((_, slot, differ)) = best {
            self.widen(slot, differ);
            return Some(slot);
        }
        message.related.sort_unstable_by_key(|(differ, born, _)| (differ.count_ones(), *differ, *born));
        let mut groups = message.related.chunk_by(|(one, ..), (other, ..)| one == other);
        let &(differ, _, oldest) = groups.find(|group| group.len() + 1 >= SIBLINGS)?.first()?;
        self.widen(oldest, differ);
        self.absorb_covered(oldest, &message.shape);
        Some(oldest)
    }

    /// Makes one pattern of this one and of those that it covers now.
    fn absorb_covered(&mut self, slot: usize, shape: &str) {
        let Some(mut wide) = self.slots.get_mut(slot).and_then(Option::take) else { return };
        let covered = |other: &usize| {
            self.slots.get(*other).and_then(Option::as_ref).is_some_and(|other| wide.covers(other))
        };
        let covered: Vec<usize> =
            self.by_shape.get(shape).into_iter().flatten().copied().filter(covered).collect();
        for other in covered {
            if let Some(mut other) = self.remove(other, shape) {
                wide.absorb(&mut other);
            }
        }
        self.slots[slot] = Some(wide);
    }

    fn widen(&mut self, slot: usize, words: u64) {
        if let Some(cluster) = self.slots.get_mut(slot).and_then(Option::as_mut)
            && cluster.widen(words)
            && !std::mem::replace(&mut cluster.changed, true)
        {
            self.changed += 1;
        }
    }

    /// Adds a pattern that a message begins; the one that was not used for longest makes room.
    fn add(&mut self, skeleton: &Skeleton, message: &Scratch, at: Timestamp) -> usize {
        let id = PatternId::new(&self.dataset, &skeleton.text);
        let mut cluster = Cluster::new(id, skeleton, &message.hashes, at);
        cluster.born = self.born;
        cluster.changed = true;
        self.changed += 1;
        self.put(cluster, &message.shape)
    }

    fn put(&mut self, mut cluster: Cluster, shape: &str) -> usize {
        if self.by_shape.get(shape).is_some_and(|slots| slots.len() >= SHAPE_MAX) {
            self.evict(Some(shape));
        } else if self.by_skeleton.len() >= self.clusters_max {
            self.evict(None);
        }
        self.born = self.born.max(cluster.born.saturating_add(1));
        cluster.used = self.messages;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.by_skeleton.insert(Arc::clone(&cluster.skeleton), slot);
        match self.by_shape.get_mut(shape) {
            Some(slots) => slots.push(slot),
            None => {
                self.by_shape.insert(shape.into(), vec![slot]);
            }
        }
        self.slots[slot] = Some(cluster);
        slot
    }

    /// Removes the pattern that was not used for longest, of that shape if one is given.
    fn evict(&mut self, shape: Option<&str>) {
        let used = |slot: &usize| {
            self.slots.get(*slot).and_then(Option::as_ref).map(|cluster| (cluster.used, *slot))
        };
        let oldest = match shape {
            Some(shape) => self.by_shape.get(shape).into_iter().flatten().filter_map(used).min(),
            None => (0..self.slots.len()).filter_map(|slot| used(&slot)).min(),
        };
        let Some((_, slot)) = oldest else { return };
        let shape = match shape {
            Some(shape) => shape.to_owned(),
            None => self.slots.get(slot).and_then(Option::as_ref).map(Cluster::shape).unwrap_or_default(),
        };
        self.remove(slot, &shape);
    }

    fn remove(&mut self, slot: usize, shape: &str) -> Option<Cluster> {
        let cluster = self.slots.get_mut(slot)?.take()?;
        self.by_skeleton.remove(&cluster.skeleton);
        if let Some(slots) = self.by_shape.get_mut(shape) {
            slots.retain(|other| *other != slot);
            if slots.is_empty() {
                self.by_shape.remove(shape);
            }
        }
        self.free.push(slot);
        self.changed -= usize::from(cluster.changed);
        if cluster.was_kept() {
            self.gone.push((cluster.id, Arc::clone(&cluster.skeleton)));
        }
        Some(cluster)
    }

    /// Brings back a pattern as it was kept; damaged ones are left out.
    pub(super) fn restore(&mut self, pattern: Pattern) {
        let Some(skeleton) = Cluster::skeleton_of(&pattern) else { return };
        if self.by_skeleton.contains_key(skeleton.text.as_str()) {
            return;
        }
        let mut scratch = Scratch::default();
        scratch.read(&skeleton, &self.hasher);
        self.messages += 1;
        let cluster = Cluster::restored(pattern, &skeleton, &scratch.hashes);
        self.put(cluster, &scratch.shape);
    }

    /// Adds what changed since it was taken last, until there are so many changes.
    pub(super) fn take_changes(&mut self, limit: usize, changes: &mut Changes) {
        for cluster in self.slots.iter_mut().flatten() {
            if self.changed == 0 || changes.changed.len() >= limit {
                break;
            }
            if cluster.changed {
                self.changed -= 1;
                changes.changed.push(cluster.keep(&self.dataset));
            }
        }
        for (id, skeleton) in std::mem::take(&mut self.gone) {
            let slot = self.by_skeleton.get(&skeleton).copied();
            match slot.and_then(|slot| self.slots.get_mut(slot)).and_then(Option::as_mut) {
                // The same has come again in the meantime: what is kept of it is to be removed when that one goes.
                Some(cluster) => cluster.note_kept(),
                None => changes.gone.push(id),
            }
        }
    }

    /// Adds all that changed, and patterns whose times alone have moved.
    pub(super) fn take_all_changes(&mut self, changes: &mut Changes) {
        self.take_changes(usize::MAX, changes);
        let moved = self.slots.iter_mut().flatten().filter(|cluster| cluster.has_moved());
        changes.changed.extend(moved.map(|cluster| cluster.keep(&self.dataset)));
    }

    /// What is kept of it, or was before it made room: to be removed when the dataset is forgotten.
    pub(super) fn kept(&self) -> impl Iterator<Item = PatternId> {
        let there =
            self.slots.iter().flatten().filter(|cluster| cluster.was_kept()).map(|cluster| cluster.id);
        there.chain(self.gone.iter().map(|(id, _)| *id))
    }

    /// Whether there is something to be kept beside times.
    pub(super) fn has_changed(&self) -> bool {
        self.changed > 0 || !self.gone.is_empty()
    }

    /// Takes changes back that could not be kept.
    pub(super) fn give_back(&mut self, skeleton: &str) {
        let Some(&slot) = self.by_skeleton.get(skeleton) else { return };
        if let Some(cluster) = self.slots.get_mut(slot).and_then(Option::as_mut)
            && !std::mem::replace(&mut cluster.changed, true)
        {
            self.changed += 1;
        }
    }

    /// Whether everything in it agrees, and there are not more than that many patterns.
    #[cfg(test)]
    pub(super) fn is_sound(&self, clusters_max: usize) -> bool {
        let clusters: Vec<_> = self
            .slots
            .iter()
            .enumerate()
            .filter_map(|(slot, cluster)| Some((slot, cluster.as_ref()?)))
            .collect();
        let of_shapes: usize = self.by_shape.values().map(Vec::len).sum();
        let is_found = |&(slot, cluster): &(usize, &Cluster)| {
            self.by_skeleton.get(&cluster.skeleton) == Some(&slot)
                && self.by_shape.get(cluster.shape().as_str()).is_some_and(|slots| slots.contains(&slot))
        };
        clusters.len() <= clusters_max
            && clusters.len() == self.by_skeleton.len()
            && clusters.len() == of_shapes
            && clusters.len() + self.free.len() == self.slots.len()
            && clusters.iter().filter(|(_, cluster)| cluster.changed).count() == self.changed
            && clusters.iter().all(is_found)
    }

    /// The patterns that have one of these ids, in no order.
    pub(super) fn find(&self, ids: &HashSet<PatternId>) -> impl Iterator<Item = Pattern> {
        let wanted = |cluster: &&Cluster| {
            ids.contains(&cluster.id) || cluster.aliases.iter().any(|alias| ids.contains(alias))
        };
        self.slots.iter().flatten().filter(wanted).map(|cluster| cluster.pattern(&self.dataset))
    }

    /// How many patterns there are.
    pub(super) fn count(&self) -> usize {
        self.by_skeleton.len()
    }

    /// All patterns, in no order.
    pub(super) fn patterns(&self) -> impl Iterator<Item = Pattern> {
        self.slots.iter().flatten().map(|cluster| cluster.pattern(&self.dataset))
    }
}

impl Scratch {
    fn read(&mut self, skeleton: &Skeleton, hasher: &RandomState) {
        shape_of(&skeleton.text, &skeleton.tokens, &mut self.shape);
        self.hashes.clear();
        self.hashes.extend(skeleton.tokens.iter().map(|token| hasher.hash_one(token.of(&skeleton.text))));
    }
}

/// What is to be kept of the patterns, and what not any more.
#[derive(Debug, Default, Clone)]
pub struct Changes {
    /// New ones and those that are other than they were kept.
    pub changed: Vec<Pattern>,
    /// Those that made room for others or became one with another.
    pub gone: Vec<PatternId>,
}
