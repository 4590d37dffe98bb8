use super::{BucketOrder, ValuesSource};
use serde_json::Value;

/// `histogram`.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// The values.
    pub source: ValuesSource,
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
    /// An object instead of a list.
    pub keyed: bool,
    /// Order of the buckets, if not by key.
    pub order: Vec<BucketOrder>,
}

/// `date_histogram`.
#[derive(Debug, Clone, PartialEq)]
pub struct DateHistogram {
    /// The values; its zone is that in which days begin.
    pub source: ValuesSource,
    /// Width of a bucket.
    pub interval: DateInterval,
    /// Shift of the buckets' start, in milliseconds.
    pub offset_ms: i64,
    /// Smallest number of documents of a bucket; 0 fills the gaps.
    pub min_doc_count: u64,
    /// Buckets reach at least so far (date expressions).
    pub extended_bounds: Option<(Value, Value)>,
    /// Buckets reach at most so far (date expressions).
    pub hard_bounds: Option<(Value, Value)>,
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
    /// From millisecond 0.
    Second,
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

/// `auto_date_histogram`.
#[derive(Debug, Clone, PartialEq)]
pub struct AutoDateHistogram {
    /// The values; its zone is that in which days begin.
    pub source: ValuesSource,
    /// At most so many.
    pub buckets: usize,
    /// Buckets are at least so wide; `None`: seconds.
    pub minimum_interval: Option<CalendarUnit>,
}

/// `variable_width_histogram`.
#[derive(Debug, Clone, PartialEq)]
pub struct VariableWidthHistogram {
    /// The values.
    pub source: ValuesSource,
    /// At most so many.
    pub buckets: usize,
}
