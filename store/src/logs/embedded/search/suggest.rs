//! The term suggester: words of the dictionaries that are like those of a text.
//!
//! *Invariant*: an option is told only if it stands in a document that the caller may see, however the caller is narrowed.

use super::super::mapping::Family;
use super::super::schema::{ResolvedField, STANDARD};
use super::column::engine_error;
use super::dictionary_query::terms_of;
use super::term_pattern::TermPattern;
use super::{BoxQuery, Search, Shard};
use crate::{
    StoreError,
    logs::dsl::{Analyzer, SuggestMode, SuggestSort, Suggestion},
};
use event::Object;
use serde_json::{Value, json};
use std::collections::HashMap;
use tantivy::{BitSet, DocSet, SegmentReader, TERMINATED, query::EnableScoring, schema::IndexRecordOption};

/// Words of one text.
const WORDS_MAX: usize = 32;
/// Words like one word that are held.
const CANDIDATES_MAX: usize = 10_000;

/// A word of the text, and where it stands there, in characters.
struct Word {
    text: String,
    offset: usize,
    length: usize,
    /// Documents that hold it.
    frequency: u64,
    /// Words like it, with the documents that hold them.
    alike: HashMap<String, u64>,
}

/// `suggest` of the answer.
pub(super) fn suggest(
    search: &Search<'_>,
    shards: &[Shard<'_>],
    typed_keys: bool,
) -> Result<Object, StoreError> {
    let mut out = Object::new();
    for suggestion in &search.body.suggest {
        let mut words: Vec<Word> = Vec::new();
        let (mut documents, mut known) = (0_u64, false);
        for shard in shards {
            documents += shard.generation.searcher.num_docs();
            let Some(field) = shard.fields().resolve(&suggestion.field) else { continue };
            known = true;
            if !matches!(field.family(), Family::Text | Family::Keyword) || !field.inverted {
                let message = format!("no words to suggest in field [{}]", suggestion.field);
                return Err(StoreError::invalid(message));
            }
            if words.is_empty() {
                words = words_of(shard, suggestion, &field);
            }
            for reader in shard.generation.searcher.segment_readers() {
                let visible = visible(shard.everything.as_ref(), shard, reader)?;
                for word in &mut words {
                    search.watch.check()?;
                    collect(search, suggestion, &field, reader, visible.as_ref(), word)?;
                }
            }
        }
        if !known && !shards.is_empty() {
            return Err(StoreError::invalid(format!("no mapping found for field [{}]", suggestion.field)));
        }
        let entries = words.into_iter().map(|word| entry(suggestion, word, documents)).collect();
        let name = match typed_keys {
            true => format!("term#{}", suggestion.name),
            false => suggestion.name.clone(),
        };
        out.insert(name, Value::Array(entries));
    }
    Ok(out)
}

fn words_of(shard: &Shard<'_>, suggestion: &Suggestion, field: &ResolvedField) -> Vec<Word> {
    let text = suggestion.text.as_str();
    let word = |text: String, offset: usize, length: usize| Word {
        text,
        offset,
        length,
        frequency: 0,
        alike: HashMap::new(),
    };
    let whole = field.family() == Family::Keyword && suggestion.analyzer.is_none();
    if whole || suggestion.analyzer == Some(Analyzer::Keyword) {
        return vec![word(text.to_owned(), 0, text.chars().count())];
    }
    let tokenizers = shard.generation.searcher.index().tokenizers();
    let Some(mut analyzer) = tokenizers.get(STANDARD) else { return Vec::new() };
    let mut stream = analyzer.token_stream(text);
    let mut words = Vec::new();
    let characters = |to: usize| text.get(..to).unwrap_or_default().chars().count();
    while let Some(token) = stream.next() {
        let (from, to) = (characters(token.offset_from), characters(token.offset_to));
        words.push(word(token.text.clone(), from, to - from));
        if words.len() == WORDS_MAX {
            break;
        }
    }
    words
}

/// The documents of a segment that the caller may see; `None`: all.
fn visible(
    everything: Option<&BoxQuery>,
    shard: &Shard<'_>,
    reader: &SegmentReader,
) -> Result<Option<BitSet>, StoreError> {
    let Some(query) = everything.filter(|_| shard.narrowed) else { return Ok(None) };
    let scoring = EnableScoring::disabled_from_searcher(&shard.generation.searcher);
    let weight = query.weight(scoring).map_err(engine_error)?;
    let mut scorer = weight.scorer(reader, 1.0).map_err(engine_error)?;
    let mut docs = BitSet::with_max_value(reader.max_doc());
    while scorer.doc() != TERMINATED {
        docs.insert(scorer.doc());
        scorer.advance();
    }
    Ok(Some(docs))
}

/// Adds the words of a segment that are like a word.
fn collect(
    search: &Search<'_>,
    suggestion: &Suggestion,
    field: &ResolvedField,
    reader: &SegmentReader,
    visible: Option<&BitSet>,
    word: &mut Word,
) -> Result<(), StoreError> {
    let pattern = TermPattern::similar(&word.text, suggestion.max_edits, suggestion.prefix_length, true);
    let index = reader.inverted_index(field.field()).map_err(engine_error)?;
    terms_of(field, &pattern, &index, &search.watch, |term, info| {
        let frequency = match visible {
            None => u64::from(info.doc_freq),
            Some(visible) => {
                let mut postings = index.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
                let mut count = 0;
                while postings.doc() != TERMINATED {
                    count += u64::from(visible.contains(postings.doc()));
                    postings.advance();
                }
                count
            }
        };
        match std::str::from_utf8(term) {
            Ok(term) if term == word.text => word.frequency += frequency,
            Ok(term) if frequency > 0 => *word.alike.entry(term.to_owned()).or_default() += frequency,
            _ => {}
        }
        Ok(word.alike.len() < CANDIDATES_MAX)
    })
    .map_err(engine_error)
}

/// A number of documents, or a share of them.
fn threshold(given: f64, documents: u64) -> f64 {
    if given >= 1.0 { given } else { given * documents as f64 }
}

fn entry(suggestion: &Suggestion, word: Word, documents: u64) -> Value {
    let length = word.text.chars().count();
    let is_right = match suggestion.mode {
        SuggestMode::Missing => word.frequency > 0,
        SuggestMode::Popular => word.frequency as f64 > threshold(suggestion.max_term_freq, documents),
        SuggestMode::Always => false,
    };
    let mut options: Vec<(String, u64, f64)> = Vec::new();
    if !is_right && length >= suggestion.min_word_length {
        let least = threshold(suggestion.min_doc_freq, documents);
        let wanted = word.alike.into_iter().filter(|(_, frequency)| {
            *frequency as f64 >= least
                && (suggestion.mode != SuggestMode::Popular || *frequency > word.frequency)
        });
        options.extend(wanted.map(|(text, frequency)| {
            let near = TermPattern::similar(&word.text, 1, 0, true).matches_text(&text);
            let shorter = length.min(text.chars().count()).max(1) as f64;
            let score = 1.0 - if near { 1.0 } else { 2.0 } / shorter;
            (text, frequency, score)
        }));
    }
    options.sort_by(|(a, a_freq, a_score), (b, b_freq, b_score)| {
        let by_score = b_score.total_cmp(a_score);
        let by_frequency = b_freq.cmp(a_freq);
        let order = match suggestion.sort {
            SuggestSort::Score => by_score.then(by_frequency),
            SuggestSort::Frequency => by_frequency.then(by_score),
        };
        order.then_with(|| a.cmp(b))
    });
    let shown = options.into_iter().take(suggestion.size);
    let shown = shown.map(|(text, freq, score)| json!({"text": text, "score": score as f32, "freq": freq}));
    json!({"text": word.text, "offset": word.offset, "length": word.length, "options": shown.collect::<Vec<_>>()})
}
