//! Marks what matched in the texts of a hit.

use super::super::{
    mapping::{Family, Mapping},
    schema::STANDARD,
};
use super::fields::Fields;
use super::passages::passages;
use super::source::values_at;
use super::term_pattern::TermPattern;
use crate::logs::{
    dsl::{Highlight, HighlightField, IntervalRule, IntervalSource, Query, Span},
    query_string::{Leaf, Node, Occur},
};
use crate::scope::wildcard_match;
use event::Object;
use serde_json::Value;
use tantivy::tokenizer::TextAnalyzer;

/// Values longer than this are not looked at beyond it (Elasticsearch's `max_analyzed_offset`).
const ANALYZED_MAX_BYTES: usize = 1_000_000;

/// What a query looks for in a field.
struct Marker {
    /// A path, maybe with `*`; `None`: in any.
    field: Option<String>,
    wanted: Wanted,
}

enum Wanted {
    /// Any of the words of a text; the text as a whole in a field that is not analysed.
    Words(String),
    /// The words next to each other.
    Phrase(String),
    Pattern(TermPattern),
}

/// Marks the matches of a search.
pub(super) struct Highlighter<'h> {
    request: &'h Highlight,
    markers: Vec<Marker>,
    /// Markers of fields with their own query.
    own: Vec<Option<Vec<Marker>>>,
}

impl<'h> Highlighter<'h> {
    pub(super) fn new(request: &'h Highlight, query: &Query) -> Self {
        let of = |query: &Query| {
            let mut markers = Vec::new();
            collect(query, &mut markers);
            markers
        };
        let own = request.fields.iter().map(|field| field.query.as_ref().map(of)).collect();
        Self { request, markers: of(query), own }
    }

    /// The fragments of a document, by field.
    pub(super) fn highlight(&self, fields: &Fields<'_>, source: &Object) -> Option<Object> {
        let mut analyzer = fields.generation.searcher.index().tokenizers().get(STANDARD)?;
        let mapping = &fields.index.mapping;
        let mut found = Object::new();
        for (position, wanted) in self.request.fields.iter().enumerate() {
            let markers = self.own[position].as_ref().unwrap_or(&self.markers);
            for path in fields.expand(wanted.pattern.as_str()) {
                if found.contains_key(path) || fields.resolve(path).is_none() {
                    continue;
                }
                let fragments = fragments(path, wanted, markers, mapping, source, &mut analyzer);
                if !fragments.is_empty() {
                    found.insert(
                        path.to_owned(),
                        Value::Array(fragments.into_iter().map(Value::String).collect()),
                    );
                }
            }
        }
        (!found.is_empty()).then_some(found)
    }
}

/// The words of a span query, wherever they stand; those that must not be near are not meant.
fn collect_span(span: &Span, out: &mut Vec<Marker>) {
    match span {
        Span::Term { field, value } => {
            out.push(Marker { field: Some(field.clone()), wanted: Wanted::Words(value.clone()) })
        }
        Span::Multi(query) => collect(query, out),
        Span::Near { clauses, .. } | Span::Or(clauses) => {
            clauses.iter().for_each(|clause| collect_span(clause, out));
        }
        Span::Not { include: inner, .. } | Span::First { inner, .. } => collect_span(inner, out),
        Span::Containing { big, little } | Span::Within { big, little } => {
            collect_span(big, out);
            collect_span(little, out);
        }
    }
}

/// The words of an `intervals` query, wherever they stand.
fn collect_rule(field: &str, rule: &IntervalRule, out: &mut Vec<Marker>) {
    let field = rule.use_field.as_deref().unwrap_or(field);
    let wanted = match &rule.source {
        IntervalSource::Match { query, .. } => Some(Wanted::Words(query.clone())),
        IntervalSource::Prefix(prefix) => TermPattern::prefix(prefix, false).ok().map(Wanted::Pattern),
        IntervalSource::Wildcard(pattern) => TermPattern::wildcard(pattern, false).ok().map(Wanted::Pattern),
        IntervalSource::Fuzzy { term, fuzziness, prefix_length, transpositions } => {
            let edits = fuzziness.edits(term);
            Some(Wanted::Pattern(TermPattern::similar(term, edits, *prefix_length, *transpositions)))
        }
        IntervalSource::AllOf { intervals, .. } | IntervalSource::AnyOf(intervals) => {
            intervals.iter().for_each(|part| collect_rule(field, part, out));
            None
        }
    };
    out.extend(wanted.map(|wanted| Marker { field: Some(field.to_owned()), wanted }));
}

