//! Metrics: numbers over the values of a field, for each bucket of the parent.

use super::super::column::{ColumnKind, SegmentColumn};
use super::super::dates::DatePrinter;
use super::super::scalar::number;
use super::sketch::{Distinct, Quantiles};
use crate::logs::dsl::aggregations::MetricKind;
use serde_json::{Map, Value, json};
use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

/// A metric so far.
#[derive(Debug, Clone)]
pub(super) enum MetricState {
    Numbers(Numbers),
    Quantiles(Quantiles),
    Distinct(Distinct),
}

/// Count, sum, extremes and sum of squares.
#[derive(Debug, Clone)]
pub(super) struct Numbers {
    count: u64,
    sum: f64,
    /// What the sum lost to rounding (Kahan 1965; Neumaier 1974).
    lost: f64,
    squares: f64,
    min: f64,
    max: f64,
    /// Whether the values are dates: answers are then written as text, too.
    pub(super) dates: bool,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0.0,
            lost: 0.0,
            squares: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            dates: false,
        }
    }
}

impl Numbers {
    fn add(&mut self, value: f64) {
        self.count += 1;
        self.squares += value * value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.add_to_sum(value);
    }

    fn add_to_sum(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost +=
            if self.sum.abs() >= value.abs() { (self.sum - sum) + value } else { (value - sum) + self.sum };
        self.sum = sum;
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.squares += other.squares;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.add_to_sum(other.sum);
        self.lost += other.lost;
        self.dates |= other.dates;
    }

    fn total(&self) -> f64 {
        self.sum + self.lost
    }

    fn of(&self, name: &str) -> Option<f64> {
        let count = self.count as f64;
        let some = |value: f64| (self.count > 0).then_some(value);
        let variance = || (self.squares / count - (self.total() / count).powi(2)).max(0.0);
        match name {
            "count" => Some(count),
            "sum" => Some(self.total()),
            "min" => some(self.min),
            "max" => some(self.max),
            "avg" => some(self.total() / count),
            "sum_of_squares" => some(self.squares),
            "variance" | "variance_population" => some(variance()),
            "variance_sampling" => (self.count > 1).then(|| variance() * count / (count - 1.0)),
            "std_deviation" | "std_deviation_population" => some(variance().sqrt()),
            "std_deviation_sampling" => (self.count > 1).then(|| (variance() * count / (count - 1.0)).sqrt()),
            _ => None,
        }
    }
}

impl MetricState {
    pub(super) fn new(kind: &MetricKind) -> Self {
        match kind {
            MetricKind::Percentiles { .. } | MetricKind::PercentileRanks { .. } => {
                Self::Quantiles(Quantiles::default())
            }
            MetricKind::Cardinality { precision_threshold } => {
                Self::Distinct(Distinct::new(usize::try_from(*precision_threshold).unwrap_or(usize::MAX)))
            }
            _ => Self::Numbers(Numbers::default()),
        }
    }

    /// Adds a number.
    pub(super) fn add(&mut self, value: f64) {
        match self {
            Self::Numbers(numbers) => numbers.add(value),
            Self::Quantiles(quantiles) => quantiles.add(value),
            Self::Distinct(distinct) => distinct.add(hash_of(&value.to_bits())),
        }
    }

