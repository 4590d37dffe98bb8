//! From span and interval queries to trees over the words of one field.

use super::super::super::mapping::Family;
use super::super::super::schema::ResolvedField;
use super::super::compile::{BoxQuery, Compiler, nothing};
use super::super::term_pattern::TermPattern;
use super::tree::{Relation, Tree};
use super::{Leaf, PositionQuery, Scoring};
use crate::{
    StoreError,
    logs::dsl::{IntervalRelation, IntervalRule, IntervalSource, Intervals, Query as Dsl, Span},
};

/// The leaves of a tree as it grows, and the one field that they are of.
struct Growing<'c, 'a> {
    compiler: &'c Compiler<'a>,
    field: Option<ResolvedField>,
    leaves: Vec<Leaf>,
}

impl Compiler<'_> {
    /// A span query.
    pub(in super::super) fn span(&self, span: &Span) -> Result<BoxQuery, StoreError> {
        let mut growing = Growing { compiler: self, field: None, leaves: Vec::new() };
        let tree = growing.span(span)?;
        Ok(growing.query(tree, Scoring::Words))
    }

    /// An `intervals` query.
    pub(in super::super) fn intervals(&self, query: &Intervals) -> Result<BoxQuery, StoreError> {
        let mut growing = Growing { compiler: self, field: None, leaves: Vec::new() };
        let tree = growing.rule(&query.field, &query.rule)?;
        Ok(growing.query(tree, Scoring::Places))
    }
}

impl Growing<'_, '_> {
    fn query(self, tree: Tree, scoring: Scoring) -> BoxQuery {
        match self.field {
            None => nothing(),
            Some(field) => Box::new(PositionQuery {
                field,
                leaves: self.leaves,
                tree,
                scoring,
                watch: self.compiler.watch.clone(),
            }),
        }
    }

    /// A leaf of a field; nothing if the field is not known.
    fn leaf(&mut self, path: &str, leaf: impl FnOnce(&ResolvedField) -> Leaf) -> Result<Tree, StoreError> {
        let Some(field) = self.compiler.fields.resolve(path) else { return Ok(Tree::Nothing) };
        if !matches!(field.family(), Family::Text | Family::Keyword) || !field.inverted {
            return Err(StoreError::invalid(format!(
                "Can only use span and interval queries on indexed text fields - not on [{path}] which is of type [{}]",
                field.field_type.name()
            )));
        }
        let known = self.field.get_or_insert_with(|| field.clone());
        if known.path != field.path {
            return Err(StoreError::invalid("Clauses must have same field."));
        }
        self.leaves.push(leaf(&field));
        Ok(Tree::Leaf(self.leaves.len() - 1))
    }

    fn pattern(&mut self, path: &str, pattern: Result<TermPattern, String>) -> Result<Tree, StoreError> {
        let pattern = pattern.map_err(StoreError::invalid)?;
        self.leaf(path, |_| Leaf::Pattern(pattern))
    }

    fn span(&mut self, span: &Span) -> Result<Tree, StoreError> {
        Ok(match span {
            Span::Term { field, value } => self.leaf(field, |field| Leaf::Term(field.string_term(value)))?,
            Span::Multi(query) => self.multi(query)?,
            Span::Near { clauses, slop, in_order } => {
                let parts = clauses.iter().map(|clause| self.span(clause)).collect::<Result<_, _>>()?;
                Tree::Near { parts, gaps: Some(*slop), ordered: *in_order, minimal: false }
            }
            Span::Or(clauses) => {
                Tree::Any(clauses.iter().map(|clause| self.span(clause)).collect::<Result<_, _>>()?)
            }
            Span::Not { include, exclude, pre, post } => {
                self.related(include, exclude, Relation::Near(*pre, *post), false)?
            }
            Span::First { inner, end } => Tree::First(Box::new(self.span(inner)?), *end),
            Span::Containing { big, little } => self.related(big, little, Relation::Containing, true)?,
            Span::Within { big, little } => self.related(little, big, Relation::ContainedBy, true)?,
        })
    }

