//! What a hit can tell beside its document: how its score came about, which named queries it matches, what scripts make
//! of it.

use super::column::engine_error;
use super::compile::Compiler;
use super::fields::Fields;
use super::script::DocScript;
use super::sorting::Entry;
use super::{Search, Shard};
use crate::{
    StoreError,
    logs::dsl::{Query, ScriptField},
};
use event::Object;
use serde_json::{Value, json};
use tantivy::{
    DocSet,
    query::{EnableScoring, Weight},
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

/// How the score of a hit came about. Of the search's own query only: what the caller may see at all is nothing to tell of.
pub(super) fn explanation(
    search: &Search<'_>,
    shard: &Shard<'_>,
    entry: &Entry,
) -> Result<Value, StoreError> {
    let reader = shard.generation.searcher.segment_reader(entry.segment);
    let weight = weight(search, shard, &search.body.query, true)?;
    let explained = weight.explain(reader, entry.doc).ok().and_then(|found| serde_json::to_value(found).ok());
    let tree = explained.map(|found| tidied(found, 0));
    let value = match entry.score {
        Some(score) => score,
        None => {
            let mut scorer = weight.scorer(reader, 1.0).map_err(engine_error)?;
            if scorer.doc() < entry.doc {
                scorer.seek(entry.doc);
            }
            if scorer.doc() == entry.doc { scorer.score() } else { 0.0 }
        }
    };
    Ok(match tree {
        Some(tree) if tree["value"].as_f64().is_some_and(|told| (told - f64::from(value)).abs() < 1e-4) => {
            tree
        }
        // Factors that apply to all documents of an index, or scores made anew.
        Some(tree) => {
            json!({"value": value, "description": "score of the search, made of:", "details": [tree]})
        }
        None => json!({"value": value, "description": "score of the query", "details": []}),
    })
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

/// The named queries of a search over the documents of one shard.
pub(super) struct Named<'q> {
    weights: Vec<(&'q str, Box<dyn Weight>)>,
}

impl<'q> Named<'q> {
    pub(super) fn new(search: &Search<'q>, shard: &Shard<'_>) -> Result<Self, StoreError> {
        let queries = std::iter::once(&search.body.query).chain(&search.body.post_filter);
        let named = queries.flat_map(|query| query.named());
        let weights = named.map(|(name, query)| Ok((name, weight(search, shard, query, false)?)));
        Ok(Self { weights: weights.collect::<Result<_, StoreError>>()? })
    }

    /// Those that a hit matches.
    pub(super) fn matched(&self, shard: &Shard<'_>, entry: &Entry) -> Result<Vec<String>, StoreError> {
        let reader = shard.generation.searcher.segment_reader(entry.segment);
        let mut matched: Vec<String> = Vec::new();
        for (name, weight) in &self.weights {
            let mut scorer = weight.scorer(reader, 1.0).map_err(engine_error)?;
            let at = if scorer.doc() < entry.doc { scorer.seek(entry.doc) } else { scorer.doc() };
            if at == entry.doc && !matched.iter().any(|known| known == name) {
                matched.push((*name).to_owned());
            }
        }
        Ok(matched)
    }
}

/// Adds what scripts make of a hit.
pub(super) fn add_script_fields(
    fields: &Fields<'_>,
    wanted: &[ScriptField],
    entry: &Entry,
    document: &Object,
    found: &mut Object,
) -> Result<(), StoreError> {
    let reader = fields.generation.searcher.segment_reader(entry.segment);
    for field in wanted {
        let made = DocScript::new(&field.call, fields.owned(), reader).field(entry.doc, document);
        let value = match made {
            Ok(value) => value,
            Err(_) if field.ignore_failure => continue,
            Err(error) => return Err(error),
        };
        let values = match value {
            Value::Array(items) => items,
            value => vec![value],
        };
        found.insert(field.name.clone(), Value::Array(values));
    }
    Ok(())
}
