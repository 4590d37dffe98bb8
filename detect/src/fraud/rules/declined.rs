use super::{Findings, Input, evidence};
use crate::fraud::features::{Entity, HOUR, WINDOWS};

const ENTITIES: [Entity; 3] = [Entity::Card, Entity::Device, Entity::Address];

/// Refused payments with the same card, device or address in the last hour: somebody tries out cards.
///
/// `card_testing`: this payment was approved after several that were declined. `declined_share`: most of them are
/// declined, this one too. The entity with most declined payments counts. Skipped without a status, and where the payment
/// names none of the entities.
pub(super) fn evaluate(input: &Input<'_>, findings: &mut Findings) {
    let approved = match input.payment.status.as_deref() {
        None => return findings.skip("card_testing", "the payment has no status"),
        Some("declined") => false,
        Some("approved") => true,
        Some(status) => {
            return findings
                .skip("card_testing", format!("the status is neither approved nor declined: \"{status}\""));
        }
    };
    let counts = ENTITIES.into_iter().filter_map(|entity| {
        let windows = input.features.of(entity)?;
        Some((entity, windows.declined[HOUR], windows.payments[HOUR]))
    });
    // The first of several with equally many.
    let Some((entity, declined, payments)) = counts.reduce(|a, b| if b.1 > a.1 { b } else { a }) else {
        return findings.skip("card_testing", "the payment names no card, device or address");
    };
    let (config, by, window) = (&input.config.declined, entity.phrase(), &WINDOWS[HOUR]);
    let feature = format!("{}_declined_{}", entity.name(), window.name);
    if approved && declined >= u64::from(config.before_approved_min.max(1)) {
        findings.fire(
            "card_testing",
            config.card_testing_points,
            format!("approved after {declined} declined payments {by} in {}", window.words),
            vec![evidence(feature, declined, Some(f64::from(config.before_approved_min)))],
        );
    } else if !approved
        && declined >= u64::from(config.share_declined_min)
        && declined as f64 >= config.share * payments as f64
    {
        findings.fire(
            "declined_share",
            config.share_points,
            format!("{declined} of {payments} payments {by} in {} were declined", window.words),
            vec![
                evidence(feature, declined, Some(f64::from(config.share_declined_min))),
                evidence(format!("{}_payments_{}", entity.name(), window.name), payments, None),
            ],
        );
    }
}
