//! One tantivy index of an index: committed segments, and the place where new ones are added.

use super::{
    Committed,
    files::{Files, read_payload, tantivy_error},
};
use crate::{
    ErrorKind, StoreError,
    logs::embedded::{
        document::IndexDocument, schema::IndexSchema, search::ZoneMaps, snapshot::GenerationSnapshot,
    },
};
use std::sync::Arc;
use tantivy::{
    Index, IndexReader, IndexWriter, ReloadPolicy, Term,
    index::SegmentMeta,
    indexer::{IndexWriterOptions, NoMergePolicy},
};

/// One tantivy index.
pub(super) struct Generation {
    pub(super) schema: Arc<IndexSchema>,
    pub(super) committed: Committed,
    pub(super) index: Index,
    reader: IndexReader,
    zones: Arc<ZoneMaps>,
    writer: Option<IndexWriter<IndexDocument>>,
}

impl Generation {
    pub(super) fn open(files: &Files, number: usize) -> Result<Self, StoreError> {
        let index = files.open_generation(number)?;
        let failed = |error| tantivy_error("open a generation", error);
        let schema = IndexSchema::locate(index.schema()).ok_or_else(|| {
            StoreError::new(ErrorKind::Corrupt, format!("generation {number} has a foreign schema"))
        })?;
        let payload = index.load_metas().map_err(failed)?.payload;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(0)
            .try_into()
            .map_err(failed)?;
        let committed = read_payload(payload.as_deref());
        Ok(Self { schema: Arc::new(schema), committed, index, reader, zones: Arc::default(), writer: None })
    }

    pub(super) fn snapshot(&self) -> GenerationSnapshot {
        GenerationSnapshot::new(self.schema.clone(), self.reader.searcher(), self.zones.clone())
    }

    /// The writer: segments are built without it, it adds them, deletes, commits and merges.
    pub(super) fn writer(&mut self) -> tantivy::Result<&mut IndexWriter<IndexDocument>> {
        if self.writer.is_none() {
            // Its own worker gets documents only where others are replaced: the smallest memory will do.
            let options = IndexWriterOptions::builder()
                .num_worker_threads(1)
                .num_merge_threads(1)
                .memory_budget_per_thread(crate::logs::embedded::WRITER_MEMORY_MIN_BYTES)
                .build();
            let writer = self.index.writer_with_options(options)?;
            writer.set_merge_policy(Box::new(NoMergePolicy));
            self.writer = Some(writer);
        }
        self.writer
            .as_mut()
            .ok_or_else(|| tantivy::TantivyError::InternalError("writer was just made".to_owned()))
    }

    pub(super) fn has_writer(&self) -> bool {
        self.writer.is_some()
    }

    /// Gives back the writer's threads. A later change takes them again.
    pub(super) fn close_writer(&mut self) {
        drop(self.writer.take());
    }

    /// Marks the document of that id as deleted in all segments added so far.
    pub(super) fn delete(&mut self, id: &str) -> tantivy::Result<()> {
        let term = Term::from_field_text(self.schema.id, id);
        self.writer()?.delete_term(term);
        Ok(())
    }

    /// Commits what was added and deleted; searches see it from the next snapshot on.
    pub(super) fn commit(&mut self, committed: Committed) -> tantivy::Result<()> {
        let payload = serde_json::to_string(&committed)
            .map_err(|error| tantivy::TantivyError::InternalError(error.to_string()))?;
        let mut prepared = self.writer()?.prepare_commit()?;
        prepared.set_payload(&payload);
        prepared.commit()?;
        self.committed = committed;
        self.reload()
    }

    /// Lets the next snapshot see what is committed, or what a merge has made of it.
    pub(super) fn reload(&self) -> tantivy::Result<()> {
        self.reader.reload()
    }

    /// Whether anything is committed.
    pub(super) fn has_segments(&self) -> bool {
        !self.reader.searcher().segment_readers().is_empty()
    }

    /// The committed segments.
    pub(super) fn segments(&self) -> tantivy::Result<Vec<SegmentMeta>> {
        self.index.searchable_segment_metas()
    }
}
