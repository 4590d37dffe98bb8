//! Metrics: numbers over the values of a field, for each bucket of the parent.

mod matrix;
mod numbers;
mod points;
mod segment;
mod sketch;
mod strings;
mod t_test;

use crate::{StoreError, logs::dsl::aggregations::MetricKind};
use std::hash::{Hash, Hasher};

pub(super) use matrix::{Matrix, SegmentMatrix};
pub(super) use numbers::{BOUNDS, Numbers};
pub(super) use points::{Bounds, Centroid, Gathered, SegmentPoints};
pub(super) use segment::{SegmentMetric, SegmentWeighted, Weighted};
pub(super) use sketch::{Distinct, Quantiles};
pub(super) use strings::{SegmentStrings, Strings};
pub(super) use t_test::{Populations, SegmentPopulation, SegmentTTest};

/// What a boxplot tells, by name and as shares of the values.
pub(super) const BOXPLOT: [(&str, f64); 5] =
    [("min", 0.0), ("max", 1.0), ("q1", 0.25), ("q2", 0.5), ("q3", 0.75)];

/// A metric so far.
#[derive(Debug, Clone)]
pub(super) enum MetricState {
    Numbers(Numbers),
    Quantiles(Quantiles),
    Distinct(Distinct),
    Weighted(Weighted),
    Bounds(Bounds),
    Centroid(Centroid),
    Strings(Strings),
    Populations(Populations),
    Matrix(Matrix),
}

/// What collects several columns, or other than numbers, over one segment, for each bucket of the parent.
pub(super) trait Statistics {
    /// Adds documents, each to the bucket of its parent.
    fn collect(&mut self, parents: &[u32], docs: &[u32]) -> Result<(), StoreError>;
    /// Memory that it takes, in bytes, about.
    fn bytes(&self) -> usize;
    /// One state per bucket of the parent.
    fn finish(self: Box<Self>, parents: usize) -> Result<Vec<MetricState>, StoreError>;
}

impl MetricState {
    pub(super) fn new(kind: &MetricKind) -> Self {
        match kind {
            MetricKind::Percentiles { .. }
            | MetricKind::PercentileRanks { .. }
            | MetricKind::Boxplot
            | MetricKind::MedianAbsoluteDeviation => Self::Quantiles(Quantiles::default()),
            MetricKind::Cardinality { precision_threshold } => {
                Self::Distinct(Distinct::new(usize::try_from(*precision_threshold).unwrap_or(usize::MAX)))
            }
            MetricKind::StringStats { .. } => Self::Strings(Strings::default()),
            _ => Self::Numbers(Numbers::default()),
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Numbers(into), Self::Numbers(from)) => into.merge(&from),
            (Self::Quantiles(into), Self::Quantiles(from)) => into.merge(from),
            (Self::Distinct(into), Self::Distinct(from)) => into.merge(from),
            (Self::Weighted(into), Self::Weighted(from)) => into.merge(&from),
            (Self::Bounds(into), Self::Bounds(from)) => into.merge(&from),
            (Self::Centroid(into), Self::Centroid(from)) => into.merge(&from),
            (Self::Strings(into), Self::Strings(from)) => into.merge(from),
            (Self::Populations(into), Self::Populations(from)) => into.merge(&from),
            (Self::Matrix(into), Self::Matrix(from)) => into.merge(&from),
            // States of one metric are of one kind.
            _ => {}
        }
    }

    /// One number of a metric; `None` if there is none.
    pub(super) fn value(&self, kind: &MetricKind, property: Option<&str>) -> Option<f64> {
        match self {
            Self::Numbers(numbers) => match (kind, property) {
                (MetricKind::ExtendedStats { sigma }, Some(bound)) if bound.starts_with("std_upper") => {
                    numbers.bound("upper", *sigma)
                }
                (MetricKind::ExtendedStats { sigma }, Some(bound)) if bound.starts_with("std_lower") => {
                    numbers.bound("lower", *sigma)
                }
                (_, Some(name)) => numbers.of(name),
                (MetricKind::Min, None) => numbers.of("min"),
                (MetricKind::Max, None) => numbers.of("max"),
                (MetricKind::Avg, None) => numbers.of("avg"),
                (MetricKind::ValueCount, None) => numbers.of("count"),
                (MetricKind::Sum, None) => numbers.of("sum"),
                // Several numbers: one must be named.
                (_, None) => None,
            },
            Self::Distinct(distinct) => Some(distinct.estimate() as f64),
            Self::Weighted(weighted) => weighted.mean(),
            Self::Quantiles(quantiles) => match kind {
                MetricKind::MedianAbsoluteDeviation => quantiles.median_absolute_deviation(),
                MetricKind::Boxplot => {
                    let share = BOXPLOT.iter().find(|(name, _)| Some(*name) == property)?.1;
                    quantiles.quantiles(&[share])?.first().copied()
                }
                MetricKind::PercentileRanks { .. } => {
                    quantiles.rank(property?.parse().ok()?).map(|share| share * 100.0)
                }
                _ => {
                    let wanted: f64 = property?.parse().ok()?;
                    quantiles.quantiles(&[wanted / 100.0])?.first().copied()
                }
            },
            Self::Strings(strings) => strings.of(property?),
            Self::Bounds(_) | Self::Centroid(_) | Self::Populations(_) | Self::Matrix(_) => None,
        }
    }

    /// Memory on the heap, in bytes, about.
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Quantiles(quantiles) => quantiles.heap_bytes(),
            Self::Distinct(distinct) => distinct.heap_bytes(),
            Self::Strings(strings) => strings.heap_bytes(),
            Self::Matrix(matrix) => matrix.heap_bytes(),
            _ => 0,
        }
    }
}

/// A hash that is the same for the same value in every segment.
fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
