//! `suggest`: words like those of a text that the index knows.
//!
//! Source: Elasticsearch reference 7.10, "Suggesters". Only the term suggester: phrase and completion need structures of
//! their own, and are refused by name.

use super::parse_text::analyzer;
use super::query::Analyzer;
use super::read::{Place, illegal, invalid, number, object, parameters, scalar_text};
use crate::StoreError;
use event::Object;
use serde::Deserialize;
use serde_json::Value;

/// Suggestions of one search.
const SUGGESTIONS_MAX: usize = 16;
/// Options of one word.
const SIZE_MAX: usize = 1_000;
/// Bytes of a text that is looked at: each word of it is held against a whole dictionary.
const TEXT_MAX_BYTES: usize = 1_024;

/// One suggestion.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// Its name in the answer.
    pub name: String,
    /// The text.
    pub text: String,
    /// Where its words are looked for: a dotted path.
    pub field: String,
    /// Options for each word at most.
    pub size: usize,
    /// Their order.
    pub sort: SuggestSort,
    /// For which words there are any.
    pub mode: SuggestMode,
    /// How far an option may be from the word: 1 or 2.
    pub max_edits: u8,
    /// Characters at the start that must be the same.
    pub prefix_length: usize,
    /// Shorter words get none.
    pub min_word_length: usize,
    /// Options stand in at least so many documents (below 1: that share of all).
    pub min_doc_freq: f64,
    /// Words in more documents than this (below 1: than that share of all) are taken as right.
    pub max_term_freq: f64,
    /// What cuts the text into words, instead of the field's own.
    pub analyzer: Option<Analyzer>,
}

/// `sort` of a suggestion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SuggestSort {
    /// The most alike first.
    #[default]
    Score,
    /// The most frequent first.
    Frequency,
}

/// `suggest_mode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SuggestMode {
    /// Only for words that the index does not know.
    #[default]
    Missing,
    /// Only options that are more frequent than the word.
    Popular,
    /// For every word.
    Always,
}

/// Parses `suggest` of a search body.
pub(super) fn suggestions(body: &Object, place: &Place<'_>) -> Result<Vec<Suggestion>, StoreError> {
    let text = |value: &Value| scalar_text("[suggest] text", value, place);
    let common = body.get("text").map(text).transpose()?;
    let named = body.iter().filter(|(name, _)| *name != "text");
    let read =
        |(name, value): (&String, &Value)| suggestion(name, value, common.as_deref(), &place.key(name));
    let found: Vec<Suggestion> = named.map(read).collect::<Result<_, _>>()?;
    match found.len() <= SUGGESTIONS_MAX {
        true => Ok(found),
        false => Err(illegal(place, format!("a search takes at most {SUGGESTIONS_MAX} suggestions"))),
    }
}

fn suggestion(
    name: &str,
    value: &Value,
    common: Option<&str>,
    place: &Place<'_>,
) -> Result<Suggestion, StoreError> {
    let (mut text, mut term) = (common.map(str::to_owned), None);
    for (key, value) in object("[suggest]", value, place)? {
        match key.as_str() {
            "text" | "prefix" => text = Some(scalar_text("[suggest] text", value, place)?),
            "term" => term = Some(value),
            other => return Err(invalid(place, format!("suggester [{other}] is not supported"))),
        }
    }
    let text = text.ok_or_else(|| illegal(place, "The required text option is missing"))?;
    if text.len() > TEXT_MAX_BYTES {
        return Err(illegal(
            place,
            format!("the text of a suggestion is longer than {TEXT_MAX_BYTES} bytes"),
        ));
    }
    let term = term.ok_or_else(|| invalid(place, "a suggestion needs a [term]"))?;
    of_terms(name, text, term, &place.key("term"))
}

fn of_terms(name: &str, text: String, value: &Value, place: &Place<'_>) -> Result<Suggestion, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        field: String,
        #[serde(default, deserialize_with = "number")]
        size: Option<usize>,
        #[serde(default)]
        sort: SuggestSort,
        #[serde(default)]
        suggest_mode: SuggestMode,
        #[serde(default, deserialize_with = "number")]
        max_edits: Option<u8>,
        #[serde(default, alias = "prefix_len", deserialize_with = "number")]
        prefix_length: Option<usize>,
        #[serde(default, alias = "min_word_len", deserialize_with = "number")]
        min_word_length: Option<usize>,
        #[serde(default, deserialize_with = "number")]
        min_doc_freq: Option<f64>,
        #[serde(default, deserialize_with = "number")]
        max_term_freq: Option<f64>,
        analyzer: Option<String>,
        // All indices are asked as one, and every word of the dictionary is looked at.
        #[serde(rename = "shard_size")]
        _shard_size: Option<Value>,
        #[serde(rename = "max_inspections")]
        _max_inspections: Option<Value>,
        #[serde(rename = "string_distance")]
        _string_distance: Option<String>,
        #[serde(rename = "lowercase_terms")]
        _lowercase_terms: Option<bool>,
    }
    let read: Parameters = parameters("[term] suggester", value, place)?;
    let max_edits = read.max_edits.unwrap_or(2);
    if !(1..=2).contains(&max_edits) {
        return Err(illegal(place, "maxEdits must be between 1 and 2"));
    }
    let size = read.size.unwrap_or(5);
    if size == 0 || size > SIZE_MAX {
        return Err(illegal(place, format!("size must be between 1 and {SIZE_MAX}")));
    }
    Ok(Suggestion {
        name: name.to_owned(),
        text,
        field: read.field,
        size,
        sort: read.sort,
        mode: read.suggest_mode,
        max_edits,
        prefix_length: read.prefix_length.unwrap_or(1),
        min_word_length: read.min_word_length.unwrap_or(4),
        min_doc_freq: read.min_doc_freq.unwrap_or(0.0),
        max_term_freq: read.max_term_freq.unwrap_or(0.01),
        analyzer: read.analyzer.as_deref().map(|name| analyzer(name, place)).transpose()?,
    })
}
