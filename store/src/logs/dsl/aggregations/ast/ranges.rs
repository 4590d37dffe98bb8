use super::ValuesSource;
use crate::logs::dsl::Query;
use serde_json::Value;

/// `range`, `date_range`, `ip_range`, `geo_distance`.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranges {
    /// The values.
    pub source: ValuesSource,
    /// What they are.
    pub kind: RangeKind,
    /// The buckets.
    pub ranges: Vec<RangeBucket>,
    /// An object instead of a list.
    pub keyed: bool,
}

/// What a range is a range of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RangeKind {
    /// Numbers.
    Number,
    /// Dates.
    Date,
    /// Addresses.
    Ip,
    /// Distances from a point.
    Distance {
        /// Latitude and longitude of the point.
        origin: (f64, f64),
        /// Metres in the unit of the ranges.
        unit_m: f64,
    },
}

/// One bucket of a range: from (included) to (excluded).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RangeBucket {
    /// Its key in the answer, if given.
    pub key: Option<String>,
    /// Lower end; open if absent.
    pub from: Option<Value>,
    /// Upper end; open if absent.
    pub to: Option<Value>,
    /// Of addresses: a network (`10.0.0.0/8`) in place of both ends.
    pub mask: Option<String>,
}

/// `filters`.
#[derive(Debug, Clone, PartialEq)]
pub struct Filters {
    /// Name and query; no names: the answer is a list.
    pub filters: Vec<(Option<String>, Query)>,
    /// Key of the bucket for what matches none, if wanted.
    pub other_bucket_key: Option<String>,
}
