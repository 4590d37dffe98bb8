//! What a hit can tell beside its document: how its score came about, which named queries it matches, what scripts make
//! of it.

use super::column::engine_error;
use super::compile::Compiler;
use super::fetch::shard_of;
use super::fields::Fields;
use super::script::{DocScript, heap_bytes};
use super::sorting::Entry;
use super::watch::Watch;
use super::{Search, Shard};
use crate::{
    StoreError,
    logs::dsl::{Query, ScriptField},
};
use event::Object;
use serde_json::{Value, json};
use tantivy::{
    DocId, Score, SegmentReader,
    query::{EnableScoring, Scorer, Weight},
};

/// Details of the explanation of one score, at most so deep: what stands below says little.
const DEPTH_MAX: usize = 8;

/// A query over the documents of one shard.
fn weight(
    search: &Search<'_>,
    shard: &Shard<'_>,
    query: &Query,
    scored: bool,
) -> Result<Box<dyn Weight>, StoreError> {
    let compiler = Compiler { fields: shard.fields(), now: search.now, watch: &search.watch };
    let searcher = &shard.generation.searcher;
    let scoring = match scored {
        true => EnableScoring::enabled_from_searcher(searcher),
        false => EnableScoring::disabled_from_searcher(searcher),
    };
    compiler.compile(query)?.weight(scoring).map_err(engine_error)
}

/// What a hit tells beside its document.
#[derive(Default)]
pub(super) struct Details {
    pub(super) explanation: Option<Value>,
    /// Names of the queries that it matches.
    pub(super) matched: Vec<String>,
}

/// Which details are wanted.
#[derive(Clone, Copy)]
pub(super) struct WantedDetails {
    pub(super) explain: bool,
    pub(super) names: bool,
}

