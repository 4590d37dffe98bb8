//! Queries answered from a column: ranges and sets of values.

use super::super::{schema::ResolvedField, shards::Shards};
use super::column::{ColumnKind, SegmentColumn};
use super::range_doc_set::RangeDocSet;
use super::zones::ZoneMaps;
use crate::logs::dsl::Slice;
use std::{collections::HashSet, net::Ipv6Addr, ops::Bound, ops::RangeInclusive, sync::Arc};
use tantivy::{
    BitSet, DocId, DocSet, Score, SegmentReader, TERMINATED,
    columnar::MonotonicallyMappableToU64,
    query::{
        AllScorer, BitSetDocSet, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight,
    },
    schema::{Field, IndexRecordOption},
};

/// A number as it was asked for: whole numbers keep all their digits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Whole(i128),
    Fraction(f64),
}

impl Number {
    pub(super) fn as_f64(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Fraction(value) => value,
        }
    }

    /// The whole numbers at or above (`up`), or at or below it; `exclusive` leaves out itself.
    fn to_whole(self, up: bool, exclusive: bool) -> i128 {
        let step = i128::from(exclusive);
        match self {
            Self::Whole(value) if up => value.saturating_add(step),
            Self::Whole(value) => value.saturating_sub(step),
            Self::Fraction(value) if value.fract() == 0.0 => {
                Self::Whole(value as i128).to_whole(up, exclusive)
            }
            Self::Fraction(value) if up => value.ceil() as i128,
            Self::Fraction(value) => value.floor() as i128,
        }
    }
}

/// The ends of a range, in the terms of the field's type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Interval {
    /// Numbers and booleans (0 and 1).
    Number(Bound<Number>, Bound<Number>),
    /// Nanoseconds since 1970, both included.
    Date(i64, i64),
    /// Both included.
    Ip(Ipv6Addr, Ipv6Addr),
    /// Strings, in the order of their bytes.
    Text(Bound<String>, Bound<String>),
}

/// Documents with a value in an interval.
#[derive(Debug, Clone)]
pub(super) struct ColumnRangeQuery {
    pub(super) field: ResolvedField,
    pub(super) interval: Interval,
    pub(super) zones: Arc<ZoneMaps>,
}

impl Query for ColumnRangeQuery {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for ColumnRangeQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let Some(column) = SegmentColumn::open(reader, &self.field)? else {
            return Ok(Box::new(EmptyScorer));
        };
        if let (Interval::Ip(low, high), ColumnKind::Ip(addresses)) = (&self.interval, &column.kind) {
            let docs = RangeDocSet::new(addresses.clone(), *low..=*high, reader.max_doc(), None);
            return Ok(Box::new(ConstScorer::new(docs, boost)));
        }
        let Some(range) = key_range(&self.interval, &column)? else { return Ok(Box::new(EmptyScorer)) };
        let is_all = *range.start() <= column.keys.min_value() && column.keys.max_value() <= *range.end();
        if is_all && column.is_full() {
            // A day in the middle of the month that is asked for.
            return Ok(Box::new(ConstScorer::new(AllScorer::new(reader.max_doc()), boost)));
        }
        let zones = match (&column.kind, &self.field.column) {
            // Only time grows with the number of the document.
            (ColumnKind::Date, Some(name)) => self.zones.of(reader, name, &column.keys),
            _ => None,
        };
        let docs = RangeDocSet::new(column.keys, range, reader.max_doc(), zones);
        Ok(Box::new(ConstScorer::new(docs, boost)))
    }

    fn explain(&self, _reader: &SegmentReader, _doc: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("values of a column in a range", 1.0))
    }
}

