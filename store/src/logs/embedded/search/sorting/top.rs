//! The best documents of one segment.

use super::super::breaker::Reserved;
use super::super::column::{ColumnKind, engine_error};
use super::super::fields::Fields;
use super::super::script::Scripted;
use super::entry::Entry;
use super::level::{Level, Source, directed, encode};
use crate::{
    StoreError,
    logs::dsl::{SortKey, SortOrder},
};
use jiff::Timestamp;
use serde_json::Value;
use std::{cmp::Ordering, collections::BinaryHeap, rc::Rc};
use tantivy::{
    DocId, Score, SegmentReader,
    columnar::{Column, MonotonicallyMappableToU64},
};

/// Finds the best documents of one segment.
pub(in super::super) struct SegmentTop<'k> {
    levels: Rc<Vec<Level<'k>>>,
    seq_no: Option<Column<u64>>,
    limit: usize,
    /// Whether there is a hit to go on behind, and which of those with the same sort values.
    after: Option<Option<(usize, u64)>>,
    heap: BinaryHeap<Candidate>,
    scratch: Vec<u128>,
    shard: usize,
    segment: u32,
    /// For the typed values.
    reserved: Reserved,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    keys: Box<[u128]>,
    seq_no: u64,
    doc: DocId,
    /// Bits of the score, not compared before the document id.
    score: Option<u32>,
}

/// Where to go on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cursor {
    /// The sort values of the last hit.
    pub(in super::super) values: Vec<Value>,
    /// Which hit of those with the same values it was: rank of its shard, position of its write. Without it, none of
    /// these come again.
    pub(in super::super) place: Option<(usize, u64)>,
}

/// The keys that the documents of a segment are sorted by in the first place.
pub(in super::super) struct Leading {
    /// Name of the column.
    pub(in super::super) name: String,
    pub(in super::super) keys: Column<u64>,
    pub(in super::super) order: SortOrder,
}

/// What a segment's best documents are found with.
pub(in super::super) struct TopRequest<'k> {
    pub(in super::super) keys: &'k [SortKey],
    /// Sort values of the hit to go on behind.
    pub(in super::super) after: Option<&'k Cursor>,
    pub(in super::super) limit: usize,
    pub(in super::super) now: Timestamp,
}

impl<'k> SegmentTop<'k> {
    pub(in super::super) fn new(
        request: &TopRequest<'k>,
        fields: &Fields<'_>,
        reader: &SegmentReader,
        shard: usize,
        segment: u32,
        scripted: Scripted<'_>,
    ) -> Result<Self, StoreError> {
        let mut levels = Vec::with_capacity(request.keys.len());
        for (position, key) in request.keys.iter().enumerate() {
            let after = request.after.and_then(|after| after.values.get(position));
            levels.push(Level::new(key, after, fields, reader, request.now, scripted)?);
        }
        let seq_no = reader.fast_fields().u64("_seq_no").ok();
        Ok(Self {
            levels: Rc::new(levels),
            seq_no,
            after: request.after.map(|after| after.place),
            limit: request.limit,
            heap: BinaryHeap::with_capacity(request.limit.min(1_024) + 1),
            scratch: Vec::new(),
            shard,
            segment,
            reserved: scripted.watch.reserve("sort values"),
        })
    }

    /// The keys that the documents are sorted by in the first place, if each has exactly one and they are dates or the
    /// order of writing; and in which direction.
    pub(in super::super) fn leading(&self) -> Option<Leading> {
        let first = self.levels.first()?;
        match &first.source {
            Source::Column(column) if matches!(column.kind, ColumnKind::Date) && column.is_full() => {
                let name = first.field.as_ref()?.column.clone()?;
                Some(Leading { name, keys: column.keys.clone(), order: first.key.order })
            }
            Source::Document => {
                let name = "_seq_no".to_owned();
                Some(Leading { name, keys: self.seq_no.clone()?, order: first.key.order })
            }
            _ => None,
        }
    }

    /// Smallest and largest date of the column that the documents are sorted by, in nanoseconds since 1970.
    pub(in super::super) fn time_span(&self) -> Option<(i64, i64)> {
        match &self.levels.first()?.source {
            Source::Column(column) if matches!(column.kind, ColumnKind::Date) => {
                Some((i64::from_u64(column.keys.min_value()), i64::from_u64(column.keys.max_value())))
            }
            _ => None,
        }
    }

    /// The leading key of the hit to go on behind, if a document has it.
    pub(in super::super) fn after_key(&self) -> Option<u64> {
        let first = self.levels.first()?;
        let undirected = directed(first.after?, first.key.order);
        undirected.checked_sub(2).filter(|key| key % 2 == 0).and_then(|key| u64::try_from(key / 2).ok())
    }

