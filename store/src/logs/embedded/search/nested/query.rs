use super::super::compile::{BoxQuery, Compiler};
use super::super::fields::{OwnedFields, Within};
use super::super::last_segment::LastSegment;
use super::super::watch::Watch;
use super::NestedObjects;
use crate::{
    StoreError,
    logs::dsl::{Bool, Nested, NestedScore, Query as Dsl},
};
use jiff::Timestamp;
use std::{fmt, sync::Arc};
use tantivy::{
    DocId, DocSet, Score, SegmentReader, TERMINATED,
    query::{EnableScoring, Explanation, Query, Scorer, Weight},
};

/// Documents whose objects are asked together.
const DOCS_AT_ONCE: usize = 2_048;

/// Documents of which a nested object matches.
#[derive(Clone)]
pub(in super::super) struct NestedQuery {
    pub(in super::super) nested: Arc<Nested>,
    /// Of the documents that hold the objects.
    pub(in super::super) fields: OwnedFields,
    pub(in super::super) now: Timestamp,
    pub(in super::super) watch: Arc<Watch>,
    /// Finds at least the documents that match.
    pub(in super::super) candidates: Arc<dyn Query>,
}

impl fmt::Debug for NestedQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NestedQuery({:?})", self.nested.path)
    }
}

impl Query for NestedQuery {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let scored = scoring.is_scoring_enabled() && self.nested.score_mode != NestedScore::None;
        let quiet = match scoring.searcher() {
            Some(searcher) => EnableScoring::disabled_from_searcher(searcher),
            None => EnableScoring::disabled_from_schema(scoring.schema()),
        };
        let candidates = self.candidates.weight(quiet)?;
        Ok(Box::new(NestedWeight { query: self.clone(), scored, candidates, found: LastSegment::default() }))
    }
}

struct NestedWeight {
    query: NestedQuery,
    scored: bool,
    candidates: Box<dyn Weight>,
    /// The documents of a segment, each with its score.
    found: LastSegment<Vec<(DocId, Score)>>,
}

impl Weight for NestedWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let docs = self.found.get(reader, || self.find(reader))?;
        Ok(Box::new(ScoredDocs { docs, boost, position: 0 }))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.seek(doc) != doc {
            return Err(tantivy::TantivyError::InvalidArgument(format!("document {doc} does not match")));
        }
        Ok(Explanation::new("Score based on the child docs that match", scorer.score()))
    }
}

impl NestedWeight {
    /// The documents of a segment of which an object matches, each with its score.
    fn find(&self, reader: &SegmentReader) -> tantivy::Result<Vec<(DocId, Score)>> {
        let mut candidates = self.candidates.scorer(reader, 1.0)?;
        let mut found = Vec::new();
        loop {
            let mut docs = Vec::with_capacity(DOCS_AT_ONCE);
            while candidates.doc() != TERMINATED && docs.len() < DOCS_AT_ONCE {
                if !reader.is_deleted(candidates.doc()) {
                    docs.push(candidates.doc());
                }
                candidates.advance();
            }
            if docs.is_empty() || self.query.watch.is_over() {
                break;
            }
            if let Err(error) = self.ask(reader, docs, &mut found) {
                self.query.watch.fail(error);
                break;
            }
        }
        let mode = self.query.nested.score_mode;
        Ok(found
            .chunk_by(|a, b| a.0 == b.0)
            .filter_map(|group| Some((group.first()?.0, combined(mode, group))))
            .collect())
    }

    /// Adds the documents of which an object matches, with the score of each such object.
    fn ask(
        &self,
        reader: &SegmentReader,
        docs: Vec<DocId>,
        found: &mut Vec<(DocId, Score)>,
    ) -> Result<(), StoreError> {
        let fields = self.query.fields.fields();
        let (path, watch) = (&self.query.nested.path, &self.query.watch);
        let objects = NestedObjects::of(&fields, reader, path, docs, false, watch)?;
        each_match(&self.query, &objects, self.scored, |object, score| {
            found.extend(objects.parents.get(object as usize).map(|parent| (*parent, score)));
        })
    }
}

/// Goes through the objects that match.
pub(super) fn each_match(
    query: &NestedQuery,
    objects: &NestedObjects,
    scored: bool,
    mut each: impl FnMut(DocId, Score),
) -> Result<(), StoreError> {
    let Some((generation, segment)) = objects.segment() else { return Ok(()) };
    let fields = query.fields.fields();
    let compiler = Compiler {
        fields: super::super::fields::Fields {
            index: fields.index,
            generation,
            mask: fields.mask,
            within: Within::Nested(&query.nested.path),
        },
        now: query.now,
        watch: &query.watch,
    };
    let scoring = match scored {
        true => EnableScoring::enabled_from_searcher(&generation.searcher),
        false => EnableScoring::disabled_from_searcher(&generation.searcher),
    };
    let inner: BoxQuery = compiler.compile(&query.nested.query)?;
    let error = super::super::column::engine_error;
    let mut scorer = inner.weight(scoring).map_err(error)?.scorer(segment, 1.0).map_err(error)?;
    while scorer.doc() != TERMINATED {
        let score = if scored { scorer.score() } else { 0.0 };
        each(scorer.doc(), score);
        scorer.advance();
    }
    Ok(())
}

fn combined(mode: NestedScore, scores: &[(DocId, Score)]) -> Score {
    let values = scores.iter().map(|(_, score)| *score);
    match mode {
        NestedScore::None => 0.0,
        NestedScore::Sum => values.sum(),
        NestedScore::Avg => values.sum::<Score>() / scores.len().max(1) as Score,
        NestedScore::Max => values.fold(Score::NEG_INFINITY, Score::max),
        NestedScore::Min => values.fold(Score::INFINITY, Score::min),
    }
}

/// Documents that were found already.
struct ScoredDocs {
    docs: Arc<Vec<(DocId, Score)>>,
    boost: Score,
    position: usize,
}

impl DocSet for ScoredDocs {
    fn advance(&mut self) -> DocId {
        self.position += 1;
        self.doc()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        let rest = self.docs.get(self.position..).unwrap_or_default();
        self.position += rest.partition_point(|(doc, _)| *doc < target);
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.docs.get(self.position).map_or(TERMINATED, |(doc, _)| *doc)
    }

    fn size_hint(&self) -> u32 {
        self.docs.len() as u32
    }
}

impl Scorer for ScoredDocs {
    fn score(&mut self) -> Score {
        self.docs.get(self.position).map_or(0.0, |(_, score)| *score * self.boost)
    }
}

/// A query on whole documents that finds at least those of which an object matches: conditions that forbid say nothing
/// about the document, as another object of it may not be forbidden.
pub(in super::super) fn superset(query: &Dsl) -> Dsl {
    match query {
        Dsl::Bool(query) => Dsl::Bool(Bool {
            must: query.must.iter().map(superset).collect(),
            filter: query.filter.iter().map(superset).collect(),
            should: query.should.iter().map(superset).collect(),
            must_not: Vec::new(),
            minimum_should_match: query.minimum_should_match.clone(),
        }),
        Dsl::ConstantScore(inner) | Dsl::Boosted(inner, _) | Dsl::Named(inner, _) => superset(inner),
        Dsl::Match(_)
        | Dsl::Term(_)
        | Dsl::Terms(_)
        | Dsl::Range(_)
        | Dsl::Exists(_)
        | Dsl::Prefix(_)
        | Dsl::Wildcard(_)
        | Dsl::MatchNone => query.clone(),
        _ => Dsl::MatchAll,
    }
}
