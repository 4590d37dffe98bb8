//! What a query works out of a segment, kept until it is asked of another.

use parking_lot::Mutex;
use std::sync::Arc;
use tantivy::{SegmentReader, index::SegmentId};

/// An explanation makes the scorer of each clause anew for each hit. Where that means to look through a dictionary or at
/// every nested object, the same work is not done again for the next hit of the same segment.
pub(super) struct LastSegment<T> {
    last: Mutex<Option<(SegmentId, Arc<T>)>>,
}

impl<T> Default for LastSegment<T> {
    fn default() -> Self {
        Self { last: Mutex::new(None) }
    }
}

impl<T> LastSegment<T> {
    /// What is known of the segment, or is worked out now.
    pub(super) fn get(
        &self,
        reader: &SegmentReader,
        work_out: impl FnOnce() -> tantivy::Result<T>,
    ) -> tantivy::Result<Arc<T>> {
        let id = reader.segment_id();
        if let Some((_, known)) = self.last.lock().as_ref().filter(|(last, _)| *last == id) {
            return Ok(Arc::clone(known));
        }
        let found = Arc::new(work_out()?);
        *self.last.lock() = Some((id, Arc::clone(&found)));
        Ok(found)
    }
}
