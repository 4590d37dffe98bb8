//! `nested`, `reverse_nested`: from documents to their objects and back.

use super::super::super::Search;
use super::super::super::fields::{Fields, OwnedFields, Within};
use super::super::super::nested::{NestedObjects, check_path};
use super::super::{Bucket, Key, Partial};
use super::{Batch, Context, Node};
use crate::{StoreError, logs::dsl::aggregations::Aggregation};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use tantivy::SegmentReader;

/// Objects that are handed on at once.
const BLOCK: usize = 2_048;

/// What nested objects stand in.
pub(in super::super) struct Above {
    fields: OwnedFields,
    reader: SegmentReader,
    /// The document that each object is of.
    parents: Arc<Vec<u32>>,
}

/// The objects of the documents of each bucket. They are looked up once, when all documents are known.
pub(super) struct NestedNode<'r> {
    search: &'r Search<'r>,
    inner: &'r [Aggregation],
    path: &'r str,
    /// Of the documents; for objects in objects those above, too.
    fields: OwnedFields,
    reader: SegmentReader,
    place: (usize, u32),
    above: Option<Arc<Above>>,
    /// Bucket of the parent, document.
    seen: Vec<(u32, u32)>,
}

impl<'r> Context<'r, '_, '_> {
    pub(super) fn nested(&self, path: &'r str, inner: &'r [Aggregation]) -> Result<Node<'r>, StoreError> {
        if !check_path(self.fields, path, true)? {
            return Ok(Node::Pipeline);
        }
        Ok(Node::Nested(Box::new(NestedNode {
            search: self.search,
            inner,
            path,
            fields: self.fields.owned(),
            reader: self.reader.clone(),
            place: self.place,
            above: self.above.map(|above| Arc::new(above.copied())),
            seen: Vec::new(),
        })))
    }

    pub(super) fn reverse(&self, inner: &'r [Aggregation]) -> Result<Node<'r>, StoreError> {
        let Some(above) = self.above else {
            let message =
                "Reverse nested aggregation [reverse_nested] can only be used inside a [nested] aggregation";
            return Err(StoreError::invalid(message));
        };
        let fields = above.fields.fields();
        let documents = || {
            let mut documents = above.parents.to_vec();
            documents.sort_unstable();
            documents.dedup();
            Ok(documents)
        };
        let context = Context {
            search: self.search,
            fields: &fields,
            reader: &above.reader,
            place: self.place,
            is_top: false,
            matching: &documents,
            above: None,
        };
        let inner = inner.iter().map(|inner| context.node(inner)).collect::<Result<_, _>>()?;
        Ok(Node::Reverse(ReverseNode {
            parents: above.parents.clone(),
            counts: Vec::new(),
            seen: HashSet::new(),
            inner,
        }))
    }
}

impl Above {
    fn copied(&self) -> Self {
        Self { fields: self.fields.clone(), reader: self.reader.clone(), parents: self.parents.clone() }
    }
}

