//! Aggregations that write down what they take.

use super::super::super::column::ColumnKind;
use super::super::super::profile::{AggregationTimes, Profiler};
use super::super::Partial;
use super::super::keys::KeySource;
use super::{Batch, Node};
use crate::StoreError;
use std::time::{Duration, Instant};
use tantivy::columnar::ColumnIndex;

/// One node of the tree, timed.
pub(super) struct TimedNode<'r> {
    node: Node<'r>,
    profiler: &'r Profiler,
    /// Rank of the shard, and which aggregation it is.
    place: (usize, usize),
    times: AggregationTimes,
}

impl<'r> TimedNode<'r> {
    pub(super) fn new(
        node: Node<'r>,
        profiler: &'r Profiler,
        place: (usize, usize),
        initialize: Duration,
    ) -> Self {
        let mut times = AggregationTimes { initialize, made: 1, ..AggregationTimes::default() };
        if let Node::Keyed { source, .. } = &node
            && let KeySource::Terms(terms) = source.as_ref()
            && let Some(column) = &terms.column
        {
            match column.kind {
                ColumnKind::Text(_) | ColumnKind::Ip(_) => {
                    let several = matches!(column.keys.index, ColumnIndex::Multivalued(_));
                    *(if several { &mut times.multiple } else { &mut times.single }) += 1;
                }
                ColumnKind::Float => times.numbers = Some("double_terms"),
                _ => times.numbers = Some("long_terms"),
            }
        }
        Self { node, profiler, place, times }
    }

    pub(super) fn collect(
        &mut self,
        batch: &Batch<'_>,
        parents: &[u32],
        docs: &[u32],
    ) -> Result<(), StoreError> {
        let started = Instant::now();
        let done = self.node.collect(batch, parents, docs);
        self.times.collect += started.elapsed();
        self.times.collected += docs.len() as u64;
        done
    }

    pub(super) fn bytes(&self) -> usize {
        self.node.bytes()
    }

    pub(super) fn finish(mut self, parents: usize) -> Result<Vec<Partial>, StoreError> {
        if let Node::Keyed { buckets, .. } = &self.node {
            self.times.buckets = buckets.len() as u64;
        }
        let started = Instant::now();
        let found = self.node.finish(parents);
        self.times.build += started.elapsed();
        self.profiler.aggregation(self.place.0, self.place.1, &self.times);
        found
    }
}
