//! `string_stats`: lengths of strings, and which characters they are made of.

use super::super::super::{
    column::{SegmentColumn, engine_error},
    hash::FastMap,
};
use super::super::Key;
use super::{MetricState, Statistics};
use crate::StoreError;
use std::collections::BTreeMap;

/// The strings seen so far.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Strings {
    pub(in super::super) count: u64,
    /// Characters of all of them.
    total: u64,
    shortest: Option<u64>,
    longest: Option<u64>,
    characters: BTreeMap<char, u64>,
}

impl Strings {
    /// Adds a string that stands in so many documents.
    fn add(&mut self, text: &str, times: u64) {
        let mut length = 0;
        for character in text.chars() {
            length += 1;
            *self.characters.entry(character).or_default() += times;
        }
        self.count += times;
        self.total += length * times;
        self.shortest = Some(self.shortest.map_or(length, |shortest| shortest.min(length)));
        self.longest = Some(self.longest.map_or(length, |longest| longest.max(length)));
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.total += other.total;
        self.shortest = self.shortest.into_iter().chain(other.shortest).min();
        self.longest = self.longest.into_iter().chain(other.longest).max();
        for (character, times) in other.characters {
            *self.characters.entry(character).or_default() += times;
        }
    }

    /// One of the numbers, by the name that Elasticsearch gives it; `None` if there is none.
    pub(in super::super) fn of(&self, name: &str) -> Option<f64> {
        match name {
            "count" => Some(self.count as f64),
            "min_length" => self.shortest.map(|length| length as f64),
            "max_length" => self.longest.map(|length| length as f64),
            "avg_length" => (self.count > 0).then(|| self.total as f64 / self.count as f64),
            "entropy" => Some(self.distribution().iter().map(|(_, share)| -share * share.log2()).sum()),
            _ => None,
        }
    }

    /// How large a share of all characters each is, the largest first.
    pub(in super::super) fn distribution(&self) -> Vec<(char, f64)> {
        let share =
            |(character, times): (&char, &u64)| (*character, *times as f64 / self.total.max(1) as f64);
        let mut shares: Vec<_> = self.characters.iter().map(share).collect();
        shares.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        shares
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.characters.len() * 2 * size_of::<(char, u64)>()
    }
}

/// `string_stats` of one segment: how often each string stands in each bucket of the parent.
pub(in super::super) struct SegmentStrings {
    column: Option<SegmentColumn>,
    missing: Option<String>,
    counts: Vec<FastMap<u64, u64>>,
    /// Documents without value, by bucket.
    absent: Vec<u64>,
    entries: usize,
}

impl SegmentStrings {
    pub(in super::super) fn new(column: Option<SegmentColumn>, missing: Option<Key>) -> Self {
        let missing = missing.and_then(|key| if let Key::Text(text) = key { Some(text) } else { None });
        Self { column, missing, counts: Vec::new(), absent: Vec::new(), entries: 0 }
    }
}

impl Statistics for SegmentStrings {
    fn collect(&mut self, parents: &[u32], docs: &[u32]) -> Result<(), StoreError> {
        if let Some(top) = parents.iter().max() {
            let size = (*top as usize + 1).max(self.counts.len());
            self.counts.resize(size, FastMap::default());
            self.absent.resize(size, 0);
        }
        for (parent, doc) in parents.iter().zip(docs) {
            let mut any = false;
            for key in self.column.iter().flat_map(|column| column.keys.values_for_doc(*doc)) {
                any = true;
                let times = self.counts[*parent as usize].entry(key).or_insert_with(|| {
                    self.entries += 1;
                    0
                });
                *times += 1;
            }
            self.absent[*parent as usize] += u64::from(!any);
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.counts.len() * size_of::<FastMap<u64, u64>>() + self.entries * 2 * size_of::<(u64, u64)>()
    }

    fn finish(mut self: Box<Self>, parents: usize) -> Result<Vec<MetricState>, StoreError> {
        let mut states = vec![Strings::default(); parents];
        if let Some(column) = &self.column {
            let mut keys: Vec<u64> = self.counts.iter().flat_map(|counts| counts.keys().copied()).collect();
            keys.sort_unstable();
            keys.dedup();
            let counts = &self.counts;
            let add = |key: u64, text: &str| {
                for (state, counts) in states.iter_mut().zip(counts) {
                    if let Some(times) = counts.get(&key) {
                        state.add(text, *times);
                    }
                }
            };
            column.each_term(&keys, add).map_err(engine_error)?;
        }
        if let Some(text) = self.missing.take() {
            for (state, times) in states.iter_mut().zip(&self.absent).filter(|(_, times)| **times > 0) {
                state.add(&text, *times);
            }
        }
        Ok(states.into_iter().map(MetricState::Strings).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_characters() {
        let mut strings = Strings::default();
        strings.add("aab", 1);
        let mut more = Strings::default();
        more.add("b", 1);
        strings.merge(more);
        let check = |name: &str, expected: f64| assert_eq!(strings.of(name), Some(expected), "{name}");
        check("count", 2.0);
        check("min_length", 1.0);
        check("max_length", 3.0);
        check("avg_length", 2.0);
        check("entropy", 1.0);
        assert_eq!(strings.distribution(), [('a', 0.5), ('b', 0.5)]);
        assert_eq!(Strings::default().of("min_length"), None);
        assert_eq!(Strings::default().of("entropy"), Some(0.0));
    }
}
