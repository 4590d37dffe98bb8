//! From merged buckets to Elasticsearch's answer.

mod auto;
mod check;
mod composite;
mod format;
mod grid;
mod histograms;
mod metrics;
mod order;
mod ranges;
mod significant;
mod statistics;
mod terms;
mod top;

use super::super::{Search, Shard, fields::Within};
use super::{Bucket, Key, Partial, check_answer, pipeline};
use crate::{
    StoreError,
    logs::{
        dsl::aggregations::{Aggregation, Kind},
        embedded::schema::ResolvedField,
    },
};
pub(super) use check::check;
use event::Object;
pub(super) use format::ValueFormat;
pub(super) use metrics::{percentiles, stats};
use pipeline::Rendered;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Builds the answer.
pub(super) struct Finish<'f, 's> {
    search: &'f Search<'f>,
    shards: &'f [Shard<'s>],
    buckets: usize,
    /// Key of the bucket that is being completed, if that is a number.
    bucket_start: Option<i64>,
}

impl<'f, 's> Finish<'f, 's> {
    pub(super) fn new(search: &'f Search<'f>, shards: &'f [Shard<'s>]) -> Self {
        Self { search, shards, buckets: 0, bucket_start: None }
    }

    /// The answers of aggregations side by side, over so many documents. Where nothing was found, there may be no
    /// partials.
    pub(super) fn aggregations(
        &mut self,
        request: &[Aggregation],
        partials: Vec<Option<Partial>>,
        documents: u64,
    ) -> Result<Object, StoreError> {
        let mut partials = partials.into_iter();
        let mut out = Object::new();
        for aggregation in request {
            let partial = partials.next().flatten();
            if let Some(mut answer) = self.aggregation(aggregation, partial, documents)? {
                if let Some(meta) = &aggregation.meta {
                    answer.insert("meta".to_owned(), meta.clone());
                }
                out.insert(aggregation.name.clone(), Value::Object(answer));
            }
        }
        pipeline::siblings(request, &mut out)?;
        Ok(out)
    }

    fn aggregation(
        &mut self,
        aggregation: &Aggregation,
        partial: Option<Partial>,
        documents: u64,
    ) -> Result<Option<Object>, StoreError> {
        let inner = aggregation.inner.as_slice();
        let partial = match partial {
            Some(Partial::TopHits(entries)) => {
                return self.top(&aggregation.kind, entries, documents).map(Some);
            }
            Some(partial) if matches!(aggregation.kind, Kind::Rate(_)) => Some(partial),
            Some(Partial::Metric(state)) => return self.state(&aggregation.kind, Some(&state)).map(Some),
            other => other,
        };
        let (buckets, metric) = match partial {
            Some(Partial::Buckets(buckets)) => (buckets, None),
            other => (HashMap::new(), other),
        };
        Ok(Some(match &aggregation.kind {
            Kind::Terms(request) => self.terms(request, inner, buckets)?,
            Kind::MultiTerms(request) => self.multi_terms(request, inner, buckets)?,
            Kind::RareTerms(request) => self.rare_terms(request, inner, buckets)?,
            Kind::SignificantTerms(request) => self.significant_terms(request, inner, buckets, documents)?,
            Kind::Histogram(request) => self.histogram(request, inner, buckets)?,
            Kind::DateHistogram(request) => self.date_histogram(request, inner, buckets)?,
            Kind::AutoDateHistogram(request) => self.auto_date_histogram(request, inner, buckets)?,
            Kind::VariableWidthHistogram(request) => self.variable_width(request, inner, buckets)?,
            Kind::Ranges(request) => self.ranges(request, inner, buckets)?,
            Kind::Filter(_)
            | Kind::Missing(_)
            | Kind::Global
            | Kind::Nested(_)
            | Kind::ReverseNested
            | Kind::Sampler(_) => self.single(inner, buckets)?,
            Kind::Filters(request) => self.filters(request, inner, buckets)?,
            Kind::AdjacencyMatrix(request) => self.adjacency_matrix(request, inner, buckets)?,
            Kind::GeoGrid(request) => self.grid(request, inner, buckets)?,
            Kind::Composite { sources, size, after } => {
                self.composite(sources, *size, after.as_deref(), inner, buckets)?
            }
            Kind::TopHits(_) | Kind::TopMetrics(_) => self.top(&aggregation.kind, Vec::new(), documents)?,
            Kind::Pipeline(_) => return Ok(None),
            Kind::Rate(request) => self.rate(request, metric.as_ref(), documents)?,
            metric => self.state(metric, None)?,
        }))
    }

    fn single(
        &mut self,
        inner: &[Aggregation],
        mut buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        let bucket = buckets.remove(&Key::Position(0));
        Ok(self.bucket(String::new(), Object::new(), inner, bucket)?.body)
    }

    /// Completes a bucket with its count and what is below it.
    fn bucket(
        &mut self,
        name: String,
        mut body: Object,
        inner: &[Aggregation],
        bucket: Option<Bucket>,
    ) -> Result<Rendered, StoreError> {
        self.buckets += 1;
        check_answer(self.buckets)?;
        let Bucket { count, inner: partials } = bucket.unwrap_or_default();
        let distinct = pipeline::sketches(inner, &partials);
        body.insert("doc_count".to_owned(), json!(count));
        if !inner.is_empty() {
            let start = body.get("key").and_then(Value::as_i64);
            let outer = std::mem::replace(&mut self.bucket_start, start);
            body.extend(self.aggregations(inner, partials.into_iter().map(Some).collect(), count)?);
            self.bucket_start = outer;
        }
        Ok(Rendered { name, body, distinct })
    }

    /// A field as the first index knows it that does.
    fn field(&self, path: &str) -> Option<ResolvedField> {
        self.shards.iter().find_map(|shard| shard.fields().within(Within::Whole).resolve(path))
    }
}

/// Buckets as a list, or as an object by their names, after the pipelines in them.
fn listed(inner: &[Aggregation], buckets: Vec<Rendered>, keyed: bool) -> Result<Object, StoreError> {
    let buckets = pipeline::parents(inner, buckets)?;
    let value = match keyed {
        true => Value::Object(
            buckets.into_iter().map(|bucket| (bucket.name, Value::Object(bucket.body))).collect(),
        ),
        false => buckets.into_iter().map(|bucket| Value::Object(bucket.body)).collect(),
    };
    let mut out = Object::new();
    out.insert("buckets".to_owned(), value);
    Ok(out)
}
