use super::{Findings, Input, evidence};
use crate::fraud::features::Entity;

/// An earlier payment with the same card, user, device, e-mail address or address was fraud, known before this payment.
///
/// The entity worth most points is the reason. A payment that names no entity has none to look at: no reason.
pub(super) fn evaluate(input: &Input<'_>, findings: &mut Findings) {
    let config = &input.config.known_fraud;
    let points = |entity| match entity {
        Entity::User => config.user_points,
        Entity::Card => config.card_points,
        Entity::Device => config.device_points,
        Entity::Address => config.address_points,
        Entity::Email => config.email_points,
    };
    let known = Entity::ALL.into_iter().filter_map(|entity| {
        let count = input.features.of(entity)?.known_fraud;
        (count > 0).then_some((entity, count))
    });
    if let Some((entity, count)) = known.reduce(|a, b| if points(b.0) > points(a.0) { b } else { a }) {
        let payments = if count == 1 { "payment" } else { "payments" };
        findings.fire(
            "known_fraud",
            points(entity),
            format!("{count} earlier {payments} {} turned out to be fraud", entity.phrase()),
            vec![evidence(format!("{}_known_fraud", entity.name()), count, Some(0.0))],
        );
    }
}
