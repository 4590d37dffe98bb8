use super::{Findings, Input, evidence, excess_points};
use crate::fraud::features::{Entity, WINDOWS};

/// More payments of one user, card, device, address or e-mail address in 1 minute, 1 hour, 24 hours or 7 days than usual.
///
/// The same burst shows on several entities and windows: only the one worth most points is a reason. An entity
/// that the payment does not name is skipped.
pub(super) fn evaluate(input: &Input<'_>, findings: &mut Findings) {
    let config = &input.config.velocity;
    let mut worst: Option<(f64, Entity, usize, u64, u32)> = None;
    for entity in Entity::ALL {
        let Some(windows) = input.features.of(entity) else {
            findings.skip(
                &format!("velocity_{}", entity.name()),
                format!("the payment names no {}", entity.name()),
            );
            continue;
        };
        let limits = match entity {
            Entity::User => config.user,
            Entity::Card => config.card,
            Entity::Device => config.device,
            Entity::Address => config.address,
            Entity::Email => config.email,
        };
        for (i, limit) in limits.as_array().into_iter().enumerate() {
            let count = windows.payments[i];
            if count <= u64::from(limit) {
                continue;
            }
            let points =
                excess_points(count, limit, config.points, config.points_per_doubling, config.points_max);
            if worst.is_none_or(|(most, ..)| points > most) {
                worst = Some((points, entity, i, count, limit));
            }
        }
    }
    if let Some((points, entity, i, count, limit)) = worst {
        let window = &WINDOWS[i];
        findings.fire(
            format!("velocity_{}", entity.name()),
            points,
            format!("{count} payments {} in {}, usually at most {limit}", entity.phrase(), window.words),
            vec![evidence(
                format!("{}_payments_{}", entity.name(), window.name),
                count,
                Some(f64::from(limit)),
            )],
        );
    }
}
