use super::super::metrics::Distinct;
use super::Rendered;
use super::path::{read, value_at};
use super::script::Runner;
use crate::{
    StoreError,
    logs::{
        dsl::{
            SortOrder,
            aggregations::{
                Aggregation, BucketOrder, BucketScript, BucketsPath, Kind, NormalizeMethod, OrderKey,
                Pipeline, PipelineKind,
            },
        },
        embedded::search::number_format::NumberFormat,
    },
};
use event::Object;
use serde_json::{Value, json};
use std::cmp::Ordering;

/// Runs the pipelines that stand in the buckets of their parent, those first that others read.
pub(in super::super) fn parents(
    inner: &[Aggregation],
    mut buckets: Vec<Rendered>,
) -> Result<Vec<Rendered>, StoreError> {
    for aggregation in in_order(inner)? {
        let Kind::Pipeline(pipeline) = &aggregation.kind else { continue };
        let mut run = Run { aggregation, pipeline, buckets: &mut buckets };
        match &pipeline.kind {
            PipelineKind::Derivative { path, unit_ms } => run.derivative(path, *unit_ms),
            PipelineKind::CumulativeSum(path) => run.cumulative_sum(path),
            PipelineKind::CumulativeCardinality(path) => run.cumulative_cardinality(path),
            PipelineKind::Normalize { path, method } => run.normalize(path, *method),
            PipelineKind::SerialDiff { path, lag } => run.serial_diff(path, *lag),
            PipelineKind::Moving { path, window, shift, function } => {
                let script = Runner::new(function, run.buckets.len(), *window);
                run.moving(path, *window, *shift, |values| script.over_window(values))?;
            }
            PipelineKind::BucketSort { sort, from, size } => {
                if !sort.is_empty() {
                    // What has nothing to be sorted by is left out.
                    let sortable =
                        |bucket: &Rendered| sort.iter().any(|level| has_value(level, &bucket.body));
                    buckets.retain(sortable);
                    buckets.sort_by(|a, b| order(sort, &a.body, &b.body));
                }
                buckets = buckets.into_iter().skip(*from).take(size.unwrap_or(usize::MAX)).collect();
            }
            PipelineKind::BucketScript(script) => {
                let runner = Runner::new(&script.call, run.buckets.len(), 0);
                for position in 0..run.buckets.len() {
                    if let Some(numbers) = run.numbers(script, position, None)
                        && let Some(value) = runner.number(&numbers)?
                    {
                        run.put_maybe(position, value);
                    }
                }
            }
            PipelineKind::BucketSelector(script) => {
                let runner = Runner::new(&script.call, run.buckets.len(), 0);
                let mut kept = Vec::with_capacity(run.buckets.len());
                for position in 0..run.buckets.len() {
                    // What is missing is NaN, for which no comparison holds.
                    let numbers = run.numbers(script, position, Some(f64::NAN)).unwrap_or_default();
                    kept.push(runner.holds(&numbers)?);
                }
                let mut kept = kept.into_iter();
                buckets.retain(|_| kept.next().unwrap_or(false));
            }
            PipelineKind::Sibling { .. } => {}
        }
    }
    Ok(buckets)
}

/// The pipelines in an order in which each comes behind what it reads; sorting comes last.
fn in_order(inner: &[Aggregation]) -> Result<Vec<&Aggregation>, StoreError> {
    let mut left: Vec<&Aggregation> = inner
        .iter()
        .filter(|aggregation| {
            matches!(&aggregation.kind, Kind::Pipeline(pipeline) if !matches!(pipeline.kind, PipelineKind::Sibling { .. }))
        })
        .collect();
    let reads = |aggregation: &Aggregation, name: &str| match &aggregation.kind {
        Kind::Pipeline(pipeline) => {
            pipeline.kind.paths().iter().any(|path| path.steps.first().is_some_and(|step| step == name))
        }
        _ => false,
    };
    let sorts = |aggregation: &Aggregation| {
        matches!(&aggregation.kind, Kind::Pipeline(Pipeline { kind: PipelineKind::BucketSort { .. }, .. }))
    };
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let ready = left.iter().position(|candidate| {
            let waits =
                left.iter().any(|other| other.name != candidate.name && reads(candidate, &other.name));
            let must_be_last = sorts(candidate) && left.iter().any(|other| !sorts(other));
            !waits && !must_be_last
        });
        let Some(ready) = ready else {
            return Err(StoreError::invalid("Cyclical dependency found in the pipeline aggregations"));
        };
        ordered.push(left.remove(ready));
    }
    Ok(ordered)
}

