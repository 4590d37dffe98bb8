//! What becomes of indices as they grow old: they take no more writes, are merged into one segment and compressed harder,
//! and are removed.
//!
//! Two say from which age on: of an index that names a policy, the policy; of the others, where their name ends in a day
//! (`shop-2026.11.21`), the settings of the service. All else holds what people made, and does not age.
//!
//! Age counts from the creation of an index, as Elasticsearch's lifecycle management has it, and not from the day in its
//! name: what is uploaded late for an old day is as young as what came today.

use super::{
    engine::Engine,
    policies::{Policies, policy_of},
    registry::Slot,
    settings::Settings,
};
use std::sync::{Arc, atomic::Ordering};

/// From which age on something is done with an index, in milliseconds; `None`: never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ages {
    /// It takes no more writes.
    pub(super) read_only_ms: Option<i64>,
    /// It is kept as one segment.
    pub(super) merge_ms: Option<i64>,
    /// That, and its documents are compressed harder.
    pub(super) compact_ms: Option<i64>,
    /// It is removed.
    pub(super) delete_ms: Option<i64>,
}

/// What the service does with daily indices that name no policy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lifecycle {
    pub(super) ages: Ages,
    /// Beyond this size of all of them, in bytes, the oldest are removed; `None`: never.
    pub(super) disk_max_bytes: Option<u64>,
}

/// An index that ages, with what is to become of it.
struct Aging {
    slot: Arc<Slot>,
    ages: Ages,
    age_ms: i64,
    /// It has a policy of its own.
    has_policy: bool,
}

impl Aging {
    fn has_reached(&self, age_ms: Option<i64>) -> bool {
        age_ms.is_some_and(|reached_ms| self.age_ms >= reached_ms)
    }

    /// Whether something remains to be merged or compressed.
    fn is_untidy(&self) -> bool {
        (self.has_reached(self.ages.compact_ms) && !self.slot.is_compact())
            || (self.has_reached(self.ages.merge_ms) && !self.slot.is_one_segment())
    }
}

/// The day (`2026.11.21`) that the name ends in, behind a `-`.
fn day_of(name: &str) -> Option<&str> {
    let (stem, day) = name.split_at_checked(name.len().checked_sub(10)?)?;
    let is_day = day.bytes().enumerate().all(|(position, byte)| match position {
        4 | 7 => byte == b'.',
        _ => byte.is_ascii_digit(),
    });
    (is_day && stem.ends_with('-')).then_some(day)
}

/// Since when an index ages, in milliseconds since 1970: as `index.lifecycle.origination_date` says, or the day in its name
/// if `index.lifecycle.parse_origination_date` asks for that; else since it was rolled over, else since it was made.
pub(super) fn ages_since_ms(slot: &Slot) -> i64 {
    let own = slot.settings();
    // -1 is as good as none.
    let given = || {
        let date = own.settings.text("index.lifecycle.origination_date")?.parse().ok();
        date.filter(|date: &i64| *date >= 0)
    };
    let day = || {
        let day = day_of(&slot.identity.name)
            .filter(|_| own.settings.is_on("index.lifecycle.parse_origination_date"))?;
        let midnight =
            day.replace('.', "-").parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC);
        Some(midnight.ok()?.timestamp().as_millisecond())
    };
    given().or_else(day).or(own.rolled_over_at_ms).unwrap_or(slot.identity.created_at_ms)
}

impl Engine {
    /// Does with all indices what is due at their age. To be called now and then.
    pub(super) fn age_indices(&self) {
        let policies = self.policies();
        self.roll_over_due(&policies);
        let mut aging = self.aging(&policies);
        aging.retain(|index| {
            !index.has_reached(index.ages.delete_ms) || !self.remove(&index.slot, "is too old")
        });
        if let Some(limit) = self.lifecycle.disk_max_bytes {
            self.remove_oldest(&mut aging, limit);
        }
        for index in aging.iter().filter(|index| index.has_reached(index.ages.read_only_ms)) {
            self.forbid_writes(&index.slot);
        }
        // One at a time: the others are searched as they are meanwhile. The oldest first, but what was tried before and is
        // still not done must not keep the others from it.
        let untidy = aging.iter().filter(|index| index.is_untidy());
        if let Some(index) = untidy.min_by_key(|index| index.slot.tidied.load(Ordering::Relaxed)) {
            index.slot.tidied.fetch_add(1, Ordering::Relaxed);
            let name = &index.slot.identity.name;
            match self.state(&index.slot) {
                Ok(state) if index.slot.is_one_segment() => state.schedule_compact(),
                Ok(state) => state.schedule_merge_into_one(),
                Err(error) => tracing::debug!(index = %name, %error, "old index is not merged yet"),
            }
        }
    }

    /// All indices that age, oldest first.
    fn aging(&self, policies: &Policies) -> Vec<Aging> {
        let now_ms = self.now_ms();
        let mut aging: Vec<_> = self
            .registry
            .all()
            .into_iter()
            .filter_map(|slot| {
                // What names a policy goes by that, also where there is none of the name.
                let has_policy = policy_of(&slot).is_some();
                let ages = match has_policy {
                    true => self.ages_by_policy(&slot, policies)?,
                    false => day_of(&slot.identity.name).map(|_| self.lifecycle.ages)?,
                };
                Some(Aging { age_ms: now_ms.saturating_sub(ages_since_ms(&slot)), slot, ages, has_policy })
            })
            .collect();
        // By the day of their events: what was uploaded late is not younger for that.
        aging.sort_by_key(|Aging { slot, .. }| {
            slot.committed().range.map_or(slot.identity.created_at_ms, |(_, last)| last)
        });
        aging
    }

    /// The youngest index stays, whatever its size: it is being written.
    fn remove_oldest(&self, oldest_first: &mut Vec<Aging>, limit_bytes: u64) {
        let counts = |index: &Aging| !index.has_policy;
        let mut left = oldest_first.iter().filter(|index| counts(index)).count();
        let mut bytes: u64 =
            oldest_first.iter().filter(|index| counts(index)).map(|index| index.slot.size_bytes()).sum();
        oldest_first.retain(|index| {
            if !counts(index) || bytes <= limit_bytes || left <= 1 {
                return true;
            }
            let freed = index.slot.size_bytes();
            let why = "is the oldest and the daily indices take more than their share of the disk";
            let stays = !self.remove(&index.slot, why);
            if !stays {
                left -= 1;
                bytes = bytes.saturating_sub(freed);
            }
            stays
        });
    }

    /// Sets `index.blocks.write`, once: whoever takes it away again is not overruled.
    fn forbid_writes(&self, slot: &Slot) {
        let name = &slot.identity.name;
        if slot.settings().made_read_only {
            return;
        }
        let forbidden = slot.change_settings(|options| {
            options.made_read_only = true;
            options.settings.merge(&Settings::write_block());
            Ok(())
        });
        match forbidden {
            Ok(()) => tracing::info!(index = %name, "old index takes no more writes"),
            Err(error) => tracing::warn!(index = %name, %error, "cannot make an old index read-only"),
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

#[cfg(test)]
mod tests {
    use super::day_of;

    #[test]
    fn daily_indices_are_known_by_their_names() {
        for name in ["shop-2026.11.21", "a-b-2026.11.21", "-2026.11.21"] {
            assert_eq!(day_of(name), Some("2026.11.21"), "{name}");
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
            "shop-2026.11.é",
        ] {
            assert_eq!(day_of(name), None, "{name}");
        }
    }
}
