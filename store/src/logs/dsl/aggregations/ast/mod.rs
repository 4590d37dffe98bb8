//! What an aggregation computes, in the terms of Elasticsearch's API:
//! <https://www.elastic.co/guide/en/elasticsearch/reference/7.10/search-aggregations.html>.

mod composite;
mod geo;
mod histograms;
mod metrics;
mod pipelines;
mod ranges;
mod samples;
mod statistics;
mod terms;
mod top;

pub use composite::{CompositeKind, CompositeSource};
pub use geo::{GeoGrid, GridKind};
pub use histograms::{
    AutoDateHistogram, CalendarUnit, DateHistogram, DateInterval, Histogram, VariableWidthHistogram,
};
pub use metrics::{Metric, MetricKind, WeightedAvg};
pub use pipelines::{
    BucketScript, BucketsPath, GapPolicy, NormalizeMethod, Pipeline, PipelineKind, SiblingKind,
};
pub use ranges::{Filters, RangeBucket, RangeKind, Ranges};
pub use samples::{AdjacencyMatrix, Sampler};
pub use statistics::{MatrixStats, Population, Rate, TTest, TTestKind};
pub use terms::{MultiTerms, RareTerms, SignificantTerms, TermSelection, TermsBuckets};
pub use top::TopMetrics;

use crate::logs::dsl::{Query, ScriptCall, SearchBody, SortOrder};
use serde_json::Value;
use std::sync::Arc;

/// A named aggregation and those below it.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregation {
    /// The name in the answer.
    pub name: String,
    /// What it computes.
    pub kind: Kind,
    /// Computed for each bucket.
    pub inner: Vec<Aggregation>,
    /// `meta`: handed back as it is.
    pub meta: Option<Value>,
}

/// What an aggregation computes.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A bucket per value.
    Terms(TermsBuckets),
    /// A bucket per combination of values.
    MultiTerms(MultiTerms),
    /// A bucket per value that few documents have.
    RareTerms(RareTerms),
    /// A bucket per value that is more frequent here than elsewhere.
    SignificantTerms(Box<SignificantTerms>),
    /// A bucket per interval of a number.
    Histogram(Histogram),
    /// A bucket per interval of time.
    DateHistogram(Box<DateHistogram>),
    /// A bucket per interval of time, as wide as the number of buckets asks for.
    AutoDateHistogram(AutoDateHistogram),
    /// A bucket per cluster of numbers.
    VariableWidthHistogram(VariableWidthHistogram),
    /// `range`, `date_range`, `ip_range`, `geo_distance`: a bucket per given range.
    Ranges(Ranges),
    /// One bucket: what matches.
    Filter(Query),
    /// A bucket per query.
    Filters(Filters),
    /// A bucket per query and per pair of queries.
    AdjacencyMatrix(AdjacencyMatrix),
    /// One bucket: the best documents.
    Sampler(Sampler),
    /// One bucket: documents without the field.
    Missing(ValuesSource),
    /// One bucket: all documents, whatever the query.
    Global,
    /// One bucket: the nested objects at a path, as documents of their own.
    Nested(String),
    /// One bucket: the documents that the nested objects stand in.
    ReverseNested,
    /// `geohash_grid`, `geotile_grid`: a bucket per cell of a grid.
    GeoGrid(GeoGrid),
    /// Buckets by several keys at once, in pages.
    Composite {
        /// The keys.
        sources: Vec<CompositeSource>,
        /// Buckets per page.
        size: usize,
        /// Key after which the page starts, in the order of the sources.
        after: Option<Vec<Value>>,
    },
    /// Numbers over the values of a field.
    Metric(Metric),
    /// Mean of a field, weighted by another.
    WeightedAvg(WeightedAvg),
    /// How likely it is that two populations have the same mean.
    TTest(Box<TTest>),
    /// Moments of several fields.
    MatrixStats(MatrixStats),
    /// What there is per unit of time.
    Rate(Box<Rate>),
    /// The box around all points.
    GeoBounds {
        /// The points.
        field: String,
        /// Whether the box may cross the date line.
        wrap_longitude: bool,
    },
    /// The mean of all points.
    GeoCentroid(String),
    /// The first documents, as a search without a query wants them.
    TopHits(Box<SearchBody>),
    /// Values of the first documents.
    TopMetrics(TopMetrics),
    /// Computed from the buckets of others.
    Pipeline(Pipeline),
}

impl Kind {
    /// Whether there are buckets that other aggregations can stand in.
    pub fn has_buckets(&self) -> bool {
        !matches!(
            self,
            Self::Metric(_)
                | Self::WeightedAvg(_)
                | Self::TTest(_)
                | Self::MatrixStats(_)
                | Self::Rate(_)
                | Self::GeoBounds { .. }
                | Self::GeoCentroid(_)
                | Self::TopHits(_)
                | Self::TopMetrics(_)
                | Self::Pipeline(_)
        )
    }

    /// Whether there is only one bucket, whose number others can refer to.
    pub fn has_one_bucket(&self) -> bool {
        matches!(
            self,
            Self::Filter(_)
                | Self::Missing(_)
                | Self::Global
                | Self::Nested(_)
                | Self::ReverseNested
                | Self::Sampler(_)
        )
    }
}

/// Where the values of an aggregation come from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ValuesSource {
    /// Dotted path; empty if there is only a script.
    pub field: String,
    /// Makes the values, or others of each value of the field (`_value`).
    pub script: Option<Arc<ScriptCall>>,
    /// Value that documents without the field count as.
    pub missing: Option<Value>,
    /// Type of the values of a field that is not mapped: `string`, `long`, `double`, `boolean`, `date`, `ip`.
    pub value_type: Option<String>,
    /// How values are written beside the plain ones.
    pub format: Option<String>,
    /// Zone of dates without one, and of those that are written.
    pub time_zone: Option<String>,
}

/// A level of a bucket order.
#[derive(Debug, Clone, PartialEq)]
pub struct BucketOrder {
    /// What is compared.
    pub key: OrderKey,
    /// In which direction.
    pub order: SortOrder,
}

/// What buckets are ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderKey {
    /// `_count`.
    Count,
    /// `_key`.
    Key,
    /// An inner aggregation and one of its values.
    Metric(BucketsPath),
}
