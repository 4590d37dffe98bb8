use super::{Findings, Input, evidence, money};

const CODE: &str = "amount_unusual";

/// The amount is far above what this user usually pays in this currency: standard score of the natural logarithm.
///
/// Smaller amounts than usual never fire. Skipped without user, amount or currency, and before enough payments.
pub(super) fn evaluate(input: &Input<'_>, findings: &mut Findings) {
    let (payment, config) = (input.payment, &input.config.amount);
    let Some(user) = &input.features.user else {
        return findings.skip(CODE, "the payment names no user");
    };
    let Some(minor) = payment.amount_minor.filter(|minor| *minor > 0) else {
        return findings.skip(CODE, "the amount is missing or not above 0");
    };
    let Some(currency) = payment.currency.as_deref() else {
        return findings.skip(CODE, "the currency is missing or no ISO 4217 code");
    };
    let amounts = &user.amounts;
    if amounts.count < u64::from(config.payments_min) {
        let (count, min) = (amounts.count, config.payments_min);
        return findings
            .skip(CODE, format!("{count} earlier payments of the user in {currency}, {min} are needed"));
    }
    let z = ((minor as f64).ln() - amounts.mean) / amounts.deviation().max(config.deviation_floor);
    if z > config.deviations_max {
        findings.fire(
            CODE,
            (config.points + config.points_per_deviation * (z - config.deviations_max))
                .min(config.points_max),
            format!(
                "{} is {:.1} times what this user usually pays ({}), far more than {} earlier payments vary",
                money(minor as f64, payment),
                minor as f64 / amounts.mean.exp(),
                money(amounts.mean.exp(), payment),
                amounts.count
            ),
            vec![
                evidence("amount_z", (z * 100.0).round() / 100.0, Some(config.deviations_max)),
                evidence("user_log_amount_mean", amounts.mean, None),
                evidence("user_log_amount_deviation", amounts.deviation(), Some(config.deviation_floor)),
                evidence("ecommerce.transaction.amount_minor", minor, None),
            ],
        );
    }
}
