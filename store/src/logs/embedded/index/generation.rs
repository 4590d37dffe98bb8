//! One tantivy index of an index: committed segments, and the place where new ones are added.

use super::{
    Committed,
    files::{Files, read_payload, tantivy_error},
};
use crate::{
    ErrorKind, StoreError,
    logs::embedded::{document::IndexDocument, schema::IndexSchema, snapshot::GenerationSnapshot},
};
use std::sync::Arc;
use tantivy::{
    Index, IndexReader, IndexWriter, ReloadPolicy, TantivyError, Term,
    directory::error::OpenReadError,
    index::SegmentMeta,
    indexer::{IndexWriterOptions, NoMergePolicy},
};

/// How often segments are opened anew that merges remove meanwhile.
const RELOADS_MAX: usize = 5;

/// One tantivy index.
pub(super) struct Generation {
    pub(super) schema: Arc<IndexSchema>,
    pub(super) committed: Committed,
    pub(super) index: Index,
    reader: IndexReader,
    current: GenerationSnapshot,
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
        let reader: IndexReader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(0)
            .try_into()
            .map_err(failed)?;
        let committed = read_payload(payload.as_deref());
        let schema = Arc::new(schema);
        let current = GenerationSnapshot::new(schema.clone(), reader.searcher(), None).map_err(failed)?;
        Ok(Self { schema, committed, index, reader, current, writer: None })
    }

    pub(super) fn snapshot(&self) -> GenerationSnapshot {
        self.current.clone()
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
        self.writer.as_mut().ok_or_else(|| TantivyError::InternalError("writer was just made".to_owned()))
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
            .map_err(|error| TantivyError::InternalError(error.to_string()))?;
        let mut prepared = self.writer()?.prepare_commit()?;
        prepared.set_payload(&payload);
        prepared.commit()?;
        self.committed = committed;
        self.reload()
    }

    /// Lets the next snapshot see what is committed, or what a merge has made of it.
    pub(super) fn reload(&mut self) -> tantivy::Result<()> {
        for _ in 1..RELOADS_MAX {
            match self.try_reload() {
                // A merge ended in between and removed what it made useless.
                Err(TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(_))) => {}
                done => return done,
            }
        }
        self.try_reload()
    }

    fn try_reload(&mut self) -> tantivy::Result<()> {
        self.reader.reload()?;
        let searcher = self.reader.searcher();
        self.current = GenerationSnapshot::new(self.schema.clone(), searcher, Some(&self.current))?;
        Ok(())
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
