//! Sketches: quantiles and numbers of different values, in bounded memory and mergeable.

use super::super::super::hash::FastHasher;
use std::{
    collections::{BTreeMap, HashSet},
    hash::BuildHasherDefault,
};

/// So many values are kept as they are; quantiles of these are exact.
const EXACT_MAX: usize = 2_000;
/// Relative error of a quantile beyond that.
const ACCURACY: f64 = 0.005;

/// Quantiles of numbers.
///
/// Up to 2,000 values exact, interpolated between the middles of neighbours as a t-digest of single values does (Hazen
/// 1914; what Elasticsearch answers); beyond that within 0.5 % of the true value. Source: Masson, Rim, Lee 2019, "DDSketch", PVLDB 12(12), with unbounded buckets: doubles span fewer
/// than 150,000 of them.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Quantiles {
    exact: Vec<f64>,
    /// By index of the bucket: negative numbers mirrored, 0 for zero.
    buckets: BTreeMap<(i8, i32), u64>,
    count: u64,
    min: f64,
    max: f64,
}

fn gamma_ln() -> f64 {
    ((1.0 + ACCURACY) / (1.0 - ACCURACY)).ln()
}

fn bucket_of(value: f64) -> (i8, i32) {
    let index = |magnitude: f64| (magnitude.ln() / gamma_ln()).ceil() as i32;
    if value > 0.0 {
        (1, index(value))
    } else if value < 0.0 {
        (-1, -index(-value))
    } else {
        (0, 0)
    }
}

fn middle_of((sign, index): (i8, i32)) -> f64 {
    let magnitude = |index: i32| 2.0 * (f64::from(index) * gamma_ln()).exp() / (1.0 + gamma_ln().exp());
    match sign {
        1 => magnitude(index),
        -1 => -magnitude(-index),
        _ => 0.0,
    }
}

impl Quantiles {
    /// Adds a number; what is not finite is left out.
    pub(in super::super) fn add(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        if self.count == 0 {
            (self.min, self.max) = (value, value);
        }
        (self.min, self.max) = (self.min.min(value), self.max.max(value));
        self.count += 1;
        if self.buckets.is_empty() && self.exact.len() < EXACT_MAX {
            self.exact.push(value);
        } else {
            self.spill();
            *self.buckets.entry(bucket_of(value)).or_default() += 1;
        }
    }

    fn spill(&mut self) {
        for value in std::mem::take(&mut self.exact) {
            *self.buckets.entry(bucket_of(value)).or_default() += 1;
        }
    }

    pub(in super::super) fn merge(&mut self, mut other: Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other;
            return;
        }
        (self.min, self.max) = (self.min.min(other.min), self.max.max(other.max));
        self.count += other.count;
        if self.buckets.is_empty()
            && other.buckets.is_empty()
            && self.exact.len() + other.exact.len() <= EXACT_MAX
        {
            self.exact.append(&mut other.exact);
            return;
        }
        self.spill();
        other.spill();
        for (bucket, count) in other.buckets {
            *self.buckets.entry(bucket).or_default() += count;
        }
    }

    /// Several quantiles (each between 0 and 1) at once; `None` without values.
    pub(in super::super) fn quantiles(&self, wanted: &[f64]) -> Option<Vec<f64>> {
        if self.count == 0 {
            return None;
        }
        if self.buckets.is_empty() {
            let mut sorted = self.exact.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            return Some(wanted.iter().map(|quantile| interpolate(&sorted, *quantile)).collect());
        }
        Some(wanted.iter().map(|quantile| self.estimate(*quantile)).collect())
    }

    fn estimate(&self, quantile: f64) -> f64 {
        let rank = quantile * (self.count - 1) as f64;
        let mut below = 0;
        for (bucket, count) in &self.buckets {
            below += count;
            if below as f64 > rank {
                return middle_of(*bucket).clamp(self.min, self.max);
            }
        }
        self.max
    }

    /// Share (0 to 1) of values below this; `None` without values.
    pub(in super::super) fn rank(&self, value: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let below = if self.buckets.is_empty() {
            let mut sorted = self.exact.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            count_below(&sorted, value)
        } else if value >= self.max {
            self.count as f64
        } else if value < self.min {
            0.0
        } else {
            let limit = bucket_of(value);
            let below: u64 = self.buckets.range(..limit).map(|(_, count)| count).sum();
            below as f64 + *self.buckets.get(&limit).unwrap_or(&0) as f64 / 2.0
        };
        Some(below / self.count as f64)
    }

    /// Median of the distances from the median; `None` without values.
    pub(in super::super) fn median_absolute_deviation(&self) -> Option<f64> {
        let median = *self.quantiles(&[0.5])?.first()?;
        let mut distances: Vec<(f64, u64)> = match self.buckets.is_empty() {
            true => self.exact.iter().map(|value| ((value - median).abs(), 1)).collect(),
            false => {
                let middles = self.buckets.iter().map(|(bucket, count)| (middle_of(*bucket), *count));
                middles.map(|(middle, count)| ((middle - median).abs(), count)).collect()
            }
        };
        distances.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        if self.buckets.is_empty() {
            let sorted: Vec<f64> = distances.iter().map(|(distance, _)| *distance).collect();
            return Some(interpolate(&sorted, 0.5));
        }
        let mut below = 0;
        let half = distances.iter().find(|(_, count)| {
            below += count;
            2 * below >= self.count
        });
        half.map(|(distance, _)| *distance)
    }

    /// Memory on the heap, in bytes, about.
    pub(in super::super) fn heap_bytes(&self) -> usize {
        self.exact.len() * size_of::<f64>() + self.buckets.len() * 32
    }
}