fn collect(query: &Query, out: &mut Vec<Marker>) {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut add = |field: &str, wanted| out.push(Marker { field: Some(field.to_owned()), wanted });
    match query {
        Query::Match(query) | Query::MatchBoolPrefix(query) => {
            add(&query.field, Wanted::Words(text(&query.query)))
        }
        Query::MatchPhrase(query) => add(&query.field, Wanted::Phrase(text(&query.query))),
        Query::Term(query) => add(&query.field, Wanted::Words(text(&query.value))),
        Query::Terms(query) => {
            query.values.iter().for_each(|value| add(&query.field, Wanted::Words(text(value))));
        }
        Query::Prefix(query) => {
            if let Ok(pattern) = TermPattern::prefix(&query.value, query.case_insensitive) {
                add(&query.field, Wanted::Pattern(pattern));
            }
        }
        Query::Wildcard(query) => {
            if let Ok(pattern) = TermPattern::wildcard(&query.pattern, query.case_insensitive) {
                add(&query.field, Wanted::Pattern(pattern));
            }
        }
        Query::Regexp(query) => {
            if let Ok(pattern) = TermPattern::lucene_regex(&query.pattern, query.case_insensitive) {
                add(&query.field, Wanted::Pattern(pattern));
            }
        }
        Query::Fuzzy(query) => {
            let edits = query.fuzziness.edits(&query.value);
            let pattern =
                TermPattern::similar(&query.value, edits, query.prefix_length, query.transpositions);
            add(&query.field, Wanted::Pattern(pattern));
        }
        Query::MultiMatch(query) => {
            let phrase = matches!(
                query.kind,
                crate::logs::dsl::MultiMatchType::Phrase | crate::logs::dsl::MultiMatchType::PhrasePrefix
            );
            for field in fields_or_any(&query.fields) {
                let text = text(&query.text.query);
                let wanted = if phrase { Wanted::Phrase(text) } else { Wanted::Words(text) };
                out.push(Marker { field, wanted });
            }
        }
        Query::Bool(query) => {
            let positive = query.must.iter().chain(&query.filter).chain(&query.should);
            positive.for_each(|query| collect(query, out));
        }
        Query::DisMax(query) => query.queries.iter().for_each(|query| collect(query, out)),
        Query::ConstantScore(query) | Query::Boosted(query, _) | Query::Named(query, _) => {
            collect(query, out)
        }
        Query::FunctionScore(query) => collect(&query.query, out),
        Query::Boosting(query) => collect(&query.positive, out),
        Query::QueryString(query) => collect_node(&query.query, &query.fields, out),
        Query::Span(span) => collect_span(span, out),
        Query::Intervals(query) => collect_rule(&query.field, &query.rule, out),
        Query::MatchAll
        | Query::MatchNone
        | Query::Range(_)
        | Query::Exists(_)
        | Query::GeoBoundingBox(..)
        | Query::GeoDistance(_)
        | Query::GeoPolygon(..)
        | Query::Script(_)
        | Query::Nested(_)
        | Query::Ids(_) => {}
    }
}

fn fields_or_any(fields: &[(String, f32)]) -> Vec<Option<String>> {
    match fields {
        [] => vec![None],
        fields => fields.iter().map(|(field, _)| Some(field.clone())).collect(),
    }
}

fn collect_node(node: &Node, defaults: &[(String, f32)], out: &mut Vec<Marker>) {
    match node {
        Node::All => {}
        Node::Boosted(inner, _) => collect_node(inner, defaults, out),
        Node::Group(clauses) => {
            let positive = clauses.iter().filter(|clause| clause.occur != Occur::MustNot);
            positive.for_each(|clause| collect_node(&clause.node, defaults, out));
        }
        Node::Leaf { field, leaf } => {
            let fields =
                field.as_ref().map_or_else(|| fields_or_any(defaults), |field| vec![Some(field.clone())]);
            for field in fields {
                let wanted = match leaf {
                    Leaf::Term(text) => Some(Wanted::Words(text.clone())),
                    Leaf::Phrase { text, .. } => Some(Wanted::Phrase(text.clone())),
                    Leaf::Wildcard(pattern) => TermPattern::wildcard(pattern, true).ok().map(Wanted::Pattern),
                    Leaf::Regex(pattern) => {
                        TermPattern::lucene_regex(pattern, false).ok().map(Wanted::Pattern)
                    }
                    Leaf::Fuzzy { text, edits } => {
                        let edits = edits.unwrap_or_else(|| crate::logs::dsl::Fuzziness::AUTO.edits(text));
                        Some(Wanted::Pattern(TermPattern::similar(&text.to_lowercase(), edits, 0, true)))
                    }
                    Leaf::Range { .. } | Leaf::Exists => None,
                };
                out.extend(wanted.map(|wanted| Marker { field, wanted }));
            }
        }
    }
}

struct Word {
    text: String,
    start: usize,
    end: usize,
}

fn words(analyzer: &mut TextAnalyzer, text: &str) -> Vec<Word> {
    let mut stream = analyzer.token_stream(text);
    let mut words = Vec::new();
    while let Some(token) = stream.next() {
        words.push(Word { text: token.text.clone(), start: token.offset_from, end: token.offset_to });
    }
    words
}

