//! Zone maps: the least and the largest value in each stretch of documents.
//!
//! Documents are numbered about in the order of their time. What a span of time asks is then known of most stretches from
//! these two values alone: none of their documents is in it, or all are.
//!
//! Source: Moerkotte 1998, "Small Materialized Aggregates", VLDB; "zone map" is the usual name in column stores.

use parking_lot::Mutex;
use std::{collections::HashMap, ops::RangeInclusive, sync::Arc};
use tantivy::{
    DocId, Searcher, SegmentReader,
    columnar::{Column, ColumnIndex},
    index::SegmentId,
};

/// Documents in a stretch.
const ZONE: u32 = 4_096;
/// Smaller segments are read as fast without.
const DOCUMENTS_MIN: u32 = 4 * ZONE;

/// How much of a stretch is in a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overlap {
    None,
    Part,
    Whole,
}

/// The stretches of one column.
#[derive(Debug)]
pub(super) struct ZoneMap<T = u64> {
    /// Least and largest value of each.
    zones: Vec<(T, T)>,
}

impl ZoneMap {
    /// Reads the column once.
    pub(super) fn new(column: &Column<u64>, max_doc: DocId) -> Self {
        let mut values = vec![0; ZONE as usize];
        let zones = (0..max_doc).step_by(ZONE as usize).map(|first| {
            let stretch = &mut values[..(max_doc - first).min(ZONE) as usize];
            column.values.get_range(u64::from(first), stretch);
            stretch
                .iter()
                .fold((u64::MAX, 0), |(least, largest), value| (least.min(*value), largest.max(*value)))
        });
        Self { zones: zones.collect() }
    }
}

impl<T: PartialOrd + Copy> ZoneMap<T> {
    /// Where the stretch of a document ends, and how much of it is in the range.
    pub(super) fn at(&self, doc: DocId, range: &RangeInclusive<T>) -> (DocId, Overlap) {
        let end = (doc / ZONE + 1).saturating_mul(ZONE);
        let overlap = match self.zones.get((doc / ZONE) as usize) {
            Some((least, largest)) if largest < range.start() || least > range.end() => Overlap::None,
            Some((least, largest)) if least >= range.start() && largest <= range.end() => Overlap::Whole,
            _ => Overlap::Part,
        };
        (end, overlap)
    }
}

/// The zone maps of a generation, made when they are first asked for.
#[derive(Debug, Default)]
pub(crate) struct ZoneMaps {
    known: Mutex<HashMap<SegmentId, HashMap<String, Arc<ZoneMap>>>>,
}

impl ZoneMaps {
    /// That of a column; `None` where it would not help or documents may lack a value.
    pub(super) fn of(
        &self,
        reader: &SegmentReader,
        name: &str,
        column: &Column<u64>,
    ) -> Option<Arc<ZoneMap>> {
        if reader.max_doc() < DOCUMENTS_MIN || !matches!(column.index, ColumnIndex::Full) {
            return None;
        }
        let id = reader.segment_id();
        if let Some(known) = self.known.lock().get(&id).and_then(|columns| columns.get(name)) {
            return Some(known.clone());
        }
        // Not under the lock: others would wait for what they do not need.
        let made = Arc::new(ZoneMap::new(column, reader.max_doc()));
        self.known.lock().entry(id).or_default().insert(name.to_owned(), made.clone());
        Some(made)
    }

    /// Forgets segments that are no more.
    pub(crate) fn retain(&self, searcher: &Searcher) {
        let mut known = self.known.lock();
        if !known.is_empty() {
            let there = searcher.segment_readers();
            known.retain(|id, _| there.iter().any(|segment| segment.segment_id() == *id));
        }
    }
}
