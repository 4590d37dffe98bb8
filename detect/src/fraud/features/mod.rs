//! What is known about the entities of a payment at its event time.
//!
//! *Invariant*: a feature of a payment at time `t` sees only payments of event time ≤ `t` that arrived before it,
//! and only labels and refusals known at `t`. The state is a set of payments, so the order of arrival does not
//! matter to it.

mod entity;
mod history;
mod index;
mod overlay;
mod snapshot;
mod windows;

pub(crate) use entity::{Entity, PastPayment, digest};
pub(crate) use history::{Place, UserHistory};
pub(crate) use index::PaymentIndex;
pub(crate) use overlay::{Change, FeatureState};
pub(crate) use snapshot::{SnapshotWriter, decode_snapshot};
pub(crate) use windows::{DAY, EntityWindows, HOUR, WEEK, WINDOWS};

use std::collections::BTreeMap;

/// All features of one payment.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Features {
    /// By [`Entity`]; `None` if the payment does not name that entity.
    pub(crate) windows: [Option<EntityWindows>; Entity::COUNT],
    /// What the payment's user did before; `None` if it names no user.
    pub(crate) user: Option<UserHistory>,
}

impl Features {
    /// The windows of that entity.
    pub(crate) fn of(&self, entity: Entity) -> Option<&EntityWindows> {
        self.windows[entity as usize].as_ref()
    }

    /// All that is known and not 0, by name.
    pub(crate) fn named(&self) -> BTreeMap<String, f64> {
        let mut named = BTreeMap::new();
        let mut add = |name: String, value: f64| {
            if value != 0.0 {
                named.insert(name, value);
            }
        };
        for entity in Entity::ALL {
            if let Some(windows) = self.of(entity) {
                windows.name(entity, &mut add);
            }
        }
        if let Some(user) = &self.user {
            user.name(&mut add);
        }
        named
    }
}

#[cfg(test)]
mod tests;