/// The keys of a column that lie in the interval; `None`: there are none.
fn key_range(interval: &Interval, column: &SegmentColumn) -> tantivy::Result<Option<RangeInclusive<u64>>> {
    let range = match (interval, &column.kind) {
        (Interval::Number(low, high), kind) => number_range(*low, *high, kind),
        (Interval::Date(low, high), ColumnKind::Date) => Some(low.to_u64()..=high.to_u64()),
        (Interval::Text(low, high), ColumnKind::Text(text)) => {
            let bytes = |bound: &Bound<String>| bound.as_ref().map(String::as_bytes).map(<[u8]>::to_vec);
            let (low, high) = text.dictionary().term_bounds_to_ord(bytes(low), bytes(high))?;
            let low = match low {
                Bound::Included(ord) => ord,
                Bound::Excluded(ord) => ord.saturating_add(1),
                Bound::Unbounded => 0,
            };
            let high = match high {
                Bound::Included(ord) => Some(ord),
                Bound::Excluded(ord) => ord.checked_sub(1),
                Bound::Unbounded => Some(u64::MAX),
            };
            high.map(|high| low..=high)
        }
        _ => None,
    };
    Ok(range.filter(|range| !range.is_empty()))
}

fn number_range(low: Bound<Number>, high: Bound<Number>, kind: &ColumnKind) -> Option<RangeInclusive<u64>> {
    let whole = |least: i128, most: i128| {
        let low = match low {
            Bound::Included(value) => value.to_whole(true, false),
            Bound::Excluded(value) => value.to_whole(true, true),
            Bound::Unbounded => least,
        };
        let high = match high {
            Bound::Included(value) => value.to_whole(false, false),
            Bound::Excluded(value) => value.to_whole(false, true),
            Bound::Unbounded => most,
        };
        let (low, high) = (low.max(least), high.min(most));
        (low <= high).then_some((low, high))
    };
    match kind {
        ColumnKind::Integer => {
            let (low, high) = whole(i128::from(i64::MIN), i128::from(i64::MAX))?;
            Some(i64::try_from(low).ok()?.to_u64()..=i64::try_from(high).ok()?.to_u64())
        }
        ColumnKind::Unsigned => {
            let (low, high) = whole(0, i128::from(u64::MAX))?;
            Some(u64::try_from(low).ok()?..=u64::try_from(high).ok()?)
        }
        ColumnKind::Boolean => {
            let (low, high) = whole(0, 1)?;
            Some(u64::try_from(low).ok()?..=u64::try_from(high).ok()?)
        }
        ColumnKind::Float => {
            let low = match low {
                Bound::Included(value) => value.as_f64().to_u64(),
                Bound::Excluded(value) => value.as_f64().to_u64().saturating_add(1),
                Bound::Unbounded => f64::NEG_INFINITY.to_u64(),
            };
            let high = match high {
                Bound::Included(value) => value.as_f64().to_u64(),
                Bound::Excluded(value) => value.as_f64().to_u64().saturating_sub(1),
                Bound::Unbounded => f64::INFINITY.to_u64(),
            };
            Some(low..=high)
        }
        ColumnKind::Date | ColumnKind::Text(_) | ColumnKind::Ip(_) => None,
    }
}

/// Documents with one of many values, each given as an interval of one value.
#[derive(Debug, Clone)]
pub(super) struct ColumnSetQuery {
    pub(super) field: ResolvedField,
    pub(super) values: Vec<Interval>,
}

impl Query for ColumnSetQuery {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for ColumnSetQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let Some(column) = SegmentColumn::open(reader, &self.field)? else {
            return Ok(Box::new(EmptyScorer));
        };
        let mut keys = HashSet::with_capacity(self.values.len());
        for value in &self.values {
            if let Some(range) = key_range(value, &column)? {
                keys.insert(*range.start());
            }
        }
        let docs = docs_with_keys(&column, reader.max_doc(), |key| keys.contains(&key));
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(docs), boost)))
    }

    fn explain(&self, _reader: &SegmentReader, _doc: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("values of a column in a set", 1.0))
    }
}

