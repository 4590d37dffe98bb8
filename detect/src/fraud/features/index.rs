use super::{Entity, PastPayment};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ops::Bound,
};

/// A set of payments, looked up by id, by entity and by time. Holds at most `payments_max`: the payments with the
/// oldest event time leave first, and an entity leaves with its last payment. Which ones stay does not depend on the order
/// in which they came.
///
/// Exact: whatever is held. `evicted` tells whether anything ever left.
#[derive(Debug, Clone)]
pub(crate) struct PaymentIndex {
    payments_max: usize,
    slots: Vec<PastPayment>,
    free: Vec<u32>,
    by_id: HashMap<u64, u32>,
    by_time: BTreeMap<(i64, u64), u32>,
    /// Slots of an entity's payments, sorted by [`PastPayment::key`].
    by_entity: HashMap<(Entity, u64), VecDeque<u32>>,
    evicted: bool,
}

impl PaymentIndex {
    pub(crate) fn new(payments_max: usize) -> Self {
        Self {
            // Slots are numbered by u32.
            payments_max: payments_max.clamp(1, u32::MAX as usize - 1),
            slots: Vec::new(),
            free: Vec::new(),
            by_id: HashMap::new(),
            by_time: BTreeMap::new(),
            by_entity: HashMap::new(),
            evicted: false,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// How many different users, cards, devices, addresses and e-mail addresses are known.
    pub(crate) fn entities(&self) -> usize {
        self.by_entity.len()
    }

    /// Whether payments had to leave for lack of room.
    pub(crate) fn has_evicted(&self) -> bool {
        self.evicted
    }

    pub(crate) fn contains(&self, id: u64) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Adds a payment, unless one of that id is there.
    pub(crate) fn insert(&mut self, payment: PastPayment) {
        if self.by_id.contains_key(&payment.id) {
            return;
        }
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = payment;
                slot
            }
            None => {
                self.slots.push(payment);
                (self.slots.len() - 1) as u32
            }
        };
        self.by_id.insert(payment.id, slot);
        self.by_time.insert(payment.key(), slot);
        for entity in Entity::ALL {
            if let Some(digest) = payment.entity(entity) {
                let list = self.by_entity.entry((entity, digest)).or_default();
                let at = list.partition_point(|&other| self.slots[other as usize].key() < payment.key());
                list.insert(at, slot);
            }
        }
        while self.len() > self.payments_max {
            self.evict_oldest();
        }
    }

    /// Removes a payment; whether it was there.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let Some(slot) = self.by_id.remove(&id) else { return false };
        let payment = self.slots[slot as usize];
        self.by_time.remove(&payment.key());
        for entity in Entity::ALL {
            let Some(digest) = payment.entity(entity) else { continue };
            let Some(list) = self.by_entity.get_mut(&(entity, digest)) else { continue };
            let at = list.partition_point(|&other| self.slots[other as usize].key() < payment.key());
            list.remove(at);
            if list.is_empty() {
                self.by_entity.remove(&(entity, digest));
            }
        }
        self.free.push(slot);
        true
    }

    /// Changes a payment in place; nothing if it is not there. Its key and entities must stay.
    pub(crate) fn change(&mut self, id: u64, change: impl FnOnce(&mut PastPayment)) {
        if let Some(&slot) = self.by_id.get(&id) {
            change(&mut self.slots[slot as usize]);
        }
    }

    fn evict_oldest(&mut self) {
        if let Some((&(_, id), _)) = self.by_time.first_key_value() {
            self.remove(id);
            self.evicted = true;
        }
    }

    /// Payments of an entity with `after_ms < time ≤ until_ms`, newest first, and how many there are.
    pub(crate) fn of_entity(
        &self,
        entity: Entity,
        digest: u64,
        after_ms: i64,
        until_ms: i64,
    ) -> (usize, impl Iterator<Item = &PastPayment>) {
        let range = self.by_entity.get(&(entity, digest)).map(|list| {
            let time = |slot: &u32| self.slots[*slot as usize].time_ms;
            let from = list.partition_point(|slot| time(slot) <= after_ms);
            let to = list.partition_point(|slot| time(slot) <= until_ms).max(from);
            (list, from, to)
        });
        let count = range.map_or(0, |(_, from, to)| to - from);
        let payments = range.into_iter().flat_map(|(list, from, to)| list.range(from..to).rev());
        (count, payments.map(|&slot| &self.slots[slot as usize]))
    }

    /// At most `limit` payments after that key, oldest first.
    pub(crate) fn after(&self, key: Option<(i64, u64)>, limit: usize) -> Vec<PastPayment> {
        let from = key.map_or(Bound::Unbounded, Bound::Excluded);
        let slots = self.by_time.range((from, Bound::Unbounded)).take(limit);
        slots.map(|(_, &slot)| self.slots[slot as usize]).collect()
    }

    /// For a restored snapshot: whether payments had left before it was taken.
    pub(crate) fn set_evicted(&mut self, evicted: bool) {
        self.evicted |= evicted;
    }
}
