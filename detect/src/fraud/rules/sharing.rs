use super::{Findings, Input, evidence, excess_points};
use crate::fraud::features::{DAY, Entity, WEEK, WINDOWS};

/// Many cards of one user, device or address in 24 hours: stolen cards being used up.
///
/// Only the entity worth most points is a reason. Skipped where the payment names no card or no such entity.
pub(super) fn evaluate_cards(input: &Input<'_>, findings: &mut Findings) {
    let config = &input.config.sharing;
    let limits = [
        (Entity::User, config.cards_per_user),
        (Entity::Device, config.cards_per_device),
        (Entity::Address, config.cards_per_address),
    ];
    evaluate(input, findings, Shared { what: "cards", entity: Entity::Card, window: DAY }, &limits);
}

/// Many users of one card or device in 7 days: accounts made in series.
///
/// Only the entity worth most points is a reason. Skipped where the payment names no user or no such entity.
pub(super) fn evaluate_users(input: &Input<'_>, findings: &mut Findings) {
    let config = &input.config.sharing;
    let limits = [(Entity::Card, config.users_per_card), (Entity::Device, config.users_per_device)];
    evaluate(input, findings, Shared { what: "users", entity: Entity::User, window: WEEK }, &limits);
}

/// What is counted per entity.
struct Shared {
    what: &'static str,
    entity: Entity,
    window: usize,
}

fn evaluate(input: &Input<'_>, findings: &mut Findings, shared: Shared, limits: &[(Entity, u32)]) {
    let config = &input.config.sharing;
    let Shared { what, entity: counted, window } = shared;
    let mut worst: Option<(f64, Entity, u64, u32)> = None;
    for &(entity, limit) in limits {
        let code = || format!("{what}_per_{}", entity.name());
        let Some(windows) = input.features.of(entity) else {
            findings.skip(&code(), format!("the payment names no {}", entity.name()));
            continue;
        };
        if input.past.entity(counted).is_none() {
            findings.skip(&code(), format!("the payment names no {}", counted.name()));
            continue;
        }
        let count = if counted == Entity::Card { windows.cards[window] } else { windows.users[window] };
        if count <= u64::from(limit) {
            continue;
        }
        let points =
            excess_points(count, limit, config.points, config.points_per_doubling, config.points_max);
        if worst.is_none_or(|(most, ..)| points > most) {
            worst = Some((points, entity, count, limit));
        }
    }
    if let Some((points, entity, count, limit)) = worst {
        let (by, length) = (entity.phrase(), &WINDOWS[window]);
        findings.fire(
            format!("{what}_per_{}", entity.name()),
            points,
            format!("{count} different {what} {by} in {}, usually at most {limit}", length.words),
            vec![evidence(
                format!("{}_{what}_{}", entity.name(), length.name),
                count,
                Some(f64::from(limit)),
            )],
        );
    }
}
