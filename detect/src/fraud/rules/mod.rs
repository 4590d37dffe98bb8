//! The rules. One detector a file: it looks at a payment and its features and either finds a reason, finds none,
//! or says why it could not look. A missing value never speaks for or against a payment.
//!
//! | code | fires when (defaults) | points |
//! |---|---|---|
//! | `known_fraud` | card, device, e-mail, user or IP address of a payment known to be fraud | 85, 75, 70, 60, 25 |
//! | | … but the user has paid from this device or address, undisputed, for 72 hours (its victim) | at most 20 |
//! | `velocity_*` | more payments of one entity than usual in 1 minute, 1 hour, 24 hours or 7 days | 30, +18 a doubling, to 75 |
//! | `cards_per_*` | more than 3 cards of a user or device, 60 of an address, in 24 hours | 35, +25 a doubling, to 80 |
//! | `users_per_*` | more than 2 users of a card, 4 of a device, in 7 days | the same |
//! | `card_testing` | approved after 3 declined payments with card, device or address within 1 hour | 60 |
//! | `declined_share` | 4 declined payments, at least 60 % of all, within 1 hour | 50 |
//! | `impossible_travel` | faster than 900 km/h since the user's previous payment | 55 |
//! | `geo_mismatch` | card, billing or shipping country is not that of the address | 20 + 12 + 8 |
//! | `amount_unusual` | 3 deviations above the logarithms of at least 5 of the user's amounts | 30, +10 a deviation, to 65 |
//! | `new_device_and_country` | both new to a user with 3 payments, and twice the usual amount | 50 |
//! | `new_user_high_amount` | first payment of a user, from about 500 EUR | 30 |
//!
//! Points are combined by [`super::combine_points`]; review from 50, block from 80. Exact values and how to change
//! them: [`FraudConfig`]. A new user, a new device or a new country alone is never a reason.
//!
//! An ordinary payment of an ordinary customer that is disputed later cannot be told from others when it is made: no rule tries.

mod amount_unusual;
mod declined;
mod geo_mismatch;
mod impossible_travel;
mod known_fraud;
mod newcomer;
mod sharing;
mod velocity;

use super::{
    config::FraudConfig,
    features::{Features, PastPayment},
    payment::Payment,
    record::{Evidence, Reason, SkippedRule},
};
use serde_json::Value;

/// All rules, in the order in which ties are listed.
const RULES: [fn(&Input<'_>, &mut Findings); 10] = [
    known_fraud::evaluate,
    velocity::evaluate,
    sharing::evaluate_cards,
    sharing::evaluate_users,
    declined::evaluate,
    impossible_travel::evaluate,
    geo_mismatch::evaluate,
    amount_unusual::evaluate,
    newcomer::evaluate_device_and_country,
    newcomer::evaluate_user,
];

/// What a rule looks at.
pub(crate) struct Input<'a> {
    pub(crate) payment: &'a Payment,
    pub(crate) past: &'a PastPayment,
    pub(crate) features: &'a Features,
    pub(crate) config: &'a FraudConfig,
}

/// What the rules found.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Findings {
    /// Largest contribution first.
    pub(crate) reasons: Vec<Reason>,
    pub(crate) skipped: Vec<SkippedRule>,
}

impl Findings {
    /// A rule fired. Points are rounded to two decimals, so that what is stored is what was counted; without points
    /// (a rule switched off by its configuration) there is no reason.
    fn fire(&mut self, code: impl Into<String>, points: f64, message: String, evidence: Vec<Evidence>) {
        let contribution = (points.clamp(0.0, 100.0) * 100.0).round() / 100.0;
        if contribution > 0.0 {
            self.reasons.push(Reason { code: code.into(), message, contribution, evidence });
        }
    }

    /// A rule could not look.
    fn skip(&mut self, code: &str, why: impl Into<String>) {
        self.skipped.push(SkippedRule { code: code.to_owned(), why: why.into() });
    }
}

/// Applies all rules.
pub(crate) fn evaluate(input: &Input<'_>) -> Findings {
    let mut findings = Findings::default();
    for rule in RULES {
        rule(input, &mut findings);
    }
    // Stable: equal contributions stay in the order of the table.
    findings.reasons.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
    findings
}

/// A value that was compared with a threshold, or only seen.
fn evidence(feature: impl Into<String>, value: impl Into<Value>, threshold: Option<f64>) -> Evidence {
    Evidence { feature: feature.into(), value: value.into(), threshold }
}

/// Points for a count above its limit: more with each doubling, at most `points_max`. A limit of 0 counts as 1 here.
fn excess_points(count: u64, limit: u32, points: f64, points_per_doubling: f64, points_max: f64) -> f64 {
    let doublings = (count as f64 / f64::from(limit.max(1))).log2().max(0.0);
    (points + points_per_doubling * doublings).min(points_max)
}

/// An amount in the payment's currency for a sentence: `12.34 EUR`. The number of decimals follows from the
/// payment's own two forms of its amount; without them, minor units are named.
fn money(amount_minor: f64, payment: &Payment) -> String {
    let currency = payment.currency.as_deref().unwrap_or("?");
    let factor = match (payment.amount_minor, payment.amount) {
        (Some(minor), Some(major)) if minor > 0 && major > 0.0 => {
            [(1.0, 0), (10.0, 1), (100.0, 2), (1_000.0, 3), (10_000.0, 4)]
                .into_iter()
                .find(|(factor, _)| (major * factor - minor as f64).abs() < 0.5)
        }
        _ => None,
    };
    match factor {
        Some((factor, decimals)) => format!("{:.decimals$} {currency}", amount_minor / factor),
        None => format!("{amount_minor:.0} minor units of {currency}"),
    }
}

#[cfg(test)]
mod tests;
