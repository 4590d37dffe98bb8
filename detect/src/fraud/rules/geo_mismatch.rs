use super::{Findings, Input, evidence};

const CODE: &str = "geo_mismatch";

/// The address is in another country than the card, the bill or the delivery. Points of all that differ add up.
///
/// Skipped without a country of the address, and if nothing is there to compare it with.
pub(super) fn evaluate(input: &Input<'_>, findings: &mut Findings) {
    let (payment, config) = (input.payment, &input.config.geo);
    let Some(here) = payment.address_country.as_deref() else {
        return findings.skip(CODE, "the country of the IP address is unknown");
    };
    let others = [
        ("card", "ecommerce.card.country", &payment.card_country, config.card_points),
        ("billing address", "ecommerce.billing.country", &payment.billing_country, config.billing_points),
        ("shipping address", "ecommerce.shipping.country", &payment.shipping_country, config.shipping_points),
    ];
    if others.iter().all(|(_, _, country, _)| country.is_none()) {
        return findings.skip(CODE, "no country of card, billing or shipping is known");
    }
    let (mut points, mut differing) = (0.0, Vec::new());
    let mut seen = vec![evidence("source.geo.country_iso_code", here, None)];
    for (name, field, country, its_points) in others {
        if let Some(country) = country.as_deref().filter(|country| *country != here) {
            points += its_points;
            differing.push(format!("the {name} in {country}"));
            seen.push(evidence(field, country, None));
        }
    }
    if !differing.is_empty() {
        let differing = differing.join(", ");
        findings.fire(CODE, points, format!("the IP address is in {here}, but {differing}"), seen);
    }
}