    /// Whether no more documents are wanted unless they are better.
    pub(in super::super) fn is_full(&self) -> bool {
        self.heap.len() >= self.limit
    }

    /// Memory that it takes, about.
    pub(in super::super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.heap.len() * (64 + self.levels.len() * size_of::<u128>())
    }

    /// Considers documents of a block, with their scores if these are computed.
    pub(in super::super) fn offer_all(&mut self, docs: &[DocId], scores: &[Score], raw: &mut Vec<u64>) {
        let levels = Rc::clone(&self.levels);
        let first = levels.first().and_then(|level| match &level.source {
            Source::Column(column) if column.is_full() => Some((level, column)),
            _ => None,
        });
        let Some((level, column)) = first.filter(|_| self.is_full()) else {
            for (position, doc) in docs.iter().enumerate() {
                self.offer(*doc, scores.get(position).copied());
            }
            return;
        };
        // Most documents are ruled out by their first key alone.
        raw.resize(docs.len(), 0);
        column.keys.values.get_vals(docs, raw);
        for (position, (doc, key)) in docs.iter().zip(raw.iter()).enumerate() {
            let key = directed(encode(*key), level.key.order);
            if self.heap.peek().is_none_or(|worst| key <= worst.keys[0]) {
                self.offer(*doc, scores.get(position).copied());
            }
        }
    }

    /// Another one over the same segment, with nothing in it.
    pub(in super::super) fn empty(&self) -> Self {
        Self {
            levels: Rc::clone(&self.levels),
            seq_no: self.seq_no.clone(),
            limit: self.limit,
            after: self.after,
            heap: BinaryHeap::new(),
            scratch: Vec::new(),
            shard: self.shard,
            segment: self.segment,
            reserved: self.reserved.another(),
        }
    }

    /// Considers a document.
    pub(in super::super) fn offer(&mut self, doc: DocId, score: Option<Score>) {
        if self.limit == 0 {
            return;
        }
        let seq_no = |column: &Option<Column<u64>>| {
            column.as_ref().and_then(|c| c.first(doc)).unwrap_or(u64::from(doc))
        };
        let worst = if self.heap.len() >= self.limit { self.heap.peek() } else { None };
        self.scratch.clear();
        // Whether the keys so far equal those of the worst candidate, and those of `search_after`.
        let (mut ties_worst, mut ties_after) = (worst.is_some(), true);
        for (position, level) in self.levels.iter().enumerate() {
            let key = match &level.source {
                Source::Document => directed(encode(seq_no(&self.seq_no)), level.key.order),
                Source::Score => {
                    directed(encode(u64::from(score.unwrap_or(0.0).max(0.0).to_bits())), level.key.order)
                }
                Source::Column(column) => level.column_key(column, doc),
                Source::Nothing => level.missing,
            };
            if let (true, Some(after)) = (ties_after, level.after) {
                match key.cmp(&after) {
                    Ordering::Less => return,
                    Ordering::Equal => {}
                    Ordering::Greater => ties_after = false,
                }
            }
            if let (true, Some(worst)) = (ties_worst, worst) {
                match key.cmp(&worst.keys[position]) {
                    Ordering::Greater => return,
                    Ordering::Equal => {}
                    Ordering::Less => ties_worst = false,
                }
            }
            self.scratch.push(key);
        }
        let seq_no = seq_no(&self.seq_no);
        if let (true, Some(place)) = (ties_after, self.after)
            && place.is_none_or(|place| (self.shard, seq_no) <= place)
        {
            return;
        }
        if ties_worst && worst.is_some_and(|worst| seq_no >= worst.seq_no) {
            return;
        }
        let candidate =
            Candidate { keys: self.scratch.as_slice().into(), seq_no, doc, score: score.map(f32::to_bits) };
        if self.heap.len() >= self.limit {
            self.heap.pop();
        }
        self.heap.push(candidate);
    }

    /// The best documents with their typed values, in no order. One text may be the value of many documents, and each
    /// gets its own: they are held against the limit one by one.
    pub(in super::super) fn finish(self) -> Result<Vec<Entry>, StoreError> {
        let Self { levels, heap, shard, segment, mut reserved, .. } = self;
        heap.into_iter()
            .map(|candidate| {
                let values = levels
                    .iter()
                    .zip(candidate.keys.iter())
                    .map(|(level, key)| level.value(*key, candidate.doc).map_err(engine_error))
                    .collect::<Result<_, StoreError>>()?;
                let score = candidate.score.map(f32::from_bits);
                let entry =
                    Entry { values, score, shard, segment, doc: candidate.doc, seq_no: candidate.seq_no };
                reserved.add(entry.bytes())?;
                Ok(entry)
            })
            .collect()
    }
}
