//! The documents that a query finds in a segment, some at a time.

use super::column::engine_error;
use crate::StoreError;
use tantivy::{
    COLLECT_BLOCK_BUFFER_LEN, DocId, DocSet, Score, SegmentReader, TERMINATED,
    query::{Scorer, Weight},
};

/// Documents that are handled at once.
const BLOCK: usize = 2_048;

/// The documents of a segment that a query finds.
pub(super) fn matching(weight: &dyn Weight, reader: &SegmentReader) -> Result<Vec<DocId>, StoreError> {
    let mut scorer = weight.scorer(reader, 1.0).map_err(engine_error)?;
    let mut docs = Vec::new();
    while scorer.doc() != TERMINATED {
        if !reader.is_deleted(scorer.doc()) {
            docs.push(scorer.doc());
        }
        scorer.advance();
    }
    Ok(docs)
}

/// Matching documents of a segment, some at a time.
#[derive(Default)]
pub(super) struct Block {
    pub(super) docs: Vec<DocId>,
    /// One per document if scores are computed.
    pub(super) scores: Vec<Score>,
}

impl Block {
    /// Reads on; whether there was anything.
    pub(super) fn fill(
        &mut self,
        scorer: &mut dyn Scorer,
        reader: &SegmentReader,
        scoring: bool,
        min_score: Option<Score>,
    ) -> bool {
        self.docs.clear();
        self.scores.clear();
        let deletes = reader.has_deletes();
        if scoring {
            while scorer.doc() != TERMINATED && self.docs.len() < BLOCK {
                let doc = scorer.doc();
                if !(deletes && reader.is_deleted(doc)) {
                    let score = scorer.score();
                    if min_score.is_none_or(|least| score >= least) {
                        self.docs.push(doc);
                        self.scores.push(score);
                    }
                }
                scorer.advance();
            }
            return !self.docs.is_empty();
        }
        let mut buffer = [0; COLLECT_BLOCK_BUFFER_LEN];
        while self.docs.len() < BLOCK {
            let found = scorer.fill_buffer(&mut buffer);
            let alive = buffer[..found].iter().copied().filter(|doc| !(deletes && reader.is_deleted(*doc)));
            self.docs.extend(alive);
            if found < COLLECT_BLOCK_BUFFER_LEN {
                break;
            }
        }
        !self.docs.is_empty()
    }

    /// Keeps what a filter lets through.
    pub(super) fn keep(&mut self, filter: &mut dyn Scorer) {
        let mut kept = 0;
        for position in 0..self.docs.len() {
            let doc = self.docs[position];
            let at = filter.doc();
            let at = if at < doc { filter.seek(doc) } else { at };
            if at == doc {
                self.docs[kept] = doc;
                if let Some(score) = self.scores.get(position).copied() {
                    self.scores[kept] = score;
                }
                kept += 1;
            }
        }
        self.docs.truncate(kept);
        self.scores.truncate(kept);
    }

    /// Keeps no more than `left` documents and takes them off.
    pub(super) fn cut(&mut self, left: &mut u64) {
        if *left == u64::MAX {
            return;
        }
        let keep = usize::try_from(*left).unwrap_or(usize::MAX).min(self.docs.len());
        self.docs.truncate(keep);
        self.scores.truncate(keep);
        *left -= keep as u64;
    }
}
