//! Aggregations over the buckets of others, on the answer as it is given.

mod check;
mod parents;
mod path;
mod script;
mod siblings;

use super::{Partial, metrics::Distinct, metrics::MetricState};
use crate::logs::dsl::aggregations::{Aggregation, Kind, Pipeline, PipelineKind};
use event::Object;

pub(super) use check::check;
pub(super) use parents::parents;
pub(super) use siblings::siblings;

/// A bucket of the answer, and the name that it has in an answer by names.
pub(super) struct Rendered {
    pub(super) name: String,
    pub(super) body: Object,
    /// The different values in it, of those inner aggregations that a `cumulative_cardinality` reads.
    pub(super) distinct: Vec<(String, Distinct)>,
}

/// What of the partials of a bucket is needed when its answer is written already.
pub(super) fn sketches(inner: &[Aggregation], partials: &[Partial]) -> Vec<(String, Distinct)> {
    let read = inner.iter().filter_map(|aggregation| match &aggregation.kind {
        Kind::Pipeline(Pipeline { kind: PipelineKind::CumulativeCardinality(path), .. }) => {
            path.steps.first()
        }
        _ => None,
    });
    let read: Vec<&String> = read.collect();
    let of = |(aggregation, partial): (&Aggregation, &Partial)| match partial {
        Partial::Metric(MetricState::Distinct(found)) if read.contains(&&aggregation.name) => {
            Some((aggregation.name.clone(), found.clone()))
        }
        _ => None,
    };
    inner.iter().zip(partials).filter_map(of).collect()
}