fn fragments(
    path: &str,
    wanted: &HighlightField,
    markers: &[Marker],
    mapping: &Mapping,
    source: &Object,
    analyzer: &mut TextAnalyzer,
) -> Vec<String> {
    let Some(field) = mapping.field(path) else { return Vec::new() };
    let markers: Vec<&Marker> = markers
        .iter()
        .filter(|marker| {
            !wanted.require_field_match
                || marker.field.as_ref().is_none_or(|field| field == path || wildcard_match(field, path))
        })
        .collect();
    // A multi-field has the values of its parent.
    let stored =
        if field.is_multi_field { path.rsplit_once('.').map_or(path, |(parent, _)| parent) } else { path };
    let mut values = Vec::new();
    values_at(source, stored, &mut values);
    let limit = if wanted.number_of_fragments == 0 { usize::MAX } else { wanted.number_of_fragments };
    let mut out = Vec::new();
    for value in &values {
        let text = match value {
            // What was too long to be indexed cannot have matched.
            Value::String(text) if field.ignore_above.is_some_and(|most| text.chars().count() > most) => {
                continue;
            }
            Value::String(text) => cut(text, ANALYZED_MAX_BYTES).to_owned(),
            other => other.to_string(),
        };
        let marks = match field.field_type.family() {
            Family::Text => marks_in_text(&text, &markers, analyzer),
            _ => marks_in_whole(&text, &markers),
        };
        if marks.is_empty() {
            continue;
        }
        let whole = wanted.number_of_fragments == 0 || wanted.fragment_size == 0;
        let spans = if whole { vec![(0, text.len())] } else { passages(&text, &marks, wanted.fragment_size) };
        out.extend(
            spans
                .into_iter()
                .take(limit - out.len().min(limit))
                .map(|span| render(&text, span, &marks, wanted)),
        );
    }
    if out.is_empty() && wanted.no_match_size > 0 {
        let first = values.first().and_then(|value| value.as_str());
        out.extend(first.map(|text| escape(prefix_chars(text, wanted.no_match_size), wanted.html)));
    }
    out
}

fn marks_in_whole(text: &str, markers: &[&Marker]) -> Vec<(usize, usize)> {
    let is_wanted = markers.iter().any(|marker| match &marker.wanted {
        Wanted::Words(wanted) | Wanted::Phrase(wanted) => wanted == text,
        Wanted::Pattern(pattern) => pattern.matches_text(text),
    });
    if is_wanted { vec![(0, text.len())] } else { Vec::new() }
}

fn marks_in_text(text: &str, markers: &[&Marker], analyzer: &mut TextAnalyzer) -> Vec<(usize, usize)> {
    let found = words(analyzer, text);
    let mut marked = vec![false; found.len()];
    for marker in markers {
        match &marker.wanted {
            Wanted::Words(wanted) => {
                let wanted = words(analyzer, wanted);
                for (position, word) in found.iter().enumerate() {
                    marked[position] |= wanted.iter().any(|wanted| wanted.text == word.text);
                }
            }
            Wanted::Phrase(wanted) => {
                let wanted = words(analyzer, wanted);
                if wanted.is_empty() {
                    continue;
                }
                for (start, window) in found.windows(wanted.len()).enumerate() {
                    if window.iter().zip(&wanted).all(|(found, wanted)| found.text.starts_with(&wanted.text))
                    {
                        marked[start..start + wanted.len()].fill(true);
                    }
                }
            }
            Wanted::Pattern(pattern) => {
                for (position, word) in found.iter().enumerate() {
                    marked[position] |= pattern.matches_text(&word.text);
                }
            }
        }
    }
    found.iter().zip(marked).filter(|(_, marked)| *marked).map(|(word, _)| (word.start, word.end)).collect()
}

fn render(
    text: &str,
    (from, to): (usize, usize),
    marks: &[(usize, usize)],
    wanted: &HighlightField,
) -> String {
    let mut out = String::with_capacity(to - from + 32);
    let mut at = from;
    for &(start, end) in marks.iter().filter(|(start, end)| *start >= from && *end <= to) {
        out.push_str(&escape(&text[at..start], wanted.html));
        out.push_str(&wanted.pre_tag);
        out.push_str(&escape(&text[start..end], wanted.html));
        out.push_str(&wanted.post_tag);
        at = end;
    }
    out.push_str(&escape(&text[at..to], wanted.html));
    out
}

fn escape(text: &str, html: bool) -> String {
    if !html {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#x27;"),
            '/' => out.push_str("&#x2F;"),
            other => out.push(other),
        }
    }
    out
}

fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn prefix_chars(text: &str, count: usize) -> &str {
    text.char_indices().nth(count).map_or(text, |(at, _)| &text[..at])
}
