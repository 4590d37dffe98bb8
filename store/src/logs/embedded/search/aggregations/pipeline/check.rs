use crate::{
    StoreError,
    logs::dsl::aggregations::{Aggregation, BucketsPath, Kind, Metric, MetricKind, Pipeline, PipelineKind},
};

/// Checks that what a pipeline refers to is there, and that it stands where it can.
pub(in super::super) fn check(
    pipeline: &Pipeline,
    own: &Aggregation,
    siblings: &[Aggregation],
    parent: Option<&Aggregation>,
) -> Result<(), StoreError> {
    let name = own.name.as_str();
    match &pipeline.kind {
        PipelineKind::Sibling { path, .. } => {
            let first = path.steps.first().map(String::as_str).unwrap_or_default();
            let Some(sibling) = siblings.iter().find(|sibling| sibling.name == first) else {
                return refuse(format!("No aggregation found for path [{}]", path.name()));
            };
            if !sibling.kind.has_buckets() || sibling.kind.has_one_bucket() {
                return refuse(format!(
                    "The first aggregation in buckets_path must be a multi-bucket aggregation for aggregation [{name}]"
                ));
            }
            // `histogram.metric` is as good as `histogram>metric`.
            return match (path.steps.get(1..).unwrap_or_default(), &path.property) {
                ([], Some(name)) => check_number(std::slice::from_ref(name), None, &sibling.inner, true),
                (rest, property) => check_number(rest, property.as_deref(), &sibling.inner, true),
            };
        }
        PipelineKind::BucketSort { .. } | PipelineKind::BucketScript(_) | PipelineKind::BucketSelector(_) => {
            check_many(name, parent)?;
        }
        PipelineKind::Derivative { .. }
        | PipelineKind::CumulativeSum(_)
        | PipelineKind::CumulativeCardinality(_)
        | PipelineKind::Normalize { .. }
        | PipelineKind::SerialDiff { .. }
        | PipelineKind::Moving { .. } => check_sequence(name, &pipeline.kind, parent)?,
    }
    if let PipelineKind::CumulativeCardinality(path) = &pipeline.kind {
        check_cardinality(name, path, siblings)?;
    }
    for path in pipeline.kind.paths() {
        let first = path.steps.first().map(String::as_str).unwrap_or_default();
        let first = first.split('[').next().unwrap_or(first);
        let known =
            matches!(first, "_count" | "_key") || siblings.iter().any(|sibling| sibling.name == first);
        if !known {
            return refuse(format!("No aggregation found for path [{}]", path.name()));
        }
        check_number(&path.steps, path.property.as_deref(), siblings, false)?;
    }
    Ok(())
}

/// Refuses a path that leads to no number, whatever the documents. Elasticsearch finds that out with the first bucket, and
/// says so with status 500. `all`: of buckets in buckets all are read.
fn check_number(
    steps: &[String],
    property: Option<&str>,
    siblings: &[Aggregation],
    all: bool,
) -> Result<(), StoreError> {
    let Some((step, rest)) = steps.split_first() else { return Ok(()) };
    // `terms['key']` is one bucket of several.
    let (name, is_one) = step.split_once('[').map_or((step.as_str(), false), |(name, _)| (name, true));
    let Some(found) = siblings.iter().find(|sibling| sibling.name == *name) else { return Ok(()) };
    let refuse = |why: String| {
        let message = format!(
            "buckets_path must reference either a number value or a single value numeric metric aggregation, {why}"
        );
        Err(StoreError::invalid(message).with_code("aggregation_execution_exception"))
    };
    let kind = &found.kind;
    let has_several = kind.has_buckets() && !kind.has_one_bucket() && !is_one;
    match rest {
        [last] if last == "_bucket_count" => Ok(()),
        [_, ..] if has_several && !all => refuse(format!("got: [Object[]] at aggregation [{name}]")),
        [_, ..] => check_number(rest, property, &found.inner, all),
        [] if property.is_some() => Ok(()),
        [] => match kind {
            Kind::Metric(metric) if metric.kind.has_several_values() => {
                refuse(format!("but [{name}] contains multiple values. Please specify which to use."))
            }
            Kind::TopHits(_) | Kind::GeoBounds { .. } | Kind::GeoCentroid(_) => {
                refuse(format!("got no number at aggregation [{name}]"))
            }
            kind if kind.has_buckets() => refuse(format!("got buckets at aggregation [{name}]")),
            _ => Ok(()),
        },
    }
}

fn refuse(why: String) -> Result<(), StoreError> {
    let message = format!("Validation Failed: 1: {why};");
    Err(StoreError::invalid(message).with_code("action_request_validation_exception"))
}

/// What adds up different values can only do so with those of a `cardinality` beside it.
fn check_cardinality(name: &str, path: &BucketsPath, siblings: &[Aggregation]) -> Result<(), StoreError> {
    let read = path.steps.first().and_then(|first| siblings.iter().find(|sibling| sibling.name == *first));
    match read.map(|read| &read.kind) {
        Some(Kind::Metric(Metric { kind: MetricKind::Cardinality { .. }, .. })) if path.steps.len() == 1 => {
            Ok(())
        }
        _ => refuse(format!(
            "buckets_path must reference a cardinality aggregation for aggregation [{name}], got: [{}]",
            path.name()
        )),
    }
}

fn check_many(name: &str, parent: Option<&Aggregation>) -> Result<(), StoreError> {
    match parent.map(|parent| &parent.kind) {
        Some(kind) if kind.has_buckets() && !kind.has_one_bucket() => Ok(()),
        _ => refuse(format!(
            "aggregation [{name}] must be declared inside of another aggregation that has several buckets"
        )),
    }
}

/// What looks at neighbours needs a parent whose buckets are in order and without gaps.
fn check_sequence(name: &str, kind: &PipelineKind, parent: Option<&Aggregation>) -> Result<(), StoreError> {
    let what = match kind {
        PipelineKind::Derivative { .. } => "derivative",
        PipelineKind::CumulativeSum(_) => "cumulative_sum",
        PipelineKind::CumulativeCardinality(_) => "cumulative_cardinality",
        PipelineKind::SerialDiff { .. } => "serial_diff",
        PipelineKind::Normalize { .. } => "normalize",
        _ => "moving_fn",
    };
    let least = match parent.map(|parent| &parent.kind) {
        Some(Kind::Histogram(histogram)) => histogram.min_doc_count,
        Some(Kind::DateHistogram(histogram)) => histogram.min_doc_count,
        Some(Kind::AutoDateHistogram(_)) => 0,
        _ => {
            return refuse(format!(
                "{what} aggregation [{name}] must have a histogram, date_histogram or auto_date_histogram as parent"
            ));
        }
    };
    if least == 0 {
        return Ok(());
    }
    refuse(format!("parent histogram of {what} aggregation [{name}] must have min_doc_count of 0"))
}
