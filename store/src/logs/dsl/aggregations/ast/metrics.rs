use super::ValuesSource;

/// A metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// The values.
    pub source: ValuesSource,
    /// Which numbers.
    pub kind: MetricKind,
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
    /// Median of the distances from the median.
    MedianAbsoluteDeviation,
    /// Smallest, largest, and the quartiles.
    Boxplot,
    /// Lengths of strings, and how much their characters tell.
    StringStats {
        /// Whether the share of each character is told.
        show_distribution: bool,
    },
}

impl MetricKind {
    /// Whether it gives several numbers, of which others must name the one they mean.
    pub fn has_several_values(&self) -> bool {
        matches!(
            self,
            Self::Stats
                | Self::ExtendedStats { .. }
                | Self::Boxplot
                | Self::StringStats { .. }
                | Self::Percentiles { .. }
                | Self::PercentileRanks { .. }
        )
    }
}

/// `weighted_avg`.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedAvg {
    /// What is averaged.
    pub value: ValuesSource,
    /// What each counts; a document has one.
    pub weight: ValuesSource,
}
