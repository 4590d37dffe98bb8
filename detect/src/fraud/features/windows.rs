use super::{Entity, FeatureState, PastPayment};

/// The windows: name in features, words in sentences, length. Shortest first. A window at `t` is (t − length, t].
pub(crate) const WINDOWS: [Window; 4] = [
    Window { name: "1m", words: "1 minute", ms: 60_000 },
    Window { name: "1h", words: "1 hour", ms: 3_600_000 },
    Window { name: "24h", words: "24 hours", ms: 86_400_000 },
    Window { name: "7d", words: "7 days", ms: 604_800_000 },
];

/// Positions in [`WINDOWS`].
pub(crate) const HOUR: usize = 1;
pub(crate) const DAY: usize = 2;
pub(crate) const WEEK: usize = 3;

#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) name: &'static str,
    pub(crate) words: &'static str,
    ms: i64,
}

/// What one entity did in each of [`WINDOWS`], the payment in question included.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct EntityWindows {
    /// Payments.
    pub(crate) payments: [u64; 4],
    /// Declined payments.
    pub(crate) declined: [u64; 4],
    /// Different cards.
    pub(crate) cards: [u64; 4],
    /// Different users.
    pub(crate) users: [u64; 4],
    /// Sum in minor units over payments in the currency of the payment in question; 0 if that has none.
    pub(crate) amount_minor: [i64; 4],
    /// Payments, of all that are remembered up to then, known to be fraud.
    pub(crate) known_fraud: u64,
}

impl EntityWindows {
    pub(super) fn name(&self, entity: Entity, add: &mut impl FnMut(String, f64)) {
        let entity_name = entity.name();
        for (i, window) in WINDOWS.iter().enumerate() {
            let mut add =
                |what: &str, value: f64| add(format!("{entity_name}_{what}_{}", window.name), value);
            add("payments", self.payments[i] as f64);
            add("declined", self.declined[i] as f64);
            if entity != Entity::Card {
                add("cards", self.cards[i] as f64);
            }
            if entity != Entity::User {
                add("users", self.users[i] as f64);
            }
            add("amount_minor", self.amount_minor[i] as f64);
        }
        add(format!("{entity_name}_known_fraud"), self.known_fraud as f64);
    }
}

/// The windows of an entity at the time of a payment.
pub(super) fn window_features(
    state: &FeatureState,
    entity: Entity,
    digest: u64,
    payment: &PastPayment,
) -> EntityWindows {
    let now = payment.time_ms;
    let mut features = EntityWindows::default();
    // Everything is put under the shortest window that contains it, and summed up at the end.
    let (mut cards, mut users) = (Vec::new(), Vec::new());
    let mut see = |other: &PastPayment| {
        features.known_fraud += u64::from(other.is_fraud_at(now));
        let age = now.saturating_sub(other.time_ms);
        let Some(window) = WINDOWS.iter().position(|window| age < window.ms) else { return };
        features.declined[window] += u64::from(other.is_declined_at(now));
        if payment.currency != [0; 3] && other.currency == payment.currency && other.amount_minor > 0 {
            features.amount_minor[window] = features.amount_minor[window].saturating_add(other.amount_minor);
        }
        cards.extend(other.entity(Entity::Card).map(|card| (card, window)));
        users.extend(other.entity(Entity::User).map(|user| (user, window)));
    };
    see(payment);
    state.visit(entity, digest, i64::MIN, now, see);
    for (i, window) in WINDOWS.iter().enumerate() {
        features.payments[i] = 1 + state.count(entity, digest, now.saturating_sub(window.ms), now) as u64;
        if i > 0 {
            features.declined[i] += features.declined[i - 1];
            features.amount_minor[i] = features.amount_minor[i].saturating_add(features.amount_minor[i - 1]);
        }
    }
    features.cards = distinct(cards);
    features.users = distinct(users);
    features
}

/// How many different values each window contains, given each occurrence with its shortest window.
fn distinct(mut seen: Vec<(u64, usize)>) -> [u64; 4] {
    seen.sort_unstable();
    seen.dedup_by_key(|(value, _)| *value);
    let mut counts = [0; 4];
    for (_, shortest) in seen {
        counts[shortest..].iter_mut().for_each(|count| *count += 1);
    }
    counts
}
