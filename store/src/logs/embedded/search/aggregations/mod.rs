//! Aggregations over the columns of the segments.
//!
//! Each segment is collected with its own keys (ordinals, raw numbers), block by block through the tree of aggregations
//! ([`segment`]); what leaves a segment is a tree of typed keys and mergeable states ([`Partial`]), merged over segments,
//! generations and indices; [`finish`] turns the sum into Elasticsearch's answer. Counts of terms are therefore exact.

mod finish;
mod key;
mod keys;
mod metrics;
mod pipeline;
mod segment;
mod typed_keys;

use super::breaker::Reserved;
use super::fields::Fields;
use super::sorting::Entry as Hit;
use super::{Search, Shard};
use crate::{
    StoreError,
    logs::dsl::{
        BUCKETS_MAX,
        aggregations::{Aggregation, Kind},
    },
};
use event::Object;
use key::float_key;
use metrics::MetricState;
use std::collections::{HashMap, hash_map::Entry};
use tantivy::SegmentReader;

pub(super) use key::Key;
use segment::Context;
pub(super) use segment::{Batch, SegmentAggregations};
pub(super) use typed_keys::{collector_name, typed_keys};

/// Buckets that may be held while collecting, beyond which memory is at risk.
const COLLECTED_BUCKETS_MAX: usize = 1_000_000;

/// What is known of one aggregation so far, for one bucket of its parent.
#[derive(Debug, Clone)]
enum Partial {
    Buckets(HashMap<Key, Bucket>),
    Metric(MetricState),
    TopHits(Vec<Hit>),
    /// Computed at the end.
    Pipeline,
}

#[derive(Debug, Clone, Default)]
struct Bucket {
    count: u64,
    /// One per inner aggregation, in the order of the request.
    inner: Vec<Partial>,
}

/// What partial results take: buckets, and memory in bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    buckets: usize,
    bytes: usize,
}

impl Size {
    fn add(&mut self, other: Self) {
        self.buckets += other.buckets;
        self.bytes += other.bytes;
    }
}

impl Bucket {
    /// Adds another.
    fn merge(&mut self, other: Self) {
        self.merge_counted(other, &mut Size::default());
    }

    /// Adds another; `total` grows by what that takes.
    fn merge_counted(&mut self, other: Self, total: &mut Size) {
        self.count += other.count;
        if self.inner.is_empty() {
            total.add(size_of_all(&other.inner));
            self.inner = other.inner;
            return;
        }
        for (into, from) in self.inner.iter_mut().zip(other.inner) {
            into.merge_counted(from, total);
        }
    }

    fn size(&self, key: &Key) -> Size {
        let mut size = size_of_all(&self.inner);
        size.buckets += 1;
        size.bytes += key.bytes() + size_of::<(Key, Self)>();
        size
    }
}

impl Partial {
    /// Adds another; `total` grows by what that takes. Only what is added is measured: with many small indices, looking
    /// at all that was found before for each of them would take longer than finding it.
    fn merge_counted(&mut self, from: Self, total: &mut Size) {
        match (self, from) {
            (Self::Buckets(into), Self::Buckets(from)) => {
                for (key, bucket) in from {
                    match into.entry(key) {
                        Entry::Occupied(mut known) => known.get_mut().merge_counted(bucket, total),
                        Entry::Vacant(place) => {
                            total.add(bucket.size(place.key()));
                            place.insert(bucket);
                        }
                    }
                }
            }
            (Self::Metric(into), Self::Metric(from)) => {
                let before = into.heap_bytes();
                into.merge(from);
                total.bytes = (total.bytes + into.heap_bytes()).saturating_sub(before);
            }
            (Self::TopHits(into), Self::TopHits(from)) => {
                total.bytes += from.iter().map(Hit::bytes).sum::<usize>();
                into.extend(from);
            }
            // Partials of one aggregation are of one kind.
            _ => {}
        }
    }

    fn size(&self) -> Size {
        let mut size = Size { buckets: 0, bytes: size_of::<Self>() };
        match self {
            Self::Buckets(buckets) => buckets.iter().for_each(|(key, bucket)| size.add(bucket.size(key))),
            Self::Metric(state) => size.bytes += state.heap_bytes(),
            Self::TopHits(hits) => size.bytes += hits.iter().map(Hit::bytes).sum::<usize>(),
            Self::Pipeline => {}
        }
        size
    }
}

