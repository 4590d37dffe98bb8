use crate::logs::dsl::{Query, SortKey, SortOrder, SourceFilter};
use serde_json::Value;

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
    /// A bucket per interval of a number.
    Histogram(Histogram),
    /// A bucket per interval of time.
    DateHistogram(Box<DateHistogram>),
    /// `range`, `date_range`: a bucket per given range.
    Ranges(Ranges),
    /// One bucket: what matches.
    Filter(Query),
    /// A bucket per query.
    Filters(Filters),
    /// One bucket: documents without the field.
    Missing(String),
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
    /// The first documents.
    TopHits(TopHits),
    /// Computed from the buckets of others.
    Pipeline(Pipeline),
}

/// `terms`.
#[derive(Debug, Clone, PartialEq)]
pub struct TermsBuckets {
    /// Dotted path.
    pub field: String,
    /// Buckets wanted.
    pub size: usize,
    /// Smallest number of documents of a bucket.
    pub min_doc_count: u64,
    /// Order of the buckets.
    pub order: Vec<BucketOrder>,
    /// Only these values.
    pub include: Option<TermSelection>,
    /// But not these.
    pub exclude: Option<TermSelection>,
    /// Value that documents without the field count as.
    pub missing: Option<Value>,
}

/// `include`, `exclude`.
#[derive(Debug, Clone, PartialEq)]
pub enum TermSelection {
    /// Values that match as a whole.
    Pattern(String),
    /// Exactly these.
    Values(Vec<Value>),
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
    /// An inner aggregation (a path with `>`) and one of its values (`None`: its only one).
    Metric(Vec<String>, Option<String>),
}

/// `histogram`.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Dotted path.
    pub field: String,
    /// Width of a bucket, above 0.
    pub interval: f64,
    /// Where the first bucket starts.
    pub offset: f64,
    /// Smallest number of documents of a bucket; 0 fills the gaps.
    pub min_doc_count: u64,
    /// Buckets reach at least so far.
    pub extended_bounds: Option<(f64, f64)>,
    /// Buckets reach at most so far.
    pub hard_bounds: Option<(f64, f64)>,
    /// Value that documents without the field count as.
    pub missing: Option<f64>,
    /// An object instead of a list.
    pub keyed: bool,
    /// Order of the buckets, if not by key.
    pub order: Vec<BucketOrder>,
}

/// `date_histogram`.
#[derive(Debug, Clone, PartialEq)]
pub struct DateHistogram {
    /// Dotted path.
    pub field: String,
    /// Width of a bucket.
    pub interval: DateInterval,
    /// Zone in which days begin: an offset or a name.
    pub time_zone: Option<String>,
    /// Shift of the buckets' start, in milliseconds.
    pub offset_ms: i64,
    /// How keys are written.
    pub format: Option<String>,
    /// Smallest number of documents of a bucket; 0 fills the gaps.
    pub min_doc_count: u64,
    /// Buckets reach at least so far (date expressions).
    pub extended_bounds: Option<(Value, Value)>,
    /// Buckets reach at most so far (date expressions).
    pub hard_bounds: Option<(Value, Value)>,
    /// Date that documents without the field count as.
    pub missing: Option<Value>,
    /// An object instead of a list.
    pub keyed: bool,
    /// Order of the buckets, if not by key.
    pub order: Vec<BucketOrder>,
}

/// Width of a bucket of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateInterval {
    /// Always the same number of milliseconds.
    FixedMs(i64),
    /// As long as the calendar says.
    Calendar(CalendarUnit),
}

/// Units of `calendar_interval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalendarUnit {
    /// From second 0.
    Minute,
    /// From minute 0.
    Hour,
    /// From midnight.
    Day,
    /// From Monday.
    Week,
    /// From the first.
    Month,
    /// From the first of January, April, July, October.
    Quarter,
    /// From the first of January.
    Year,
}

/// `range`, `date_range`.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranges {
    /// Dotted path.
    pub field: String,
    /// Numbers or dates.
    pub kind: RangeKind,
    /// The buckets.
    pub ranges: Vec<RangeBucket>,
    /// An object instead of a list.
    pub keyed: bool,
    /// Value that documents without the field count as.
    pub missing: Option<Value>,
}

