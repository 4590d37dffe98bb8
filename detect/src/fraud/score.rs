use super::{config::FraudConfig, record::Verdict};

/// Combines the points of independent reasons into a score of 0 to 100: `100 · (1 − Π (1 − points ÷ 100))`, rounded to
/// two decimals ("noisy or", Pearl 1988, Probabilistic Reasoning in Intelligent Systems, 4.3.2). One reason scores
/// its own points; each further one takes the same share of what is left. The order does not matter beyond rounding.
pub fn combine_points(points: impl IntoIterator<Item = f64>) -> f64 {
    let left = points.into_iter().fold(1.0, |left, points| left * (1.0 - points.clamp(0.0, 100.0) / 100.0));
    ((1.0 - left) * 10_000.0).round() / 100.0
}

/// The verdict for a score.
pub(crate) fn verdict(score: f64, config: &FraudConfig) -> Verdict {
    if score >= config.block_from_score {
        Verdict::Block
    } else if score >= config.review_from_score {
        Verdict::Review
    } else {
        Verdict::Allow
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scores() {
        let check = |points: &[f64], score: f64| assert_eq!(combine_points(points.iter().copied()), score);
        check(&[], 0.0);
        check(&[30.0], 30.0);
        check(&[50.0, 50.0], 75.0);
        check(&[72.53, 60.0, 20.0], 91.21);
        check(&[100.0, 1.0], 100.0);
    }

    #[test]
    fn verdicts() {
        let check = |score, expected| assert_eq!(verdict(score, &FraudConfig::default()), expected);
        check(0.0, Verdict::Allow);
        check(49.99, Verdict::Allow);
        check(50.0, Verdict::Review);
        check(79.99, Verdict::Review);
        check(80.0, Verdict::Block);
    }

    proptest! {
        #[test]
        fn more_reasons_never_lower_the_score(points in prop::collection::vec(-10.0f64..200.0, 0..12), more in 0.0f64..100.0) {
            let score = combine_points(points.iter().copied());
            prop_assert!((0.0..=100.0).contains(&score));
            prop_assert!(combine_points(points.iter().copied().chain([more])) >= score);
        }
    }
}
