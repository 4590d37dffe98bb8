//! What was written to an index since its last commit: gives conflicts, versions and realtime reads.

use super::Span;
use crate::logs::embedded::new_ids::{number_of, text_of};
use bytes::Bytes;
use std::{
    collections::{BTreeMap, HashMap},
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

/// Documents of one batch that got their ids from the store, one after the other: all of version 1, without routing.
/// Most of a log is such, and finds its place here without a copy of its id.
#[derive(Debug)]
pub(super) struct Fresh {
    /// The batch that wrote them.
    batch: u64,
    /// Number of the first id.
    first: u64,
    /// Sequence number and source of each, by the number of its id; `None`: it was refused.
    entries: Vec<Option<(u64, Span)>>,
    /// What the spans refer to.
    data: Bytes,
}

impl Fresh {
    pub(super) fn new(batch: u64, data: Bytes) -> Self {
        Self { batch, first: 0, entries: Vec::new(), data }
    }

    /// Adds the document whose id has that number; `false`: it does not follow those before.
    pub(super) fn add(&mut self, number: u64, seq_no: u64, source: Span, room: usize) -> bool {
        if self.entries.is_empty() {
            self.first = number;
            self.entries.reserve(room);
        }
        let Some(at) = number.checked_sub(self.first).and_then(|at| usize::try_from(at).ok()) else {
            return false;
        };
        if at < self.entries.len() || at >= self.entries.len() + room {
            return false;
        }
        self.entries.resize(at, None);
        self.entries.push(Some((seq_no, source)));
        true
    }

    fn get(&self, number: u64) -> Option<(u64, Span)> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.entries.get(at).copied().flatten()
    }
}

/// The last writes by document id.
#[derive(Debug, Default)]
pub(in crate::logs::embedded) struct Versions {
    latest: HashMap<String, Latest>,
    /// What is not in `latest` (yet), by the number of the first id.
    fresh: BTreeMap<u64, Fresh>,
}

impl Versions {
    pub(in crate::logs::embedded) fn get(&self, id: &str) -> Option<Latest> {
        if let Some(latest) = self.latest.get(id) {
            return Some(latest.clone());
        }
        let (fresh, (seq_no, source)) = self.fresh(id)?;
        let source = Some(source.slice(&fresh.data));
        Some(Latest { seq_no, version: 1, routing: None, source, batch: fresh.batch, deleted_at: None })
    }

    /// Sequence number, version, and whether the document is there.
    pub(super) fn known(&self, id: &str) -> Option<(u64, u64, bool)> {
        if let Some(latest) = self.latest.get(id) {
            return Some((latest.seq_no, latest.version, latest.source.is_some()));
        }
        self.fresh(id).map(|(_, (seq_no, _))| (seq_no, 1, true))
    }

    fn fresh(&self, id: &str) -> Option<(&Fresh, (u64, Span))> {
        if self.fresh.is_empty() {
            return None;
        }
        let number = number_of(id)?;
        let (_, fresh) = self.fresh.range(..=number).next_back()?;
        Some((fresh, fresh.get(number)?))
    }

    pub(in crate::logs::embedded) fn set(&mut self, id: &str, latest: Latest) {
        match self.latest.get_mut(id) {
            Some(entry) => *entry = latest,
            None => {
                self.latest.insert(id.to_owned(), latest);
            }
        }
    }

    /// Adds the new documents of a batch.
    pub(super) fn add(&mut self, mut fresh: Fresh) {
        if !fresh.entries.is_empty() {
            fresh.entries.shrink_to_fit();
            self.fresh.insert(fresh.first, fresh);
        }
    }

    /// How many there are at most.
    pub(super) fn len(&self) -> usize {
        self.latest.len() + self.fresh.values().map(|fresh| fresh.entries.len()).sum::<usize>()
    }

    /// Calls `visit` with all ids.
    pub(super) fn for_each_id(&self, mut visit: impl FnMut(&str)) {
        self.latest.keys().for_each(|id| visit(id));
        for fresh in self.fresh.values() {
            for (number, _) in (fresh.first..).zip(&fresh.entries).filter(|(_, entry)| entry.is_some()) {
                visit(&text_of(number));
            }
        }
    }

    /// Drops what was written by `batch` and before: a commit has made it visible.
    pub(in crate::logs::embedded) fn forget(&mut self, batch: u64) {
        self.fresh.retain(|_, fresh| fresh.batch > batch);
        let young = |latest: &Latest| latest.deleted_at.is_some_and(|at| at.elapsed() < TOMBSTONE_LIFE);
        self.latest.retain(|_, latest| latest.batch > batch || young(latest));
        if self.latest.capacity() > 4 * self.latest.len() + 1024 {
            self.latest.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::embedded::new_ids::NewIds;

    #[test]
    fn new_documents_are_found_until_a_commit_has_them() {
        let data = Bytes::from_static(b"{1}{2}{4}");
        let mut ids = NewIds::reserve(5);
        let ids: Vec<(String, u64)> = (0..5).map(|_| ids.next()).collect();
        let (mut versions, mut fresh) = (Versions::default(), Fresh::new(7, data));
        for (seq_no, at) in [0_usize, 1, 3].into_iter().enumerate() {
            assert!(fresh.add(ids[at].1, seq_no as u64, Span { start: seq_no as u32 * 3, length: 3 }, 5));
        }
        // Neither one that was there nor one from far away.
        assert!(
            !fresh.add(ids[1].1, 9, Span::default(), 5) && !fresh.add(ids[0].1 + 100, 9, Span::default(), 5)
        );
        versions.add(fresh);
        assert_eq!(versions.len(), 4);
        let source = |versions: &Versions, at: usize| {
            let latest = versions.get(&ids[at].0)?;
            assert_eq!(
                versions.known(&ids[at].0),
                Some((latest.seq_no, latest.version, latest.source.is_some()))
            );
            latest.source
        };
        assert_eq!(source(&versions, 1).unwrap(), "{2}");
        assert_eq!(source(&versions, 3).unwrap(), "{4}");
        assert!(source(&versions, 2).is_none() && source(&versions, 4).is_none());
        let mut seen = Vec::new();
        versions.for_each_id(|id| seen.push(id.to_owned()));
        assert_eq!(seen, [0, 1, 3].map(|at| ids[at].0.clone()));
        // A later write comes first.
        let changed =
            Latest { version: 2, batch: 8, source: Some("{5}".into()), ..versions.get(&seen[0]).unwrap() };
        versions.set(&seen[0], changed);
        versions.forget(6);
        assert_eq!(source(&versions, 0).unwrap(), "{5}");
        assert_eq!(source(&versions, 1).unwrap(), "{2}");
        versions.forget(7);
        assert_eq!(source(&versions, 0).unwrap(), "{5}");
        assert!(source(&versions, 1).is_none());
        versions.forget(8);
        assert!(source(&versions, 0).is_none());
    }
}
