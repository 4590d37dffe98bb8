//! The tree of aggregations over one segment.

mod buckets;
mod build;
mod composite;
mod filters;
mod metrics;
mod nested;
mod sampler;
mod timed;
mod top;

use super::super::breaker::Reserved;
use super::super::column::engine_error;
use super::keys::{KeySource, LocalKey};
use super::metrics::{SegmentMetric, SegmentPoints, SegmentWeighted, Statistics};
use super::{Found, Key, Partial};
use crate::{StoreError, logs::dsl::aggregations::Aggregation};
use buckets::Buckets;
pub(super) use build::Context;
use composite::CompositeNode;
use filters::FilterKeys;
pub(super) use filters::pair_position;
use nested::{NestedNode, ReverseNode};
use sampler::SamplerNode;
use timed::TimedNode;
use top::TopNode;

/// Documents that are collected at once, ascending, and their scores if these are computed.
pub(in super::super) struct Batch<'b> {
    pub(in super::super) docs: &'b [u32],
    pub(in super::super) scores: &'b [f32],
}

impl Batch<'_> {
    fn score(&self, doc: u32) -> Option<f32> {
        let position = self.docs.binary_search(&doc).ok()?;
        self.scores.get(position).copied()
    }
}

/// The aggregations of a search, collecting one segment.
pub(in super::super) struct SegmentAggregations<'r> {
    nodes: Vec<Node<'r>>,
    parents: Vec<u32>,
    reserved: Reserved,
}

impl<'r> SegmentAggregations<'r> {
    pub(super) fn new(
        request: impl Iterator<Item = &'r Aggregation>,
        context: &Context<'r, '_, '_>,
        reserved: Reserved,
    ) -> Result<Self, StoreError> {
        let nodes = request.map(|aggregation| context.node(aggregation)).collect::<Result<_, _>>()?;
        Ok(Self { nodes, parents: Vec::new(), reserved })
    }

    /// Adds documents, in ascending order over all calls.
    pub(in super::super) fn collect(&mut self, batch: &Batch<'_>) -> Result<(), StoreError> {
        self.parents.clear();
        self.parents.resize(batch.docs.len(), 0);
        self.nodes.iter_mut().try_for_each(|node| node.collect(batch, &self.parents, batch.docs))?;
        self.reserved.set(self.nodes.iter().map(Node::bytes).sum())
    }

    /// What was found.
    pub(in super::super) fn finish(self) -> Result<Found, StoreError> {
        let mut partials = Vec::with_capacity(self.nodes.len());
        for node in self.nodes {
            partials.extend(node.finish(1)?);
        }
        Ok(Found(partials))
    }
}