/// A part of the documents.
#[derive(Debug, Clone)]
pub(super) struct SliceQuery {
    pub(super) slice: Slice,
    pub(super) shards: Shards,
    /// `_id`.
    pub(super) id: Field,
    /// `_routing`.
    pub(super) routing: Option<Field>,
}

impl SliceQuery {
    /// The shard of each document of a segment.
    fn shards_of(&self, reader: &SegmentReader) -> tantivy::Result<Vec<u32>> {
        let mut found: Vec<Option<u32>> = vec![None; reader.max_doc() as usize];
        // A routing decides before the id does.
        for field in self.routing.into_iter().chain([self.id]) {
            let index = reader.inverted_index(field)?;
            let mut terms = index.terms().stream()?;
            while terms.advance() {
                let shard = self.shards.shard(&String::from_utf8_lossy(terms.key()));
                let mut postings =
                    index.read_postings_from_terminfo(terms.value(), IndexRecordOption::Basic)?;
                while postings.doc() != TERMINATED {
                    if let Some(known) = found.get_mut(postings.doc() as usize) {
                        known.get_or_insert(shard);
                    }
                    postings.advance();
                }
            }
        }
        Ok(found.into_iter().map(Option::unwrap_or_default).collect())
    }
}

impl Query for SliceQuery {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for SliceQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let numbers = reader.fast_fields().u64("_seq_no")?;
        let shards = if self.shards.are_many() { self.shards_of(reader)? } else { Vec::new() };
        let mut docs = BitSet::with_max_value(reader.max_doc());
        for doc in 0..reader.max_doc() {
            let shard = shards.get(doc as usize).copied().unwrap_or(0);
            if numbers.first(doc).is_some_and(|number| self.shards.in_slice(self.slice, shard, number)) {
                docs.insert(doc);
            }
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(docs), boost)))
    }

    fn explain(&self, _reader: &SegmentReader, _doc: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("a slice of the documents", 1.0))
    }
}

/// The documents that have a wanted key.
pub(super) fn docs_with_keys(column: &SegmentColumn, max_doc: DocId, wanted: impl Fn(u64) -> bool) -> BitSet {
    let mut docs = BitSet::with_max_value(max_doc);
    for doc in 0..max_doc {
        if column.keys.values_for_doc(doc).any(&wanted) {
            docs.insert(doc);
        }
    }
    docs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_number_ranges() {
        let check = |low, high, kind: ColumnKind, expected: Option<(u64, u64)>| {
            let range = number_range(low, high, &kind).filter(|range| !range.is_empty());
            assert_eq!(range.map(RangeInclusive::into_inner), expected, "{low:?} {high:?}");
        };
        let (whole, fraction) = (Number::Whole, Number::Fraction);
        let signed = |value: i64| value.to_u64();
        check(Bound::Included(whole(1)), Bound::Excluded(whole(3)), ColumnKind::Unsigned, Some((1, 2)));
        check(
            Bound::Excluded(fraction(1.5)),
            Bound::Included(fraction(3.5)),
            ColumnKind::Unsigned,
            Some((2, 3)),
        );
        check(Bound::Included(whole(-1)), Bound::Unbounded, ColumnKind::Unsigned, Some((0, u64::MAX)));
        check(
            Bound::Included(whole(-1)),
            Bound::Included(whole(1)),
            ColumnKind::Integer,
            Some((signed(-1), signed(1))),
        );
        check(Bound::Excluded(whole(i128::from(i64::MAX))), Bound::Unbounded, ColumnKind::Integer, None);
        check(Bound::Included(whole(2)), Bound::Included(whole(1)), ColumnKind::Float, None);
        check(Bound::Included(whole(1)), Bound::Included(whole(1)), ColumnKind::Boolean, Some((1, 1)));
        check(
            Bound::Included(fraction(0.5)),
            Bound::Included(whole(2)),
            ColumnKind::Float,
            Some((0.5_f64.to_u64(), 2.0_f64.to_u64())),
        );
    }
}
