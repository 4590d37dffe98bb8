//! From the log into tantivy, and from there into what searches see.

use super::{
    Committed, IndexState, Visible,
    files::{Files, read_payload, tantivy_error},
    logged, merge_ranges,
    versions::Latest,
};
use crate::{
    ErrorKind, StoreError,
    logs::embedded::{
        convert::convert, document::IndexDocument, inflight::Reserved, schema::IndexSchema,
        snapshot::GenerationSnapshot,
    },
};
use bytes::Bytes;
use event::Object;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tantivy::{
    Index, IndexReader, IndexWriter, ReloadPolicy, Term,
    indexer::{IndexWriterOptions, LogMergePolicy},
};

/// What one batch does to an index, in order.
pub(in crate::logs::embedded) struct Batch {
    /// Counts the batches of the index.
    pub(in crate::logs::embedded) number: u64,
    /// Its entry in the write-ahead log.
    pub(in crate::logs::embedded) lsn: u64,
    /// The sequence number after its last write.
    pub(in crate::logs::embedded) next_seq_no: u64,
    /// Span of `@timestamp` in it.
    pub(in crate::logs::embedded) range: Option<(i64, i64)>,
    pub(in crate::logs::embedded) operations: Vec<Operation>,
    /// Its share of the memory for writes under way; given back when tantivy has it.
    pub(in crate::logs::embedded) _reserved: Option<Reserved>,
}

/// One change to the index.
pub(in crate::logs::embedded) enum Operation {
    /// A document for that generation.
    Put { generation: usize, document: IndexDocument, replaces: Option<String> },
    /// No document of that id any more.
    Delete { id: String },
}

/// One tantivy index.
pub(super) struct Generation {
    pub(super) schema: Arc<IndexSchema>,
    pub(super) committed: Committed,
    index: Index,
    reader: IndexReader,
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
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().map_err(failed)?;
        let committed = read_payload(payload.as_deref());
        Ok(Self { schema: Arc::new(schema), committed, index, reader, writer: None })
    }

    pub(super) fn snapshot(&self) -> GenerationSnapshot {
        GenerationSnapshot { schema: self.schema.clone(), searcher: self.reader.searcher() }
    }

    fn writer(&mut self, memory_bytes: usize) -> tantivy::Result<&mut IndexWriter<IndexDocument>> {
        if self.writer.is_none() {
            let options = IndexWriterOptions::builder()
                .num_worker_threads(1)
                .num_merge_threads(1)
                .memory_budget_per_thread(memory_bytes)
                .build();
            let writer = self.index.writer_with_options(options)?;
            writer.set_merge_policy(Box::new(merge_policy()));
            self.writer = Some(writer);
        }
        self.writer
            .as_mut()
            .ok_or_else(|| tantivy::TantivyError::InternalError("writer was just made".to_owned()))
    }
}

/// Merges eight segments of a size into one, and segments of which a quarter is deleted.
fn merge_policy() -> LogMergePolicy {
    let mut policy = LogMergePolicy::default();
    policy.set_min_num_segments(8);
    policy.set_del_docs_ratio_before_merge(0.25);
    policy
}

/// The tantivy writers of an index.
pub(super) struct Writers {
    pub(super) generations: Vec<Generation>,
    /// What has been given to tantivy.
    applied: Committed,
    applied_batch: u64,
    committed_lsn: u64,
    /// The index was opened anew elsewhere; this one must not touch its files.
    abandoned: bool,
}

impl Writers {
    pub(super) fn new(generations: Vec<Generation>, committed: Committed) -> Self {
        Self {
            generations,
            applied: committed,
            applied_batch: 0,
            committed_lsn: committed.lsn,
            abandoned: false,
        }
    }

    fn is_dirty(&self) -> bool {
        self.applied.lsn > self.committed_lsn
    }

