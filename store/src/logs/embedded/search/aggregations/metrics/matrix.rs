//! `matrix_stats`: moments of several fields together, in one pass.
//!
//! Source: Pébay 2008, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical
//! moments", Sandia report SAND2008-6212, equations for merging two sets.

use super::super::super::{column::SegmentColumn, sorting::one_of};
use super::{MetricState, Statistics, segment::numbers_of};
use crate::{StoreError, logs::dsl::SortMode};

/// Moments of the documents that have a value of each field.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Matrix {
    pub(in super::super) count: u64,
    fields: Vec<Moments>,
    /// Sums of the products of deviations, row by row.
    products: Vec<f64>,
}

/// Mean, and sums of the second to fourth power of the deviations.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Matrix {
    fn one(values: &[f64]) -> Self {
        let fields = values.iter().map(|value| Moments { mean: *value, ..Moments::default() }).collect();
        Self { count: 1, fields, products: vec![0.0; values.len() * values.len()] }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            self.clone_from(other);
            return;
        }
        let (a, b) = (self.count as f64, other.count as f64);
        let n = a + b;
        let deltas: Vec<f64> = self.fields.iter().zip(&other.fields).map(|(a, b)| b.mean - a.mean).collect();
        for (row, of_row) in self.products.chunks_mut(deltas.len().max(1)).enumerate() {
            let others = other.products.iter().skip(row * deltas.len());
            for ((product, other), delta) in of_row.iter_mut().zip(others).zip(&deltas) {
                *product += other + deltas[row] * delta * a * b / n;
            }
        }
        for ((into, from), delta) in self.fields.iter_mut().zip(&other.fields).zip(&deltas) {
            let (d, before) = (*delta, *into);
            into.mean += d * b / n;
            into.m2 += from.m2 + d * d * a * b / n;
            into.m3 +=
                from.m3 + d.powi(3) * a * b * (a - b) / (n * n) + 3.0 * d * (a * from.m2 - b * before.m2) / n;
            into.m4 += from.m4
                + d.powi(4) * a * b * (a * a - a * b + b * b) / n.powi(3)
                + 6.0 * d * d * (a * a * from.m2 + b * b * before.m2) / (n * n)
                + 4.0 * d * (a * from.m3 - b * before.m3) / n;
        }
        self.count += other.count;
    }

    /// `mean`, `variance`, `skewness` or `kurtosis` of a field.
    pub(in super::super) fn of(&self, field: usize, name: &str) -> Option<f64> {
        let n = self.count as f64;
        let moments = self.fields.get(field)?;
        Some(match name {
            "mean" => moments.mean,
            "variance" if self.count > 1 => moments.m2 / (n - 1.0),
            "variance" => 0.0,
            "skewness" => n.sqrt() * moments.m3 / moments.m2.powf(1.5),
            "kurtosis" => n * moments.m4 / (moments.m2 * moments.m2),
            _ => return None,
        })
    }

    pub(in super::super) fn covariance(&self, a: usize, b: usize) -> f64 {
        let product = self.products.get(a * self.fields.len() + b).copied().unwrap_or(0.0);
        if self.count > 1 {
            // A field with itself: the same sum, without another rounding.
            let product = if a == b { self.fields.get(a).map_or(product, |field| field.m2) } else { product };
            product / (self.count as f64 - 1.0)
        } else {
            0.0
        }
    }

    pub(in super::super) fn correlation(&self, a: usize, b: usize) -> f64 {
        if a == b {
            1.0
        } else {
            self.covariance(a, b) / (self.covariance(a, a) * self.covariance(b, b)).sqrt()
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.fields) + size_of_val(&*self.products)
    }
}

/// `matrix_stats` of one segment, for each bucket of the parent.
pub(in super::super) struct SegmentMatrix {
    columns: Vec<(Option<SegmentColumn>, Option<f64>)>,
    mode: SortMode,
    states: Vec<Matrix>,
    row: Vec<f64>,
}

impl SegmentMatrix {
    pub(in super::super) fn new(columns: Vec<(Option<SegmentColumn>, Option<f64>)>, mode: SortMode) -> Self {
        Self { columns, mode, states: Vec::new(), row: Vec::new() }
    }
}

impl Statistics for SegmentMatrix {
    fn collect(&mut self, parents: &[u32], docs: &[u32]) -> Result<(), StoreError> {
        if let Some(top) = parents.iter().max() {
            self.states.resize((*top as usize + 1).max(self.states.len()), Matrix::default());
        }
        for (parent, doc) in parents.iter().zip(docs) {
            self.row.clear();
            let values =
                self.columns.iter().map(|column| one_of(self.mode, numbers_of(column, *doc).collect()));
            self.row.extend(values.map_while(|value| value));
            if self.row.len() == self.columns.len() {
                self.states[*parent as usize].merge(&Matrix::one(&self.row));
            }
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        let each = size_of::<Matrix>() + self.columns.len() * (size_of::<Moments>() + self.columns.len() * 8);
        self.states.len() * each
    }

    fn finish(mut self: Box<Self>, parents: usize) -> Result<Vec<MetricState>, StoreError> {
        self.states.resize(parents, Matrix::default());
        Ok(self.states.into_iter().map(MetricState::Matrix).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_definition() {
        let rows: Vec<[f64; 2]> =
            (0..20).map(|n| [f64::from(n * n % 7), f64::from(n * 3 % 11) + 0.5]).collect();
        let n = rows.len() as f64;
        let mut parts = [Matrix::default(), Matrix::default()];
        for (position, row) in rows.iter().enumerate() {
            parts[usize::from(position > 5)].merge(&Matrix::one(row));
        }
        let [mut matrix, rest] = parts;
        matrix.merge(&rest);
        let mean = |field: usize| rows.iter().map(|row| row[field]).sum::<f64>() / n;
        let central = |field: usize, power| {
            let mean = mean(field);
            rows.iter().map(|row| (row[field] - mean).powi(power)).sum::<f64>()
        };
        let check =
            |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        for field in 0..2 {
            check(matrix.of(field, "mean").unwrap(), mean(field));
            check(matrix.of(field, "variance").unwrap(), central(field, 2) / (n - 1.0));
            let skewness = n.sqrt() * central(field, 3) / central(field, 2).powf(1.5);
            check(matrix.of(field, "skewness").unwrap(), skewness);
            check(matrix.of(field, "kurtosis").unwrap(), n * central(field, 4) / central(field, 2).powi(2));
        }
        let (a, b) = (mean(0), mean(1));
        let products: f64 = rows.iter().map(|row| (row[0] - a) * (row[1] - b)).sum();
        check(matrix.covariance(0, 1), products / (n - 1.0));
        check(matrix.correlation(1, 0), products / (central(0, 2) * central(1, 2)).sqrt());
    }
}
