//! `sampler`, `diversified_sampler`: what is below sees only the best documents.

use super::super::keys::KeySource;
use super::super::{Bucket, Key, Partial};
use super::{Batch, Node};
use crate::StoreError;
use std::collections::HashMap;

/// The documents of each bucket of the parent, from which the best are taken when all are known.
pub(super) struct SamplerNode<'r> {
    shard_size: usize,
    /// Of each of these values at most so many.
    diversity: Option<(KeySource<'r>, usize)>,
    inner: Vec<Node<'r>>,
    /// Bucket of the parent, document, score.
    seen: Vec<(u32, u32, f32)>,
}

impl<'r> SamplerNode<'r> {
    pub(super) fn new(
        shard_size: usize,
        diversity: Option<(KeySource<'r>, usize)>,
        inner: Vec<Node<'r>>,
    ) -> Self {
        Self { shard_size, diversity, inner, seen: Vec::new() }
    }

    pub(super) fn collect(&mut self, batch: &Batch<'_>, parents: &[u32], docs: &[u32]) {
        for (parent, doc) in parents.iter().zip(docs) {
            self.seen.push((*parent, *doc, batch.score(*doc).unwrap_or(0.0)));
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.seen.len() * size_of::<(u32, u32, f32)>() + self.inner.iter().map(Node::bytes).sum::<usize>()
    }

    pub(super) fn finish(mut self, parents: usize) -> Result<Vec<Partial>, StoreError> {
        let mut taken = self.best()?;
        taken.sort_unstable_by_key(|(_, doc)| *doc);
        let mut counts = vec![0_u64; parents];
        for (bucket, _) in &taken {
            if let Some(count) = counts.get_mut(*bucket as usize) {
                *count += 1;
            }
        }
        let (buckets, docs): (Vec<u32>, Vec<u32>) = taken.into_iter().unzip();
        let batch = Batch { docs: &[], scores: &[] };
        self.inner.iter_mut().try_for_each(|node| node.collect(&batch, &buckets, &docs))?;
        let mut inner: Vec<_> = self
            .inner
            .into_iter()
            .map(|node| node.finish(parents).map(Vec::into_iter))
            .collect::<Result<_, _>>()?;
        let bucket = |count: u64| {
            let inner = inner.iter_mut().filter_map(Iterator::next).collect();
            Partial::Buckets(HashMap::from([(Key::Position(0), Bucket { count, inner })]))
        };
        Ok(counts.into_iter().map(bucket).collect())
    }

    /// Bucket and document of those that are taken.
    fn best(&mut self) -> Result<Vec<(u32, u32)>, StoreError> {
        let mut seen = std::mem::take(&mut self.seen);
        seen.sort_by(|a, b| a.0.cmp(&b.0).then(b.2.total_cmp(&a.2)).then(a.1.cmp(&b.1)));
        let mut taken = Vec::new();
        let mut keys = Vec::new();
        for bucket in seen.chunk_by(|a, b| a.0 == b.0) {
            let mut left = self.shard_size;
            let mut by_value: HashMap<Option<u64>, usize> = HashMap::new();
            for (parent, doc, _) in bucket {
                if left == 0 {
                    break;
                }
                if let Some((source, most)) = &mut self.diversity {
                    source.keys(*doc, &mut keys)?;
                    let count = by_value.entry(keys.first().copied().flatten()).or_default();
                    if *count >= *most {
                        continue;
                    }
                    *count += 1;
                }
                taken.push((*parent, *doc));
                left -= 1;
            }
        }
        Ok(taken)
    }
}