/// What a range is a range of.
#[derive(Debug, Clone, PartialEq)]
pub enum RangeKind {
    /// Numbers.
    Number,
    /// Dates: format of the ends, zone of dates without one.
    Date {
        /// How dates are read and written.
        format: Option<String>,
        /// Offset or name.
        time_zone: Option<String>,
    },
}

/// One bucket of a range: from (included) to (excluded).
#[derive(Debug, Clone, PartialEq)]
pub struct RangeBucket {
    /// Its key in the answer, if given.
    pub key: Option<String>,
    /// Lower end; open if absent.
    pub from: Option<Value>,
    /// Upper end; open if absent.
    pub to: Option<Value>,
}

/// `filters`.
#[derive(Debug, Clone, PartialEq)]
pub struct Filters {
    /// Name and query; no names: the answer is a list.
    pub filters: Vec<(Option<String>, Query)>,
    /// Key of the bucket for what matches none, if wanted.
    pub other_bucket_key: Option<String>,
}

/// A key of a composite.
#[derive(Debug, Clone, PartialEq)]
pub struct CompositeSource {
    /// Name in the bucket's key.
    pub name: String,
    /// What it is taken from.
    pub kind: CompositeKind,
    /// Direction.
    pub order: SortOrder,
    /// Whether documents without the field get a null key instead of being left out.
    pub missing_bucket: bool,
}

/// Kinds of keys of a composite.
#[derive(Debug, Clone, PartialEq)]
pub enum CompositeKind {
    /// The value itself.
    Terms {
        /// Dotted path.
        field: String,
    },
    /// The interval that holds the number.
    Histogram(Histogram),
    /// The interval that holds the date.
    DateHistogram(Box<DateHistogram>),
}

/// A metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Dotted path.
    pub field: String,
    /// Which numbers.
    pub kind: MetricKind,
    /// Value that documents without the field count as.
    pub missing: Option<Value>,
}

/// Which numbers a metric computes.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricKind {
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// Mean.
    Avg,
    /// Sum.
    Sum,
    /// Number of values.
    ValueCount,
    /// Count, min, max, mean, sum.
    Stats,
    /// And variances; bounds lie so many standard deviations from the mean.
    ExtendedStats {
        /// Number of standard deviations.
        sigma: f64,
    },
    /// Number of different values, about.
    Cardinality {
        /// Up to this many it is as good as exact.
        precision_threshold: u64,
    },
    /// Values below which so many percent lie.
    Percentiles {
        /// Each between 0 and 100.
        percents: Vec<f64>,
        /// An object instead of a list.
        keyed: bool,
    },
    /// Percentage of values up to these.
    PercentileRanks {
        /// The values.
        values: Vec<f64>,
        /// An object instead of a list.
        keyed: bool,
    },
}

/// `top_hits`.
#[derive(Debug, Clone, PartialEq)]
pub struct TopHits {
    /// Hits to leave out at the start.
    pub from: usize,
    /// Hits wanted.
    pub size: usize,
    /// Their order.
    pub sort: Vec<SortKey>,
    /// What of the documents to answer with.
    pub source: SourceFilter,
}

/// Aggregations over the buckets of others.
#[derive(Debug, Clone, PartialEq)]
pub enum Pipeline {
    /// Sorts and cuts the buckets of the parent.
    BucketSort {
        /// The order.
        sort: Vec<BucketOrder>,
        /// Buckets to leave out at the start.
        from: usize,
        /// Buckets to keep.
        size: Option<usize>,
    },
    /// Difference to the bucket before.
    Derivative(Vec<String>, Option<String>),
    /// Sum of this and all buckets before.
    CumulativeSum(Vec<String>, Option<String>),
    /// `avg_bucket`, `sum_bucket`, `min_bucket`, `max_bucket`: over the buckets of a sibling.
    Sibling {
        /// Min, max, avg or sum.
        kind: MetricKind,
        /// Aggregations on the way, `>` between them in the request.
        path: Vec<String>,
        /// Value of the last one.
        property: Option<String>,
    },
}
