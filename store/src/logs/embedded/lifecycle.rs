//! What becomes of daily indices as they grow old: merged into one segment and compressed harder, later removed.
//!
//! Age counts from the creation of the index, as Elasticsearch's lifecycle management has it. Only indices whose name ends
//! in a day (`shop-2026.11.21`) grow old; all others hold what people made.

use super::{engine::Engine, policies::policy_of, registry::Slot};
use std::{sync::Arc, time::Duration};

/// When an index has which age.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lifecycle {
    /// From then on it is kept as one segment, its documents compressed harder; `None`: never.
    pub(super) merge_after: Option<Duration>,
    /// From then on it is removed; `None`: never.
    pub(super) delete_after: Option<Duration>,
    /// Beyond this size of all daily indices, in bytes, the oldest are removed; `None`: never.
    pub(super) disk_max_bytes: Option<u64>,
}

/// Whether the name ends in `-YYYY.MM.DD`.
fn is_daily(name: &str) -> bool {
    let Some(at) = name.len().checked_sub(11) else { return false };
    name.as_bytes().get(at..).is_some_and(|day| {
        day.iter().enumerate().all(|(position, byte)| match position {
            0 => *byte == b'-',
            5 | 8 => *byte == b'.',
            _ => byte.is_ascii_digit(),
        })
    })
}

impl Engine {
    /// Removes what is too old or too much, and has the oldest index merged that needs it. To be called now and then.
    pub(super) fn age_indices(&self) {
        self.follow_policies();
        let now_ms = self.now_ms();
        let mut daily = self.registry.all();
        // What names a policy of its own goes by that.
        daily.retain(|slot| is_daily(&slot.identity.name) && policy_of(slot).is_none());
        // By the day of their events: what was uploaded late is not younger for that.
        daily
            .sort_by_key(|slot| slot.committed().range.map_or(slot.identity.created_at_ms, |(_, last)| last));
        if let Some(after) = self.lifecycle.delete_after {
            daily.retain(|slot| !is_older(slot, after, now_ms) || !self.remove(slot, "is too old"));
        }
        if let Some(limit) = self.lifecycle.disk_max_bytes {
            self.remove_oldest(&mut daily, limit);
        }
        if let Some(after) = self.lifecycle.merge_after {
            let mut old = daily.iter().filter(|slot| is_older(slot, after, now_ms) && !slot.is_compact());
            // One at a time: the others are searched as they are meanwhile.
            if let Some(slot) = old.next() {
                match self.state(slot) {
                    Ok(state) if slot.is_one_segment() => state.schedule_compact(),
                    Ok(state) => state.schedule_merge_into_one(),
                    Err(error) => {
                        tracing::debug!(index = %slot.identity.name, %error, "old index is not merged yet")
                    }
                }
            }
        }
    }

    /// The youngest index stays, whatever its size: it is being written.
    fn remove_oldest(&self, oldest_first: &mut Vec<Arc<Slot>>, limit_bytes: u64) {
        let mut bytes: u64 = oldest_first.iter().map(|slot| slot.size_bytes()).sum();
        while bytes > limit_bytes && oldest_first.len() > 1 {
            let slot = oldest_first.remove(0);
            let freed = slot.size_bytes();
            if !self
                .remove(&slot, "is the oldest and the daily indices take more than their share of the disk")
            {
                return;
            }
            bytes = bytes.saturating_sub(freed);
        }
    }

    fn remove(&self, slot: &Slot, why: &str) -> bool {
        let name = &slot.identity.name;
        match self.remove_index(name) {
            Ok(_) => {
                tracing::info!(index = %name, why, "index removed");
                true
            }
            Err(error) => {
                tracing::warn!(index = %name, %error, "cannot remove an index that should go");
                false
            }
        }
    }
}

fn is_older(slot: &Slot, after: Duration, now_ms: i64) -> bool {
    let age_ms = u128::try_from(now_ms.saturating_sub(slot.identity.created_at_ms)).unwrap_or(0);
    age_ms >= after.as_millis()
}

#[cfg(test)]
mod tests {
    use super::is_daily;

    #[test]
    fn daily_indices_are_known_by_their_names() {
        for name in ["shop-2026.11.21", "a-b-2026.01.01"] {
            assert!(is_daily(name), "{name}");
        }
        for name in [
            "shop",
            "2026.11.21",
            "shop-2026.11",
            "shop-2026-11-21",
            "shop_2026.11.21",
            ".kibana_1",
            "",
            "é-2026.11.2x",
        ] {
            assert!(!is_daily(name), "{name}");
        }
    }
}
