//! The `script` query, and the scan that it shares with other queries which look at each document.

use super::super::{fields::OwnedFields, watch::Watch};
use super::DocScript;
use crate::{StoreError, logs::dsl::ScriptCall};
use std::{fmt, sync::Arc};
use tantivy::{
    DocId, DocSet, Score, SeekDangerResult, SegmentReader, TERMINATED,
    query::{ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight},
};

/// Documents between two looks at the clock.
const LOOK_EVERY: u32 = 256;

/// Documents for which a script holds.
#[derive(Clone)]
pub(in super::super) struct ScriptQuery {
    pub(in super::super) call: Arc<ScriptCall>,
    pub(in super::super) fields: OwnedFields,
    pub(in super::super) watch: Arc<Watch>,
}

impl fmt::Debug for ScriptQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScriptQuery({:?})", self.call.script.source())
    }
}

impl Query for ScriptQuery {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for ScriptQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let mut script = DocScript::new(&self.call, self.fields.clone(), reader);
        let scan = Scan::new(reader, Arc::clone(&self.watch), move |doc| script.holds(doc));
        Ok(Box::new(ConstScorer::new(scan, boost)))
    }

    fn explain(&self, _reader: &SegmentReader, _doc: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("the script holds", 1.0))
    }
}

/// The documents of a segment for which a test holds, one after the other.
struct Scan<F> {
    reader: SegmentReader,
    watch: Arc<Watch>,
    test: F,
    doc: DocId,
    looked_at: u32,
}

impl<F: FnMut(DocId) -> Result<bool, StoreError> + Send> Scan<F> {
    fn new(reader: &SegmentReader, watch: Arc<Watch>, test: F) -> Self {
        let mut scan = Self { reader: reader.clone(), watch, test, doc: 0, looked_at: 0 };
        scan.find_from(0);
        scan
    }

    /// Whether it holds for a document; if that cannot be said, the search has failed.
    fn holds(&mut self, doc: DocId) -> bool {
        self.looked_at = self.looked_at.wrapping_add(1);
        if self.reader.is_deleted(doc) {
            return false;
        }
        match (self.test)(doc) {
            Ok(holds) => holds,
            Err(error) => {
                self.watch.fail(error);
                false
            }
        }
    }

    fn find_from(&mut self, doc: DocId) -> DocId {
        self.doc = doc;
        while self.doc < self.reader.max_doc() {
            if self.looked_at.is_multiple_of(LOOK_EVERY) && self.watch.is_over() {
                break;
            }
            if self.holds(self.doc) {
                return self.doc;
            }
            self.doc += 1;
        }
        self.doc = TERMINATED;
        TERMINATED
    }
}

impl<F: FnMut(DocId) -> Result<bool, StoreError> + Send> DocSet for Scan<F> {
    fn advance(&mut self) -> DocId {
        match self.doc {
            TERMINATED => TERMINATED,
            doc => self.find_from(doc + 1),
        }
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if target <= self.doc { self.doc } else { self.find_from(target) }
    }

    /// Looks at the one document only: a script is dear, and the next candidate may be far away.
    fn seek_danger(&mut self, target: DocId) -> SeekDangerResult {
        if target == self.doc && target != TERMINATED {
            return SeekDangerResult::Found;
        }
        if target >= self.reader.max_doc()
            || self.looked_at.is_multiple_of(LOOK_EVERY) && self.watch.is_over()
        {
            self.doc = TERMINATED;
            return SeekDangerResult::SeekLowerBound(TERMINATED);
        }
        self.doc = target;
        if self.holds(target) {
            SeekDangerResult::Found
        } else {
            SeekDangerResult::SeekLowerBound(target + 1)
        }
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        self.reader.max_doc()
    }
}
