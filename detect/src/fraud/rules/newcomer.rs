use super::{Findings, Input, evidence, money};

const DEVICE_AND_COUNTRY: &str = "new_device_and_country";
const USER: &str = "new_user_high_amount";

/// A known user pays a high amount from a device and a country never seen with this user: an account taken over.
///
/// High is measured against the user's own payments. Skipped before enough of these, and without device, country, amount or
/// currency.
pub(super) fn evaluate_device_and_country(input: &Input<'_>, findings: &mut Findings) {
    let (payment, config) = (input.payment, &input.config.newcomer);
    let Some(user) = &input.features.user else {
        return findings.skip(DEVICE_AND_COUNTRY, "the payment names no user");
    };
    let (Some(device_known), Some(country_known)) = (user.device_known, user.country_known) else {
        return findings.skip(DEVICE_AND_COUNTRY, "the device or the country of the IP address is unknown");
    };
    let Some(minor) = payment.amount_minor.filter(|_| payment.currency.is_some()) else {
        return findings.skip(DEVICE_AND_COUNTRY, "the amount or the currency is missing");
    };
    if user.amounts.count < u64::from(config.payments_min.max(1)) {
        return findings.skip(
            DEVICE_AND_COUNTRY,
            format!(
                "{} earlier payments of the user, {} are needed",
                user.amounts.count, config.payments_min
            ),
        );
    }
    let high_from = user.amounts.mean.exp() * config.usual_amount_factor;
    if !device_known && !country_known && minor as f64 >= high_from {
        let country = payment.address_country.as_deref().unwrap_or_default();
        findings.fire(
            DEVICE_AND_COUNTRY,
            config.device_and_country_points,
            format!(
                "first payment of this user from this device and from {country}, and {} is high: usually {}",
                money(minor as f64, payment),
                money(user.amounts.mean.exp(), payment)
            ),
            vec![
                evidence("user_device_known", 0, None),
                evidence("user_country_known", 0, None),
                evidence("ecommerce.transaction.amount_minor", minor, Some(high_from.round())),
            ],
        );
    }
}

/// The first payment of a user is high. Skipped without user or amount, and for currencies without a threshold.
pub(super) fn evaluate_user(input: &Input<'_>, findings: &mut Findings) {
    let (payment, config) = (input.payment, &input.config.newcomer);
    let Some(user) = &input.features.user else {
        return findings.skip(USER, "the payment names no user");
    };
    let (Some(minor), Some(currency)) = (payment.amount_minor, payment.currency.as_deref()) else {
        return findings.skip(USER, "the amount or the currency is missing");
    };
    let Some(&high_from) = config.high_amount_minor.get(currency) else {
        return findings.skip(USER, format!("no high amount is configured for \"{currency}\""));
    };
    if user.payments == 0 && minor >= high_from {
        findings.fire(
            USER,
            config.user_points,
            format!(
                "first payment of this user, and {} is high (from {})",
                money(minor as f64, payment),
                money(high_from as f64, payment)
            ),
            vec![
                evidence("user_earlier_payments", 0, None),
                evidence("ecommerce.transaction.amount_minor", minor, Some(high_from as f64)),
            ],
        );
    }
}
