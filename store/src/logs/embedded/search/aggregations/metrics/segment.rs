use super::super::super::{
    column::{ColumnKind, SegmentColumn},
    hash::FastMap,
};
use super::super::{Key, MetricState};
use super::hash_of;
use crate::{StoreError, logs::dsl::aggregations::MetricKind};
use std::collections::HashMap;

/// Up to this many keys that a column may have, those that occur are marked in a table instead of a map.
const TABLE_MAX: u64 = 1 << 26;
/// So many keys per document such a table may have: an eighth of a byte each.
const TABLE_PER_DOC: u64 = 64;

/// The metric of one segment, for each bucket of the parent.
pub(in super::super) struct SegmentMetric<'r> {
    kind: &'r MetricKind,
    column: Option<SegmentColumn>,
    missing: Option<Key>,
    states: Vec<MetricState>,
    heap_bytes: usize,
    /// Of `cardinality`: the different keys of each bucket, with a document that has it.
    distinct: Vec<FastMap<u64, u32>>,
    /// Of `cardinality` in the only bucket: which keys occur, from the smallest of the column on.
    marked: Vec<u64>,
    smallest: u64,
    /// Of these, each with a document that has it; terms need none.
    first_docs: Vec<(u64, u32)>,
    raw: Vec<u64>,
}

impl<'r> SegmentMetric<'r> {
    pub(in super::super) fn new(
        kind: &'r MetricKind,
        column: Option<SegmentColumn>,
        missing: Option<Key>,
        is_top: bool,
    ) -> Self {
        let counted = column.as_ref().filter(|_| is_top && matches!(kind, MetricKind::Cardinality { .. }));
        let (smallest, keys) = counted.map_or((0, 0), |column| match column.term_count() {
            Some(count) => (0, count),
            None => {
                let smallest = column.keys.min_value();
                (smallest, (column.keys.max_value() - smallest).saturating_add(1))
            }
        });
        // A table that is much larger than the segment costs more than a map.
        let is_dense = |column: &SegmentColumn| {
            keys <= TABLE_MAX.min(u64::from(column.keys.num_docs()).saturating_mul(TABLE_PER_DOC))
        };
        let keys = if counted.is_some_and(is_dense) { keys } else { 0 };
        Self {
            kind,
            column,
            missing,
            states: Vec::new(),
            heap_bytes: 0,
            distinct: Vec::new(),
            marked: vec![0; keys.div_ceil(64) as usize],
            smallest,
            first_docs: Vec::new(),
            raw: Vec::new(),
        }
    }

    pub(in super::super) fn bytes(&self) -> usize {
        let marks = self.marked.len() * size_of::<u64>() + self.first_docs.len() * size_of::<(u64, u32)>();
        self.states.len() * size_of::<MetricState>() + self.heap_bytes + marks
    }

    fn is_cardinality(&self) -> bool {
        matches!(self.kind, MetricKind::Cardinality { .. })
    }

    pub(in super::super) fn collect(&mut self, parents: &[u32], docs: &[u32]) {
        if let Some(top) = parents.iter().max() {
            self.grow(*top as usize + 1);
        }
        let Some(column) = self.column.take() else {
            parents.iter().for_each(|parent| self.add_missing(*parent as usize));
            return;
        };
        if column.is_full() {
            let mut raw = std::mem::take(&mut self.raw);
            raw.resize(docs.len(), 0);
            column.keys.values.get_vals(docs, &mut raw);
            for ((parent, doc), key) in parents.iter().zip(docs).zip(&raw) {
                self.add(&column, *parent as usize, *doc, *key);
            }
            self.raw = raw;
        } else {
            for (parent, doc) in parents.iter().zip(docs) {
                let mut any = false;
                for key in column.keys.values_for_doc(*doc) {
                    any = true;
                    self.add(&column, *parent as usize, *doc, key);
                }
                if !any {
                    self.add_missing(*parent as usize);
                }
            }
        }
        self.column = Some(column);
    }

    fn add(&mut self, column: &SegmentColumn, parent: usize, doc: u32, key: u64) {
        if self.is_cardinality() {
            let place = key.wrapping_sub(self.smallest);
            if let Some(word) = self.marked.get_mut((place / 64) as usize) {
                let bit = 1 << (place % 64);
                if *word & bit == 0 {
                    *word |= bit;
                    if !matches!(column.kind, ColumnKind::Text(_)) {
                        self.first_docs.push((key, doc));
                    }
                }
            } else if self.distinct[parent].insert(key, doc).is_none() {
                self.heap_bytes += 2 * size_of::<(u64, u32)>();
            }
            return;
        }
        self.add_number(parent, column.number(key));
    }

    /// Adds a number, or counts a value that is none.
    fn add_number(&mut self, parent: usize, number: Option<f64>) {
        match (&mut self.states[parent], number) {
            (MetricState::Numbers(numbers), Some(number)) => numbers.add(number),
            (MetricState::Numbers(numbers), None) => numbers.count += 1,
            (MetricState::Quantiles(quantiles), Some(number)) => {
                let before = quantiles.heap_bytes();
                quantiles.add(number);
                self.heap_bytes =
                    self.heap_bytes.saturating_add_signed(quantiles.heap_bytes() as isize - before as isize);
            }
            _ => {}
        }
    }