/// The details of hits, in the order of these; `None` for those that there was no time for.
///
/// The queries are compiled once for each shard and asked once for each segment: some look through a whole dictionary, or
/// at every nested object, before they can tell of a single document.
pub(super) fn details(
    search: &Search<'_>,
    shards: &[Shard<'_>],
    entries: &[Entry],
    wanted: WantedDetails,
) -> Result<Vec<Option<Details>>, StoreError> {
    let queries = std::iter::once(&search.body.query).chain(&search.body.post_filter);
    let names = wanted.names && queries.into_iter().any(|query| !query.named().is_empty());
    let wanted = WantedDetails { names, ..wanted };
    if !wanted.explain && !wanted.names {
        return Ok(entries.iter().map(|_| Some(Details::default())).collect());
    }
    let mut found: Vec<Option<Details>> = entries.iter().map(|_| None).collect();
    // A scorer only goes forwards.
    let mut order: Vec<(usize, &Entry)> = entries.iter().enumerate().collect();
    order.sort_by_key(|(_, entry)| (entry.shard, entry.segment, entry.doc));
    for same_shard in order.chunk_by(|(_, a), (_, b)| a.shard == b.shard) {
        let Some((_, first)) = same_shard.first() else { continue };
        let asked = ShardDetails::new(search, shard_of(shards, first)?, wanted)?;
        for same_segment in same_shard.chunk_by(|(_, a), (_, b)| a.segment == b.segment) {
            let Some((_, first)) = same_segment.first() else { continue };
            let mut segment = asked.segment(first.segment)?;
            for (position, entry) in same_segment {
                search.watch.check()?;
                if search.watch.is_late() {
                    return Ok(found);
                }
                let details = segment.of(entry)?;
                search.watch.hold(details.explanation.as_ref().map_or(0, heap_bytes))?;
                if let Some(place) = found.get_mut(*position) {
                    *place = Some(details);
                }
            }
        }
    }
    Ok(found)
}

/// The queries that details are told of, over one shard.
struct ShardDetails<'a, 'q> {
    shard: &'a Shard<'a>,
    named: Vec<(&'q str, Box<dyn Weight>)>,
    /// The search's own query only: what the caller may see at all is nothing to tell of.
    explained: Option<Box<dyn Weight>>,
}

impl<'a, 'q> ShardDetails<'a, 'q> {
    fn new(search: &Search<'q>, shard: &'a Shard<'_>, wanted: WantedDetails) -> Result<Self, StoreError> {
        let queries = std::iter::once(&search.body.query).chain(&search.body.post_filter);
        let named = queries.filter(|_| wanted.names).flat_map(|query| query.named());
        let named = named.map(|(name, query)| Ok((name, weight(search, shard, query, false)?)));
        Ok(Self {
            shard,
            named: named.collect::<Result<_, StoreError>>()?,
            explained: match wanted.explain {
                true => Some(weight(search, shard, &search.body.query, true)?),
                false => None,
            },
        })
    }

    fn segment(&self, segment: u32) -> Result<SegmentDetails<'_>, StoreError> {
        let reader = self.shard.generation.searcher.segment_reader(segment);
        let scorer = |weight: &dyn Weight| weight.scorer(reader, 1.0).map_err(engine_error);
        let named = self.named.iter().map(|(name, weight)| Ok((*name, scorer(weight.as_ref())?)));
        let explained = match &self.explained {
            Some(weight) => Some((weight.as_ref(), scorer(weight.as_ref())?)),
            None => None,
        };
        Ok(SegmentDetails { reader, named: named.collect::<Result<_, StoreError>>()?, explained })
    }
}

/// The same, over one segment.
struct SegmentDetails<'a> {
    reader: &'a SegmentReader,
    named: Vec<(&'a str, Box<dyn Scorer>)>,
    explained: Option<(&'a dyn Weight, Box<dyn Scorer>)>,
}

impl SegmentDetails<'_> {
    /// The details of a hit that comes behind those asked for before.
    fn of(&mut self, entry: &Entry) -> Result<Details, StoreError> {
        let mut details = Details::default();
        for (name, scorer) in &mut self.named {
            if is_at(scorer.as_mut(), entry.doc) && !details.matched.iter().any(|known| known == name) {
                details.matched.push((*name).to_owned());
            }
        }
        if let Some((weight, scorer)) = &mut self.explained {
            let score = match entry.score {
                Some(score) => score,
                None if is_at(scorer.as_mut(), entry.doc) => scorer.score(),
                None => 0.0,
            };
            details.explanation = Some(explanation(*weight, self.reader, entry.doc, score));
        }
        Ok(details)
    }
}

/// Whether a scorer finds a document that it has not gone past.
fn is_at(scorer: &mut dyn Scorer, doc: DocId) -> bool {
    let at = if scorer.doc() < doc { scorer.seek(doc) } else { scorer.doc() };
    at == doc
}

/// How the score of a hit came about.
fn explanation(weight: &dyn Weight, reader: &SegmentReader, doc: DocId, score: Score) -> Value {
    let explained = weight.explain(reader, doc).ok().and_then(|found| serde_json::to_value(found).ok());
    let tree = explained.map(|found| tidied(found, 0));
    match tree {
        Some(tree) if tree["value"].as_f64().is_some_and(|told| (told - f64::from(score)).abs() < 1e-4) => {
            tree
        }
        // Factors that apply to all documents of an index, or scores made anew.
        Some(tree) => {
            json!({"value": score, "description": "score of the search, made of:", "details": [tree]})
        }
        None => json!({"value": score, "description": "score of the query", "details": []}),
    }
}

/// As Elasticsearch has it: every part has details, if only none.
fn tidied(found: Value, depth: usize) -> Value {
    let details = match found.get("details") {
        Some(Value::Array(list)) if depth < DEPTH_MAX => {
            list.iter().map(|part| tidied(part.clone(), depth + 1)).collect()
        }
        _ => Vec::new(),
    };
    json!({"value": found["value"], "description": found["description"], "details": details})
}

/// Adds what scripts make of a hit.
pub(super) fn add_script_fields(
    fields: &Fields<'_>,
    wanted: &[ScriptField],
    entry: &Entry,
    document: &Object,
    found: &mut Object,
    watch: &Watch,
) -> Result<(), StoreError> {
    let reader = fields.generation.searcher.segment_reader(entry.segment);
    for field in wanted {
        let made = DocScript::new(&field.call, fields.owned(), reader).field(entry.doc, document);
        let value = match made {
            Ok(value) => value,
            Err(_) if field.ignore_failure => continue,
            Err(error) => return Err(error),
        };
        watch.hold(heap_bytes(&value))?;
        let values = match value {
            Value::Array(items) => items,
            value => vec![value],
        };
        found.insert(field.name.clone(), Value::Array(values));
    }
    Ok(())
}
