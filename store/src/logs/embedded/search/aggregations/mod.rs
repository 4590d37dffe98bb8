//! Aggregations over the columns of the segments.
//!
//! Each segment is collected with its own keys (ordinals, raw numbers), block by block through the tree of aggregations
//! ([`segment`]); what leaves a segment is a tree of typed keys and mergeable states ([`Partial`]), merged over segments,
//! generations and indices; [`finish`] turns the sum into Elasticsearch's answer. Counts of terms are therefore exact.

mod finish;
mod keys;
mod metrics;
mod pipeline;
mod segment;
mod sketch;

use super::fields::Fields;
use super::sorting::Entry;
use super::{Search, Shard, scalar::Scalar};
use crate::{StoreError, logs::dsl::aggregations::Aggregation};
use event::Object;
use jiff::Timestamp;
use metrics::MetricState;
use segment::SegmentAggregations;
use std::{collections::HashMap, net::Ipv6Addr};
use tantivy::SegmentReader;

/// Buckets that may be held while collecting, beyond which memory is at risk.
const COLLECTED_BUCKETS_MAX: usize = 1_000_000;

/// A bucket's key, comparable across segments.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    /// No value (composite's `missing_bucket`).
    Null,
    Boolean(bool),
    Integer(i64),
    /// Larger than any `i64`.
    Unsigned(u64),
    /// In the order of the numbers ([`float_key`]).
    Float(u64),
    /// Milliseconds since 1970.
    Date(i64),
    Ip(Ipv6Addr),
    Text(String),
    /// Position of a range or filter in the request.
    Position(usize),
    Composite(Vec<Key>),
}

/// What is known of one aggregation so far, for one bucket of its parent.
#[derive(Debug, Clone)]
enum Partial {
    Buckets(HashMap<Key, Bucket>),
    Metric(MetricState),
    TopHits(Vec<Entry>),
    /// Computed at the end.
    Pipeline,
}

#[derive(Debug, Clone)]
struct Bucket {
    count: u64,
    /// One per inner aggregation, in the order of the request.
    inner: Vec<Partial>,
}

/// A float as a key: equal numbers have equal keys, larger numbers larger ones.
fn float_key(value: f64) -> Key {
    use tantivy::columnar::MonotonicallyMappableToU64;
    Key::Float(if value == 0.0 { 0.0_f64.to_u64() } else { value.to_u64() })
}

impl Key {
    fn from_scalar(value: Scalar) -> Self {
        match value {
            Scalar::Bool(value) => Self::Boolean(value),
            Scalar::Integer(value) => Self::Integer(value),
            Scalar::Unsigned(value) => i64::try_from(value).map_or(Self::Unsigned(value), Self::Integer),
            Scalar::Float(value) => float_key(value),
            Scalar::Date(nanos) => Self::Date(nanos.div_euclid(1_000_000)),
            Scalar::Ip(address) => Self::Ip(address),
            Scalar::Text(text) => Self::Text(text),
        }
    }

    /// The typed value of a simple key.
    fn to_scalar(&self) -> Option<Scalar> {
        use tantivy::columnar::MonotonicallyMappableToU64;
        Some(match self {
            Self::Boolean(value) => Scalar::Bool(*value),
            Self::Integer(value) => Scalar::Integer(*value),
            Self::Unsigned(value) => Scalar::Unsigned(*value),
            Self::Float(value) => Scalar::Float(f64::from_u64(*value)),
            Self::Date(millis) => Scalar::Date(millis.saturating_mul(1_000_000)),
            Self::Ip(address) => Scalar::Ip(*address),
            Self::Text(text) => Scalar::Text(text.clone()),
            Self::Null | Self::Position(_) | Self::Composite(_) => return None,
        })
    }
}

/// What one segment held, for each aggregation of the request.
pub(super) struct Found(Vec<Partial>);

/// Computes the aggregations of one search.
pub(super) struct Aggregator<'r> {
    request: &'r [Aggregation],
    now: Timestamp,
    merged: Vec<Partial>,
    buckets: usize,
}

impl<'r> Aggregator<'r> {
    /// # Errors
    /// `InvalidRequest` for a combination that makes no sense.
    pub(super) fn new(request: &'r [Aggregation], now: Timestamp) -> Result<Self, StoreError> {
        finish::check(request, None)?;
        Ok(Self { request, now, merged: Vec::new(), buckets: 0 })
    }

    /// Starts on a segment; `place` is the rank of its shard and its ordinal there.
    pub(super) fn segment(
        &self,
        fields: &Fields<'_>,
        reader: &SegmentReader,
        place: (usize, u32),
    ) -> Result<SegmentAggregations<'r>, StoreError> {
        SegmentAggregations::new(self.request, fields, reader, self.now, place)
    }

    /// Adds what a segment held.
    pub(super) fn merge(&mut self, Found(found): Found) -> Result<(), StoreError> {
        if self.merged.is_empty() {
            self.buckets = found.iter().map(count_buckets).sum();
            self.merged = found;
        } else {
            for (into, from) in self.merged.iter_mut().zip(found) {
                merge_partial(into, from, &mut self.buckets);
            }
        }
        if self.buckets > COLLECTED_BUCKETS_MAX {
            Err(too_many_buckets(self.buckets, COLLECTED_BUCKETS_MAX))
        } else {
            Ok(())
        }
    }

    /// The answer.
    pub(super) fn finish(self, search: &Search<'_>, shards: &[Shard<'_>]) -> Result<Object, StoreError> {
        finish::Finish::new(search, shards).aggregations(self.request, self.merged)
    }
}

fn too_many_buckets(found: usize, limit: usize) -> StoreError {
    StoreError::invalid(format!(
        "trying to create too many buckets: {found}, at most {limit} are allowed; narrow the query or use a composite \
         aggregation"
    ))
}

fn count_buckets(partial: &Partial) -> usize {
    match partial {
        Partial::Buckets(buckets) => {
            buckets.values().map(|bucket| 1 + bucket.inner.iter().map(count_buckets).sum::<usize>()).sum()
        }
        _ => 0,
    }
}

fn merge_partial(into: &mut Partial, from: Partial, buckets: &mut usize) {
    match (into, from) {
        (Partial::Buckets(into), Partial::Buckets(from)) => {
            for (key, bucket) in from {
                match into.entry(key) {
                    std::collections::hash_map::Entry::Occupied(mut known) => {
                        let known = known.get_mut();
                        known.count += bucket.count;
                        for (into, from) in known.inner.iter_mut().zip(bucket.inner) {
                            merge_partial(into, from, buckets);
                        }
                    }
                    std::collections::hash_map::Entry::Vacant(place) => {
                        *buckets += 1 + bucket.inner.iter().map(count_buckets).sum::<usize>();
                        place.insert(bucket);
                    }
                }
            }
        }
        (Partial::Metric(into), Partial::Metric(from)) => into.merge(from),
        (Partial::TopHits(into), Partial::TopHits(from)) => into.extend(from),
        // Partials of one aggregation are of one kind.
        _ => {}
    }
}