struct Run<'a> {
    aggregation: &'a Aggregation,
    pipeline: &'a Pipeline,
    buckets: &'a mut Vec<Rendered>,
}

impl Run<'_> {
    fn values(&self, path: &BucketsPath) -> Vec<Option<f64>> {
        self.buckets.iter().map(|bucket| read(&bucket.body, path, self.pipeline.gap_policy)).collect()
    }

    fn put(&mut self, position: usize, value: f64, more: Option<(&str, f64)>) {
        let mut answer = simple(value, self.pipeline.format.as_deref());
        answer.extend(more.map(|(name, value)| (name.to_owned(), json!(value))));
        if let Some(meta) = &self.aggregation.meta {
            answer.insert("meta".to_owned(), meta.clone());
        }
        if let Some(bucket) = self.buckets.get_mut(position) {
            bucket.body.insert(self.aggregation.name.clone(), Value::Object(answer));
        }
    }

    /// What a script is handed for a bucket; `None`: a value is missing and nothing stands for it.
    fn numbers<'s>(
        &self,
        script: &'s BucketScript,
        position: usize,
        missing: Option<f64>,
    ) -> Option<Vec<(&'s str, f64)>> {
        let bucket = &self.buckets.get(position)?.body;
        let number = |(name, path): &'s (String, BucketsPath)| {
            let value = read(bucket, path, self.pipeline.gap_policy).or(missing)?;
            Some((name.as_str(), value))
        };
        script.paths.iter().map(number).collect()
    }

    fn key(&self, position: usize) -> Option<f64> {
        self.buckets.get(position)?.body.get("key")?.as_f64()
    }

    fn derivative(&mut self, path: &BucketsPath, unit_ms: Option<i64>) {
        // A bucket that is passed over has no number, and so neither has a difference to it.
        let values: Vec<f64> = self.values(path).into_iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        for (last, pair) in values.windows(2).enumerate() {
            let [before, value] = pair else { continue };
            let (position, change) = (last + 1, value - before);
            let normalized = unit_ms.and_then(|unit| {
                let span = self.key(position)? - self.key(last)?;
                Some(("normalized_value", change / (span / unit as f64)))
            });
            self.put(position, change, normalized);
        }
    }

    fn cumulative_sum(&mut self, path: &BucketsPath) {
        let mut sum = 0.0;
        for (position, value) in self.values(path).into_iter().enumerate() {
            sum += value.filter(|value| value.is_finite()).unwrap_or(0.0);
            self.put(position, sum, None);
        }
    }

    fn cumulative_cardinality(&mut self, path: &BucketsPath) {
        let mut known: Option<Distinct> = None;
        for position in 0..self.buckets.len() {
            let Some(bucket) = self.buckets.get_mut(position) else { continue };
            let name = path.steps.first();
            let found =
                bucket.distinct.iter().find(|(of, _)| Some(of) == name).map(|(_, found)| found.clone());
            match (&mut known, found) {
                (Some(known), Some(found)) => known.merge(found),
                (none, found) => *none = none.take().or(found),
            }
            let count = known.as_ref().map_or(0, Distinct::estimate);
            let mut answer = simple(count as f64, self.pipeline.format.as_deref());
            answer.insert("value".to_owned(), json!(count));
            bucket.body.insert(self.aggregation.name.clone(), Value::Object(answer));
        }
    }

    fn normalize(&mut self, path: &BucketsPath, method: NormalizeMethod) {
        let values = self.values(path);
        let known: Vec<f64> = values.iter().flatten().copied().collect();
        let (count, sum) = (known.len() as f64, known.iter().sum::<f64>());
        let mean = sum / count;
        let (least, most) = (
            known.iter().copied().fold(f64::INFINITY, f64::min),
            known.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        );
        let deviation = (known.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
        let exponentials: f64 = known.iter().map(|value| value.exp()).sum();
        for (position, value) in values.iter().enumerate() {
            let Some(value) = *value else { continue };
            let normal = match method {
                NormalizeMethod::Rescale01 => (value - least) / (most - least),
                NormalizeMethod::Rescale0100 => 100.0 * (value - least) / (most - least),
                NormalizeMethod::PercentOfSum => value / sum,
                NormalizeMethod::Mean => (value - mean) / (most - least),
                NormalizeMethod::ZScore => (value - mean) / deviation,
                NormalizeMethod::Softmax => value.exp() / exponentials,
            };
            self.put_maybe(position, normal);
        }
    }

    fn serial_diff(&mut self, path: &BucketsPath, lag: usize) {
        let values = self.values(path);
        for position in lag..values.len() {
            if let (Some(before), Some(value)) = (values[position - lag], values[position]) {
                self.put(position, value - before, None);
            }
        }
    }

    fn moving(
        &mut self,
        path: &BucketsPath,
        window: usize,
        shift: i64,
        function: impl Fn(&[f64]) -> Result<f64, StoreError>,
    ) -> Result<(), StoreError> {
        let values = self.values(path);
        // Buckets that are passed over are no part of any window.
        let known: Vec<f64> = values.iter().flatten().copied().collect();
        let mut index = 0_i64;
        for (position, value) in values.iter().enumerate() {
            if value.is_none() {
                continue;
            }
            let clamp = |at: i64| usize::try_from(at.max(0)).unwrap_or(0).min(known.len());
            let (from, to) = (clamp(index - window as i64 + shift), clamp(index + shift));
            let result = function(known.get(from..to).unwrap_or_default())?;
            self.put_maybe(position, result);
            index += 1;
        }
        Ok(())
    }

    fn put_maybe(&mut self, position: usize, value: f64) {
        if value.is_finite() {
            self.put(position, value, None);
        } else if let Some(bucket) = self.buckets.get_mut(position) {
            bucket.body.insert(self.aggregation.name.clone(), json!({"value": null}));
        }
    }
}

