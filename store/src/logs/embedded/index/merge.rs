//! Few large segments instead of many small ones.

use super::{IndexState, generation::Generation};
use crate::{StoreError, logs::embedded::index::files::tantivy_error};
use std::sync::{Arc, atomic::Ordering};
use tantivy::{
    index::SegmentId,
    indexer::{LogMergePolicy, MergePolicy},
};

/// So many segments of a size become one.
const SEGMENTS_MERGED: usize = 8;
/// A segment of which so much is deleted is written anew.
const DELETED_MAX: f32 = 0.25;
/// Documents of a segment that is large enough as it is.
const DOCUMENTS_MAX: usize = 5_000_000;

/// The segments that should become one; `None`: all is well.
fn candidate(generation: &Generation, into_one: bool) -> tantivy::Result<Option<Vec<SegmentId>>> {
    if into_one {
        let segments = generation.segments()?;
        let is_due = segments.len() > 1 || segments.iter().any(|segment| segment.num_deleted_docs() > 0);
        return Ok(is_due.then(|| segments.iter().map(|segment| segment.id()).collect()));
    }
    let mut policy = LogMergePolicy::default();
    policy.set_min_num_segments(SEGMENTS_MERGED);
    policy.set_del_docs_ratio_before_merge(DELETED_MAX);
    policy.set_max_docs_before_merge(DOCUMENTS_MAX);
    // The last is of the smallest segments: the most is won for the least work.
    Ok(policy.compute_merge_candidates(&generation.segments()?).pop().map(|candidate| candidate.0))
}

impl IndexState {
    /// Merges in the background if that is due and not yet about to happen. All indices share few threads for that.
    pub(in crate::logs::embedded) fn schedule_merge(self: &Arc<Self>) {
        if !self.merge_is_scheduled.swap(true, Ordering::AcqRel) {
            let state = self.clone();
            self.shared.mergers.submit(Box::new(move || {
                state.merge_is_scheduled.store(false, Ordering::Release);
                let into_one = state.merge_into_one.swap(false, Ordering::AcqRel);
                if let Err(error) = state.merge(into_one) {
                    // The segments stay as they are; the next commit tries again.
                    tracing::warn!(index = %state.name, %error, cause = ?error.source, "segments are not merged");
                }
            }));
        }
    }

    /// Merges all segments into one in the background.
    pub(in crate::logs::embedded) fn schedule_merge_into_one(self: &Arc<Self>) {
        self.merge_into_one.store(true, Ordering::Release);
        self.schedule_merge();
    }

    /// Whether a merge is under way.
    pub(in crate::logs::embedded) fn is_merging(&self) -> bool {
        self.merging.load(Ordering::Acquire)
    }

    /// Merges what is due on this thread, or everything into one segment.
    pub(in crate::logs::embedded) fn merge(&self, into_one: bool) -> Result<(), StoreError> {
        let _alone = self.merging_alone.lock();
        // What comes meanwhile is not merged into the one again: that might never end.
        let rounds = if into_one { self.generations.lock().len() } else { usize::MAX };
        let mut merged = Ok(true);
        for _ in 0..rounds {
            if !matches!(merged, Ok(true)) {
                break;
            }
            merged = self.merge_once(into_one);
        }
        self.merging.store(false, Ordering::Release);
        merged.map(drop).map_err(|error| tantivy_error("merge segments", error))
    }

    /// Whether there was something to merge. Commits go on meanwhile.
    fn merge_once(&self, into_one: bool) -> tantivy::Result<bool> {
        let (number, merge) = {
            let mut generations = self.generations.lock();
            if self.is_dead() || self.shared.is_stopping() {
                return Ok(false);
            }
            let mut due = None;
            for (number, generation) in generations.iter().enumerate() {
                due = due.or(candidate(generation, into_one)?.map(|segments| (number, segments)));
            }
            let Some((number, segments)) = due else { return Ok(false) };
            self.merging.store(true, Ordering::Release);
            (number, generations[number].writer()?.merge(&segments))
        };
        merge.wait()?;
        let mut generations = self.generations.lock();
        if !self.is_dead() {
            generations[number].reload()?;
            self.publish(&generations, self.visible().committed);
        }
        Ok(true)
    }
}
