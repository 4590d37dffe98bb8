use super::super::super::column::engine_error;
use super::super::super::hash::FastMap;
use super::super::keys::LocalKey;
use super::super::{Bucket, COLLECTED_BUCKETS_MAX, Key, Partial, too_many_buckets};
use super::{Batch, Node, WIDEN_ABOVE};
use crate::StoreError;
use std::collections::HashMap;

/// Up to this many different keys have their place in a table instead of a map.
const TABLE_MAX: u64 = 1 << 22;

/// The buckets of one aggregation over one segment.
pub(super) struct Buckets {
    /// Bucket of the parent and key → own bucket.
    ords: FastMap<(u32, LocalKey), u32>,
    /// Where there is one parent and keys are small numbers: key → own bucket, counted from 1.
    table: Vec<u32>,
    list: Vec<Found>,
    /// The bucket that was added to last: neighbours in time mostly share it.
    last: Option<(u32, LocalKey, u32)>,
    /// When to make wider buckets, if that is possible.
    pub(super) widen_above: usize,
    // Scratch: the documents of a block by own bucket, keys, raw values.
    out_parents: Vec<u32>,
    out_docs: Vec<u32>,
    pub(super) scratch: Vec<LocalKey>,
    pub(super) raw: Vec<u64>,
    /// Whether there is anybody to hand documents on to.
    has_inner: bool,
}

struct Found {
    parent: u32,
    key: LocalKey,
    count: u64,
    /// A document that has the key.
    doc: u32,
}

impl Buckets {
    /// `key_bound`: how many keys there can be, if there is one parent and they are small numbers.
    pub(super) fn new(has_inner: bool, key_bound: Option<u64>) -> Self {
        let table = key_bound.filter(|bound| *bound <= TABLE_MAX).unwrap_or(0);
        Self {
            ords: FastMap::default(),
            table: vec![0; table as usize],
            list: Vec::new(),
            last: None,
            widen_above: WIDEN_ABOVE,
            out_parents: Vec::new(),
            out_docs: Vec::new(),
            scratch: Vec::new(),
            raw: Vec::new(),
            has_inner,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = LocalKey> + '_ {
        self.list.iter().map(|found| found.key)
    }

    pub(super) fn bytes(&self) -> usize {
        self.list.len() * 2 * size_of::<Found>() + self.table.len() * size_of::<u32>()
    }

    fn place(&mut self, parent: u32, key: LocalKey, doc: u32) -> Result<u32, StoreError> {
        let next = self.list.len() as u32;
        let in_table =
            key.filter(|_| parent == 0).and_then(|key| self.table.get_mut(usize::try_from(key).ok()?));
        let ord = match in_table {
            Some(slot) => {
                if *slot == 0 {
                    *slot = next + 1;
                }
                *slot - 1
            }
            None => *self.ords.entry((parent, key)).or_insert(next),
        };
        if ord == next {
            if self.list.len() >= COLLECTED_BUCKETS_MAX {
                return Err(too_many_buckets(self.list.len() + 1, COLLECTED_BUCKETS_MAX));
            }
            self.list.push(Found { parent, key, count: 0, doc });
        }
        Ok(ord)
    }

    pub(super) fn add(&mut self, parent: u32, key: LocalKey, doc: u32) -> Result<(), StoreError> {
        let ord = match self.last {
            Some((last_parent, last_key, ord)) if last_parent == parent && last_key == key => ord,
            _ => {
                let ord = self.place(parent, key, doc)?;
                self.last = Some((parent, key, ord));
                ord
            }
        };
        self.list[ord as usize].count += 1;
        if self.has_inner {
            self.out_parents.push(ord);
            self.out_docs.push(doc);
        }
        Ok(())
    }

    /// A bucket that may stay empty; `doc` has the key, whether or not the query finds it.
    pub(super) fn add_empty(&mut self, parent: u32, key: LocalKey, doc: u32) -> Result<(), StoreError> {
        self.place(parent, key, doc).map(drop)
    }

    pub(super) fn flush(&mut self, batch: &Batch<'_>, inner: &mut [Node<'_>]) -> Result<(), StoreError> {
        for node in inner.iter_mut() {
            node.collect(batch, &self.out_parents, &self.out_docs)?;
        }
        self.out_parents.clear();
        self.out_docs.clear();
        Ok(())
    }

    /// One set of buckets per bucket of the parent.
    pub(super) fn finish(
        self,
        parents: usize,
        inner: Vec<Node<'_>>,
        typed: impl Fn(LocalKey, u32) -> tantivy::Result<Key>,
    ) -> Result<Vec<Partial>, StoreError> {
        let mut inner: Vec<_> = inner
            .into_iter()
            .map(|node| node.finish(self.list.len()).map(Vec::into_iter))
            .collect::<Result<_, _>>()?;
        let mut found: Vec<HashMap<Key, Bucket>> = vec![HashMap::new(); parents];
        for Found { parent, key, count, doc } in self.list {
            let inner = inner.iter_mut().filter_map(Iterator::next).collect();
            let key = typed(key, doc).map_err(engine_error)?;
            if let Some(buckets) = found.get_mut(parent as usize) {
                // Different raw keys may be one typed key.
                buckets.entry(key).or_default().merge(Bucket { count, inner });
            }
        }
        Ok(found.into_iter().map(Partial::Buckets).collect())
    }
}
