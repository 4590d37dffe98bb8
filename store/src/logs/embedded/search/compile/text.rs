//! Queries for analysed text: `match` and its family.

use super::super::super::{
    mapping::Family,
    schema::{ResolvedField, STANDARD},
};
use super::super::term_pattern::TermPattern;
use super::{BoxQuery, Compiler, all_of, any_of, best_of, boosted, everything, nothing, some_of};
use crate::{
    StoreError,
    logs::dsl::{Analyzer, Match, MatchPhrase, MultiMatch, MultiMatchType, Operator},
};
use serde_json::Value;
use tantivy::query::{PhrasePrefixQuery, PhraseQuery};

/// A word of an analysed text and its position.
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) position: usize,
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Compiler<'_> {
    /// The words of a text, as the fields' analyser finds them, or another.
    pub(in super::super) fn tokens(&self, text: &str, analyzer: Option<Analyzer>) -> Vec<Token> {
        let token = |(position, text): (usize, String)| Token { text, position };
        match analyzer {
            None | Some(Analyzer::Standard) => self.standard_tokens(text),
            Some(Analyzer::Keyword) => vec![token((0, text.to_owned()))],
            Some(Analyzer::Whitespace) => {
                text.split_whitespace().map(str::to_owned).enumerate().map(token).collect()
            }
            Some(Analyzer::Simple) => {
                let words = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
                words.map(str::to_lowercase).enumerate().map(token).collect()
            }
        }
    }

    fn standard_tokens(&self, text: &str) -> Vec<Token> {
        let Some(mut analyzer) = self.fields.generation.searcher.index().tokenizers().get(STANDARD) else {
            return Vec::new();
        };
        let mut stream = analyzer.token_stream(text);
        let mut tokens = Vec::new();
        while let Some(token) = stream.next() {
            tokens.push(Token { text: token.text.clone(), position: token.position });
        }
        tokens
    }

    /// Words like this one, if it may differ; else itself.
    fn word(&self, field: &ResolvedField, word: &str, query: &Match) -> Result<BoxQuery, StoreError> {
        match query.fuzziness.map_or(0, |fuzziness| fuzziness.edits(word)) {
            0 => Ok(self.string_term(field.clone(), word)),
            edits => self.dictionary(
                field.clone(),
                Ok(TermPattern::similar(word, edits, query.prefix_length, query.transpositions)
                    .at_most(query.max_expansions)),
            ),
        }
    }

    pub(super) fn match_text(&self, query: &Match) -> Result<BoxQuery, StoreError> {
        match self.fields.resolve(&query.field) {
            Some(field) => self.match_on(field, query),
            None => Ok(nothing()),
        }
    }

    /// `match` on one field.
    pub(super) fn match_on(&self, field: ResolvedField, query: &Match) -> Result<BoxQuery, StoreError> {
        let text = text_of(&query.query);
        if field.family() != Family::Text {
            if let (Some(fuzziness), Family::Keyword) = (query.fuzziness, field.family()) {
                let edits = fuzziness.edits(&text);
                let pattern = TermPattern::similar(&text, edits, query.prefix_length, query.transpositions);
                return self.dictionary(field, Ok(pattern.at_most(query.max_expansions)));
            }
            return lenient(self.term_on(field, &query.query), query.lenient);
        }
        let tokens = self.tokens(&text, query.analyzer);
        if tokens.is_empty() {
            return Ok(if query.zero_terms_all { everything() } else { nothing() });
        }
        let words =
            tokens.iter().map(|token| self.word(&field, &token.text, query)).collect::<Result<_, _>>()?;
        Ok(combine(words, query))
    }

    pub(super) fn match_phrase(&self, query: &MatchPhrase) -> Result<BoxQuery, StoreError> {
        match self.fields.resolve(&query.field) {
            Some(field) => {
                let analyzer = (query.analyzer, query.zero_terms_all);
                self.phrase_on(field, &query.query, query.slop, query.prefix_expansions, analyzer)
            }
            None => Ok(nothing()),
        }
    }

    /// A phrase in one field; with `prefix_expansions`, its last word is only a beginning.
    pub(super) fn phrase_on(
        &self,
        field: ResolvedField,
        phrase: &Value,
        slop: u32,
        prefix_expansions: Option<u32>,
        (analyzer, zero_terms_all): (Option<Analyzer>, bool),
    ) -> Result<BoxQuery, StoreError> {
        let text = text_of(phrase);
        if field.family() != Family::Text {
            return match (prefix_expansions, field.family()) {
                (Some(_), Family::Keyword) => self.dictionary(field, TermPattern::prefix(&text, false)),
                _ => self.term_on(field, phrase),
            };
        }
        let tokens = self.tokens(&text, analyzer);
        let terms: Vec<_> =
            tokens.iter().map(|token| (token.position, field.string_term(&token.text))).collect();
        match (tokens.as_slice(), prefix_expansions) {
            ([], _) if zero_terms_all => Ok(everything()),
            ([], _) => Ok(nothing()),
            ([only], None) => Ok(self.string_term(field, &only.text)),
            ([only], Some(_)) => self.dictionary(field, TermPattern::prefix(&only.text, false)),
            (_, None) => Ok(Box::new(PhraseQuery::new_with_offset_and_slop(terms, slop))),
            (_, Some(expansions)) => {
                let mut query = PhrasePrefixQuery::new_with_offset(terms);
                query.set_max_expansions(expansions);
                Ok(Box::new(query))
            }
        }
    }

    pub(super) fn match_bool_prefix(&self, query: &Match) -> Result<BoxQuery, StoreError> {
        match self.fields.resolve(&query.field) {
            Some(field) => self.bool_prefix_on(field, query),
            None => Ok(nothing()),
        }
    }

    fn bool_prefix_on(&self, field: ResolvedField, query: &Match) -> Result<BoxQuery, StoreError> {
        let text = text_of(&query.query);
        match field.family() {
            Family::Text => {}
            Family::Keyword => return self.dictionary(field, TermPattern::prefix(&text, false)),
            _ => return lenient(self.term_on(field, &query.query), query.lenient),
        }
        let tokens = self.tokens(&text, query.analyzer);
        let last = tokens.len().saturating_sub(1);
        let words = tokens
            .iter()
            .enumerate()
            .map(|(position, token)| match position == last {
                true => self.dictionary(field.clone(), TermPattern::prefix(&token.text, false)),
                false => self.word(&field, &token.text, query),
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(if words.is_empty() { nothing() } else { combine(words, query) })
    }

    /// Each word in any of the fields, as if these were one.
    fn cross_fields(&self, query: &MultiMatch) -> Result<BoxQuery, StoreError> {
        let fields = self.fields_of(&query.fields);
        let text = text_of(&query.text.query);
        let mut words = Vec::new();
        for token in self.tokens(&text, query.text.analyzer) {
            let mut per_field = Vec::with_capacity(fields.len());
            for (field, boost, listed) in &fields {
                let value = Value::String(token.text.clone());
                let matched = match field.family() {
                    Family::Text => Ok(self.string_term(field.clone(), &token.text)),
                    _ => self.term_on(field.clone(), &value),
                };
                per_field.push(boosted(lenient(matched, query.text.lenient || !listed)?, *boost));
            }
            words.push(best_of(per_field, query.tie_breaker));
        }
        if words.is_empty() {
            return Ok(if query.text.zero_terms_all { everything() } else { nothing() });
        }
        Ok(combine(words, &query.text))
    }

    pub(super) fn multi_match(&self, query: &MultiMatch) -> Result<BoxQuery, StoreError> {
        if query.kind == MultiMatchType::CrossFields {
            return self.cross_fields(query);
        }
        let mut per_field = Vec::new();
        let analyzer = (query.text.analyzer, query.text.zero_terms_all);
        for (field, boost, listed) in self.fields_of(&query.fields) {
            let matched = match query.kind {
                MultiMatchType::BestFields | MultiMatchType::MostFields | MultiMatchType::CrossFields => {
                    self.match_on(field, &query.text)
                }
                MultiMatchType::Phrase => {
                    self.phrase_on(field, &query.text.query, query.slop, None, analyzer)
                }
                MultiMatchType::PhrasePrefix => {
                    self.phrase_on(field, &query.text.query, 0, Some(50), analyzer)
                }
                MultiMatchType::BoolPrefix => self.bool_prefix_on(field, &query.text),
            };
            let matched = lenient(matched, query.text.lenient || !listed)?;
            per_field.push(boosted(matched, boost));
        }
        Ok(match query.kind {
            MultiMatchType::MostFields if query.tie_breaker == 1.0 => any_of(per_field),
            _ => best_of(per_field, query.tie_breaker),
        })
    }

    /// The fields of a list with patterns (an empty one means all), their boosts, and whether each was named in full.
    pub(super) fn fields_of(&self, list: &[(String, f32)]) -> Vec<(ResolvedField, f32, bool)> {
        if list.is_empty() {
            let all = self.fields.all_searchable().into_iter();
            return all.filter_map(|path| Some((self.fields.resolve(path)?, 1.0, false))).collect();
        }
        let mut found = Vec::new();
        for (pattern, boost) in list {
            if pattern.contains('*') {
                let paths = self.fields.expand(pattern).into_iter();
                found.extend(paths.filter_map(|path| Some((self.fields.resolve(path)?, *boost, false))));
            } else if let Some(field) = self.fields.resolve(pattern) {
                found.push((field, *boost, true));
            }
        }
        found.retain(|(field, ..)| field.family() != Family::Geo);
        found
    }
}

/// Where values need not fit: what does not fit matches nothing.
pub(super) fn lenient(query: Result<BoxQuery, StoreError>, lenient: bool) -> Result<BoxQuery, StoreError> {
    match query {
        Err(error) if lenient && error.kind == crate::ErrorKind::InvalidRequest => Ok(nothing()),
        other => other,
    }
}

fn combine(words: Vec<BoxQuery>, query: &Match) -> BoxQuery {
    match (query.operator, &query.minimum_should_match) {
        (Operator::And, _) => all_of(words),
        (Operator::Or, Some(least)) => {
            let required = least.required(words.len()).max(1);
            some_of(words, required)
        }
        (Operator::Or, None) => any_of(words),
    }
}