    fn apply(&mut self, batch: Batch, memory_bytes: usize) -> tantivy::Result<()> {
        for operation in batch.operations {
            match operation {
                Operation::Put { generation, document, replaces } => {
                    if let Some(id) = replaces {
                        self.delete(&id, memory_bytes)?;
                    }
                    self.generations[generation].writer(memory_bytes)?.add_document(document)?;
                }
                Operation::Delete { id } => self.delete(&id, memory_bytes)?,
            }
        }
        self.applied.lsn = batch.lsn;
        self.applied.next_seq_no = self.applied.next_seq_no.max(batch.next_seq_no);
        self.applied.range = merge_ranges(self.applied.range, batch.range);
        self.applied_batch = batch.number;
        Ok(())
    }

    fn delete(&mut self, id: &str, memory_bytes: usize) -> tantivy::Result<()> {
        for generation in &mut self.generations {
            let term = Term::from_field_text(generation.schema.id, id);
            generation.writer(memory_bytes)?.delete_term(term);
        }
        Ok(())
    }

    fn commit(&mut self, memory_bytes: usize) -> tantivy::Result<()> {
        let payload = serde_json::to_string(&self.applied)
            .map_err(|error| tantivy::TantivyError::InternalError(error.to_string()))?;
        for generation in &mut self.generations {
            let mut prepared = generation.writer(memory_bytes)?.prepare_commit()?;
            prepared.set_payload(&payload);
            prepared.commit()?;
            generation.committed = self.applied;
            generation.reader.reload()?;
        }
        self.committed_lsn = self.applied.lsn;
        Ok(())
    }
}

impl IndexState {
    /// Takes a durable batch. Called in the order of the log.
    pub(in crate::logs::embedded) fn apply(&self, batch: Batch) {
        self.last_write_ms.store(self.now_ms(), Ordering::Relaxed);
        self.pending.lock().push_back(batch);
        self.drain();
    }

    /// Gives what is pending to tantivy, unless somebody else is at it, who then does.
    fn drain(&self) {
        while !self.pending.lock().is_empty() {
            let Some(mut writers) = self.writers.try_lock() else { return };
            let result = self.drain_into(&mut writers);
            drop(writers);
            if let Err(error) = result {
                self.fail("index documents", error);
                return;
            }
        }
    }

    fn drain_into(&self, writers: &mut Writers) -> tantivy::Result<()> {
        if writers.abandoned {
            self.pending.lock().clear();
            return Ok(());
        }
        loop {
            let Some(batch) = self.pending.lock().pop_front() else { return Ok(()) };
            writers.apply(batch, self.writer_memory_bytes)?;
        }
    }

    /// Memory and tantivy no longer agree; the log has everything, so the index is opened again from there.
    fn fail(&self, what: &str, error: tantivy::TantivyError) -> StoreError {
        let failure = tantivy_error(&format!("{what} in \"{}\"", self.name), error);
        tracing::error!(index = %self.name, error = %failure, cause = ?failure.source, "index must be recovered");
        self.kill();
        failure.retry_after(Duration::from_secs(5))
    }

    /// Makes everything that was applied visible and durable without the log. Answers whether anything changed.
    pub(in crate::logs::embedded) fn commit(&self) -> Result<bool, StoreError> {
        let mut writers = self.writers.lock();
        self.last_commit_ms.store(self.now_ms(), Ordering::Relaxed);
        let result = self.drain_into(&mut writers).and_then(|()| {
            if writers.abandoned || !writers.is_dirty() {
                return Ok(false);
            }
            writers.commit(self.writer_memory_bytes)?;
            self.visible.store(Arc::new(Visible {
                generations: writers.generations.iter().map(Generation::snapshot).collect(),
                committed: writers.applied,
            }));
            Ok(true)
        });
        let batch = writers.applied_batch;
        drop(writers);
        let changed = result.map_err(|error| self.fail("commit", error))?;
        if changed {
            self.order.lock().versions.forget(batch);
        }
        self.drain();
        Ok(changed)
    }