    fn related(
        &mut self,
        of: &Span,
        others: &Span,
        relation: Relation,
        holds: bool,
    ) -> Result<Tree, StoreError> {
        let (of, others) = (Box::new(self.span(of)?), Box::new(self.span(others)?));
        Ok(Tree::Related { of, others, relation, holds })
    }

    fn multi(&mut self, query: &Dsl) -> Result<Tree, StoreError> {
        match query {
            Dsl::Prefix(query) => {
                self.pattern(&query.field, TermPattern::prefix(&query.value, query.case_insensitive))
            }
            Dsl::Wildcard(query) => {
                self.pattern(&query.field, TermPattern::wildcard(&query.pattern, query.case_insensitive))
            }
            Dsl::Regexp(query) => {
                self.compiler.check_regex(&query.pattern)?;
                self.pattern(&query.field, TermPattern::lucene_regex(&query.pattern, query.case_insensitive))
            }
            Dsl::Fuzzy(query) => {
                let edits = query.fuzziness.edits(&query.value);
                let similar =
                    TermPattern::similar(&query.value, edits, query.prefix_length, query.transpositions);
                self.pattern(&query.field, Ok(similar))
            }
            _ => Err(StoreError::invalid(
                "[span_multi] [match] must be a prefix, wildcard, fuzzy or regexp query",
            )),
        }
    }

    fn rule(&mut self, field: &str, rule: &IntervalRule) -> Result<Tree, StoreError> {
        let field = rule.use_field.as_deref().unwrap_or(field);
        let tree = match &rule.source {
            IntervalSource::Match { query, max_gaps, ordered, analyzer } => {
                let words = self.compiler.tokens(query, *analyzer);
                let words = words
                    .iter()
                    .map(|word| self.leaf(field, |field| Leaf::Term(field.string_term(&word.text))));
                near(words.collect::<Result<_, _>>()?, *max_gaps, *ordered)
            }
            IntervalSource::Prefix(prefix) => self.pattern(field, TermPattern::prefix(prefix, false))?,
            IntervalSource::Wildcard(pattern) => {
                self.pattern(field, TermPattern::wildcard(pattern, false))?
            }
            IntervalSource::Fuzzy { term, fuzziness, prefix_length, transpositions } => {
                let edits = fuzziness.edits(term);
                self.pattern(field, Ok(TermPattern::similar(term, edits, *prefix_length, *transpositions)))?
            }
            IntervalSource::AllOf { intervals, max_gaps, ordered } => {
                let parts = intervals.iter().map(|part| self.rule(field, part));
                near(parts.collect::<Result<_, _>>()?, *max_gaps, *ordered)
            }
            IntervalSource::AnyOf(intervals) => {
                Tree::Any(intervals.iter().map(|part| self.rule(field, part)).collect::<Result<_, _>>()?)
            }
        };
        let Some(filter) = &rule.filter else { return Ok(tree) };
        let (relation, holds) = match filter.relation {
            IntervalRelation::After => (Relation::After, true),
            IntervalRelation::Before => (Relation::Before, true),
            IntervalRelation::ContainedBy => (Relation::ContainedBy, true),
            IntervalRelation::Containing => (Relation::Containing, true),
            IntervalRelation::Overlapping => (Relation::Overlapping, true),
            IntervalRelation::NotContainedBy => (Relation::ContainedBy, false),
            IntervalRelation::NotContaining => (Relation::Containing, false),
            IntervalRelation::NotOverlapping => (Relation::Overlapping, false),
        };
        let others = Box::new(self.rule(field, &filter.other)?);
        Ok(Tree::Related { of: Box::new(tree), others, relation, holds })
    }
}

fn near(mut parts: Vec<Tree>, gaps: Option<u32>, ordered: bool) -> Tree {
    match parts.len() {
        0 => Tree::Nothing,
        1 => parts.remove(0),
        _ => Tree::Near { parts, gaps, ordered, minimal: true },
    }
}
