use super::super::super::Shard;
use super::super::super::block::matching;
use super::super::super::column::{SegmentColumn, engine_error};
use super::super::super::compile::Compiler;
use super::super::super::fields::Fields;
use super::super::{Bucket, Key};
use super::terms::unified;
use super::{Finish, listed};
use crate::{
    StoreError,
    logs::{
        dsl::{
            Query,
            aggregations::{Aggregation, SignificantTerms},
        },
        embedded::{mapping::Family, schema::ResolvedField},
    },
};
use event::Object;
use serde_json::{Value, json};
use std::collections::HashMap;
use tantivy::{
    DocSet, InvertedIndexReader, SegmentReader, TERMINATED, postings::TermInfo, query::EnableScoring,
    schema::IndexRecordOption,
};

/// So many terms of a dictionary are read in the time that one takes to look up.
const TERMS_READ_IN_A_LOOK_UP: usize = 64;

impl Finish<'_, '_> {
    /// Scores each value by how much more frequent it is among the documents of the bucket than in the background.
    pub(super) fn significant_terms(
        &mut self,
        request: &SignificantTerms,
        inner: &[Aggregation],
        buckets: HashMap<Key, Bucket>,
        subset: u64,
    ) -> Result<Object, StoreError> {
        let buckets: HashMap<Key, Bucket> = unified(buckets)
            .into_iter()
            .filter(|(_, bucket)| bucket.count >= request.min_doc_count)
            .collect();
        let mut background: HashMap<Key, u64> = buckets.keys().map(|key| (key.clone(), 0)).collect();
        let superset = self.background(request, &mut background)?;
        let mut scored: Vec<(f64, Key, Bucket)> = buckets
            .into_iter()
            .map(|(key, bucket)| {
                let known = background.get(&key).copied().unwrap_or(0);
                (jlh(bucket.count, subset, known, superset), key, bucket)
            })
            .filter(|(score, ..)| *score > 0.0)
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.order(&b.1)));
        scored.truncate(request.size);
        let format = self.format(&request.source)?;
        let mut answer = Vec::with_capacity(scored.len());
        for (score, key, bucket) in scored {
            let (value, text, has_text) = format.key(&key);
            let mut head = Object::new();
            head.insert("key".to_owned(), value);
            if has_text {
                head.insert("key_as_string".to_owned(), json!(text));
            }
            let count = bucket.count;
            let mut rendered = self.bucket(text, head, inner, Some(bucket))?;
            // In the order of Elasticsearch's answer: counts and score before what is below.
            let rest: Vec<(String, Value)> = std::mem::take(&mut rendered.body).into_iter().collect();
            for (name, value) in rest {
                let is_count = name == "doc_count";
                rendered.body.insert(name, value);
                if is_count {
                    rendered.body.insert("doc_count".to_owned(), json!(count));
                    rendered.body.insert("score".to_owned(), json!(score));
                    let known = background.get(&key).copied().unwrap_or(0);
                    rendered.body.insert("bg_count".to_owned(), json!(known));
                }
            }
            answer.push(rendered);
        }
        let mut out = Object::new();
        out.insert("doc_count".to_owned(), json!(subset));
        out.insert("bg_count".to_owned(), json!(superset));
        out.extend(listed(inner, answer, false)?);
        Ok(out)
    }

    /// Counts the documents of the background that have each value; answers how many documents there are in all.
    fn background(
        &self,
        request: &SignificantTerms,
        counts: &mut HashMap<Key, u64>,
    ) -> Result<u64, StoreError> {
        let mut superset = 0;
        for shard in self.shards {
            for reader in shard.generation.searcher.segment_readers() {
                superset += match (&request.background, self.search.filter) {
                    (None, None) => {
                        let counted = count_terms(shard, reader, &request.source.field, counts)?;
                        if !counted {
                            count_values(shard, reader, request, counts, 0..reader.max_doc())?;
                        }
                        u64::from(reader.num_docs())
                    }
                    (filter, scope) => {
                        let docs = self.matching(shard, reader, filter.as_ref(), scope)?;
                        match shard.fields().resolve(&request.source.field) {
                            Some(field) if field.family() == Family::Text => {
                                count_words(reader, &field, counts, |doc| docs.binary_search(&doc).is_ok())?;
                            }
                            _ => count_values(shard, reader, request, counts, docs.iter().copied())?,
                        }
                        docs.len() as u64
                    }
                };
            }
        }
        Ok(superset)
    }

    /// The documents of a segment that the background is narrowed to: by the request, and by what the caller may see.
    fn matching(
        &self,
        shard: &Shard<'_>,
        reader: &SegmentReader,
        filter: Option<&Query>,
        scope: Option<&Query>,
    ) -> Result<Vec<u32>, StoreError> {
        let visible = Compiler { fields: shard.fields(), now: self.search.now, watch: &self.search.watch };
        let unmasked = Default::default();
        let all = Compiler {
            fields: Fields::new(shard.index, shard.generation, &unmasked),
            now: self.search.now,
            watch: &self.search.watch,
        };
        let mut queries = Vec::new();
        queries.extend(filter.map(|filter| visible.compile(filter)).transpose()?);
        queries.extend(scope.map(|filter| all.compile(filter)).transpose()?);
        let query = super::super::super::compile::all_of(queries);
        let scoring = EnableScoring::disabled_from_searcher(&shard.generation.searcher);
        let weight = query.weight(scoring).map_err(engine_error)?;
        matching(&*weight, reader)
    }
}

