use super::{Findings, Input, evidence};
use crate::fraud::features::Entity;

/// An earlier payment with the same card, user, device, e-mail address or address was fraud, known before this payment.
///
/// The entity worth most points is the reason. A payment that names no entity has none to look at: no reason. The
/// victim of a theft is not its thief: a user who has paid from this device or address for days, undisputed, gets few
/// points, unless more than a few frauds came from this very device.
pub(super) fn evaluate(input: &Input<'_>, findings: &mut Findings) {
    let (config, features) = (&input.config.known_fraud, input.features);
    let points = |entity| match entity {
        Entity::User => config.user_points,
        Entity::Card => config.card_points,
        Entity::Device => config.device_points,
        Entity::Address => config.address_points,
        Entity::Email => config.email_points,
    };
    let known = Entity::ALL.into_iter().filter_map(|entity| {
        let count = features.of(entity)?.known_fraud;
        (count > 0).then_some((entity, count))
    });
    let worst = known.reduce(|a, b| if points(b.0) > points(a.0) { b } else { a });
    let Some((entity, count)) = worst else { return };
    let payments = if count == 1 { "payment" } else { "payments" };
    let mut points = points(entity);
    let mut message = format!("{count} earlier {payments} {} turned out to be fraud", entity.phrase());
    let mut seen = vec![evidence(format!("{}_known_fraud", entity.name()), count, Some(0.0))];
    let disputes = features.of(Entity::Device).map_or(0, |device| device.known_fraud);
    let familiar = features.user.as_ref().and_then(|user| user.familiar_hours);
    if let Some(hours) = familiar.filter(|hours| {
        *hours >= config.owner_known_hours && disputes <= u64::from(config.owner_disputes_max)
    }) {
        points = points.min(config.owner_points);
        message += &format!(
            ", but this user has paid from this device or IP address for {:.0} days",
            (hours / 24.0).floor()
        );
        seen.push(evidence("user_familiar_hours", hours, Some(config.owner_known_hours)));
    }
    findings.fire("known_fraud", points, message, seen);
}
