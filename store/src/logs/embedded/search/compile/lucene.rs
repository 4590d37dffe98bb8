//! `query_string` and `simple_query_string`.

use super::super::super::{mapping::Family, schema::ResolvedField};
use super::super::term_pattern::TermPattern;
use super::text::lenient;
use super::{BoxQuery, Compiler, best_of, boosted, everything, nothing, some_of, unscored};
use crate::{
    StoreError,
    logs::{
        dsl::{Bound, Match, QueryStringQuery, Range, RangeRelation},
        query_string::{Clause, Leaf, Node, Occur},
    },
};
use serde_json::Value;
use tantivy::query::{BooleanQuery, Occur as TantivyOccur};

impl Compiler<'_> {
    pub(super) fn query_string(&self, query: &QueryStringQuery) -> Result<BoxQuery, StoreError> {
        match (&query.query, &query.minimum_should_match) {
            (Node::Group(clauses), Some(least)) => {
                self.group(clauses, query, |optional| least.required(optional))
            }
            (node, _) => self.node(node, query),
        }
    }

    fn node(&self, node: &Node, query: &QueryStringQuery) -> Result<BoxQuery, StoreError> {
        match node {
            Node::All => Ok(everything()),
            Node::Group(clauses) => self.group(clauses, query, |_| 0),
            Node::Boosted(inner, boost) => Ok(boosted(self.node(inner, query)?, *boost)),
            Node::Leaf { field: Some(path), leaf: Leaf::Exists } => Ok(self.exists(path)),
            Node::Leaf { field: None, leaf: Leaf::Exists } => Ok(everything()),
            Node::Leaf { field, leaf } => self.leaf(field.as_deref(), leaf, query),
        }
    }

    fn group(
        &self,
        clauses: &[Clause],
        query: &QueryStringQuery,
        least: impl Fn(usize) -> usize,
    ) -> Result<BoxQuery, StoreError> {
        if clauses.is_empty() {
            return Ok(nothing());
        }
        let (mut required, mut optional) = (Vec::new(), Vec::new());
        for clause in clauses {
            let inner = self.node(&clause.node, query)?;
            match clause.occur {
                Occur::Must => required.push((TantivyOccur::Must, inner)),
                Occur::MustNot => required.push((TantivyOccur::MustNot, inner)),
                Occur::Should => optional.push(inner),
            }
        }
        let has_must = required.iter().any(|(occur, _)| *occur == TantivyOccur::Must);
        let least = least(optional.len()).max(usize::from(!has_must));
        if optional.is_empty() {
            if !has_must {
                // Only prohibitions: everything else.
                required.push((TantivyOccur::Must, unscored(everything())));
            }
        } else if least == 0 {
            required.extend(optional.into_iter().map(|inner| (TantivyOccur::Should, inner)));
        } else {
            required.push((TantivyOccur::Must, some_of(optional, least)));
        }
        if required.len() == 1 {
            return Ok(required.remove(0).1);
        }
        Ok(Box::new(BooleanQuery::new(required)))
    }

    fn leaf(
        &self,
        field: Option<&str>,
        leaf: &Leaf,
        query: &QueryStringQuery,
    ) -> Result<BoxQuery, StoreError> {
        if let Leaf::Regex(pattern) = leaf {
            self.check_regex(pattern)?;
        }
        if field == Some("_index") {
            return self.index_leaf(leaf);
        }
        let own;
        let list = match field {
            Some("*") => &[],
            Some(path) => {
                own = [(path.to_owned(), 1.0)];
                own.as_slice()
            }
            None => query.fields.as_slice(),
        };
        let is_wanted = |field: &ResolvedField| match leaf {
            // Patterns speak of strings.
            Leaf::Wildcard(_) | Leaf::Regex(_) | Leaf::Fuzzy { .. } => {
                matches!(field.family(), Family::Keyword | Family::Text)
            }
            _ => true,
        };
        let mut per_field = Vec::new();
        for (field, boost, listed) in self.fields_of(list) {
            let field = self.for_phrases(field, leaf, query);
            if listed || is_wanted(&field) {
                let matched = lenient(self.leaf_on(field, leaf, query), query.lenient || !listed)?;
                per_field.push(boosted(matched, boost));
            }
        }
        Ok(best_of(per_field, query.tie_breaker))
    }

    /// `_index` is no field of a document: its name is the same for all of an index.
    fn index_leaf(&self, leaf: &Leaf) -> Result<BoxQuery, StoreError> {
        let pattern = match leaf {
            Leaf::Term(text) | Leaf::Phrase { text, .. } | Leaf::Wildcard(text) => {
                TermPattern::wildcard(text, false)
            }
            Leaf::Regex(pattern) => TermPattern::lucene_regex(pattern, false),
            Leaf::Exists => return Ok(everything()),
            Leaf::Fuzzy { .. } | Leaf::Range { .. } => return Ok(nothing()),
        };
        Ok(self.index_pattern("_index", pattern)?.unwrap_or_else(nothing))
    }

    /// The field that phrases are looked for in, where the query names a suffix and there is such a field.
    fn for_phrases(&self, field: ResolvedField, leaf: &Leaf, query: &QueryStringQuery) -> ResolvedField {
        match (leaf, &query.quote_field_suffix) {
            (Leaf::Phrase { .. }, Some(suffix)) => {
                self.fields.resolve(&format!("{}{suffix}", field.path)).unwrap_or(field)
            }
            _ => field,
        }
    }

    fn leaf_on(
        &self,
        field: ResolvedField,
        leaf: &Leaf,
        query: &QueryStringQuery,
    ) -> Result<BoxQuery, StoreError> {
        let is_text = field.family() == Family::Text;
        let is_string = is_text || field.family() == Family::Keyword;
        let not_a_string = |what: &str| {
            Err(StoreError::invalid(format!(
                "field \"{}\" of type [{}] does not support {what}",
                field.path,
                field.field_type.name()
            )))
        };
        match leaf {
            Leaf::Term(text) => {
                let words = Match {
                    field: String::new(),
                    query: Value::String(text.clone()),
                    operator: query.operator,
                    minimum_should_match: None,
                    fuzziness: None,
                    prefix_length: 0,
                    transpositions: true,
                    max_expansions: query.fuzzy_max_expansions,
                    analyzer: query.analyzer,
                    zero_terms_all: false,
                    lenient: query.lenient,
                };
                self.match_on(field, &words)
            }
            Leaf::Phrase { text, slop } => {
                let slop = slop.unwrap_or(query.phrase_slop);
                self.phrase_on(field, &Value::String(text.clone()), slop, None, (query.analyzer, false))
            }
            Leaf::Wildcard(_) | Leaf::Regex(_) | Leaf::Fuzzy { .. } if !is_string => not_a_string("patterns"),
            Leaf::Wildcard(pattern) => {
                // Words of a text are stored in lower case.
                let pattern = if is_text { pattern.to_lowercase() } else { pattern.clone() };
                self.dictionary(field, TermPattern::wildcard(&pattern, false))
            }
            Leaf::Regex(pattern) => self.dictionary(field, TermPattern::lucene_regex(pattern, false)),
            Leaf::Fuzzy { text, edits } => {
                let word = if is_text { text.to_lowercase() } else { text.clone() };
                let edits = edits.unwrap_or_else(|| query.fuzziness.edits(&word));
                let (prefix, transpositions) = (query.fuzzy_prefix_length, query.fuzzy_transpositions);
                let pattern = TermPattern::similar(&word, edits, prefix, transpositions);
                self.dictionary(field, Ok(pattern.at_most(query.fuzzy_max_expansions)))
            }
            Leaf::Range { lower, upper } => {
                let end = |end: &Option<(String, bool)>| {
                    end.as_ref().map(|(text, inclusive)| Bound {
                        // Words of a text are stored in lower case.
                        value: Value::String(if is_text { text.to_lowercase() } else { text.clone() }),
                        inclusive: *inclusive,
                    })
                };
                self.range(&Range {
                    field: field.path.clone(),
                    lower: end(lower),
                    upper: end(upper),
                    format: None,
                    time_zone: query.time_zone.clone(),
                    relation: RangeRelation::default(),
                })
            }
            Leaf::Exists => Ok(self.exists(&field.path)),
        }
    }
}