/// The value at a share of sorted values, each of which covers the same part.
fn interpolate(sorted: &[f64], quantile: f64) -> f64 {
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return f64::NAN };
    let position = quantile * sorted.len() as f64 - 0.5;
    if position <= 0.0 {
        return *first;
    }
    let (low, share) = (position.floor() as usize, position - position.floor());
    match (sorted.get(low), sorted.get(low + 1)) {
        (Some(below), Some(above)) => below + (above - below) * share,
        _ => *last,
    }
}

/// How many of sorted values are below this one, each spread from halfway to its neighbour on the left to halfway to that
/// on the right; from halfway to the last on, all are.
fn count_below(sorted: &[f64], value: f64) -> f64 {
    let (Some(first), Some(second)) = (sorted.first(), sorted.get(1)) else {
        return sorted.iter().filter(|known| **known <= value).count() as f64;
    };
    let mut start = first - (second - first) / 2.0;
    for (below, pair) in sorted.windows(2).enumerate() {
        let [this, next] = pair else { continue };
        let end = this + (next - this) / 2.0;
        if value < end {
            let share = if end > start { (value - start) / (end - start) } else { 0.0 };
            return (below as f64 + share).max(0.0);
        }
        start = end;
    }
    sorted.len() as f64
}

/// Registers of the sketch: 2^14, a standard error of 0.8 %.
const PRECISION: u32 = 14;

/// How many different values there were.
///
/// Exact up to a threshold, then HyperLogLog. Source: Flajolet et al. 2007, "HyperLogLog", AofA; 64-bit hashes, so that no
/// correction for large numbers is needed (Heule et al. 2013).
#[derive(Debug, Clone)]
pub(in super::super) struct Distinct {
    threshold: usize,
    exact: HashSet<u64, BuildHasherDefault<FastHasher>>,
    registers: Vec<u8>,
}

impl Distinct {
    pub(in super::super) fn new(threshold: usize) -> Self {
        Self { threshold, exact: HashSet::default(), registers: Vec::new() }
    }

    /// Adds the hash of a value.
    pub(in super::super) fn add(&mut self, hash: u64) {
        if !self.registers.is_empty() {
            self.register(hash);
            return;
        }
        self.exact.insert(hash);
        if self.exact.len() > self.threshold {
            self.spill();
        }
    }

    fn register(&mut self, hash: u64) {
        let index = (hash >> (64 - PRECISION)) as usize;
        let zeros = ((hash << PRECISION) | (1 << (PRECISION - 1))).leading_zeros() as u8 + 1;
        if let Some(register) = self.registers.get_mut(index) {
            *register = (*register).max(zeros);
        }
    }

    fn spill(&mut self) {
        if self.registers.is_empty() {
            self.registers = vec![0; 1 << PRECISION];
        }
        for hash in std::mem::take(&mut self.exact) {
            self.register(hash);
        }
    }

    pub(in super::super) fn merge(&mut self, other: Self) {
        if other.registers.is_empty() {
            other.exact.into_iter().for_each(|hash| self.add(hash));
            return;
        }
        self.spill();
        for (mine, other) in self.registers.iter_mut().zip(other.registers) {
            *mine = (*mine).max(other);
        }
    }

    /// Memory on the heap, in bytes, about.
    pub(in super::super) fn heap_bytes(&self) -> usize {
        self.exact.len() * 2 * size_of::<u64>() + self.registers.len()
    }

