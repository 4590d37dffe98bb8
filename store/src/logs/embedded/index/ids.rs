//! Which ids an index surely does not have: spares the look-up in every segment for each new document.
//!
//! Source: Bloom 1970, Communications of the ACM 13, 422-426; two hashes for all probes as in Kirsch and Mitzenmacher
//! 2006. A filter that is full gets a larger one beside it.

use std::hash::{BuildHasher, RandomState};

/// Ids that the first layer holds; each further layer holds twice as many as the one before.
const FIRST_CAPACITY: usize = 1 << 12;
/// Bits per id: with seven probes about 1 in 120 new ids is looked up in vain.
const BITS_PER_ID: usize = 10;
const PROBES: u64 = 7;

/// The ids of an index, approximately: may take a new id for a known one, never a known one for new.
#[derive(Debug)]
pub(super) struct IdFilter {
    hasher: RandomState,
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    bits: Vec<u64>,
    free: usize,
}

impl IdFilter {
    /// A filter in which that many ids find room at once.
    pub(super) fn with_room_for(ids: usize) -> Self {
        Self { hasher: RandomState::new(), layers: vec![Layer::new(ids.max(FIRST_CAPACITY))] }
    }

    /// Adds an id.
    pub(super) fn insert(&mut self, id: &[u8]) {
        let hash = self.hasher.hash_one(id);
        if self.layers.last().is_none_or(|layer| layer.free == 0) {
            let ids =
                self.layers.last().map_or(FIRST_CAPACITY, |layer| layer.bits.len() * 64 / BITS_PER_ID * 2);
            self.layers.push(Layer::new(ids));
        }
        if let Some(layer) = self.layers.last_mut() {
            layer.insert(hash);
        }
    }

    /// Whether the id may have been added; `false` is certain.
    pub(super) fn may_contain(&self, id: &[u8]) -> bool {
        let hash = self.hasher.hash_one(id);
        self.layers.iter().any(|layer| layer.probes(hash).all(|(word, bit)| layer.bits[word] & bit != 0))
    }
}

impl Layer {
    fn new(ids: usize) -> Self {
        Self { bits: vec![0; (ids * BITS_PER_ID).div_ceil(64)], free: ids }
    }

    fn probes(&self, hash: u64) -> impl Iterator<Item = (usize, u64)> + use<> {
        let bits = self.bits.len() as u64 * 64;
        let step = hash.rotate_left(32) | 1;
        (0..PROBES).map(move |probe| {
            let spread = hash.wrapping_add(probe.wrapping_mul(step));
            // The upper half of the product is evenly spread over the bits.
            let bit = ((u128::from(spread) * u128::from(bits)) >> 64) as u64;
            ((bit / 64) as usize, 1 << (bit % 64))
        })
    }

    fn insert(&mut self, hash: u64) {
        for (word, bit) in self.probes(hash) {
            self.bits[word] |= bit;
        }
        self.free = self.free.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_ids_are_known_and_new_ones_mostly_new() {
        let mut filter = IdFilter::with_room_for(0);
        let id = |n: usize| format!("id-{n}").into_bytes();
        let known = FIRST_CAPACITY * 4;
        (0..known).for_each(|n| filter.insert(&id(n)));
        assert!((0..known).all(|n| filter.may_contain(&id(n))));
        assert_eq!(filter.layers.len(), 3);
        let in_vain = (known..known + 100_000).filter(|n| filter.may_contain(&id(*n))).count();
        assert!(in_vain < 4_000, "{in_vain} of 100,000");
    }
}
