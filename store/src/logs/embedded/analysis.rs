//! Texts cut into words, as `_analyze` shows them.

use super::{mapping::Family, schema::STANDARD, snapshot::IndexSnapshot};
use crate::{
    StoreError,
    logs::{AnalyzeRequest, Word},
    scope::Scope,
};
use tantivy::tokenizer::{TextAnalyzer, TokenizerManager};

/// Bytes of text in one request.
const TEXT_MAX_BYTES: usize = 1 << 20;
/// Words in one answer (Elasticsearch's `index.analyze.max_token_count`).
const WORDS_MAX: usize = 10_000;
/// What lies between the words of two texts.
const POSITION_GAP: usize = 100;

/// Cuts texts into words. `snapshots` holds the index whose field is named, if any.
pub(super) fn analyze(
    scope: &Scope,
    request: &AnalyzeRequest,
    snapshots: &[IndexSnapshot],
    standard: &TokenizerManager,
) -> Result<Vec<Word>, StoreError> {
    if request.texts.iter().map(String::len).sum::<usize>() > TEXT_MAX_BYTES {
        return Err(StoreError::invalid(format!("the text is longer than {TEXT_MAX_BYTES} bytes")));
    }
    let name = request.analyzer.as_deref().unwrap_or_else(|| of_field(scope, request, snapshots));
    let cut: fn(&str, &TokenizerManager) -> Vec<Word> = match name {
        "standard" | "default" => |text, manager| match manager.get(STANDARD) {
            Some(analyzer) => words_of(analyzer, text),
            None => Vec::new(),
        },
        "standard_tokenizer" => |text, manager| match manager.get(STANDARD) {
            Some(analyzer) => as_written(text, words_of(analyzer, text)),
            None => Vec::new(),
        },
        "keyword" | "keyword_tokenizer" => |text, _| {
            vec![Word {
                token: text.to_owned(),
                start_offset: 0,
                end_offset: text.chars().count(),
                position: 0,
                kind: "word",
            }]
        },
        "whitespace" | "whitespace_tokenizer" => |text, _| cut_at(text, |c| !c.is_whitespace(), false),
        "simple" => |text, _| cut_at(text, char::is_alphabetic, true),
        other => {
            return Err(StoreError::invalid(format!("failed to find global analyzer [{other}]")));
        }
    };
    let (mut all, mut offset, mut position) = (Vec::new(), 0, 0);
    for text in &request.texts {
        for word in cut(text, standard) {
            all.push(Word {
                start_offset: word.start_offset + offset,
                end_offset: word.end_offset + offset,
                position: word.position + position,
                ..word
            });
            if all.len() > WORDS_MAX {
                return Err(StoreError::invalid(format!(
                    "The number of tokens produced by calling _analyze has exceeded the allowed maximum of [{WORDS_MAX}]. This \
                     limit can be set by changing the [index.analyze.max_token_count] index level setting."
                )));
            }
        }
        position = all.last().map_or(0, |last: &Word| last.position + POSITION_GAP + 1);
        offset += text.chars().count() + 1;
    }
    Ok(all)
}

/// The analyser of a field: `standard` for texts, whole strings for all else.
fn of_field(scope: &Scope, request: &AnalyzeRequest, snapshots: &[IndexSnapshot]) -> &'static str {
    let Some((_, path)) = &request.field else { return "standard" };
    let family = snapshots
        .iter()
        .filter(|_| !scope.masks_field(path))
        .find_map(|index| index.mapping.field(path))
        .map(|field| field.field_type.family());
    match family {
        Some(Family::Text) | None => "standard",
        Some(_) => "keyword",
    }
}

fn words_of(mut analyzer: TextAnalyzer, text: &str) -> Vec<Word> {
    let mut stream = analyzer.token_stream(text);
    let mut words = Vec::new();
    let (mut at, mut characters) = (0, 0);
    while let Some(token) = stream.next() {
        // Offsets are in bytes there, in characters here.
        let mut count = |to: usize| {
            characters += text.get(at..to).map_or(0, |between| between.chars().count());
            at = at.max(to);
            characters
        };
        let (start_offset, end_offset) = (count(token.offset_from), count(token.offset_to));
        let is_number = !token.text.contains(char::is_alphabetic);
        words.push(Word {
            token: token.text.clone(),
            start_offset,
            end_offset,
            position: token.position,
            kind: if is_number { "<NUM>" } else { "<ALPHANUM>" },
        });
    }
    words
}

/// The words before their letters were changed.
fn as_written(text: &str, words: Vec<Word>) -> Vec<Word> {
    let letters: Vec<char> = text.chars().collect();
    let written = |word: Word| {
        let meant = letters.get(word.start_offset..word.end_offset).unwrap_or_default();
        Word { token: meant.iter().collect(), ..word }
    };
    words.into_iter().map(written).collect()
}

fn cut_at(text: &str, belongs: impl Fn(char) -> bool, lower: bool) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut inside = false;
    for (at, character) in text.chars().enumerate() {
        let is_part = belongs(character);
        if is_part && !inside {
            let position = words.len();
            words.push(Word {
                token: String::new(),
                start_offset: at,
                end_offset: at,
                position,
                kind: "word",
            });
        }
        if let (true, Some(word)) = (is_part, words.last_mut()) {
            word.end_offset = at + 1;
            if lower { word.token.extend(character.to_lowercase()) } else { word.token.push(character) }
        }
        inside = is_part;
    }
    words
}