    /// Whether it has been given documents that no commit contains.
    pub(in crate::logs::embedded) fn is_dirty(&self) -> bool {
        // A lock that is taken means that somebody is writing.
        !self.pending.lock().is_empty() || self.writers.try_lock().is_none_or(|writers| writers.is_dirty())
    }

    /// Whether it holds threads and memory for writing.
    pub(in crate::logs::embedded) fn has_writer(&self) -> bool {
        self.writers
            .try_lock()
            .is_none_or(|writers| writers.generations.iter().any(|generation| generation.writer.is_some()))
    }

    /// Commits and gives back threads and memory for writing. A later write takes them again.
    pub(in crate::logs::embedded) fn close_writer(&self) -> Result<(), StoreError> {
        self.commit()?;
        let mut writers = self.writers.lock();
        if writers.is_dirty() {
            return Ok(());
        }
        for generation in &mut writers.generations {
            if let Some(writer) = generation.writer.take() {
                writer.wait_merging_threads().map_err(|error| tantivy_error("finish merges", error))?;
            }
        }
        Ok(())
    }

    /// Gives back the files at once; what is not committed is left to the log.
    pub(in crate::logs::embedded) fn abandon(&self) {
        self.kill();
        let mut writers = self.writers.lock();
        writers.abandoned = true;
        self.pending.lock().clear();
        for generation in &mut writers.generations {
            drop(generation.writer.take());
        }
    }

    /// Applies an entry of the log that no commit contains, as if it had just become durable.
    pub(in crate::logs::embedded) fn replay(&self, lsn: u64, entry: &Bytes) -> Result<(), StoreError> {
        if lsn <= self.visible().committed.lsn {
            return Ok(());
        }
        let corrupt = |what: &str| {
            StoreError::new(ErrorKind::Corrupt, format!("entry {lsn} of the write-ahead log: {what}"))
        };
        let logged = logged::decode(entry).ok_or_else(|| corrupt("cannot be read"))?;
        let mut order = self.order.lock();
        order.batch += 1;
        let number = order.batch;
        let visible = self.visible();
        let mut batch =
            Batch { number, lsn, next_seq_no: 0, range: None, operations: Vec::new(), _reserved: None };
        for operation in logged {
            let exists =
                order.versions.get(&operation.id).is_some() || visible.find(&operation.id)?.is_some();
            let source = match &operation.source {
                Some(bytes) => {
                    let object: Object = serde_json::from_slice(bytes).map_err(|_| corrupt("is not JSON"))?;
                    Some(object)
                }
                None => None,
            };
            batch.next_seq_no = batch.next_seq_no.max(operation.seq_no + 1);
            match source.as_ref().zip(operation.source.as_ref()) {
                Some((object, bytes)) => {
                    let router = self.router();
                    let mut converted =
                        convert(&router, &operation.id, object, true).map_err(|reason| corrupt(&reason))?;
                    super::order::complete(
                        &mut converted,
                        &router,
                        bytes,
                        operation.seq_no,
                        operation.version,
                    );
                    let at = converted.timestamp_ms;
                    batch.range = merge_ranges(batch.range, at.map(|at| (at, at)));
                    batch.operations.push(Operation::Put {
                        generation: router.generation,
                        document: converted.document,
                        replaces: exists.then(|| operation.id.clone()),
                    });
                }
                None => batch.operations.push(Operation::Delete { id: operation.id.clone() }),
            }
            let latest = Latest {
                seq_no: operation.seq_no,
                version: operation.version,
                source: operation.source.clone(),
                batch: number,
            };
            order.versions.set(&operation.id, latest);
        }
        order.next_seq_no = order.next_seq_no.max(batch.next_seq_no);
        order.submitted_lsn = lsn;
        drop(order);
        self.apply(batch);
        if self.is_dead() {
            return Err(StoreError::new(
                ErrorKind::Unavailable,
                format!("index \"{}\" cannot be recovered now", self.name),
            ));
        }
        Ok(())
    }
}