impl NestedNode<'_> {
    pub(super) fn collect(&mut self, parents: &[u32], docs: &[u32]) {
        self.seen.extend(parents.iter().copied().zip(docs.iter().copied()));
    }

    pub(super) fn bytes(&self) -> usize {
        self.seen.len() * size_of::<(u32, u32)>()
    }

    pub(super) fn finish(mut self, parents: usize) -> Result<Vec<Partial>, StoreError> {
        self.seen.sort_unstable_by_key(|(bucket, doc)| (*doc, *bucket));
        self.seen.dedup();
        let mut documents: Vec<u32> = self.seen.iter().map(|(_, doc)| *doc).collect();
        documents.dedup();
        let fields = self.fields.fields();
        let watch = &self.search.watch;
        let objects = NestedObjects::of(&fields, &self.reader, self.path, documents, false, watch)?;
        let Some((generation, reader)) = objects.segment() else {
            return Ok(vec![Partial::Buckets(HashMap::new()); parents]);
        };
        // Objects in objects stand in the documents of those.
        let roots: Vec<u32> = match &self.above {
            None => objects.parents.clone(),
            Some(above) => {
                let root = |parent: &u32| above.parents.get(*parent as usize).copied().unwrap_or(0);
                objects.parents.iter().map(root).collect()
            }
        };
        let above = match &self.above {
            None => {
                Above { fields: self.fields.clone(), reader: self.reader.clone(), parents: Arc::new(roots) }
            }
            Some(above) => Above { parents: Arc::new(roots), ..above.copied() },
        };
        let within =
            Fields { index: fields.index, generation, mask: fields.mask, within: Within::Nested(self.path) };
        let all = || Ok((0..reader.max_doc()).collect());
        let context = Context {
            search: self.search,
            fields: &within,
            reader,
            place: self.place,
            is_top: false,
            matching: &all,
            above: Some(&above),
        };
        let mut inner = self.inner.iter().map(|inner| context.node(inner)).collect::<Result<Vec<_>, _>>()?;
        let counts = self.hand_on(&objects, &mut inner, parents)?;
        buckets(counts, inner, parents)
    }

    /// Hands the objects on, each once for each bucket that its document is in.
    fn hand_on(
        &self,
        objects: &NestedObjects,
        inner: &mut [Node<'_>],
        parents: usize,
    ) -> Result<Vec<u64>, StoreError> {
        let mut counts = vec![0; parents];
        let (mut out_buckets, mut out_docs) = (Vec::new(), Vec::new());
        for (object, parent) in objects.parents.iter().enumerate() {
            let first = self.seen.partition_point(|(_, doc)| doc < parent);
            for (bucket, _) in self.seen[first..].iter().take_while(|(_, doc)| doc == parent) {
                if let Some(count) = counts.get_mut(*bucket as usize) {
                    *count += 1;
                }
                out_buckets.push(*bucket);
                out_docs.push(object as u32);
            }
            if out_docs.len() >= BLOCK || object + 1 == objects.parents.len() {
                self.search.watch.check()?;
                let batch = Batch { docs: &[], scores: &[] };
                inner.iter_mut().try_for_each(|node| node.collect(&batch, &out_buckets, &out_docs))?;
                out_buckets.clear();
                out_docs.clear();
            }
        }
        Ok(counts)
    }
}

/// The documents of the objects of each bucket.
pub(super) struct ReverseNode<'r> {
    parents: Arc<Vec<u32>>,
    counts: Vec<u64>,
    seen: HashSet<(u32, u32)>,
    inner: Vec<Node<'r>>,
}

impl ReverseNode<'_> {
    pub(super) fn collect(&mut self, parents: &[u32], docs: &[u32]) -> Result<(), StoreError> {
        let (mut out_buckets, mut out_docs) = (Vec::new(), Vec::new());
        for (bucket, object) in parents.iter().zip(docs) {
            let Some(document) = self.parents.get(*object as usize) else { continue };
            if self.seen.insert((*bucket, *document)) {
                let size = (*bucket as usize + 1).max(self.counts.len());
                self.counts.resize(size, 0);
                self.counts[*bucket as usize] += 1;
                out_buckets.push(*bucket);
                out_docs.push(*document);
            }
        }
        let batch = Batch { docs: &[], scores: &[] };
        self.inner.iter_mut().try_for_each(|node| node.collect(&batch, &out_buckets, &out_docs))
    }

    pub(super) fn bytes(&self) -> usize {
        self.seen.len() * 2 * size_of::<(u32, u32)>() + self.inner.iter().map(Node::bytes).sum::<usize>()
    }

    pub(super) fn finish(mut self, parents: usize) -> Result<Vec<Partial>, StoreError> {
        self.counts.resize(parents, 0);
        buckets(self.counts, self.inner, parents)
    }
}

/// One bucket for each of the parent.
fn buckets(counts: Vec<u64>, inner: Vec<Node<'_>>, parents: usize) -> Result<Vec<Partial>, StoreError> {
    let mut inner: Vec<_> =
        inner.into_iter().map(|node| node.finish(parents).map(Vec::into_iter)).collect::<Result<_, _>>()?;
    let bucket = |count: u64| {
        let inner = inner.iter_mut().filter_map(Iterator::next).collect();
        Partial::Buckets(HashMap::from([(Key::Position(0), Bucket { count, inner })]))
    };
    Ok(counts.into_iter().map(bucket).collect())
}