    /// Counts a value that is no number.
    pub(super) fn count(&mut self) {
        if let Self::Numbers(numbers) = self {
            numbers.count += 1;
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Numbers(into), Self::Numbers(from)) => into.merge(&from),
            (Self::Quantiles(into), Self::Quantiles(from)) => into.merge(from),
            (Self::Distinct(into), Self::Distinct(from)) => into.merge(from),
            _ => {}
        }
    }

    /// One number of it, for ordering buckets; `None` if there is none.
    pub(super) fn value(&self, kind: &MetricKind, property: Option<&str>) -> Option<f64> {
        match self {
            Self::Numbers(numbers) => numbers.of(property.unwrap_or(match kind {
                MetricKind::Min => "min",
                MetricKind::Max => "max",
                MetricKind::Avg => "avg",
                MetricKind::ValueCount => "count",
                _ => "sum",
            })),
            Self::Distinct(distinct) => Some(distinct.estimate() as f64),
            Self::Quantiles(quantiles) => {
                let wanted: f64 = property?.parse().ok()?;
                match kind {
                    MetricKind::PercentileRanks { .. } => quantiles.rank(wanted).map(|share| share * 100.0),
                    _ => quantiles.quantiles(&[wanted / 100.0]).map(|found| found[0]),
                }
            }
        }
    }

    /// The answer.
    pub(super) fn to_json(&self, kind: &MetricKind) -> Map<String, Value> {
        let mut out = Map::new();
        let optional = |value: Option<f64>| value.map_or(Value::Null, number);
        match self {
            Self::Distinct(distinct) => {
                out.insert("value".to_owned(), json!(distinct.estimate()));
            }
            Self::Quantiles(quantiles) => {
                out.insert("values".to_owned(), quantile_values(quantiles, kind));
            }
            Self::Numbers(numbers) => match kind {
                MetricKind::ValueCount => {
                    out.insert("value".to_owned(), json!(numbers.count));
                }
                MetricKind::Stats | MetricKind::ExtendedStats { .. } => {
                    out.insert("count".to_owned(), json!(numbers.count));
                    for name in ["min", "max", "avg", "sum"] {
                        out.insert(name.to_owned(), optional(numbers.of(name)));
                    }
                    if let MetricKind::ExtendedStats { sigma } = kind {
                        extend(&mut out, numbers, *sigma);
                    }
                }
                _ => {
                    let value = self.value(kind, None);
                    out.insert("value".to_owned(), optional(value));
                    if let (true, Some(value)) = (numbers.dates, value) {
                        let text = DatePrinter::iso().print((value as i64).saturating_mul(1_000_000));
                        out.insert("value_as_string".to_owned(), Value::String(text));
                    }
                }
            },
        }
        out
    }
}

fn extend(out: &mut Map<String, Value>, numbers: &Numbers, sigma: f64) {
    let optional = |value: Option<f64>| value.map_or(Value::Null, number);
    for name in ["sum_of_squares", "variance", "variance_population", "variance_sampling"] {
        out.insert(name.to_owned(), optional(numbers.of(name)));
    }
    for name in ["std_deviation", "std_deviation_population", "std_deviation_sampling"] {
        out.insert(name.to_owned(), optional(numbers.of(name)));
    }
    let bound = |name: &str, sign: f64| {
        optional(numbers.of("avg").zip(numbers.of(name)).map(|(avg, d)| avg + sign * sigma * d))
    };
    let bounds = json!({
        "upper": bound("std_deviation", 1.0),
        "lower": bound("std_deviation", -1.0),
        "upper_population": bound("std_deviation_population", 1.0),
        "lower_population": bound("std_deviation_population", -1.0),
        "upper_sampling": bound("std_deviation_sampling", 1.0),
        "lower_sampling": bound("std_deviation_sampling", -1.0),
    });
    out.insert("std_deviation_bounds".to_owned(), bounds);
}

fn quantile_values(quantiles: &Quantiles, kind: &MetricKind) -> Value {
    let (points, keyed, found): (&[f64], bool, Vec<Option<f64>>) = match kind {
        MetricKind::Percentiles { percents, keyed } => {
            let shares: Vec<f64> = percents.iter().map(|percent| percent / 100.0).collect();
            let found = quantiles.quantiles(&shares);
            let found =
                found.map_or(vec![None; percents.len()], |found| found.into_iter().map(Some).collect());
            (percents, *keyed, found)
        }
        MetricKind::PercentileRanks { values, keyed } => {
            let found =
                values.iter().map(|value| quantiles.rank(*value).map(|share| share * 100.0)).collect();
            (values, *keyed, found)
        }
        _ => (&[], true, Vec::new()),
    };
    let value = |found: &Option<f64>| found.map_or(Value::Null, number);
    if keyed {
        Value::Object(
            points.iter().zip(&found).map(|(point, found)| (format!("{point:?}"), value(found))).collect(),
        )
    } else {
        points.iter().zip(&found).map(|(point, found)| json!({"key": point, "value": value(found)})).collect()
    }
}

