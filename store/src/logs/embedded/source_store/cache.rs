//! Blocks that were read lately, of all segments together.

use super::{bytes::Damaged, columns, record::Record, rows::Rows};
use moka::sync::Cache;
use std::sync::{Arc, LazyLock};
use tantivy::index::SegmentId;

/// Memory of all blocks together: as many as a few searches for fifty documents each read.
const CACHE_BYTES: u64 = 16 << 20;

/// A block that is read.
#[derive(Debug)]
pub(super) enum Block {
    Rows(Rows),
    Columns(columns::Block),
}

impl Block {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Rows(rows) => rows.len(),
            Self::Columns(block) => block.len(),
        }
    }

    /// A document; `text` is where it is put together if it has to be.
    pub(super) fn record<'t>(&'t self, at: usize, text: &'t mut Vec<u8>) -> Result<Record<'t>, Damaged> {
        match self {
            Self::Rows(rows) => rows.record(at),
            Self::Columns(block) => block.record(at, text),
        }
    }

    fn memory_bytes(&self) -> usize {
        match self {
            Self::Rows(rows) => rows.memory_bytes(),
            Self::Columns(block) => block.memory_bytes(),
        }
    }
}

/// Which block: of which segment, where in its file. A file in columns has other places than the one in rows that it
/// replaces, or the same documents there.
pub(super) type Key = (SegmentId, bool, u32);

/// The blocks of this process. A segment is never written twice, so none of them grows old.
pub(super) static BLOCKS: LazyLock<Cache<Key, Arc<Block>>> = LazyLock::new(|| {
    let weigh = |_: &Key, block: &Arc<Block>| u32::try_from(block.memory_bytes()).unwrap_or(u32::MAX);
    Cache::builder().max_capacity(CACHE_BYTES).weigher(weigh).build()
});
