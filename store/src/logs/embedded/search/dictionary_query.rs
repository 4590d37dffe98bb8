//! Queries that look through the dictionary of a field: prefixes, wildcards, regular expressions, similar words.

use super::super::schema::{Location, ResolvedField};
use super::column::{ColumnKind, SegmentColumn};
use super::column_query::docs_with_keys;
use super::last_segment::LastSegment;
use super::term_pattern::TermPattern;
use super::watch::Watch;
use std::{collections::BTreeSet, sync::Arc};
use tantivy::{
    BitSet, DocId, InvertedIndexReader, Score, Searcher, SegmentReader,
    postings::TermInfo,
    query::{BitSetDocSet, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight},
    schema::IndexRecordOption,
};

/// Terms between two looks at the clock.
const LOOK_EVERY: u32 = 1_024;

/// Documents that hold a term of a field that matches a pattern. A dictionary may hold millions of terms: the walk ends
/// where the search does.
#[derive(Debug, Clone)]
pub(super) struct DictionaryQuery {
    pub(super) field: ResolvedField,
    pub(super) pattern: TermPattern,
    pub(super) watch: Arc<Watch>,
}

impl Query for DictionaryQuery {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let mut query = self.clone();
        if let (Some(most), Some(searcher)) = (self.pattern.most(), scoring.searcher()) {
            query.pattern = TermPattern::among(self.nearest(searcher, most)?);
        }
        Ok(Box::new(DictionaryWeight { query, found: LastSegment::default() }))
    }
}

struct DictionaryWeight {
    query: DictionaryQuery,
    /// The documents of a segment; `None`: no document has the field.
    found: LastSegment<Option<BitSet>>,
}

impl Weight for DictionaryWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let query = &self.query;
        let docs = self.found.get(reader, || match query.field.inverted {
            true => query.docs_by_terms(reader).map(Some),
            false => query.docs_by_column(reader),
        })?;
        Ok(match docs.as_ref() {
            Some(docs) => Box::new(ConstScorer::new(BitSetDocSet::from(docs.clone()), boost)),
            None => Box::new(EmptyScorer),
        })
    }

    fn explain(&self, _reader: &SegmentReader, _doc: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("terms of a dictionary that match a pattern", 1.0))
    }
}

/// The first key behind all that begin with `prefix`.
fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// Whether the search is over, asked for each term.
fn is_over(watch: &Watch, seen: &mut u32) -> bool {
    *seen = seen.wrapping_add(1);
    seen.is_multiple_of(LOOK_EVERY) && watch.is_over()
}

/// Goes through the terms of a field that match a pattern, in the order of the dictionary, until `each` says that it is
/// enough or the search is over.
pub(super) fn terms_of(
    field: &ResolvedField,
    pattern: &TermPattern,
    index: &InvertedIndexReader,
    watch: &Watch,
    mut each: impl FnMut(&[u8], &TermInfo) -> tantivy::Result<bool>,
) -> tantivy::Result<()> {
    // In a shared JSON field, each key begins with path and type.
    let empty = field.string_term("");
    let path: &[u8] = match field.location {
        Location::Json(..) => empty.serialized_value_bytes(),
        _ => &[],
    };
    let start = [path, pattern.start()].concat();
    let mut range = index.terms().range().ge(&start);
    if let Some(end) = prefix_end(&start) {
        range = range.lt(end);
    }
    let mut stream = range.into_stream()?;
    let mut seen = 0;
    while stream.advance() && !is_over(watch, &mut seen) {
        let term = stream.key().get(path.len()..).unwrap_or_default();
        if pattern.matches(term) && !each(term, stream.value())? {
            break;
        }
    }
    Ok(())
}

impl DictionaryQuery {
    /// The terms that are nearest to the word, of all segments.
    fn nearest(&self, searcher: &Searcher, most: usize) -> tantivy::Result<BTreeSet<Vec<u8>>> {
        // Remoteness is never negative, so its bits are in its order.
        let mut ranked: BTreeSet<(u32, Vec<u8>)> = BTreeSet::new();
        for reader in searcher.segment_readers() {
            self.each_term(reader, |term| {
                ranked.insert((self.pattern.remoteness(term).to_bits(), term.to_vec()));
                if ranked.len() > most {
                    ranked.pop_last();
                }
            })?;
        }
        Ok(ranked.into_iter().map(|(_, term)| term).collect())
    }

