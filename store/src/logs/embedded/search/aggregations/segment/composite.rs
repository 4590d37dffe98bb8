use super::super::super::column::engine_error;
use super::super::keys::{KeySource, LocalKey};
use super::super::{COLLECTED_BUCKETS_MAX, Key, Partial, too_many_buckets};
use super::buckets::Buckets;
use super::{Batch, Node};
use crate::StoreError;
use std::collections::HashMap;

/// Buckets by several keys at once: `composite`, `multi_terms`.
pub(super) struct CompositeNode<'r> {
    pub(super) sources: Vec<KeySource<'r>>,
    ords: HashMap<Vec<LocalKey>, u64>,
    buckets: Buckets,
    pub(super) inner: Vec<Node<'r>>,
}

impl<'r> CompositeNode<'r> {
    pub(super) fn new(sources: Vec<KeySource<'r>>, inner: Vec<Node<'r>>) -> Self {
        let buckets = Buckets::new(!inner.is_empty(), None);
        Self { sources, ords: HashMap::new(), buckets, inner }
    }

    pub(super) fn bytes(&self) -> usize {
        self.buckets.bytes() + self.ords.len() * (64 + self.sources.len() * size_of::<LocalKey>())
    }

    pub(super) fn collect(
        &mut self,
        batch: &Batch<'_>,
        parents: &[u32],
        docs: &[u32],
    ) -> Result<(), StoreError> {
        let mut keys = Vec::new();
        for (parent, doc) in parents.iter().zip(docs) {
            // Every combination of the keys of the sources.
            let mut combined: Vec<Vec<LocalKey>> = vec![Vec::with_capacity(self.sources.len())];
            for source in &mut self.sources {
                source.keys(*doc, &mut keys)?;
                if let [only] = keys.as_slice() {
                    combined.iter_mut().for_each(|start| start.push(*only));
                    continue;
                }
                combined = combined
                    .iter()
                    .flat_map(|start| keys.iter().map(|key| [start.as_slice(), &[*key]].concat()))
                    .collect();
                if combined.len() > COLLECTED_BUCKETS_MAX {
                    return Err(too_many_buckets(combined.len(), COLLECTED_BUCKETS_MAX));
                }
            }
            for key in combined {
                let next = self.ords.len() as u64;
                let ord = *self.ords.entry(key).or_insert(next);
                self.buckets.add(*parent, Some(ord), *doc)?;
            }
        }
        self.buckets.flush(batch, &mut self.inner)
    }

    pub(super) fn finish(self, parents: usize) -> Result<Vec<Partial>, StoreError> {
        let mut by_ord = vec![Vec::new(); self.ords.len()];
        for (key, ord) in self.ords {
            by_ord[ord as usize] = key;
        }
        let mut sources = self.sources;
        for (position, source) in sources.iter_mut().enumerate() {
            source.decode_ahead(by_ord.iter().map(|key| key[position])).map_err(engine_error)?;
        }
        self.buckets.finish(parents, self.inner, |key, doc| {
            let ord = usize::try_from(key.unwrap_or_default()).unwrap_or_default();
            let parts = sources.iter().zip(&by_ord[ord]).map(|(source, key)| source.typed(*key, doc));
            parts.collect::<tantivy::Result<_>>().map(Key::Composite)
        })
    }
}
