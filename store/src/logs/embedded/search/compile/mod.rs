//! The query DSL as tantivy queries on one generation of an index.
//!
//! A field that is unknown to the index, has no value in this generation or is masked matches nothing: to the caller the
//! three cannot be told apart.

mod lucene;
mod terms;
mod text;
mod values;

pub(crate) use values::read_network;
pub(super) use values::{misfit, read_number};

use super::{
    column_query::{ColumnRangeQuery, SliceQuery},
    fields::{Fields, Within},
    geo_query::{GeoQuery, Region},
    nested::{NestedQuery, check_path, superset},
    score::FunctionQuery,
    script::ScriptQuery,
    watch::Watch,
};
use crate::{
    StoreError,
    logs::{
        dsl::{Bool, Nested, Query as Dsl, Slice},
        embedded::mapping::Family,
    },
};
use jiff::Timestamp;
use std::sync::Arc;
use tantivy::{
    Term,
    query::{
        AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery, ExistsQuery,
        Occur, Query, TermQuery, TermSetQuery,
    },
    schema::IndexRecordOption,
};

pub(super) type BoxQuery = Box<dyn Query>;

/// So many terms are looked up one by one; more are walked through with the dictionary.
const TERMS_APART_MAX: usize = 16;

/// Compiles queries for one generation.
pub(super) struct Compiler<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) now: Timestamp,
    pub(super) watch: &'a Arc<Watch>,
}

/// Matches nothing.
pub(super) fn nothing() -> BoxQuery {
    Box::new(EmptyQuery)
}

/// Matches everything with score 1.
pub(super) fn everything() -> BoxQuery {
    Box::new(AllQuery)
}

/// All of these.
pub(super) fn all_of(mut queries: Vec<BoxQuery>) -> BoxQuery {
    match queries.len() {
        0 => everything(),
        1 => queries.remove(0),
        _ => Box::new(BooleanQuery::intersection(queries)),
    }
}

/// Any of these; scores add up.
pub(super) fn any_of(mut queries: Vec<BoxQuery>) -> BoxQuery {
    match queries.len() {
        0 => nothing(),
        1 => queries.remove(0),
        _ => Box::new(BooleanQuery::union(queries)),
    }
}

/// Documents with any of these terms.
pub(super) fn any_term(terms: Vec<Term>) -> BoxQuery {
    // What a set makes of them takes longer than to look each up, and is made anew for each index.
    if terms.len() > TERMS_APART_MAX {
        return Box::new(TermSetQuery::new(terms));
    }
    let one = |term| -> BoxQuery { Box::new(TermQuery::new(term, IndexRecordOption::Basic)) };
    any_of(terms.into_iter().map(one).collect())
}

/// Any of these; the best score counts.
pub(super) fn best_of(mut queries: Vec<BoxQuery>, tie_breaker: f32) -> BoxQuery {
    match queries.len() {
        0 => nothing(),
        1 => queries.remove(0),
        _ => Box::new(DisjunctionMaxQuery::with_tie_breaker(queries, tie_breaker)),
    }
}

/// At least so many of these.
pub(super) fn some_of(queries: Vec<BoxQuery>, required: usize) -> BoxQuery {
    match required {
        0 | 1 => any_of(queries),
        _ if required > queries.len() => nothing(),
        _ if required == queries.len() => all_of(queries),
        _ => Box::new(BooleanQuery::union_with_minimum_required_clauses(queries, required)),
    }
}

/// With score 0, as a filter.
pub(super) fn unscored(query: BoxQuery) -> BoxQuery {
    Box::new(ConstScoreQuery::new(query, 0.0))
}

pub(super) fn boosted(query: BoxQuery, boost: f32) -> BoxQuery {
    if boost == 1.0 { query } else { Box::new(BoostQuery::new(query, boost)) }
}

