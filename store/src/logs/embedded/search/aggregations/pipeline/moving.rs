use crate::logs::dsl::aggregations::MovingFunction;

/// A function of the values in a window, which may be empty.
pub(super) fn apply(function: MovingFunction, values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let sum = || values.iter().sum::<f64>();
    let mean = || if values.is_empty() { f64::NAN } else { sum() / count };
    match function {
        MovingFunction::Max => values.iter().copied().reduce(f64::max).unwrap_or(f64::NAN),
        MovingFunction::Min => values.iter().copied().reduce(f64::min).unwrap_or(f64::NAN),
        MovingFunction::Sum => sum(),
        MovingFunction::UnweightedAvg => mean(),
        MovingFunction::StdDev => {
            let mean = mean();
            (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
        }
        MovingFunction::LinearWeightedAvg => {
            // The weights are 2, 3, …, as in Elasticsearch, whose sum of them starts at 1.
            let weights = || (2..).map(f64::from);
            let weighted: f64 = values.iter().zip(weights()).map(|(value, weight)| value * weight).sum();
            let total: f64 = 1.0 + values.iter().zip(weights()).map(|(_, weight)| weight).sum::<f64>();
            if values.is_empty() { f64::NAN } else { weighted / total }
        }
        MovingFunction::Ewma { alpha } => values
            .iter()
            .copied()
            .reduce(|average, value| value * alpha + average * (1.0 - alpha))
            .unwrap_or(f64::NAN),
        MovingFunction::Holt { alpha, beta } => holt(values, alpha, beta),
    }
}

/// Holt's linear trend (1957), with the first difference as first trend.
fn holt(values: &[f64], alpha: f64, beta: f64) -> f64 {
    let Some((first, rest)) = values.split_first() else { return f64::NAN };
    let (mut level, mut trend) = (*first, 0.0);
    for (position, value) in rest.iter().enumerate() {
        if position == 0 {
            trend = value - first;
        }
        let last = level;
        level = alpha * value + (1.0 - alpha) * (level + trend);
        trend = beta * (level - last) + (1.0 - beta) * trend;
    }
    level
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_windows() {
        let check = |function, values: &[f64], expected: f64| {
            let found = apply(function, values);
            assert!(
                (found - expected).abs() < 1e-9 || found.is_nan() && expected.is_nan(),
                "{function:?} {found}"
            );
        };
        check(MovingFunction::UnweightedAvg, &[1.0, 2.0, 6.0], 3.0);
        check(MovingFunction::UnweightedAvg, &[], f64::NAN);
        check(MovingFunction::Sum, &[], 0.0);
        check(MovingFunction::StdDev, &[2.0, 4.0], 1.0);
        check(MovingFunction::LinearWeightedAvg, &[1.0, 2.0], 8.0 / 6.0);
        check(MovingFunction::Ewma { alpha: 0.5 }, &[1.0, 3.0], 2.0);
        check(MovingFunction::Holt { alpha: 1.0, beta: 0.0 }, &[1.0, 3.0, 4.0], 4.0);
    }
}