/// One aggregation over one segment, for all buckets of its parent at once.
enum Node<'r> {
    Keyed {
        buckets: Buckets,
        source: Box<KeySource<'r>>,
        inner: Vec<Node<'r>>,
        /// Highest document of the segment, if values that no document of the query has get a bucket, too.
        all_below: Option<u32>,
    },
    Filters(Buckets, FilterKeys, Vec<Node<'r>>),
    Composite(CompositeNode<'r>),
    Metric(Box<SegmentMetric<'r>>),
    Weighted(Box<SegmentWeighted>),
    Points(SegmentPoints),
    Statistics(Box<dyn Statistics + 'r>),
    Top(TopNode<'r>),
    Nested(Box<NestedNode<'r>>),
    Reverse(ReverseNode<'r>),
    Sampler(Box<SamplerNode<'r>>),
    Timed(Box<TimedNode<'r>>),
    Pipeline,
}

/// From this many buckets on, those that can be made wider are.
const WIDEN_ABOVE: usize = 100_000;

impl Node<'_> {
    fn collect(&mut self, batch: &Batch<'_>, parents: &[u32], docs: &[u32]) -> Result<(), StoreError> {
        match self {
            Self::Keyed { buckets, source, inner, .. } => {
                collect_keyed(buckets, source, parents, docs)?;
                if buckets.len() > buckets.widen_above && source.coarsen() {
                    buckets.widen_above += WIDEN_ABOVE;
                }
                buckets.flush(batch, inner)
            }
            Self::Filters(buckets, source, inner) => {
                let mut keys = std::mem::take(&mut buckets.scratch);
                for (parent, doc) in parents.iter().zip(docs) {
                    source.keys(*doc, &mut keys);
                    keys.iter().try_for_each(|key| buckets.add(*parent, *key, *doc))?;
                }
                buckets.scratch = keys;
                buckets.flush(batch, inner)
            }
            Self::Composite(node) => node.collect(batch, parents, docs),
            Self::Metric(metric) => {
                metric.collect(parents, docs);
                Ok(())
            }
            Self::Weighted(weighted) => weighted.collect(parents, docs),
            Self::Statistics(statistics) => statistics.collect(parents, docs),
            Self::Points(points) => {
                points.collect(parents, docs);
                Ok(())
            }
            Self::Top(node) => {
                node.collect(batch, parents, docs);
                Ok(())
            }
            Self::Nested(node) => {
                node.collect(parents, docs);
                Ok(())
            }
            Self::Reverse(node) => node.collect(parents, docs),
            Self::Sampler(node) => {
                node.collect(batch, parents, docs);
                Ok(())
            }
            Self::Timed(node) => node.collect(batch, parents, docs),
            Self::Pipeline => Ok(()),
        }
    }

    /// Memory that it takes, about.
    fn bytes(&self) -> usize {
        let all = |nodes: &[Node<'_>]| nodes.iter().map(Node::bytes).sum::<usize>();
        match self {
            Self::Keyed { buckets, inner, .. } | Self::Filters(buckets, _, inner) => {
                buckets.bytes() + all(inner)
            }
            Self::Composite(node) => node.bytes() + all(&node.inner),
            Self::Metric(metric) => metric.bytes(),
            Self::Weighted(weighted) => weighted.bytes(),
            Self::Statistics(statistics) => statistics.bytes(),
            Self::Points(points) => points.bytes(),
            Self::Top(node) => node.bytes(),
            Self::Nested(node) => node.bytes(),
            Self::Reverse(node) => node.bytes(),
            Self::Sampler(node) => node.bytes(),
            Self::Timed(node) => node.bytes(),
            Self::Pipeline => 0,
        }
    }

    /// What was found, one per bucket of the parent.
    fn finish(self, parents: usize) -> Result<Vec<Partial>, StoreError> {
        match self {
            Self::Keyed { mut buckets, mut source, inner, all_below } => {
                if let (Some(max_doc), KeySource::Terms(terms)) = (all_below, source.as_ref()) {
                    for (key, doc) in terms.all(max_doc)? {
                        (0..parents as u32)
                            .try_for_each(|parent| buckets.add_empty(parent, Some(key), doc))?;
                    }
                }
                source.decode_ahead(buckets.keys()).map_err(engine_error)?;
                buckets.finish(parents, inner, |key, doc| source.typed(key, doc))
            }
            Self::Filters(buckets, _, inner) => buckets.finish(parents, inner, |key, _| {
                Ok(Key::Position(usize::try_from(key.unwrap_or_default()).unwrap_or(usize::MAX)))
            }),
            Self::Composite(node) => node.finish(parents),
            Self::Metric(metric) => partials(metric.finish(parents).map_err(engine_error)?),
            Self::Weighted(weighted) => partials(weighted.finish(parents)),
            Self::Statistics(statistics) => partials(statistics.finish(parents)?),
            Self::Points(points) => partials(points.finish(parents)),
            Self::Top(node) => node.finish(parents),
            Self::Nested(node) => node.finish(parents),
            Self::Reverse(node) => node.finish(parents),
            Self::Sampler(node) => node.finish(parents),
            Self::Timed(node) => node.finish(parents),
            Self::Pipeline => Ok(vec![Partial::Pipeline; parents]),
        }
    }
}

fn partials(states: Vec<super::MetricState>) -> Result<Vec<Partial>, StoreError> {
    Ok(states.into_iter().map(Partial::Metric).collect())
}

fn collect_keyed(
    buckets: &mut Buckets,
    source: &mut KeySource<'_>,
    parents: &[u32],
    docs: &[u32],
) -> Result<(), StoreError> {
    let mut raw = std::mem::take(&mut buckets.raw);
    let full = match source.full_column() {
        Some(column) => {
            raw.resize(docs.len(), 0);
            column.keys.values.get_vals(docs, &mut raw);
            true
        }
        None => false,
    };
    if full {
        for ((parent, doc), raw) in parents.iter().zip(docs).zip(&raw) {
            if let Some(key) = source.key_of(*raw) {
                buckets.add(*parent, key, *doc)?;
            }
        }
    } else {
        let mut keys: Vec<LocalKey> = std::mem::take(&mut buckets.scratch);
        for (parent, doc) in parents.iter().zip(docs) {
            source.keys(*doc, &mut keys)?;
            keys.iter().try_for_each(|key| buckets.add(*parent, *key, *doc))?;
        }
        buckets.scratch = keys;
    }
    buckets.raw = raw;
    Ok(())
}