fn size_of_all(partials: &[Partial]) -> Size {
    let mut size = Size::default();
    partials.iter().for_each(|partial| size.add(partial.size()));
    size
}

/// What one segment held, for each aggregation of the request.
pub(super) struct Found(Vec<Partial>);

/// Which of the aggregations at the top are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Those over what the query finds.
    Query,
    /// Those over everything.
    Global,
}

impl Reach {
    fn of(aggregation: &Aggregation) -> Self {
        if aggregation.kind == Kind::Global { Self::Global } else { Self::Query }
    }
}

/// Computes the aggregations of one search.
pub(super) struct Aggregator<'r> {
    request: &'r [Aggregation],
    merged: Vec<Option<Partial>>,
    /// What that takes.
    size: Size,
    reserved: Reserved,
    /// Documents that the query found.
    documents: u64,
}

impl<'r> Aggregator<'r> {
    /// # Errors
    /// `InvalidRequest` for a combination that makes no sense.
    pub(super) fn new(request: &'r [Aggregation], reserved: Reserved) -> Result<Self, StoreError> {
        finish::check(request, None)?;
        Ok(Self { request, merged: vec![None; request.len()], size: Size::default(), reserved, documents: 0 })
    }

    /// Whether an aggregation looks at more than the query finds.
    pub(super) fn is_global(&self) -> bool {
        self.request.iter().any(|aggregation| Reach::of(aggregation) == Reach::Global)
    }

    /// Starts on a segment; `place` is the rank of its shard and its ordinal there.
    pub(super) fn segment(
        &self,
        search: &'r Search<'r>,
        fields: &Fields<'_>,
        reader: &SegmentReader,
        place: (usize, u32),
        reach: Reach,
        matching: &dyn Fn() -> Result<Vec<u32>, StoreError>,
    ) -> Result<SegmentAggregations<'r>, StoreError> {
        let wanted = self.request.iter().filter(|aggregation| Reach::of(aggregation) == reach);
        let context = Context { search, fields, reader, place, is_top: true, matching, above: None };
        SegmentAggregations::new(wanted, &context, self.reserved.another())
    }

    /// Adds what a segment held; `documents` are those that the query found in it.
    pub(super) fn merge(
        &mut self,
        Found(found): Found,
        reach: Reach,
        documents: u64,
    ) -> Result<(), StoreError> {
        if reach == Reach::Query {
            self.documents += documents;
        }
        let mut found = found.into_iter();
        for (aggregation, merged) in self.request.iter().zip(&mut self.merged) {
            if Reach::of(aggregation) != reach {
                continue;
            }
            match (merged, found.next()) {
                (Some(into), Some(from)) => into.merge_counted(from, &mut self.size),
                (none, from) => {
                    self.size.add(from.as_ref().map(Partial::size).unwrap_or_default());
                    *none = from;
                }
            }
        }
        self.reserved.set(self.size.bytes)?;
        match self.size.buckets {
            buckets if buckets > COLLECTED_BUCKETS_MAX => {
                Err(too_many_buckets(buckets, COLLECTED_BUCKETS_MAX))
            }
            _ => Ok(()),
        }
    }

    /// The answer.
    pub(super) fn finish(self, search: &Search<'_>, shards: &[Shard<'_>]) -> Result<Object, StoreError> {
        let mut finish = finish::Finish::new(search, shards);
        finish.aggregations(self.request, self.merged, self.documents)
    }
}

fn too_many_buckets(found: usize, limit: usize) -> StoreError {
    let message = format!(
        "Trying to create too many buckets. Must be less than or equal to: [{limit}] but was [{found}]. This limit can be \
         set by changing the [search.max_buckets] cluster level setting."
    );
    StoreError::invalid(message).with_code("too_many_buckets_exception")
}

/// Refuses an answer with more buckets than Elasticsearch's `search.max_buckets`.
fn check_answer(buckets: usize) -> Result<(), StoreError> {
    if buckets > BUCKETS_MAX { Err(too_many_buckets(buckets, BUCKETS_MAX)) } else { Ok(()) }
}
