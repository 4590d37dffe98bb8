use super::super::pipeline;
use crate::{
    StoreError,
    logs::dsl::aggregations::{Aggregation, BucketsPath, Kind, OrderKey},
};

/// Checks what can be said before any document is seen.
pub(in super::super) fn check(
    request: &[Aggregation],
    parent: Option<&Aggregation>,
) -> Result<(), StoreError> {
    for aggregation in request {
        let order = match &aggregation.kind {
            Kind::Terms(terms) => terms.order.as_slice(),
            Kind::MultiTerms(terms) => terms.order.as_slice(),
            Kind::Histogram(histogram) => histogram.order.as_slice(),
            Kind::DateHistogram(histogram) => histogram.order.as_slice(),
            _ => &[],
        };
        for level in order {
            if let OrderKey::Metric(path) = &level.key {
                check_order(aggregation, path)?;
            }
        }
        if let Kind::Pipeline(pipeline) = &aggregation.kind {
            pipeline::check(pipeline, aggregation, request, parent)?;
        }
        check(&aggregation.inner, Some(aggregation))?;
    }
    Ok(())
}

fn check_order(aggregation: &Aggregation, path: &BucketsPath) -> Result<(), StoreError> {
    let refuse = |why: String| {
        let message = format!("Invalid aggregation order path [{}]. {why}", path.name());
        Err(StoreError::invalid(message).with_code("aggregation_execution_exception"))
    };
    let found = find(&aggregation.inner, &path.steps);
    let Some(found) = found.filter(|found| !matches!(found.kind, Kind::Pipeline(_))) else {
        return refuse(format!(
            "The provided aggregation [{}] either does not exist, or is a pipeline aggregation and cannot be used to sort the buckets.",
            path.name()
        ));
    };
    match (&found.kind, &path.property) {
        (Kind::Metric(metric), None) if metric.kind.has_several_values() => refuse(
            "When ordering on a multi-value metrics aggregation a metric name must be specified.".to_owned(),
        ),
        (kind, _) if kind.has_buckets() && !kind.has_one_bucket() => refuse(
            "Buckets can only be sorted on a sub-aggregator path that is built out of zero or more single-bucket \
             aggregations within the path and a final single-bucket or a metrics aggregation at the path end."
                .to_owned(),
        ),
        _ => Ok(()),
    }
}

/// The aggregation at the end of a path; `_count` is that of the one before.
fn find<'a>(request: &'a [Aggregation], steps: &[String]) -> Option<&'a Aggregation> {
    let (first, rest) = steps.split_first()?;
    let found = request.iter().find(|aggregation| aggregation.name == *first)?;
    match rest {
        [] => Some(found),
        [last] if last == "_count" => Some(found),
        rest => find(&found.inner, rest),
    }
}