    pub(in super::super) fn estimate(&self) -> u64 {
        if self.registers.is_empty() {
            return self.exact.len() as u64;
        }
        let count = self.registers.len() as f64;
        let sum: f64 = self.registers.iter().map(|register| (-f64::from(*register)).exp2()).sum();
        let raw = 0.7213 / (1.0 + 1.079 / count) * count * count / sum;
        let empty = self.registers.iter().filter(|register| **register == 0).count() as f64;
        // Few values: count the registers that are still empty.
        let estimate = if raw <= 2.5 * count && empty > 0.0 { count * (count / empty).ln() } else { raw };
        estimate.round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::hash::{DefaultHasher, Hash, Hasher};

    fn hash(value: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn distinct_values_are_counted_about_right() {
        for count in [10_u64, 3_000, 3_001, 20_000, 200_000] {
            let mut distinct = Distinct::new(3_000);
            (0..count).chain(0..count / 2).for_each(|value| distinct.add(hash(value)));
            let error = (distinct.estimate() as f64 - count as f64).abs() / count as f64;
            assert!(error < if count <= 3_000 { 1e-9 } else { 0.03 }, "{count}: {}", distinct.estimate());
        }
    }

    /// What Elasticsearch 7.10.2 answers.
    #[test]
    fn few_values_are_interpolated() {
        let check = |values: &[f64], shares: &[f64], expected: &[f64], places: &[f64], below: &[f64]| {
            let mut quantiles = Quantiles::default();
            values.iter().for_each(|value| quantiles.add(*value));
            assert_eq!(quantiles.quantiles(shares).unwrap(), expected, "{values:?}");
            let found: Vec<f64> = places.iter().map(|place| quantiles.rank(*place).unwrap()).collect();
            assert_eq!(found, below, "{values:?}");
        };
        check(&[5.0], &[0.0, 0.5, 1.0], &[5.0; 3], &[1.0, 5.0, 10.0], &[0.0, 1.0, 1.0]);
        check(&[1.0, 3.0], &[0.25, 0.5, 0.75], &[1.0, 2.0, 3.0], &[0.0, 1.0, 2.0], &[0.0, 0.25, 1.0]);
        check(&[3.0, 1.0, 2.0], &[0.05, 0.25, 0.75, 0.95], &[1.0, 1.25, 2.75, 3.0], &[3.0], &[1.0]);
        check(
            &[1.0, 2.0, 3.0, 10.0],
            &[0.25, 0.75],
            &[1.5, 6.5],
            &[1.0, 3.0, 6.4, 6.5],
            &[0.125, 0.53125, 0.74375, 1.0],
        );
        check(&[1.0, 1.0, 1.0, 5.0], &[0.5, 0.75], &[1.0, 3.0], &[1.0, 3.0], &[0.5, 1.0]);
    }

    proptest! {
        #[test]
        fn quantiles_are_near(
            values in proptest::collection::vec(-1e6_f64..1e6, 1..5_000),
            split in 0_usize..5_000,
            wanted in 0.0_f64..=1.0,
        ) {
            let (mut a, mut b) = (Quantiles::default(), Quantiles::default());
            let split = split.min(values.len());
            values[..split].iter().for_each(|value| a.add(*value));
            values[split..].iter().for_each(|value| b.add(*value));
            a.merge(b);
            let mut sorted = values.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            let found = a.quantiles(&[wanted]).unwrap()[0];
            // Between the neighbours of the place, however it is interpolated.
            let position = wanted * (sorted.len() - 1) as f64;
            let (low, high) = (position.floor() as usize, position.ceil() as usize + 1);
            let (low, high) = (sorted[low.saturating_sub(1)], sorted[high.min(sorted.len() - 1)]);
            let slack = |value: f64| value.abs() * ACCURACY * 1.01 + 1e-9;
            prop_assert!(found >= low - slack(low) && found <= high + slack(high), "{low} {found} {high}");
        }

        #[test]
        fn merging_counts_as_adding(a in proptest::collection::vec(0_u64..10_000, 0..5_000), b in proptest::collection::vec(0_u64..10_000, 0..5_000)) {
            let mut whole = Distinct::new(1_000);
            a.iter().chain(&b).for_each(|value| whole.add(hash(*value)));
            let (mut left, mut right) = (Distinct::new(1_000), Distinct::new(1_000));
            a.iter().for_each(|value| left.add(hash(*value)));
            b.iter().for_each(|value| right.add(hash(*value)));
            left.merge(right);
            prop_assert_eq!(left.estimate(), whole.estimate());
        }
    }
}
