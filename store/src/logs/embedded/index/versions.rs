//! What was written to an index since its last commit: gives conflicts, versions and realtime reads.

use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// The last write to one document.
#[derive(Debug, Clone)]
pub(in crate::logs::embedded) struct Latest {
    pub(in crate::logs::embedded) seq_no: u64,
    pub(in crate::logs::embedded) version: u64,
    pub(in crate::logs::embedded) routing: Option<Arc<str>>,
    /// `None`: it was deleted.
    pub(in crate::logs::embedded) source: Option<Bytes>,
    /// The batch that wrote it; counts the batches of the index.
    pub(in crate::logs::embedded) batch: u64,
    /// When it was deleted.
    pub(in crate::logs::embedded) deleted_at: Option<Instant>,
}

/// How long the version of a deleted document is remembered; Elasticsearch's default of `index.gc_deletes`.
const TOMBSTONE_LIFE: Duration = Duration::from_secs(60);

/// The last writes by document id.
#[derive(Debug, Default)]
pub(in crate::logs::embedded) struct Versions {
    latest: HashMap<String, Latest>,
}

impl Versions {
    pub(in crate::logs::embedded) fn get(&self, id: &str) -> Option<&Latest> {
        self.latest.get(id)
    }

    pub(in crate::logs::embedded) fn set(&mut self, id: &str, latest: Latest) {
        match self.latest.get_mut(id) {
            Some(entry) => *entry = latest,
            None => {
                self.latest.insert(id.to_owned(), latest);
            }
        }
    }

    /// All ids.
    pub(super) fn ids(&self) -> impl ExactSizeIterator<Item = &str> {
        self.latest.keys().map(String::as_str)
    }

    /// Drops what was written by `batch` and before: a commit has made it visible.
    pub(in crate::logs::embedded) fn forget(&mut self, batch: u64) {
        let young = |latest: &Latest| latest.deleted_at.is_some_and(|at| at.elapsed() < TOMBSTONE_LIFE);
        self.latest.retain(|_, latest| latest.batch > batch || young(latest));
        if self.latest.capacity() > 4 * self.latest.len() + 1024 {
            self.latest.shrink_to_fit();
        }
    }
}
