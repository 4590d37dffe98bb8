//! Which shard of an index a routing leads to.
//!
//! The engine keeps an index in one piece. Where its settings name more shards, a document is found only under a routing
//! that leads to the same shard, so that clients see what they would see of Elasticsearch.
//!
//! Source: Elasticsearch reference, "`_routing` field"; hash: MurmurHash3 (x86, 32 bits) of the UTF-16 text, seed 0.

use super::settings::Settings;
use crate::logs::dsl::Slice;

/// How the routings of an index are spread over its shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shards {
    count: u32,
    /// Routing is spread over this many first, so that an index could be split.
    routing_shards: u32,
}

impl Default for Shards {
    fn default() -> Self {
        Self { count: 1, routing_shards: 1024 }
    }
}

impl Shards {
    /// As the settings of an index say.
    pub(super) fn of(settings: &Settings) -> Self {
        let count = settings.number("index.number_of_shards").unwrap_or(1).max(1);
        let routing_shards = settings
            .number("index.number_of_routing_shards")
            .filter(|number| *number >= count && number % count == 0)
            .unwrap_or_else(|| default_routing_shards(count));
        Self { count, routing_shards }
    }

    /// Whether there is more than one.
    pub(crate) fn are_many(self) -> bool {
        self.count > 1
    }

    /// Whether a slice holds a document, by its shard and its number: shards are dealt out to slices, or slices to shards
    /// where there are more of them.
    pub(crate) fn in_slice(self, slice: Slice, shard: u32, number: u64) -> bool {
        let (count, shard) = (u64::from(self.count), u64::from(shard));
        if slice.max < count {
            return shard % slice.max == slice.id;
        }
        let within = slice.max / count + u64::from(slice.max % count > shard);
        slice.id % count == shard && number % within == slice.id / count
    }

    /// The shard that a routing (without one the id) leads to.
    pub(crate) fn shard(self, routing: &str) -> u32 {
        let hash = murmur3(routing);
        hash.rem_euclid(self.routing_shards as i32) as u32 / (self.routing_shards / self.count)
    }

    /// Whether a document of that id, written with one routing, is found with the other; without, the id routes.
    pub(super) fn same(self, id: &str, asked: Option<&str>, written: Option<&str>) -> bool {
        self.count == 1 || self.shard(asked.unwrap_or(id)) == self.shard(written.unwrap_or(id))
    }
}

/// The largest multiple of the count, by doubling, that is at most 1024 (at least one doubling).
fn default_routing_shards(count: u32) -> u32 {
    let bits = 32 - (count - 1).leading_zeros();
    let doublings = 10_u32.saturating_sub(bits).max(1);
    count << doublings.min(10)
}

fn murmur3(text: &str) -> i32 {
    const C1: u32 = 0xcc9e_2d51;
    const C2: u32 = 0x1b87_3593;
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mix = |block: u32| block.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2);
    let (blocks, rest) = bytes.as_chunks::<4>();
    let mut hash = blocks.iter().fold(0_u32, |hash, block| {
        (hash ^ mix(u32::from_le_bytes(*block))).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
    });
    let tail = rest.iter().rev().fold(0_u32, |tail, byte| (tail << 8) | u32::from(*byte));
    if !rest.is_empty() {
        hash ^= mix(tail);
    }
    hash ^= bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_elasticsearch() {
        // From the tests of Elasticsearch's hash function.
        let check = |text: &str, expected: u32| assert_eq!(murmur3(text) as u32, expected, "{text}");
        check("hell", 0x5a0c_b7c3);
        check("hello", 0xd7c3_1989);
        check("hello w", 0x22ab_2984);
        check("hello wo", 0xdf0c_a123);
        check("hello wor", 0xe774_4d61);
        check("The quick brown fox jumps over the lazy dog", 0xe07d_b09c);
        check("The quick brown fox jumps over the lazy cog", 0x4e63_d2ad);
    }

    #[test]
    fn slices_part_the_documents() {
        for (shards, max) in [(5, 2), (5, 5), (5, 7), (2, 9), (3, 1_000)] {
            let shards = Shards { count: shards, routing_shards: 1_024 };
            for number in 0..100 {
                for shard in 0..shards.count {
                    let holding =
                        (0..max).filter(|id| shards.in_slice(Slice { id: *id, max }, shard, number));
                    assert_eq!(holding.count(), 1, "{shards:?} {max} {shard} {number}");
                }
            }
        }
    }

    #[test]
    fn one_shard_holds_all() {
        let settings = Settings::default();
        assert!(Shards::of(&settings).same("1", None, Some("x")));
    }
}
