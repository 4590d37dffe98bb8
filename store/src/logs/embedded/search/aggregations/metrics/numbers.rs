/// Count, sum, extremes and sum of squares.
#[derive(Debug, Clone)]
pub(in super::super) struct Numbers {
    pub(super) count: u64,
    sum: f64,
    /// What the sum lost to rounding (Kahan 1965; Neumaier 1974).
    lost: f64,
    squares: f64,
    squares_lost: f64,
    min: f64,
    max: f64,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0.0,
            lost: 0.0,
            squares: 0.0,
            squares_lost: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }
}

/// Adds to a sum and keeps what rounding takes away.
fn add_exactly(sum: &mut f64, lost: &mut f64, value: f64) {
    let total = *sum + value;
    let rest = if sum.abs() >= value.abs() { (*sum - total) + value } else { (value - total) + *sum };
    if rest.is_finite() {
        *lost += rest;
    }
    *sum = total;
}

impl Numbers {
    pub(in super::super) fn add(&mut self, value: f64) {
        self.count += 1;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        add_exactly(&mut self.sum, &mut self.lost, value);
        add_exactly(&mut self.squares, &mut self.squares_lost, value * value);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        add_exactly(&mut self.sum, &mut self.lost, other.sum);
        self.lost += other.lost;
        add_exactly(&mut self.squares, &mut self.squares_lost, other.squares);
        self.squares_lost += other.squares_lost;
    }

    fn total(&self) -> f64 {
        self.sum + self.lost
    }

    fn variance(&self) -> f64 {
        let (count, total) = (self.count as f64, self.total());
        ((self.squares + self.squares_lost - total * total / count) / count).max(0.0)
    }

    /// One of the numbers, by the name that Elasticsearch gives it; `None` if there is none.
    pub(in super::super) fn of(&self, name: &str) -> Option<f64> {
        let count = self.count as f64;
        let some = |value: f64| (self.count > 0).then_some(value);
        let sampling = || (self.count > 1).then(|| self.variance() * count / (count - 1.0));
        match name {
            "count" => Some(count),
            "sum" => Some(self.total()),
            "min" => some(self.min),
            "max" => some(self.max),
            "avg" => some(self.total() / count),
            "sum_of_squares" => some(self.squares + self.squares_lost),
            "variance" | "variance_population" => some(self.variance()),
            "variance_sampling" => sampling(),
            "std_deviation" | "std_deviation_population" => some(self.variance().sqrt()),
            "std_deviation_sampling" => sampling().map(f64::sqrt),
            _ => None,
        }
    }

    /// An end of the bounds around the mean: `upper`, `lower`, with `_population` or `_sampling`.
    pub(in super::super) fn bound(&self, name: &str, sigma: f64) -> Option<f64> {
        let (side, of) = name.split_once('_').unwrap_or((name, "population"));
        let deviation = self.of(&format!("std_deviation_{of}"))?;
        let sign = match side {
            "upper" => 1.0,
            "lower" => -1.0,
            _ => return None,
        };
        self.of("avg").map(|avg| avg + sign * sigma * deviation)
    }
}

/// The ends of the bounds, in the order of Elasticsearch's answer.
pub(in super::super) const BOUNDS: [&str; 6] =
    ["upper", "lower", "upper_population", "lower_population", "upper_sampling", "lower_sampling"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_known_row() {
        let mut numbers = Numbers::default();
        [1.0, 51.0, 101.0, 151.0].into_iter().for_each(|value| numbers.add(value));
        let check = |name: &str, expected: f64| assert_eq!(numbers.of(name), Some(expected), "{name}");
        check("count", 4.0);
        check("avg", 76.0);
        check("sum_of_squares", 35_604.0);
        check("variance", 3_125.0);
        check("std_deviation", 55.901_699_437_494_74);
        assert_eq!(numbers.bound("upper", 2.0), Some(187.803_398_874_989_48));
        assert_eq!(Numbers::default().of("avg"), None);
    }

    #[test]
    fn sums_do_not_lose_small_numbers() {
        let mut numbers = Numbers::default();
        [1e16, 1.0, -1e16].into_iter().for_each(|value| numbers.add(value));
        assert_eq!(numbers.of("sum"), Some(1.0));
    }
}
