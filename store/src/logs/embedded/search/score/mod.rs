//! Queries whose score is computed: `function_score` and its kin.

mod decay;
mod functions;

use super::compile::{BoxQuery, Compiler};
use super::fields::OwnedFields;
use super::watch::Watch;
use crate::{
    StoreError,
    logs::dsl::{BoostMode, Boosting, FunctionKind, FunctionScore, ScoreMode},
};
use functions::SegmentFunction;
use jiff::Timestamp;
use std::{fmt, sync::Arc};
use tantivy::{
    DocId, DocSet, Score, SegmentReader, TERMINATED,
    query::{EnableScoring, Explanation, Query, Scorer, Weight},
};

/// What a query finds, with a score that functions of the document make.
#[derive(Clone)]
pub(super) struct FunctionQuery {
    inner: Arc<dyn Query>,
    functions: Arc<Vec<Function>>,
    score_mode: ScoreMode,
    boost_mode: BoostMode,
    max_boost: f32,
    min_score: Option<f32>,
    /// Whether the boost is that of the result rather than that of the query.
    boosts_result: bool,
    fields: OwnedFields,
    now: Timestamp,
    watch: Arc<Watch>,
}

struct Function {
    filter: Option<BoxQuery>,
    weight: f32,
    kind: FunctionKind,
}

impl FunctionQuery {
    pub(super) fn new(compiler: &Compiler<'_>, query: &FunctionScore) -> Result<Self, StoreError> {
        let function = |function: &crate::logs::dsl::ScoreFunction| {
            let filter = function.filter.as_ref().map(|filter| compiler.compile(filter)).transpose()?;
            functions::check(&compiler.fields, &function.kind, compiler.now)?;
            Ok(Function { filter, weight: function.weight, kind: function.kind.clone() })
        };
        Ok(Self {
            inner: Arc::from(compiler.compile(&query.query)?),
            functions: Arc::new(query.functions.iter().map(function).collect::<Result<_, StoreError>>()?),
            score_mode: query.score_mode,
            boost_mode: query.boost_mode,
            max_boost: query.max_boost,
            min_score: query.min_score,
            boosts_result: query.boosts_result,
            fields: compiler.fields.owned(),
            now: compiler.now,
            watch: compiler.watch.clone(),
        })
    }

    /// `boosting`: one function, for what should not match.
    pub(super) fn boosting(compiler: &Compiler<'_>, query: &Boosting) -> Result<Self, StoreError> {
        let negative = Function {
            filter: Some(compiler.compile(&query.negative)?),
            weight: query.negative_boost,
            kind: FunctionKind::Weight,
        };
        Ok(Self {
            inner: Arc::from(compiler.compile(&query.positive)?),
            functions: Arc::new(vec![negative]),
            score_mode: ScoreMode::First,
            boost_mode: BoostMode::Multiply,
            max_boost: f32::MAX,
            min_score: None,
            boosts_result: false,
            fields: compiler.fields.owned(),
            now: compiler.now,
            watch: compiler.watch.clone(),
        })
    }
}

impl fmt::Debug for FunctionQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FunctionQuery({:?}, {} functions)", self.inner, self.functions.len())
    }
}

impl Query for FunctionQuery {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let quiet = match scoring.searcher() {
            Some(searcher) => EnableScoring::disabled_from_searcher(searcher),
            None => EnableScoring::disabled_from_schema(scoring.schema()),
        };
        // Which documents there are depends on their scores.
        let scoring = match (self.min_score, scoring.searcher()) {
            (Some(_), Some(searcher)) => EnableScoring::enabled_from_searcher(searcher),
            _ => scoring,
        };
        let filters = self
            .functions
            .iter()
            .map(|function| function.filter.as_ref().map(|filter| filter.weight(quiet)).transpose());
        Ok(Box::new(FunctionWeight {
            filters: filters.collect::<tantivy::Result<_>>()?,
            inner: self.inner.weight(scoring)?,
            query: self.clone(),
        }))
    }
}

struct FunctionWeight {
    query: FunctionQuery,
    inner: Box<dyn Weight>,
    filters: Vec<Option<Box<dyn Weight>>>,
}

