//! Queries that ask where words stand: spans and intervals.
//!
//! A document is looked at only if it has the words that it needs; then the places of each part are read from the
//! positions of its words and joined from the leaves up.

mod compile;
mod tree;

use super::super::schema::{Location, ResolvedField};
use super::dictionary_query::terms_of;
use super::term_pattern::TermPattern;
use super::watch::Watch;
use crate::{StoreError, logs::embedded::mapping::Family};
use std::{fmt, sync::Arc};
use tantivy::{
    DocId, DocSet, Score, SegmentReader, TERMINATED, Term,
    fieldnorm::FieldNormReader,
    postings::SegmentPostings,
    query::{Bm25Weight, EnableScoring, Explanation, Query, Scorer, Weight},
    schema::IndexRecordOption,
};
use tree::{Leaves, Place, Tree};

/// Words that a pattern may stand for in one segment: each is read side by side with all others.
const EXPANSIONS_MAX: usize = 1_024;
/// Documents between two looks at the clock.
const LOOK_EVERY: u32 = 128;

/// The words of a leaf.
#[derive(Debug, Clone)]
enum Leaf {
    Term(Term),
    Pattern(TermPattern),
}

/// How the places in a document make its score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scoring {
    /// As the frequency of a word, by BM25: spans.
    Words,
    /// Saturated, between 0 and 1: intervals.
    Places,
}

/// Documents with a place in the text of a field.
#[derive(Clone)]
struct PositionQuery {
    field: ResolvedField,
    leaves: Vec<Leaf>,
    tree: Tree,
    scoring: Scoring,
    watch: Arc<Watch>,
}

impl fmt::Debug for PositionQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PositionQuery({}, {:?})", self.field.path, self.tree)
    }
}

impl Query for PositionQuery {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let terms: Vec<Term> = self
            .leaves
            .iter()
            .filter_map(|leaf| if let Leaf::Term(term) = leaf { Some(term.clone()) } else { None })
            .collect();
        let similarity = match scoring {
            EnableScoring::Enabled { statistics_provider, .. }
                if self.scoring == Scoring::Words && !terms.is_empty() =>
            {
                Some(Bm25Weight::for_terms(statistics_provider, &terms)?)
            }
            _ => None,
        };
        Ok(Box::new(PositionWeight { query: self.clone(), similarity }))
    }
}

struct PositionWeight {
    query: PositionQuery,
    similarity: Option<Bm25Weight>,
}

impl PositionWeight {
    fn leaves(&self, reader: &SegmentReader) -> tantivy::Result<Leaves<SegmentPostings>> {
        let field = &self.query.field;
        let whole = field.family() == Family::Keyword;
        let option = if whole { IndexRecordOption::Basic } else { IndexRecordOption::WithFreqsAndPositions };
        let index = reader.inverted_index(field.field())?;
        let mut leaves = Vec::with_capacity(self.query.leaves.len());
        for leaf in &self.query.leaves {
            let mut words = Vec::new();
            match leaf {
                Leaf::Term(term) => words.extend(index.read_postings(term, option)?),
                Leaf::Pattern(pattern) => {
                    let mut too_many = false;
                    terms_of(field, pattern, &index, &self.query.watch, |_, info| {
                        if words.len() >= EXPANSIONS_MAX {
                            too_many = true;
                            return Ok(false);
                        }
                        words.push(index.read_postings_from_terminfo(info, option)?);
                        Ok(true)
                    })?;
                    if too_many {
                        let message = format!(
                            "a pattern in [{}] stands for more than {EXPANSIONS_MAX} words",
                            field.path
                        );
                        self.query
                            .watch
                            .fail(StoreError::invalid(message).with_code("query_shard_exception"));
                    }
                }
            }
            leaves.push(words);
        }
        Ok(Leaves::new(leaves, whole))
    }
}

impl Weight for PositionWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let field = &self.query.field;
        let norms = match (&self.similarity, &field.location) {
            (Some(_), Location::Own(_) | Location::Json(..)) => {
                reader.fieldnorms_readers().get_field(field.field())?
            }
            _ => None,
        };
        let mut scorer = PositionScorer {
            leaves: self.leaves(reader)?,
            tree: self.query.tree.clone(),
            scoring: self.query.scoring,
            similarity: self.similarity.as_ref().map(|similarity| similarity.boost_by(boost)),
            norms: norms.unwrap_or_else(|| FieldNormReader::constant(reader.max_doc(), 1)),
            boost,
            watch: Arc::clone(&self.query.watch),
            doc: 0,
            places: Vec::new(),
            looked_at: 0,
        };
        scorer.find_from(0);
        Ok(Box::new(scorer))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.seek(doc) != doc {
            return Err(tantivy::TantivyError::InvalidArgument(format!("document {doc} does not match")));
        }
        Ok(Explanation::new("places of words, the nearer the better", scorer.score()))
    }
}

struct PositionScorer {
    leaves: Leaves<SegmentPostings>,
    tree: Tree,
    scoring: Scoring,
    similarity: Option<Bm25Weight>,
    norms: FieldNormReader,
    boost: Score,
    watch: Arc<Watch>,
    doc: DocId,
    /// In the document.
    places: Vec<Place>,
    looked_at: u32,
}

impl PositionScorer {
    fn find_from(&mut self, target: DocId) -> DocId {
        let mut target = target;
        loop {
            self.looked_at = self.looked_at.wrapping_add(1);
            if self.looked_at.is_multiple_of(LOOK_EVERY) && self.watch.is_over() {
                self.doc = TERMINATED;
                return TERMINATED;
            }
            self.doc = self.leaves.candidate(&self.tree, target);
            if self.doc == TERMINATED {
                return TERMINATED;
            }
            self.places = self.leaves.places(&self.tree, self.doc);
            if !self.places.is_empty() {
                return self.doc;
            }
            target = self.doc + 1;
        }
    }
}

impl DocSet for PositionScorer {
    fn advance(&mut self) -> DocId {
        match self.doc {
            TERMINATED => TERMINATED,
            doc => self.find_from(doc + 1),
        }
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if target <= self.doc { self.doc } else { self.find_from(target) }
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        let words = self.leaves.leaves.iter().map(|words| words.iter().map(DocSet::size_hint).sum());
        words.min().unwrap_or(0)
    }
}

impl Scorer for PositionScorer {
    fn score(&mut self) -> Score {
        // A place counts the less the more words are between its parts: Lucene's sloppy frequency.
        let frequency: Score = self.places.iter().map(|place| 1.0 / (1.0 + place.gaps as Score)).sum();
        match (self.scoring, &self.similarity) {
            (Scoring::Places, _) => self.boost * frequency / (frequency + 1.0),
            (Scoring::Words, None) => self.boost,
            (Scoring::Words, Some(similarity)) => {
                similarity.score(self.norms.fieldnorm_id(self.doc), frequency.round().max(1.0) as u32)
            }
        }
    }
}
