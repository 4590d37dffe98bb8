use super::BucketOrder;
use crate::logs::dsl::ScriptCall;
use serde::Deserialize;

/// Aggregations over the buckets of others.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// What it computes.
    pub kind: PipelineKind,
    /// What becomes of buckets without a value.
    pub gap_policy: GapPolicy,
    /// How the value is written beside the plain one.
    pub format: Option<String>,
}

/// What a pipeline aggregation computes.
#[derive(Debug, Clone, PartialEq)]
pub enum PipelineKind {
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
    Derivative {
        /// The value.
        path: BucketsPath,
        /// The difference is also given per so many milliseconds.
        unit_ms: Option<i64>,
    },
    /// Sum of this and all buckets before.
    CumulativeSum(BucketsPath),
    /// How many different values there are in this and all buckets before.
    CumulativeCardinality(BucketsPath),
    /// The value in relation to those of all buckets.
    Normalize {
        /// The value.
        path: BucketsPath,
        /// How.
        method: NormalizeMethod,
    },
    /// Difference to an earlier bucket.
    SerialDiff {
        /// The value.
        path: BucketsPath,
        /// How many buckets back.
        lag: usize,
    },
    /// A function of the values in a window of buckets.
    Moving {
        /// The value.
        path: BucketsPath,
        /// Width of the window.
        window: usize,
        /// The window ends so many buckets behind the one before this; 0: with the one before.
        shift: i64,
        /// The function.
        function: Box<ScriptCall>,
    },
    /// `bucket_script`: a number computed from others of the same bucket.
    BucketScript(BucketScript),
    /// `bucket_selector`: keeps the buckets for which a script holds.
    BucketSelector(BucketScript),
    /// Over the buckets of a sibling.
    Sibling {
        /// Which numbers.
        kind: SiblingKind,
        /// The sibling, and the value in its buckets.
        path: BucketsPath,
    },
}

impl PipelineKind {
    /// The paths that it reads.
    pub fn paths(&self) -> Vec<&BucketsPath> {
        match self {
            Self::BucketSort { sort, .. } => sort
                .iter()
                .filter_map(|level| match &level.key {
                    super::OrderKey::Metric(path) => Some(path),
                    _ => None,
                })
                .collect(),
            Self::BucketScript(script) | Self::BucketSelector(script) => {
                script.paths.iter().map(|(_, path)| path).collect()
            }
            Self::Derivative { path, .. }
            | Self::CumulativeSum(path)
            | Self::CumulativeCardinality(path)
            | Self::Normalize { path, .. }
            | Self::SerialDiff { path, .. }
            | Self::Moving { path, .. }
            | Self::Sibling { path, .. } => vec![path],
        }
    }
}

/// `method` of `normalize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum NormalizeMethod {
    /// The smallest is 0, the largest 1.
    #[serde(rename = "rescale_0_1")]
    Rescale01,
    /// The smallest is 0, the largest 100.
    #[serde(rename = "rescale_0_100")]
    Rescale0100,
    /// Its share of the sum.
    #[serde(rename = "percent_of_sum")]
    PercentOfSum,
    /// How far from the mean, as a share of the span.
    #[serde(rename = "mean")]
    Mean,
    /// How far from the mean, in standard deviations.
    #[serde(rename = "z-score", alias = "zscore")]
    ZScore,
    /// The share of its exponential.
    #[serde(rename = "softmax")]
    Softmax,
}

/// A script over values of a bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct BucketScript {
    /// The values, by the names that the script knows them by.
    pub paths: Vec<(String, BucketsPath)>,
    /// The script.
    pub call: Box<ScriptCall>,
}

/// What becomes of buckets without a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GapPolicy {
    /// They are passed over.
    #[default]
    Skip,
    /// They count as zero.
    InsertZeros,
}

/// Which numbers over the buckets of a sibling.
#[derive(Debug, Clone, PartialEq)]
pub enum SiblingKind {
    /// Mean.
    Avg,
    /// Sum.
    Sum,
    /// Smallest, and the buckets that have it.
    Min,
    /// Largest, and the buckets that have it.
    Max,
    /// Count, min, max, mean, sum.
    Stats,
    /// And variances.
    ExtendedStats {
        /// Number of standard deviations of the bounds.
        sigma: f64,
    },
    /// Percentiles.
    Percentiles {
        /// Each between 0 and 100.
        percents: Vec<f64>,
        /// An object instead of a list.
        keyed: bool,
    },
}

/// `buckets_path`: aggregations on the way (`>` between them in the request) and one of the last one's values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketsPath {
    /// Names of aggregations, or `_count`, `_key`, `_bucket_count` at the end.
    pub steps: Vec<String>,
    /// The value (`avg` of `stats.avg`, `99.9` of `percentiles[99.9]`); `None`: its only one.
    pub property: Option<String>,
}

impl BucketsPath {
    /// Reads `outer>inner.value`, `percentiles[95]`. A dot parts the value only from the last name.
    pub fn parse(path: &str) -> Self {
        let mut steps: Vec<String> = path.split('>').map(|step| step.trim().to_owned()).collect();
        let last = steps.pop().unwrap_or_default();
        let (name, property) = match last.split_once('[') {
            Some((name, property)) => (name, Some(property.trim_end_matches(']').trim_matches(['\'', '"']))),
            None => match last.split_once('.') {
                Some((name, property)) => (name, Some(property)),
                None => (last.as_str(), None),
            },
        };
        let property = property.filter(|property| *property != "value").map(str::to_owned);
        steps.push(name.to_owned());
        // `histogram.metric`: a sibling's path may be written with a dot between the aggregations.
        Self { steps, property }
    }

    /// As it was written, without the property.
    pub fn name(&self) -> String {
        self.steps.join(">")
    }
}