/// Counts strings by the inverted index; whether that was possible.
fn count_terms(
    shard: &Shard<'_>,
    reader: &SegmentReader,
    path: &str,
    counts: &mut HashMap<Key, u64>,
) -> Result<bool, StoreError> {
    let Some(field) = shard.fields().resolve(path) else { return Ok(true) };
    if field.family() == Family::Text {
        return count_words(reader, &field, counts, |doc| !reader.is_deleted(doc)).map(|()| true);
    }
    if !field.inverted || field.family() != Family::Keyword || reader.has_deletes() {
        return Ok(false);
    }
    let index = reader.inverted_index(field.field()).map_err(engine_error)?;
    for_each_known(&index, &field, counts, |info, count| {
        *count += u64::from(info.doc_freq);
        Ok(())
    })?;
    Ok(true)
}

/// Counts the documents with each word, as far as they belong to the background.
fn count_words(
    reader: &SegmentReader,
    field: &ResolvedField,
    counts: &mut HashMap<Key, u64>,
    belongs: impl Fn(u32) -> bool,
) -> Result<(), StoreError> {
    let index = reader.inverted_index(field.field()).map_err(engine_error)?;
    for_each_known(&index, field, counts, |info, count| {
        let mut postings = index.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
        while postings.doc() != TERMINATED {
            *count += u64::from(belongs(postings.doc()));
            postings.advance();
        }
        Ok(())
    })
}

/// Calls `each` for the strings that the segment knows. A look-up reads a block of the dictionary: where there are many
/// strings, the dictionary is read once from the first of them to the last.
fn for_each_known(
    index: &InvertedIndexReader,
    field: &ResolvedField,
    counts: &mut HashMap<Key, u64>,
    mut each: impl FnMut(&TermInfo, &mut u64) -> std::io::Result<()>,
) -> Result<(), StoreError> {
    let mut wanted: Vec<(Vec<u8>, &mut u64)> = counts
        .iter_mut()
        .filter_map(|(key, count)| match key {
            Key::Text(text) => Some((field.string_term(text).serialized_value_bytes().to_vec(), count)),
            _ => None,
        })
        .collect();
    wanted.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let terms = index.terms();
    let look = || -> std::io::Result<()> {
        let (Some((first, _)), Some((last, _))) = (wanted.first(), wanted.last()) else { return Ok(()) };
        if wanted.len() * TERMS_READ_IN_A_LOOK_UP < terms.num_terms() {
            for (term, count) in wanted {
                if let Some(info) = terms.get(term)? {
                    each(&info, count)?;
                }
            }
            return Ok(());
        }
        let mut known = terms.range().ge(first).le(last).into_stream()?;
        let mut wanted = wanted.into_iter().peekable();
        while known.advance() {
            while wanted.next_if(|(term, _)| term.as_slice() < known.key()).is_some() {}
            if let Some((_, count)) = wanted.next_if(|(term, _)| term == known.key()) {
                each(known.value(), count)?;
            }
        }
        Ok(())
    };
    look().map_err(|error| engine_error(tantivy::TantivyError::from(error)))
}

/// Counts values of some documents by the column.
fn count_values(
    shard: &Shard<'_>,
    reader: &SegmentReader,
    request: &SignificantTerms,
    counts: &mut HashMap<Key, u64>,
    docs: impl Iterator<Item = u32>,
) -> Result<(), StoreError> {
    let Some(field) = shard.fields().resolve(&request.source.field) else { return Ok(()) };
    let Some(column) = SegmentColumn::open(reader, &field).map_err(engine_error)? else { return Ok(()) };
    let mut by_raw: HashMap<u64, (u64, u32)> = HashMap::new();
    for doc in docs.filter(|doc| !reader.is_deleted(*doc)) {
        for raw in column.keys.values_for_doc(doc) {
            by_raw.entry(raw).or_insert((0, doc)).0 += 1;
        }
    }
    for (raw, (found, doc)) in by_raw {
        let key = Key::from_scalar(column.value(doc, raw).map_err(engine_error)?);
        let key = if counts.contains_key(&key) { key } else { key.into_float() };
        if let Some(count) = counts.get_mut(&key) {
            *count += found;
        }
    }
    Ok(())
}

/// Elasticsearch's `jlh`: the absolute change of the share times the relative one.
fn jlh(count: u64, subset: u64, known: u64, superset: u64) -> f64 {
    if subset == 0 || superset == 0 {
        return 0.0;
    }
    let (here, there) = (count as f64 / subset as f64, known as f64 / superset as f64);
    let change = here - there;
    // A value that the background lacks counts as if one document had it.
    let there = if there == 0.0 { 1.0 / superset as f64 } else { there };
    if change <= 0.0 { 0.0 } else { change * (here / there) }
}
