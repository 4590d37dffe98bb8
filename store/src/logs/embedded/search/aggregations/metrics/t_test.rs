//! `t_test`: Student 1908, Biometrika 6, 1-25; Welch 1947, Biometrika 34, 28-35 for populations that vary differently.

use super::super::super::column::SegmentColumn;
use super::{MetricState, Numbers, Statistics, segment::numbers_of};
use crate::{StoreError, logs::dsl::aggregations::TTestKind};
use tantivy::{DocSet, query::Scorer};

/// The two populations so far; paired ones are one, of the differences.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Populations {
    of: [Numbers; 2],
}

impl Populations {
    pub(super) fn merge(&mut self, other: &Self) {
        self.of.iter_mut().zip(&other.of).for_each(|(into, from)| into.merge(from));
    }

    /// The p-value of the two-sided test; `None` where there are too few values.
    pub(in super::super) fn p_value(&self, kind: TTestKind) -> Option<f64> {
        let moments = |numbers: &Numbers| {
            Some((numbers.of("count")?, numbers.of("avg")?, numbers.of("variance_sampling")?))
        };
        let (t, freedom) = match kind {
            TTestKind::Paired => {
                let (n, mean, variance) = moments(&self.of[0])?;
                (mean / (variance / n).sqrt(), n - 1.0)
            }
            TTestKind::Homoscedastic => {
                let ((n, a, va), (m, b, vb)) = (moments(&self.of[0])?, moments(&self.of[1])?);
                let pooled = ((n - 1.0) * va + (m - 1.0) * vb) / (n + m - 2.0);
                ((a - b) / (pooled * (1.0 / n + 1.0 / m)).sqrt(), n + m - 2.0)
            }
            TTestKind::Heteroscedastic => {
                let ((n, a, va), (m, b, vb)) = (moments(&self.of[0])?, moments(&self.of[1])?);
                let (sa, sb) = (va / n, vb / m);
                let freedom = (sa + sb).powi(2) / (sa * sa / (n - 1.0) + sb * sb / (m - 1.0));
                ((a - b) / (sa + sb).sqrt(), freedom)
            }
        };
        let p = incomplete_beta(freedom / (freedom + t * t), freedom / 2.0, 0.5);
        p.is_finite().then_some(p)
    }
}

/// The regularized incomplete beta function by its continued fraction (Lentz' method): Press et al., Numerical Recipes
/// 6.4.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if !(0.0..=1.0).contains(&x) {
        return f64::NAN;
    }
    if x == 0.0 || x == 1.0 {
        return x;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    // The fraction converges fast below this point; above it, the symmetric one does.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(x, a, b) / a
    } else {
        1.0 - front * beta_fraction(1.0 - x, b, a) / b
    }
}

fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    const TERMS_MAX: u32 = 10_000;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for term in 1..TERMS_MAX {
        let m = f64::from(term);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away_from_zero(1.0 + even * d);
        c = away_from_zero(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away_from_zero(1.0 + odd * d);
        c = away_from_zero(1.0 + odd / c);
        let change = d * c;
        fraction *= change;
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    fraction
}

/// The logarithm of the gamma function of a positive number: Lanczos 1964, SIAM J. Numer. Anal. B 1, 86-96, with the
/// coefficients for g = 7 and nine terms.
fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        let reflected = (std::f64::consts::PI / (std::f64::consts::PI * x).sin()).ln();
        return reflected - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let (first, rest) = (COEFFICIENTS[0], COEFFICIENTS.iter().enumerate().skip(1));
    let sum = first + rest.map(|(place, coefficient)| coefficient / (x + place as f64)).sum::<f64>();
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// One population over one segment.
pub(in super::super) struct SegmentPopulation {
    pub(in super::super) values: (Option<SegmentColumn>, Option<f64>),
    pub(in super::super) filter: Option<Box<dyn Scorer>>,
}

impl SegmentPopulation {
    /// The value of a document; `None` if it does not belong.
    fn value(&mut self, doc: u32) -> Result<Option<f64>, StoreError> {
        if let Some(filter) = &mut self.filter {
            let at = if filter.doc() < doc { filter.seek(doc) } else { filter.doc() };
            if at != doc {
                return Ok(None);
            }
        }
        let mut values = numbers_of(&self.values, doc);
        let value = values.next();
        match values.next() {
            None => Ok(value),
            Some(_) => {
                let message = "Encountered more than one value for a single document. Use a script to combine multiple values-per-doc into a single value.";
                Err(StoreError::invalid(message).with_code("aggregation_execution_exception"))
            }
        }
    }
}

/// `t_test` of one segment, for each bucket of the parent.
pub(in super::super) struct SegmentTTest {
    populations: [SegmentPopulation; 2],
    kind: TTestKind,
    states: Vec<Populations>,
}

impl SegmentTTest {
    pub(in super::super) fn new(populations: [SegmentPopulation; 2], kind: TTestKind) -> Self {
        Self { populations, kind, states: Vec::new() }
    }
}

impl Statistics for SegmentTTest {
    fn collect(&mut self, parents: &[u32], docs: &[u32]) -> Result<(), StoreError> {
        if let Some(top) = parents.iter().max() {
            self.states.resize((*top as usize + 1).max(self.states.len()), Populations::default());
        }
        for (parent, doc) in parents.iter().zip(docs) {
            let [a, b] = &mut self.populations;
            let (a, b) = (a.value(*doc)?, b.value(*doc)?);
            let state = &mut self.states[*parent as usize];
            if self.kind == TTestKind::Paired {
                a.zip(b).into_iter().for_each(|(a, b)| state.of[0].add(a - b));
            } else {
                a.into_iter().for_each(|value| state.of[0].add(value));
                b.into_iter().for_each(|value| state.of[1].add(value));
            }
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.states.len() * size_of::<Populations>()
    }

    fn finish(mut self: Box<Self>, parents: usize) -> Result<Vec<MetricState>, StoreError> {
        self.states.resize(parents, Populations::default());
        Ok(self.states.into_iter().map(MetricState::Populations).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(a: &[f64], b: &[f64], kind: TTestKind) -> Option<f64> {
        let mut populations = Populations::default();
        match kind {
            TTestKind::Paired => a.iter().zip(b).for_each(|(a, b)| populations.of[0].add(a - b)),
            _ => {
                a.iter().for_each(|value| populations.of[0].add(*value));
                b.iter().for_each(|value| populations.of[1].add(*value));
            }
        }
        populations.p_value(kind)
    }

    #[test]
    fn known_distributions() {
        // With one degree of freedom, t is Cauchy: beyond 1 lies a quarter on each side.
        assert!((incomplete_beta(0.5, 0.5, 0.5) - 0.5).abs() < 1e-12);
        // Two degrees: P(|T| > t) = 1 - t / sqrt(2 + t^2).
        for t in [0.1, 1.0, 3.0, 20.0_f64] {
            let exact = 1.0 - t / (2.0 + t * t).sqrt();
            assert!((incomplete_beta(2.0 / (2.0 + t * t), 1.0, 0.5) - exact).abs() < 1e-12, "{t}");
        }
        assert!((ln_gamma(5.0) - 24.0_f64.ln()).abs() < 1e-12);
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-12);
    }

    #[test]
    fn the_example_of_the_manual() {
        // "T-test aggregation", Elasticsearch reference 7.10: start-up times before and after an upgrade.
        let before = [102.0, 99.0, 111.0, 97.0, 101.0, 99.0];
        let after = [89.0, 93.0, 72.0, 98.0, 102.0, 98.0];
        let found = p(&before, &after, TTestKind::Paired).unwrap();
        assert!((found - 0.191_436_884_336_597_9).abs() < 1e-12, "{found}");
        let alike = p(&before, &after, TTestKind::Homoscedastic).unwrap();
        let not_alike = p(&before, &after, TTestKind::Heteroscedastic).unwrap();
        // The same distance of the means, with fewer degrees of freedom.
        assert!(0.0 < alike && alike < not_alike && not_alike < 1.0, "{alike} {not_alike}");
        assert_eq!(p(&[1.0], &[2.0], TTestKind::Heteroscedastic), None);
    }
}