impl Weight for FunctionWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let query = &self.query;
        let inner_boost = if query.boosts_result { 1.0 } else { boost };
        let functions = query.functions.iter().zip(&self.filters).map(|(function, filter)| {
            let filter = filter.as_ref().map(|filter| filter.scorer(reader, 1.0)).transpose()?;
            SegmentFunction::new(function.weight, &function.kind, filter, &query.fields, reader, query.now)
        });
        let mut scorer = FunctionScorer {
            functions: functions.collect::<tantivy::Result<_>>()?,
            inner: self.inner.scorer(reader, inner_boost)?,
            score_mode: query.score_mode,
            boost_mode: query.boost_mode,
            max_boost: query.max_boost,
            min_score: query.min_score,
            boost: if query.boosts_result { boost } else { 1.0 },
            watch: Arc::clone(&query.watch),
            known: None,
        };
        scorer.skip_low();
        Ok(Box::new(scorer))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.seek(doc) != doc {
            return Err(tantivy::TantivyError::InvalidArgument(format!("document {doc} does not match")));
        }
        let mut explanation =
            Explanation::new("function score, made of the query's score and the functions", scorer.score());
        explanation.add_detail(self.inner.explain(reader, doc)?);
        Ok(explanation)
    }
}

struct FunctionScorer {
    inner: Box<dyn Scorer>,
    functions: Vec<SegmentFunction>,
    score_mode: ScoreMode,
    boost_mode: BoostMode,
    max_boost: f32,
    min_score: Option<f32>,
    boost: Score,
    watch: Arc<Watch>,
    /// The score of the document that it stands at.
    known: Option<(DocId, Score)>,
}

impl FunctionScorer {
    /// Goes on to a document with a score that is high enough.
    fn skip_low(&mut self) -> DocId {
        let Some(least) = self.min_score else { return self.inner.doc() };
        while self.inner.doc() != TERMINATED && self.score() < least {
            if self.watch.is_over() {
                return self.inner.seek(TERMINATED);
            }
            self.inner.advance();
        }
        self.inner.doc()
    }

    fn compute(&mut self, doc: DocId) -> Result<Score, StoreError> {
        let score = self.inner.score();
        let mode = self.score_mode;
        let mut combined: Option<f64> = None;
        let mut weights = 0.0;
        for function in &mut self.functions {
            let Some(value) = function.value(doc, score)? else { continue };
            weights += f64::from(function.weight);
            combined = Some(match (combined, mode) {
                (None, _) => value,
                (Some(so_far), ScoreMode::Multiply) => so_far * value,
                (Some(so_far), ScoreMode::Sum | ScoreMode::Avg) => so_far + value,
                (Some(so_far), ScoreMode::Max) => so_far.max(value),
                (Some(so_far), ScoreMode::Min) => so_far.min(value),
                (Some(so_far), ScoreMode::First) => so_far,
            });
            if mode == ScoreMode::First {
                break;
            }
        }
        let factor = match combined {
            // Where no function is for the document, they change nothing.
            None => 1.0,
            Some(sum) if mode == ScoreMode::Avg && weights > 0.0 => sum / weights,
            Some(value) => value,
        };
        let factor = factor.min(f64::from(self.max_boost));
        let own = f64::from(score);
        let result = match self.boost_mode {
            _ if self.functions.is_empty() => own,
            BoostMode::Multiply => own * factor,
            BoostMode::Replace => factor,
            BoostMode::Sum => own + factor,
            BoostMode::Avg => f64::midpoint(own, factor),
            BoostMode::Max => own.max(factor),
            BoostMode::Min => own.min(factor),
        } as Score
            * self.boost;
        if result.is_nan() || result < 0.0 {
            let message = format!("function score query returned an invalid score: {result} for doc: {doc}");
            return Err(StoreError::invalid(message));
        }
        Ok(result.min(Score::MAX))
    }
}

impl DocSet for FunctionScorer {
    fn advance(&mut self) -> DocId {
        self.inner.advance();
        self.skip_low()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.inner.seek(target);
        self.skip_low()
    }

    fn doc(&self) -> DocId {
        self.inner.doc()
    }

    fn size_hint(&self) -> u32 {
        self.inner.size_hint()
    }
}

impl Scorer for FunctionScorer {
    fn score(&mut self) -> Score {
        let doc = self.inner.doc();
        if let Some((_, score)) = self.known.filter(|(known, _)| *known == doc) {
            return score;
        }
        let score = self.compute(doc).unwrap_or_else(|error| {
            self.watch.fail(error);
            0.0
        });
        self.known = Some((doc, score));
        score
    }
}
