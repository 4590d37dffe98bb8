//! What indices may hold while they are open: memory, threads, files.

use super::Registry;
use crate::logs::embedded::index::IndexState;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// Bounds on what is kept open.
#[derive(Debug, Clone, Copy)]
pub(in crate::logs::embedded) struct OpenLimits {
    /// Indices with threads for writing.
    pub(in crate::logs::embedded) writers_max: usize,
    /// Segments with open files for searching.
    pub(in crate::logs::embedded) segments_max: usize,
    /// How long an index that nobody uses stays open.
    pub(in crate::logs::embedded) idle_after: Duration,
}

impl Registry {
    /// The indices that are open.
    pub(in crate::logs::embedded) fn open_states(&self) -> Vec<Arc<IndexState>> {
        self.slots.read().values().filter_map(|slot| slot.open_state()).collect()
    }

    /// What holds most that is not committed comes first. Indices that are being opened are left out: nobody should wait
    /// for them here.
    pub(super) fn by_uncommitted_bytes(&self) -> Vec<(usize, Arc<IndexState>)> {
        let slots = self.slots.read();
        let open = slots.values().filter_map(|slot| slot.state.try_lock()?.open.clone());
        let mut holding: Vec<_> =
            open.map(|open| (open.uncommitted_bytes(), open)).filter(|(bytes, _)| *bytes > 0).collect();
        holding.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        holding
    }

    /// Has as much committed as is in memory beyond the budget, the largest first.
    pub(in crate::logs::embedded) fn schedule_commits(&self) {
        let mut excess = self.shared.memory.excess_bytes();
        if excess == 0 {
            return;
        }
        for (bytes, open) in self.by_uncommitted_bytes() {
            open.schedule_commit();
            excess = excess.saturating_sub(bytes);
            if excess == 0 {
                return;
            }
        }
    }

    /// Where memory is exhausted: commits the largest, on this thread, until it is no more. To be called by whoever is about
    /// to add to it, while no index is locked.
    pub(in crate::logs::embedded) fn make_room(&self) {
        if !self.shared.memory.is_exhausted() {
            return;
        }
        for (_, open) in self.by_uncommitted_bytes() {
            // The failure is logged; the index is recovered by the next round.
            if let Ok(true) = open.commit() {
                open.schedule_merge();
            }
            if !self.shared.memory.is_exhausted() {
                return;
            }
        }
    }

    /// Commits and closes the writers that have been idle longest, beyond the limit.
    pub(in crate::logs::embedded) fn limit_writers(&self) {
        let mut writing = self.open_states();
        writing.retain(|open| open.has_writer());
        if writing.len() <= self.limits.writers_max {
            return;
        }
        writing.sort_by_key(|open| std::cmp::Reverse(open.idle()));
        let excess = writing.len() - self.limits.writers_max;
        for open in writing.into_iter().take(excess) {
            if let Err(error) = open.close_writer() {
                tracing::warn!(index = %open.name, %error, "cannot close the writer of an idle index");
            }
        }
    }

    /// Closes what nobody has used for a while, and what has not been used for longest beyond the limit.
    pub(in crate::logs::embedded) fn close_idle(&self) {
        let now_ms = self.now_ms();
        let mut open = Vec::new();
        for slot in self.all() {
            let Some(segments) = slot.open_state().map(|open| open.visible().segments()) else { continue };
            let used_ms = slot.used_ms.load(Ordering::Relaxed);
            let is_idle = u128::from(now_ms.saturating_sub(used_ms)) > self.limits.idle_after.as_millis();
            if !(is_idle && slot.close_if_clean()) {
                open.push((used_ms, segments, slot));
            }
        }
        let segments: usize = open.iter().map(|(_, segments, _)| segments).sum();
        let mut excess = segments.saturating_sub(self.limits.segments_max);
        if excess == 0 {
            return;
        }
        open.sort_by_key(|(used_ms, ..)| *used_ms);
        for (_, segments, slot) in open {
            if slot.close_if_clean() {
                excess = excess.saturating_sub(segments);
            }
            if excess == 0 {
                return;
            }
        }
    }
}
