use super::super::finish::{ValueFormat, percentiles, stats};
use super::super::metrics::{Numbers, Quantiles};
use super::parents::simple;
use super::path::read;
use crate::{
    StoreError,
    logs::{
        dsl::aggregations::{Aggregation, BucketsPath, GapPolicy, Kind, Pipeline, PipelineKind, SiblingKind},
        embedded::search::number_format::NumberFormat,
    },
};
use event::Object;
use serde_json::{Value, json};

/// Runs the pipelines that stand beside the aggregation that they read, in their order.
pub(in super::super) fn siblings(request: &[Aggregation], out: &mut Object) -> Result<(), StoreError> {
    for aggregation in request {
        let Kind::Pipeline(pipeline) = &aggregation.kind else { continue };
        let PipelineKind::Sibling { kind, path } = &pipeline.kind else { continue };
        let values = values(out, path, pipeline.gap_policy);
        let mut answer = compute(kind, pipeline, &values);
        if let Some(meta) = &aggregation.meta {
            answer.insert("meta".to_owned(), meta.clone());
        }
        out.insert(aggregation.name.clone(), Value::Object(answer));
    }
    Ok(())
}

/// The values in the buckets of the sibling, with the buckets' keys.
fn values(answers: &Object, path: &BucketsPath, gaps: GapPolicy) -> Vec<(Value, f64)> {
    let Some((first, rest)) = path.steps.split_first() else { return Vec::new() };
    // `histogram.metric` is as good as `histogram>metric`.
    let below = match (rest, &path.property) {
        ([], Some(name)) => BucketsPath { steps: vec![name.clone()], property: None },
        (rest, property) => BucketsPath { steps: rest.to_vec(), property: property.clone() },
    };
    let mut found = Vec::new();
    let Some(answer) = answers.get(first).and_then(Value::as_object) else { return found };
    collect(answer, &below, gaps, &mut found);
    found
}

/// Goes through buckets of buckets, too: `terms>histogram>metric`.
fn collect(answer: &Object, path: &BucketsPath, gaps: GapPolicy, found: &mut Vec<(Value, f64)>) {
    for (key, bucket) in buckets_of(answer.get("buckets")) {
        let next = path.steps.first().and_then(|step| bucket.get(step)).and_then(Value::as_object);
        match next.filter(|next| next.contains_key("buckets") && path.steps.len() > 1) {
            Some(next) => {
                let below = BucketsPath { steps: path.steps[1..].to_vec(), property: path.property.clone() };
                collect(next, &below, gaps, found);
            }
            None => found.extend(read(bucket, path, gaps).map(|value| (key, value))),
        }
    }
}

fn compute(kind: &SiblingKind, pipeline: &Pipeline, values: &[(Value, f64)]) -> Object {
    let mut numbers = Numbers::default();
    values.iter().for_each(|(_, value)| numbers.add(*value));
    let pattern = pipeline.format.as_deref();
    let format = || pattern.and_then(NumberFormat::new).map_or(ValueFormat::Plain, ValueFormat::Numbers);
    let mut answer = Object::new();
    let one = |value: Option<f64>| match value {
        Some(value) => simple(value, pattern),
        None => Object::from_iter([("value".to_owned(), Value::Null)]),
    };
    match kind {
        SiblingKind::Sum => answer = one(numbers.of("sum")),
        SiblingKind::Avg => answer = one(numbers.of("avg")),
        SiblingKind::Min | SiblingKind::Max => {
            let wanted = numbers.of(if *kind == SiblingKind::Min { "min" } else { "max" });
            answer = one(wanted);
            let keys = values.iter().filter(|(_, value)| Some(*value) == wanted).map(|(key, _)| key.clone());
            answer.insert("keys".to_owned(), keys.collect());
        }
        SiblingKind::Stats => stats(&mut answer, &numbers, None, &format()),
        SiblingKind::ExtendedStats { sigma } => stats(&mut answer, &numbers, Some(*sigma), &format()),
        SiblingKind::Percentiles { percents, keyed } => {
            // Of so few values, each percentile is one of them.
            let mut sorted: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            let mut exact = Quantiles::default();
            sorted.iter().for_each(|value| exact.add(*value));
            answer.insert("values".to_owned(), nearest(&sorted, percents, *keyed, &exact, &format()));
        }
    }
    answer
}

/// Percentiles by nearest rank, as Elasticsearch's `percentiles_bucket`.
fn nearest(sorted: &[f64], percents: &[f64], keyed: bool, none: &Quantiles, format: &ValueFormat) -> Value {
    let Some(last) = sorted.len().checked_sub(1) else { return percentiles(none, percents, keyed, format) };
    let of = |percent: &f64| {
        let index = ((percent / 100.0) * sorted.len() as f64 + 0.5).floor() as usize;
        sorted.get(index.min(last)).copied()
    };
    let mut named = Object::new();
    let mut list = Vec::new();
    for percent in percents {
        if keyed {
            format.put(&mut named, &format!("{percent:?}"), of(percent));
        } else {
            list.push(json!({"key": percent, "value": of(percent)}));
        }
    }
    if keyed { Value::Object(named) } else { Value::Array(list) }
}

/// Buckets with their textual keys, whether they are a list or an object.
fn buckets_of(buckets: Option<&Value>) -> Box<dyn Iterator<Item = (Value, &Object)> + '_> {
    match buckets {
        Some(Value::Array(list)) => Box::new(list.iter().filter_map(Value::as_object).map(|bucket| {
            let key = bucket.get("key_as_string").or_else(|| bucket.get("key"));
            let text =
                key.map_or(String::new(), |key| key.as_str().map_or_else(|| key.to_string(), str::to_owned));
            (Value::String(text), bucket)
        })),
        Some(Value::Object(named)) => Box::new(
            named
                .iter()
                .filter_map(|(name, bucket)| Some((Value::String(name.clone()), bucket.as_object()?))),
        ),
        _ => Box::new(std::iter::empty()),
    }
}