fn hash_of(value: &impl Hash) -> u64 {
    // With fixed keys: the same value has the same hash in every segment.
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The metric of one segment, for each bucket of the parent.
pub(super) struct SegmentMetric<'r> {
    kind: &'r MetricKind,
    column: Option<SegmentColumn>,
    missing: Option<f64>,
    states: Vec<MetricState>,
    /// Of `cardinality`: the different keys, each with a document that has it.
    keys: Vec<HashSet<u64>>,
    sample_docs: std::collections::HashMap<u64, u32>,
}

impl<'r> SegmentMetric<'r> {
    pub(super) fn new(kind: &'r MetricKind, column: Option<SegmentColumn>, missing: Option<f64>) -> Self {
        Self { kind, column, missing, states: Vec::new(), keys: Vec::new(), sample_docs: Default::default() }
    }

    pub(super) fn collect(&mut self, parents: &[u32], docs: &[u32]) {
        if let Some(top) = parents.iter().max() {
            self.grow(*top as usize + 1);
        }
        let Some(column) = &self.column else {
            if let Some(missing) = self.missing {
                parents.iter().for_each(|parent| self.states[*parent as usize].add(missing));
            }
            return;
        };
        let distinct = matches!(self.kind, MetricKind::Cardinality { .. });
        for (parent, doc) in parents.iter().zip(docs) {
            let parent = *parent as usize;
            let mut any = false;
            for key in column.keys.values_for_doc(*doc) {
                any = true;
                if distinct {
                    self.keys[parent].insert(key);
                    if matches!(column.kind, ColumnKind::Ip(_)) {
                        self.sample_docs.entry(key).or_insert(*doc);
                    }
                    continue;
                }
                match column.number(key) {
                    Some(number) => self.states[parent].add(number),
                    None => self.states[parent].count(),
                }
            }
            if let (false, Some(missing)) = (any, self.missing) {
                self.states[parent].add(missing);
            }
        }
    }

    fn grow(&mut self, size: usize) {
        if self.states.len() < size {
            let dates = self.column.as_ref().is_some_and(|column| matches!(column.kind, ColumnKind::Date));
            let mut state = MetricState::new(self.kind);
            if let MetricState::Numbers(numbers) = &mut state {
                numbers.dates = dates;
            }
            self.states.resize(size, state);
            self.keys.resize(size, HashSet::new());
        }
    }

    /// One state per bucket of the parent.
    pub(super) fn finish(mut self, parents: usize) -> tantivy::Result<Vec<MetricState>> {
        self.grow(parents);
        if let (Some(column), MetricKind::Cardinality { .. }) = (&mut self.column, self.kind) {
            column.decode_ahead(self.keys.iter().flatten().copied().collect())?;
            let mut hashes = std::collections::HashMap::new();
            for (state, keys) in self.states.iter_mut().zip(&self.keys) {
                let MetricState::Distinct(distinct) = state else { continue };
                for key in keys {
                    let hash = match hashes.get(key) {
                        Some(hash) => *hash,
                        None => {
                            let doc = self.sample_docs.get(key).copied().unwrap_or(0);
                            let hash = hash_of(&super::Key::from_scalar(column.value(doc, *key)?));
                            hashes.insert(*key, hash);
                            hash
                        }
                    };
                    distinct.add(hash);
                }
            }
        }
        self.states.truncate(parents);
        Ok(self.states)
    }
}
