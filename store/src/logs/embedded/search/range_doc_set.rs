//! Documents by the range of a column's values.

use super::zones::{Overlap, ZoneMap};
use std::{fmt::Debug, ops::RangeInclusive, sync::Arc};
use tantivy::{DocId, DocSet, TERMINATED, columnar::Column};

/// Documents of a segment whose column has a value in a range, found block by block.
pub(super) struct RangeDocSet<T> {
    column: Column<T>,
    range: RangeInclusive<T>,
    max_doc: DocId,
    zones: Option<Arc<ZoneMap<T>>>,
    /// First document that was not looked at yet.
    next: DocId,
    /// Size of the next block: small after a jump, growing while reading on.
    block: u32,
    found: Vec<DocId>,
    position: usize,
}

/// Blocks grow from this…
const BLOCK_MIN: u32 = 128;
/// … to this number of documents.
const BLOCK_MAX: u32 = 65_536;

impl<T: PartialOrd + Copy + Debug + Send + Sync + 'static> RangeDocSet<T> {
    /// `zones`: those of that column, if they are known.
    pub(super) fn new(
        column: Column<T>,
        range: RangeInclusive<T>,
        max_doc: DocId,
        zones: Option<Arc<ZoneMap<T>>>,
    ) -> Self {
        let outside = *range.start() > column.max_value() || *range.end() < column.min_value();
        let next = if outside { max_doc } else { 0 };
        let (found, block) = (Vec::new(), BLOCK_MIN);
        let mut set = Self { column, range, max_doc, zones, next, block, found, position: 0 };
        set.fetch();
        set
    }

    /// Reads blocks until one holds a document or the end is reached.
    fn fetch(&mut self) {
        self.found.clear();
        self.position = 0;
        while self.found.is_empty() && self.next < self.max_doc {
            let mut end = self.next.saturating_add(self.block).min(self.max_doc);
            if let Some((zone_end, overlap)) =
                self.zones.as_ref().map(|zones| zones.at(self.next, &self.range))
            {
                match overlap {
                    Overlap::None => {
                        self.next = zone_end.min(self.max_doc);
                        continue;
                    }
                    Overlap::Whole => {
                        end = end.min(zone_end);
                        self.found.extend(self.next..end);
                        self.next = end;
                        self.block = (self.block * 2).min(BLOCK_MAX);
                        continue;
                    }
                    Overlap::Part => end = end.min(zone_end),
                }
            }
            self.column.get_docids_for_value_range(self.range.clone(), self.next..end, &mut self.found);
            // A document with several values in the range is found several times.
            self.found.dedup();
            self.next = end;
            self.block = (self.block * 2).min(BLOCK_MAX);
        }
    }
}

impl<T: PartialOrd + Copy + Debug + Send + Sync + 'static> DocSet for RangeDocSet<T> {
    fn advance(&mut self) -> DocId {
        self.position += 1;
        if self.position >= self.found.len() {
            self.fetch();
        }
        self.doc()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if target <= self.doc() {
            return self.doc();
        }
        if self.found.last().is_some_and(|last| *last >= target) {
            self.position += self.found[self.position..].partition_point(|doc| *doc < target);
            return self.doc();
        }
        if target > self.next {
            self.next = target.min(self.max_doc);
            self.block = BLOCK_MIN;
        }
        self.fetch();
        while self.doc() < target {
            self.advance();
        }
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.found.get(self.position).copied().unwrap_or(TERMINATED)
    }

    fn size_hint(&self) -> u32 {
        self.max_doc / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tantivy::columnar::{ColumnarReader, ColumnarWriter, NumericalValue};

    /// A column with one value per document.
    fn column(values: &[u64]) -> Column<u64> {
        let mut writer = ColumnarWriter::default();
        for (doc, value) in values.iter().enumerate() {
            writer.record_numerical(doc as u32, "n", NumericalValue::U64(*value));
        }
        let mut file = Vec::new();
        writer.serialize(values.len() as u32, None, &mut file).unwrap();
        let handle = ColumnarReader::open(file).unwrap().read_columns("n").unwrap().remove(0);
        handle.open_u64_lenient().unwrap().unwrap()
    }

    fn all(mut docs: RangeDocSet<u64>) -> Vec<DocId> {
        let mut found = Vec::new();
        while docs.doc() != TERMINATED {
            found.push(docs.doc());
            docs.advance();
        }
        found
    }

    proptest::proptest! {
        #[test]
        fn zones_change_nothing_but_the_time_it_takes(
            noise in proptest::collection::vec(0_u64..3_000, 9_000..10_000),
            low in 0_u64..12_000, width in 0_u64..12_000, jump in 1_u32..5_000,
        ) {
            // Time that grows, but not strictly.
            let values: Vec<u64> = noise.iter().enumerate().map(|(at, noise)| at as u64 + noise).collect();
            let keys = column(&values);
            // Keys order as numbers do, but begin elsewhere.
            let start = keys.values.get_val(0) - values[0] + low;
            let (max_doc, range) = (values.len() as u32, start..=start + width);
            let zones = || Some(Arc::new(ZoneMap::new(&keys, max_doc)));
            let expected: Vec<DocId> =
                (0..max_doc).filter(|doc| range.contains(&keys.values.get_val(*doc))).collect();
            proptest::prop_assert_eq!(&all(RangeDocSet::new(keys.clone(), range.clone(), max_doc, None)), &expected);
            let zoned = || RangeDocSet::new(keys.clone(), range.clone(), max_doc, zones());
            proptest::prop_assert_eq!(&all(zoned()), &expected);
            let mut jumping = zoned();
            let mut target = 0;
            while target < max_doc {
                let next = expected.iter().copied().find(|doc| *doc >= target).unwrap_or(TERMINATED);
                proptest::prop_assert_eq!(jumping.seek(target), next);
                target += jump;
            }
        }
    }
}