/// `value`, and its text if there is a pattern; null where there is no number.
pub(super) fn simple(value: f64, format: Option<&str>) -> Object {
    let mut answer = Object::new();
    answer.insert("value".to_owned(), json!(value));
    if let Some(format) = format.and_then(NumberFormat::new).filter(|_| value.is_finite()) {
        answer.insert("value_as_string".to_owned(), json!(format.print(value)));
    }
    answer
}

fn sort_value(level: &BucketOrder, bucket: &Object) -> Option<f64> {
    match &level.key {
        OrderKey::Metric(path) => value_at(bucket, &path.steps, path.property.as_deref()),
        OrderKey::Count => bucket.get("doc_count").and_then(Value::as_f64),
        OrderKey::Key => None,
    }
}

fn has_value(level: &BucketOrder, bucket: &Object) -> bool {
    level.key == OrderKey::Key || sort_value(level, bucket).is_some()
}

fn order(sort: &[BucketOrder], a: &Object, b: &Object) -> Ordering {
    for level in sort {
        let direct = match &level.key {
            OrderKey::Key => match (a.get("key"), b.get("key")) {
                (Some(Value::String(a)), Some(Value::String(b))) => a.cmp(b),
                (a, b) => {
                    let number = |value: Option<&Value>| value.and_then(Value::as_f64).unwrap_or(f64::NAN);
                    number(a).total_cmp(&number(b))
                }
            },
            _ => match (sort_value(level, a), sort_value(level, b)) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                (None, Some(_)) => return Ordering::Greater,
                (Some(_), None) => return Ordering::Less,
                (None, None) => Ordering::Equal,
            },
        };
        let directed = if level.order == SortOrder::Asc { direct } else { direct.reverse() };
        if directed.is_ne() {
            return directed;
        }
    }
    Ordering::Equal
}
