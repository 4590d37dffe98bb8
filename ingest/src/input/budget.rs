//! Memory for what is on its way from the network to the store, over all inputs together.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Permits count so many bytes each.
const UNIT_BYTES: usize = 1 << 10;
/// What a connection may hold without asking. Enough for most messages, so that who sends slowly keeps nobody waiting.
pub(super) const BASE_BYTES: usize = 16 << 10;

/// What an event takes until it is stored: its fields, which its record's bytes come to be several times …
const EXPANSION: usize = 8;
/// … and what every event has beside: an access log's line of 100 bytes becomes some kilobytes.
const EVENT_BYTES: usize = 4 << 10;

/// Memory that a batch of so many records takes until it is stored.
pub(super) fn batch_memory(bytes: usize, records: usize) -> usize {
    bytes * EXPANSION + records * EVENT_BYTES
}

/// Bytes in flight. One half is for *turns*: a connection that has much to send, or one long record, takes all that it may
/// need at once, so that nobody waits in the middle of a record for what another holds. The other half is for the batches
/// of all others, which only ever wait for the store.
#[derive(Clone)]
pub(super) struct Budget {
    turns: Arc<Semaphore>,
    batches: Arc<Semaphore>,
    half: u32,
}

/// Bytes that are taken; given back when dropped.
pub(super) type Lease = OwnedSemaphorePermit;

impl Budget {
    /// A budget of that many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let half = u32::try_from(bytes / 2 / UNIT_BYTES).unwrap_or(u32::MAX >> 4).max(1);
        let room = || Arc::new(Semaphore::new(half as usize));
        Self { turns: room(), batches: room(), half }
    }

    /// Room for many bytes, if there is some now.
    pub(super) fn try_turn(&self, bytes: usize) -> Option<Lease> {
        Arc::clone(&self.turns).try_acquire_many_owned(self.units(bytes)).ok()
    }

    /// Room for many bytes, as soon as there is some. First come, first served.
    pub(super) async fn turn(&self, bytes: usize) -> Option<Lease> {
        Arc::clone(&self.turns).acquire_many_owned(self.units(bytes)).await.ok()
    }

    /// Room for a batch of a connection that has no turn.
    pub(super) async fn batch(&self, bytes: usize) -> Option<Lease> {
        Arc::clone(&self.batches).acquire_many_owned(self.units(bytes)).await.ok()
    }

    /// Never more than there is: a single record that is larger than the budget would wait for ever.
    fn units(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).clamp(1, self.half)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_has_much_waits_for_room_and_others_do_not() {
        let budget = Budget::new(8 << 10);
        let first = budget.try_turn(3 << 10).unwrap();
        assert!(budget.try_turn(2 << 10).is_none());
        let small = budget.batch(4 << 10).await.unwrap();
        drop(first);
        assert!(budget.try_turn(1 << 30).is_some(), "what is larger than all waits for all");
        drop(small);
        assert!(budget.batch(1).await.is_some());
    }
}