    /// Goes through the terms of a segment that match.
    fn each_term(&self, reader: &SegmentReader, mut each: impl FnMut(&[u8])) -> tantivy::Result<()> {
        if self.field.inverted {
            let index = reader.inverted_index(self.field.field())?;
            return terms_of(&self.field, &self.pattern, &index, &self.watch, |term, _| {
                each(term);
                Ok(true)
            });
        }
        let Some(column) = SegmentColumn::open(reader, &self.field)? else { return Ok(()) };
        let ColumnKind::Text(text) = &column.kind else { return Ok(()) };
        let mut stream = text.dictionary().stream()?;
        let mut seen = 0;
        while stream.advance() && !is_over(&self.watch, &mut seen) {
            let key = stream.key();
            if key.starts_with(self.pattern.start()) && self.pattern.matches(key) {
                each(key);
            }
        }
        Ok(())
    }

    fn docs_by_terms(&self, reader: &SegmentReader) -> tantivy::Result<BitSet> {
        let index = reader.inverted_index(self.field.field())?;
        let mut docs = BitSet::with_max_value(reader.max_doc());
        let mut add = |info: &TermInfo| -> tantivy::Result<()> {
            let mut postings = index.read_block_postings_from_terminfo(info, IndexRecordOption::Basic)?;
            while !postings.docs().is_empty() {
                for doc in postings.docs() {
                    docs.insert(*doc);
                }
                postings.advance();
            }
            Ok(())
        };
        if let Some(terms) = self.pattern.terms() {
            for term in terms.iter().filter_map(|term| std::str::from_utf8(term).ok()) {
                if let Some(info) = index.get_term_info(&self.field.string_term(term))? {
                    add(&info)?;
                }
            }
        } else {
            terms_of(&self.field, &self.pattern, &index, &self.watch, |_, info| add(info).map(|()| true))?;
        }
        Ok(docs)
    }

    fn docs_by_column(&self, reader: &SegmentReader) -> tantivy::Result<Option<BitSet>> {
        let Some(column) = SegmentColumn::open(reader, &self.field)? else { return Ok(None) };
        let ColumnKind::Text(text) = &column.kind else { return Ok(None) };
        let mut wanted = BitSet::with_max_value(u32::try_from(text.num_terms()).unwrap_or(u32::MAX));
        let mut stream = text.dictionary().stream()?;
        let (mut ord, mut seen) = (0, 0);
        while stream.advance() && !is_over(&self.watch, &mut seen) {
            let key = stream.key();
            if key.starts_with(self.pattern.start()) && self.pattern.matches(key) {
                wanted.insert(ord);
            }
            ord += 1;
        }
        let is_wanted = |key: u64| u32::try_from(key).is_ok_and(|key| wanted.contains(key));
        Ok(Some(docs_with_keys(&column, reader.max_doc(), is_wanted)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_through_a_dictionary_ends_with_the_search() {
        use super::super::super::{mapping::Mapping, schema::IndexSchema};
        use super::super::breaker::Breaker;
        use std::sync::atomic::{AtomicBool, Ordering};
        let body = serde_json::json!({"properties": {"k": {"type": "keyword"}}});
        let mapping = Mapping::parse(&body).unwrap();
        let schema = IndexSchema::new(&mapping);
        let field = schema.resolve(&mapping, "k").unwrap();
        let tokenizers = crate::logs::embedded::index::tokenizers();
        let index = tantivy::Index::builder().schema(schema.tantivy.clone()).tokenizers(tokenizers);
        let index = index.create_in_ram().unwrap();
        let mut writer = index.writer_with_num_threads(1, 15_000_000).unwrap();
        let terms = 5 * LOOK_EVERY;
        for n in 0..terms {
            let document = tantivy::doc!(field.field() => format!("{n:06}"));
            writer.add_document(document).unwrap();
        }
        writer.commit().unwrap();
        let searcher = index.reader().unwrap().searcher();
        let cancelled = Arc::new(AtomicBool::new(false));
        let found = |by_column: bool| {
            let field = ResolvedField { inverted: !by_column, ..field.clone() };
            let pattern = TermPattern::wildcard("*0*", false).unwrap();
            let watch = Watch::new(&cancelled, &Breaker::new(usize::MAX), None);
            let weight = DictionaryQuery { field, pattern, watch }
                .weight(EnableScoring::disabled_from_searcher(&searcher))
                .unwrap();
            searcher.segment_readers().iter().map(|reader| weight.count(reader).unwrap()).sum::<u32>()
        };
        assert_eq!((found(false), found(true)), (terms, terms));
        cancelled.store(true, Ordering::Relaxed);
        let most = LOOK_EVERY * searcher.segment_readers().len() as u32;
        assert!(found(false) < most && found(true) < most);
    }
}