impl Compiler<'_> {
    /// Compiles a query.
    ///
    /// # Errors
    /// `InvalidRequest` where a value does not fit its field's type, or a field cannot be asked that way.
    pub(super) fn compile(&self, query: &Dsl) -> Result<BoxQuery, StoreError> {
        Ok(match query {
            Dsl::MatchAll => everything(),
            Dsl::MatchNone => nothing(),
            Dsl::Match(query) => self.match_text(query)?,
            Dsl::MatchPhrase(query) => self.match_phrase(query)?,
            Dsl::MatchBoolPrefix(query) => self.match_bool_prefix(query)?,
            Dsl::MultiMatch(query) => self.multi_match(query)?,
            Dsl::Term(query) => self.term(query)?,
            Dsl::Terms(query) => self.terms(query)?,
            Dsl::Range(query) => self.range(query)?,
            Dsl::Exists(path) if path == "_source" => {
                let message = "The _source field is not searchable";
                return Err(StoreError::invalid(message).with_code("query_shard_exception"));
            }
            Dsl::Exists(path) => self.exists(path),
            Dsl::Prefix(query) => self.prefix(query)?,
            Dsl::Wildcard(query) => self.wildcard(query)?,
            Dsl::Regexp(query) => self.regexp(query)?,
            Dsl::Fuzzy(query) => self.fuzzy(query)?,
            Dsl::Ids(ids) => self.ids(ids),
            Dsl::Bool(query) => self.boolean(query)?,
            Dsl::ConstantScore(filter) => Box::new(ConstScoreQuery::new(self.compile(filter)?, 1.0)),
            Dsl::DisMax(query) => best_of(self.compile_all(&query.queries)?, query.tie_breaker),
            Dsl::QueryString(query) => self.query_string(query)?,
            Dsl::Span(span) => self.span(span)?,
            Dsl::Intervals(query) => self.intervals(query)?,
            Dsl::GeoBoundingBox(path, found) => self.geo(path, Region::Box(*found))?,
            Dsl::GeoDistance(query) => {
                self.geo(&query.field, Region::Circle(query.origin, query.distance_m))?
            }
            Dsl::GeoPolygon(path, corners) => self.geo(path, Region::Polygon(corners.as_slice().into()))?,
            Dsl::Script(call) => Box::new(ScriptQuery {
                call: call.clone(),
                fields: self.fields.owned(),
                watch: self.watch.clone(),
            }),
            Dsl::Nested(query) => self.nested(query)?,
            Dsl::FunctionScore(query) => Box::new(FunctionQuery::new(self, query)?),
            Dsl::Boosting(query) => Box::new(FunctionQuery::boosting(self, query)?),
            Dsl::Named(query, _) => self.compile(query)?,
            Dsl::Boosted(query, boost) => boosted(self.compile(query)?, *boost),
        })
    }

    fn compile_all(&self, queries: &[Dsl]) -> Result<Vec<BoxQuery>, StoreError> {
        queries.iter().map(|query| self.compile(query)).collect()
    }

    fn boolean(&self, query: &Bool) -> Result<BoxQuery, StoreError> {
        let mut clauses: Vec<(Occur, BoxQuery)> = Vec::new();
        for must in self.compile_all(&query.must)? {
            clauses.push((Occur::Must, must));
        }
        for filter in self.compile_all(&query.filter)? {
            clauses.push((Occur::Must, unscored(filter)));
        }
        let has_required = !clauses.is_empty();
        let should = self.compile_all(&query.should)?;
        if !has_required && should.is_empty() && query.must_not.is_empty() {
            // Without a clause it asks for everything, whatever it says of how many should match.
            return Ok(everything());
        }
        let default = usize::from(!has_required);
        let mut required =
            query.minimum_should_match.as_ref().map_or(default, |least| least.required(should.len()));
        if should.is_empty() {
            if required > 0 && query.minimum_should_match.is_some() {
                return Ok(nothing());
            }
            if !has_required {
                // Only prohibitions: everything else matches.
                clauses.push((Occur::Must, unscored(everything())));
            }
        } else {
            if !has_required {
                required = required.max(1);
            }
            if required > should.len() {
                return Ok(nothing());
            }
            if required > 0 {
                clauses.push((Occur::Must, some_of(should, required)));
            } else {
                clauses.extend(should.into_iter().map(|query| (Occur::Should, query)));
            }
        }
        for must_not in self.compile_all(&query.must_not)? {
            clauses.push((Occur::MustNot, must_not));
        }
        if clauses.len() == 1 {
            return Ok(clauses.remove(0).1);
        }
        Ok(Box::new(BooleanQuery::new(clauses)))
    }

    fn nested(&self, query: &Nested) -> Result<BoxQuery, StoreError> {
        if !check_path(&self.fields, &query.path, query.ignore_unmapped)? {
            return Ok(nothing());
        }
        let within = Compiler { fields: self.fields.within(Within::Nested(&query.path)), ..*self };
        // What can't be compiled for the documents can't be for the objects.
        let candidates = all_of(vec![within.compile(&superset(&query.query))?, within.exists(&query.path)]);
        within.compile(&query.query)?;
        Ok(Box::new(NestedQuery {
            nested: Arc::new(query.clone()),
            fields: self.fields.owned(),
            now: self.now,
            watch: self.watch.clone(),
            candidates: Arc::from(candidates),
        }))
    }

    /// Documents with a point in a region.
    fn geo(&self, path: &str, region: Region) -> Result<BoxQuery, StoreError> {
        let Some(field) = self.fields.resolve(path) else { return Ok(nothing()) };
        if field.family() != Family::Geo {
            let message = format!("field [{path}] is not a geo_point field");
            return Err(StoreError::invalid(message).with_code("query_shard_exception"));
        }
        if field.column.is_none() {
            let message = format!("field [{path}] has no doc values, which queries on points need");
            return Err(StoreError::invalid(message).with_code("query_shard_exception"));
        }
        Ok(Box::new(GeoQuery { field, region }))
    }

    /// A part of the documents, by the position of their write.
    pub(super) fn slice(&self, slice: Slice) -> BoxQuery {
        let schema = &self.fields.generation.schema;
        let shards = self.fields.index.limits.shards;
        unscored(Box::new(SliceQuery { slice, shards, id: schema.id, routing: schema.routing }))
    }

    fn ids(&self, ids: &[String]) -> BoxQuery {
        let field = self.fields.generation.schema.id;
        let terms = ids.iter().map(|id| Term::from_field_text(field, id)).collect();
        Box::new(ConstScoreQuery::new(any_term(terms), 1.0))
    }

    /// Documents that have a value in the field, or in any field below the object.
    pub(super) fn exists(&self, path: &str) -> BoxQuery {
        if matches!(path, "_id" | "_index" | "_type" | "_seq_no" | "_version") {
            return everything();
        }
        if path == "_routing" {
            let term = Term::from_field_text(self.fields.generation.schema.field_names, path);
            return Box::new(ConstScoreQuery::new(
                Box::new(TermQuery::new(term, IndexRecordOption::Basic)),
                1.0,
            ));
        }
        let paths = match self.fields.resolve(path) {
            Some(_) => vec![path],
            None if path.contains('*') => self.fields.expand(path),
            None => self.fields.below(path),
        };
        let queries: Vec<BoxQuery> = paths.into_iter().filter_map(|path| self.exists_leaf(path)).collect();
        Box::new(ConstScoreQuery::new(any_of(queries), 1.0))
    }

    fn exists_leaf(&self, path: &str) -> Option<BoxQuery> {
        let field = self.fields.resolve(path)?;
        Some(match field.column {
            Some(column) => Box::new(ExistsQuery::new(column, false)),
            None => {
                let term = Term::from_field_text(self.fields.generation.schema.field_names, &field.path);
                Box::new(TermQuery::new(term, IndexRecordOption::Basic))
            }
        })
    }

    fn range_query(
        &self,
        field: super::super::schema::ResolvedField,
        interval: super::column_query::Interval,
    ) -> BoxQuery {
        Box::new(ColumnRangeQuery { field, interval, zones: self.fields.generation.zones.clone() })
    }
}