    fn add_missing(&mut self, parent: usize) {
        let Some(missing) = &self.missing else { return };
        let number = missing.as_f64();
        if let MetricState::Distinct(distinct) = &mut self.states[parent] {
            distinct.add(hash_of(&missing.clone().into_float()));
        } else {
            self.add_number(parent, number);
        }
    }

    fn grow(&mut self, size: usize) {
        if self.states.len() < size {
            self.states.resize(size, MetricState::new(self.kind));
            if self.is_cardinality() {
                self.distinct.resize(size, FastMap::default());
            }
        }
    }

    /// One state per bucket of the parent.
    pub(in super::super) fn finish(mut self, parents: usize) -> tantivy::Result<Vec<MetricState>> {
        self.grow(parents);
        if self.is_cardinality()
            && let Some(mut column) = self.column.take()
        {
            if matches!(column.kind, ColumnKind::Text(_)) {
                self.hash_marked(&mut column)?;
            } else if let Some(distinct) = self.distinct.first_mut() {
                distinct.extend(self.first_docs.drain(..));
            }
            self.hash_distinct(&mut column)?;
        }
        self.states.truncate(parents);
        Ok(self.states)
    }

    fn hash_marked(&mut self, column: &mut SegmentColumn) -> tantivy::Result<()> {
        let Some(MetricState::Distinct(distinct)) = self.states.first_mut() else { return Ok(()) };
        let mut keys: Vec<u64> = Vec::new();
        for (position, word) in self.marked.iter().enumerate() {
            let mut word = *word;
            while word != 0 {
                keys.push(position as u64 * 64 + u64::from(word.trailing_zeros()));
                word &= word - 1;
            }
        }
        column.each_term(&keys, |_, term| distinct.add(hash_of(&Key::Text(term.to_owned()))))
    }

    fn hash_distinct(&mut self, column: &mut SegmentColumn) -> tantivy::Result<()> {
        column.decode_ahead(self.distinct.iter().flat_map(|keys| keys.keys().copied()).collect())?;
        let mut hashes: HashMap<u64, u64> = HashMap::new();
        let is_text = matches!(column.kind, ColumnKind::Text(_));
        for (state, keys) in self.states.iter_mut().zip(&self.distinct) {
            let MetricState::Distinct(distinct) = state else { continue };
            for (key, doc) in keys {
                let hash = match hashes.get(key).filter(|_| is_text) {
                    Some(hash) => *hash,
                    None => {
                        // Whole numbers of one index equal those of another that are kept as floats.
                        let hash = hash_of(&Key::from_scalar(column.value(*doc, *key)?).into_float());
                        if is_text {
                            hashes.insert(*key, hash);
                        }
                        hash
                    }
                };
                distinct.add(hash);
            }
        }
        Ok(())
    }
}

/// A weighted mean so far.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Weighted {
    sum: super::Numbers,
    weights: super::Numbers,
}

impl Weighted {
    pub(super) fn merge(&mut self, other: &Self) {
        self.sum.merge(&other.sum);
        self.weights.merge(&other.weights);
    }

    pub(super) fn mean(&self) -> Option<f64> {
        let weights = self.weights.of("sum").filter(|weights| *weights != 0.0)?;
        self.sum.of("sum").map(|sum| sum / weights)
    }
}

/// A column of numbers and what stands for those that are missing.
type NumbersOrMissing = (Option<SegmentColumn>, Option<f64>);

/// `weighted_avg` of one segment.
pub(in super::super) struct SegmentWeighted {
    value: NumbersOrMissing,
    weight: NumbersOrMissing,
    states: Vec<Weighted>,
}

impl SegmentWeighted {
    pub(in super::super) fn new(value: NumbersOrMissing, weight: NumbersOrMissing) -> Self {
        Self { value, weight, states: Vec::new() }
    }

    pub(in super::super) fn bytes(&self) -> usize {
        self.states.len() * size_of::<Weighted>()
    }

    /// Adds documents; one with several weights is refused, as in Elasticsearch.
    pub(in super::super) fn collect(&mut self, parents: &[u32], docs: &[u32]) -> Result<(), StoreError> {
        if let Some(top) = parents.iter().max() {
            self.states.resize((*top as usize + 1).max(self.states.len()), Weighted::default());
        }
        for (parent, doc) in parents.iter().zip(docs) {
            let mut weights = numbers_of(&self.weight, *doc);
            let Some(weight) = weights.next() else { continue };
            if weights.next().is_some() {
                let message = "Encountered more than one weight for a single document. Use a script to combine multiple weights-per-doc into a single value.";
                return Err(StoreError::invalid(message).with_code("aggregation_execution_exception"));
            }
            let state = &mut self.states[*parent as usize];
            for value in numbers_of(&self.value, *doc) {
                state.sum.add(value * weight);
                state.weights.add(weight);
            }
        }
        Ok(())
    }

    pub(in super::super) fn finish(mut self, parents: usize) -> Vec<MetricState> {
        self.states.resize(parents, Weighted::default());
        self.states.into_iter().map(MetricState::Weighted).collect()
    }
}

pub(super) fn numbers_of((column, missing): &NumbersOrMissing, doc: u32) -> impl Iterator<Item = f64> + '_ {
    let mut values = column
        .iter()
        .flat_map(move |column| column.keys.values_for_doc(doc).filter_map(|key| column.number(key)))
        .peekable();
    let missing = if values.peek().is_none() { *missing } else { None };
    values.chain(missing)
}
