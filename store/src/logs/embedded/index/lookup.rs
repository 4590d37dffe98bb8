//! Documents by id: in what is visible, and as last written.

use super::{IndexState, Visible, files::tantivy_error, versions::Latest};
use crate::StoreError;
use bytes::Bytes;
use std::sync::Arc;
use tantivy::{DocAddress, DocSet, Searcher, TERMINATED, Term, schema::IndexRecordOption};

/// Where a document is among what is visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::logs::embedded) struct Stored {
    generation: usize,
    address: DocAddress,
    pub(in crate::logs::embedded) seq_no: u64,
    pub(in crate::logs::embedded) version: u64,
}

/// A document as last written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::logs::embedded) struct Current {
    pub(in crate::logs::embedded) seq_no: u64,
    pub(in crate::logs::embedded) version: u64,
    pub(in crate::logs::embedded) routing: Option<Arc<str>>,
    /// `None`: the index keeps none.
    pub(in crate::logs::embedded) source: Option<Bytes>,
}

impl Visible {
    /// Finds a document by id.
    pub(in crate::logs::embedded) fn find(&self, id: &str) -> Result<Option<Stored>, StoreError> {
        let failed = |error| tantivy_error("look up a document by its id", error);
        for (number, generation) in self.generations.iter().enumerate().rev() {
            let term = Term::from_field_text(generation.schema.id, id);
            let found = find_address(&generation.searcher, &term).map_err(failed)?;
            if let Some(address) = found {
                let columns = generation.searcher.segment_reader(address.segment_ord).fast_fields();
                let number_in =
                    |name| columns.u64(name).map(|column| column.first(address.doc_id).unwrap_or(0));
                return Ok(Some(Stored {
                    generation: number,
                    address,
                    seq_no: number_in("_seq_no").map_err(failed)?,
                    version: number_in("_version").map_err(failed)?,
                }));
            }
        }
        Ok(None)
    }

    /// Calls `visit` with every id (also of documents deleted since the last merge).
    pub(super) fn for_each_id(&self, mut visit: impl FnMut(&[u8])) -> Result<(), StoreError> {
        let failed = |error| tantivy_error("read the ids of an index", error);
        for generation in &self.generations {
            for segment in generation.searcher.segment_readers() {
                let index = segment.inverted_index(generation.schema.id).map_err(failed)?;
                let mut ids = index.terms().stream().map_err(|error| failed(error.into()))?;
                while ids.advance() {
                    visit(ids.key());
                }
            }
        }
        Ok(())
    }

    /// The document of that id as searches see it.
    pub(in crate::logs::embedded) fn get(&self, id: &str) -> Result<Option<Current>, StoreError> {
        self.find(id)?.map(|stored| self.read(stored)).transpose()
    }

    /// Reads a document.
    pub(in crate::logs::embedded) fn read(&self, stored: Stored) -> Result<Current, StoreError> {
        let generation = &self.generations[stored.generation];
        let document = generation
            .document(stored.address)
            .map_err(|error| tantivy_error("read a stored document", error))?;
        let routing = document.routing.map(Arc::from);
        Ok(Current { seq_no: stored.seq_no, version: stored.version, routing, source: document.source })
    }
}

fn find_address(searcher: &Searcher, term: &Term) -> tantivy::Result<Option<DocAddress>> {
    for (segment_ord, segment) in searcher.segment_readers().iter().enumerate() {
        let index = segment.inverted_index(term.field())?;
        let Some(mut postings) = index.read_postings(term, IndexRecordOption::Basic)? else { continue };
        let mut document = postings.doc();
        while document != TERMINATED {
            if !segment.is_deleted(document) {
                return Ok(Some(DocAddress::new(segment_ord as u32, document)));
            }
            document = postings.advance();
        }
    }
    Ok(None)
}

impl IndexState {
    /// The document as last written, visible or not; `None` if there is none.
    pub(in crate::logs::embedded) fn get(&self, id: &str) -> Result<Option<Current>, StoreError> {
        let visible = {
            let order = self.order.lock();
            if let Some(latest) = order.versions.get(id) {
                let Latest { seq_no, version, routing, source, .. } = latest;
                let rule = &self.router().mapping.source;
                let current = |source| Current { seq_no, version, routing, source: rule.kept(&source) };
                return Ok(source.map(current));
            }
            // Taken under the lock: a commit may forget versions only after it has replaced this.
            self.visible()
        };
        visible.get(id)
    }
}
