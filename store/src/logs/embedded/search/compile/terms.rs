//! Queries for exact values: `term`, `terms`, `range`, `prefix`, `wildcard`, `regexp`, `fuzzy`.

use super::super::super::{
    mapping::{DateFormats, Family, FieldType},
    schema::ResolvedField,
};
use super::super::column_query::{ColumnSetQuery, Interval, Number};
use super::super::dictionary_query::DictionaryQuery;
use super::super::term_pattern::TermPattern;
use super::values::{mapped, misfit, read_number};
use super::{BoxQuery, Compiler, any_of, any_term, nothing};
use crate::{
    StoreError,
    logs::dsl::{Bound as End, Fuzzy, Pattern, Prefix, Range, Term, Terms},
    scope::wildcard_match,
};
use serde_json::Value;
use std::{net::Ipv6Addr, ops::Bound};
use tantivy::{
    query::{ConstScoreQuery, TermQuery},
    schema::IndexRecordOption,
};

/// Sets of numbers from this size on are looked up in one pass over the column instead of one per value.
const SET_MIN: usize = 4;

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_string(field: &ResolvedField) -> bool {
    matches!(field.family(), Family::Keyword | Family::Text)
}

impl Compiler<'_> {
    pub(super) fn term(&self, query: &Term) -> Result<BoxQuery, StoreError> {
        let Some(field) = self.fields.resolve(&query.field) else { return Ok(self.index_name(query)) };
        if query.case_insensitive && is_string(&field) {
            let escaped = regex_free(&text_of(&query.value));
            return self.dictionary(field, TermPattern::wildcard(&escaped, true));
        }
        self.term_on(field, &query.value)
    }

    /// `_index` and `_type` are no fields of a document, but can be asked for.
    fn index_name(&self, query: &Term) -> BoxQuery {
        let wanted = query.value.as_str().unwrap_or_default();
        let is_it = match query.field.as_str() {
            "_index" if wanted.contains('*') => wildcard_match(wanted, &self.fields.index.name),
            "_index" => wanted == &*self.fields.index.name,
            "_type" => wanted == "_doc",
            _ => false,
        };
        if is_it { super::everything() } else { nothing() }
    }

    /// Whether a pattern on `_index` holds for this index; `None`: it is on another field.
    pub(super) fn index_pattern(
        &self,
        path: &str,
        pattern: Result<TermPattern, String>,
    ) -> Result<Option<BoxQuery>, StoreError> {
        if path != "_index" {
            return Ok(None);
        }
        let pattern = pattern.map_err(StoreError::invalid)?;
        Ok(Some(match pattern.matches_text(&self.fields.index.name) {
            true => super::everything(),
            false => nothing(),
        }))
    }

    /// Documents with exactly this value.
    pub(super) fn term_on(&self, field: ResolvedField, value: &Value) -> Result<BoxQuery, StoreError> {
        if is_string(&field) {
            return Ok(self.string_term(field, &text_of(value)));
        }
        if field.family() == Family::Range {
            return self.ranges_with(field, value);
        }
        Ok(match self.exact(&field, value)? {
            Some(interval) => self.range_query(field, interval),
            None => nothing(),
        })
    }

    /// Documents with exactly this string (or, in a text, this word).
    pub(super) fn string_term(&self, field: ResolvedField, text: &str) -> BoxQuery {
        if !field.inverted {
            let end = Bound::Included(text.to_owned());
            return self.range_query(field, Interval::Text(end.clone(), end));
        }
        let option = match field.family() {
            Family::Text => IndexRecordOption::WithFreqs,
            _ => IndexRecordOption::Basic,
        };
        Box::new(TermQuery::new(field.string_term(text), option))
    }

    pub(super) fn terms(&self, query: &Terms) -> Result<BoxQuery, StoreError> {
        let (count, most) = (query.values.len(), self.fields.index.limits.terms);
        if count > most {
            return Err(StoreError::invalid(format!(
                "The number of terms [{count}] used in the Terms Query request has exceeded the allowed maximum of [{most}]. \
                 This maximum can be set by changing the [index.max_terms_count] index level setting."
            )));
        }
        let Some(field) = self.fields.resolve(&query.field) else {
            let as_term = |value: &Value| Term {
                field: query.field.clone(),
                value: value.clone(),
                case_insensitive: false,
            };
            return Ok(any_of(query.values.iter().map(|value| self.index_name(&as_term(value))).collect()));
        };
        let matching: BoxQuery = if is_string(&field) && field.inverted {
            any_term(query.values.iter().map(|value| field.string_term(&text_of(value))).collect())
        } else if query.values.len() >= SET_MIN
            && !is_string(&field)
            && !matches!(field.family(), Family::Ip | Family::Date | Family::Range)
        {
            let mut values = Vec::with_capacity(query.values.len());
            for value in &query.values {
                values.extend(self.exact(&field, value)?);
            }
            Box::new(ColumnSetQuery { field, values })
        } else {
            let each = query.values.iter().map(|value| self.term_on(field.clone(), value));
            any_of(each.collect::<Result<_, _>>()?)
        };
        Ok(Box::new(ConstScoreQuery::new(matching, 1.0)))
    }

    pub(super) fn range(&self, query: &Range) -> Result<BoxQuery, StoreError> {
        let Some(field) = self.fields.resolve(&query.field) else { return Ok(nothing()) };
        let text_end = |end: &Option<End>| match end {
            None => Bound::Unbounded,
            Some(end) if end.inclusive => Bound::Included(text_of(&end.value)),
            Some(end) => Bound::Excluded(text_of(&end.value)),
        };
        let interval = match field.family() {
            Family::Integer | Family::Unsigned | Family::Float => self.number_interval(&field, query)?,
            Family::Date => self.date_interval(&field, query)?,
            Family::Ip => self.ip_interval(&field, query)?,
            Family::Keyword => Some(Interval::Text(text_end(&query.lower), text_end(&query.upper))),
            // Its words, as the index has them.
            Family::Text => {
                let words = TermPattern::between(text_end(&query.lower), text_end(&query.upper));
                return self.dictionary(field, Ok(words));
            }
            Family::Range => return self.ranges(field, query),
            Family::Boolean | Family::Geo => {
                return Err(StoreError::invalid(format!(
                    "field \"{}\" of type [{}] does not support [range] queries",
                    field.path,
                    field.field_type.name()
                )));
            }
        };
        Ok(match interval {
            Some(_) if field.column.is_none() => {
                return Err(StoreError::invalid(format!(
                    "field \"{}\" has no doc values and so does not support [range] queries",
                    field.path
                )));
            }
            Some(interval) => self.range_query(field, interval),
            None => nothing(),
        })
    }

    fn number_interval(&self, field: &ResolvedField, query: &Range) -> Result<Option<Interval>, StoreError> {
        let end = |end: &Option<End>| match end {
            None => Ok(Bound::Unbounded),
            Some(end) => {
                let number = read_number(&end.value).ok_or_else(|| misfit(field, &end.value))?;
                let number = match field.field_type {
                    FieldType::Float | FieldType::HalfFloat => {
                        Number::Fraction(field.field_type.rounded(number.as_f64()))
                    }
                    _ => number,
                };
                Ok(if end.inclusive { Bound::Included(number) } else { Bound::Excluded(number) })
            }
        };
        Ok(Some(Interval::Number(end(&query.lower)?, end(&query.upper)?)))
    }

    fn date_interval(&self, field: &ResolvedField, query: &Range) -> Result<Option<Interval>, StoreError> {
        let format =
            query.format.as_deref().map(DateFormats::parse).transpose().map_err(StoreError::invalid)?;
        let reader = self.date_reader(field, format.as_ref(), query.time_zone.as_deref())?;
        // Elasticsearch rounds missing parts up for `gt` and `lte`, down for `gte` and `lt`.
        let low = match &query.lower {
            None => Some(i64::MIN),
            Some(end) if end.inclusive => Some(reader.read(&end.value, false)?),
            Some(end) => reader.read(&end.value, true)?.checked_add(1),
        };
        let high = match &query.upper {
            None => Some(i64::MAX),
            Some(end) if end.inclusive => Some(reader.read(&end.value, true)?),
            Some(end) => reader.read(&end.value, false)?.checked_sub(1),
        };
        Ok(low.zip(high).filter(|(low, high)| low <= high).map(|(low, high)| Interval::Date(low, high)))
    }

    fn ip_interval(&self, field: &ResolvedField, query: &Range) -> Result<Option<Interval>, StoreError> {
        let read = |value: &Value| {
            let address = value.as_str().and_then(|text| text.parse().ok()).map(mapped);
            address.map(u128::from).ok_or_else(|| misfit(field, value))
        };
        let low = match &query.lower {
            None => Some(0),
            Some(end) if end.inclusive => Some(read(&end.value)?),
            Some(end) => read(&end.value)?.checked_add(1),
        };
        let high = match &query.upper {
            None => Some(u128::MAX),
            Some(end) if end.inclusive => Some(read(&end.value)?),
            Some(end) => read(&end.value)?.checked_sub(1),
        };
        let ends = low.zip(high).filter(|(low, high)| low <= high);
        Ok(ends.map(|(low, high)| Interval::Ip(Ipv6Addr::from(low), Ipv6Addr::from(high))))
    }

    pub(super) fn prefix(&self, query: &Prefix) -> Result<BoxQuery, StoreError> {
        let pattern = TermPattern::prefix(&query.value, query.case_insensitive);
        if let Some(matched) = self.index_pattern(&query.field, pattern.clone())? {
            return Ok(matched);
        }
        let Some(field) = self.strings(&query.field, "prefix")? else { return Ok(nothing()) };
        self.dictionary(field, pattern)
    }

    pub(super) fn wildcard(&self, query: &Pattern) -> Result<BoxQuery, StoreError> {
        let pattern = TermPattern::wildcard(&query.pattern, query.case_insensitive);
        if let Some(matched) = self.index_pattern(&query.field, pattern.clone())? {
            return Ok(matched);
        }
        let Some(field) = self.strings(&query.field, "wildcard")? else { return Ok(nothing()) };
        self.dictionary(field, pattern)
    }

    /// Refuses regular expressions that are longer than the index lets them be.
    pub(in super::super) fn check_regex(&self, pattern: &str) -> Result<(), StoreError> {
        let (length, most) = (pattern.chars().count(), self.fields.index.limits.regex);
        if length <= most {
            return Ok(());
        }
        Err(StoreError::invalid(format!(
            "The length of regex [{length}] used in the Regexp Query request has exceeded the allowed maximum of [{most}]. \
             This maximum can be set by changing the [index.max_regex_length] index level setting."
        )))
    }

    pub(super) fn regexp(&self, query: &Pattern) -> Result<BoxQuery, StoreError> {
        self.check_regex(&query.pattern)?;
        let pattern = TermPattern::lucene_regex(&query.pattern, query.case_insensitive);
        if let Some(matched) = self.index_pattern(&query.field, pattern.clone())? {
            return Ok(matched);
        }
        let Some(field) = self.strings(&query.field, "regexp")? else { return Ok(nothing()) };
        self.dictionary(field, pattern)
    }

    pub(super) fn fuzzy(&self, query: &Fuzzy) -> Result<BoxQuery, StoreError> {
        let Some(field) = self.strings(&query.field, "fuzzy")? else { return Ok(nothing()) };
        let edits = query.fuzziness.edits(&query.value);
        let pattern = TermPattern::similar(&query.value, edits, query.prefix_length, query.transpositions);
        self.dictionary(field, Ok(pattern.at_most(query.max_expansions)))
    }

    /// A field of strings; `None` if unknown.
    fn strings(&self, path: &str, query: &str) -> Result<Option<ResolvedField>, StoreError> {
        match self.fields.resolve(path) {
            Some(field) if !is_string(&field) => Err(StoreError::invalid(format!(
                "can only use [{query}] queries on keyword and text fields, not on \"{path}\" which is of type [{}]",
                field.field_type.name()
            ))),
            field => Ok(field),
        }
    }

    pub(super) fn dictionary(
        &self,
        field: ResolvedField,
        pattern: Result<TermPattern, String>,
    ) -> Result<BoxQuery, StoreError> {
        let pattern =
            pattern.map_err(|message| StoreError::invalid(format!("field \"{}\": {message}", field.path)))?;
        Ok(Box::new(DictionaryQuery { field, pattern, watch: self.watch.clone() }))
    }
}

/// A text as a wildcard pattern that matches only itself.
fn regex_free(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '*' | '?' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}
