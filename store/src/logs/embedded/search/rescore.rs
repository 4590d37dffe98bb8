//! `rescore`: the best hits of each index get a second score.

use super::column::engine_error;
use super::compile::Compiler;
use super::fetch::shard_of;
use super::scalar::Scalar;
use super::sorting::{Entry, SortValue};
use super::{Search, Shard};
use crate::{StoreError, logs::dsl::Rescore};
use std::collections::BTreeMap;
use tantivy::{DocSet, Score, query::EnableScoring};

/// How many hits have to be found so that the rescores can choose among them.
pub(super) fn hits_needed(rescores: &[Rescore]) -> usize {
    rescores.iter().map(|rescore| rescore.window_size).max().unwrap_or(0)
}

/// Gives the best hits their second score and puts all in its order.
pub(super) fn rescore(
    search: &Search<'_>,
    shards: &[Shard<'_>],
    entries: Vec<Entry>,
) -> Result<Vec<Entry>, StoreError> {
    let mut by_index: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        let name = shard_of(shards, &entry)?.index.name.to_string();
        by_index.entry(name).or_default().push(entry);
    }
    let several = by_index.len() > 1;
    let mut all = Vec::new();
    for mut found in by_index.into_values() {
        for rescore in &search.body.rescore {
            let window = rescore.window_size.min(found.len());
            let (best, rest) = found.split_at_mut(window);
            second_scores(search, shards, rescore, best)?;
            best.sort_by(|a, b| score_of(b).total_cmp(&score_of(a)));
            for entry in rest {
                let score = score_of(entry) * rescore.query_weight;
                set_score(entry, score);
            }
        }
        all.extend(found);
    }
    if several {
        all.sort_by(|a, b| score_of(b).total_cmp(&score_of(a)));
    }
    Ok(all)
}

fn score_of(entry: &Entry) -> Score {
    entry.score.unwrap_or(0.0)
}

fn set_score(entry: &mut Entry, score: Score) {
    entry.score = Some(score);
    entry.values = vec![SortValue::Value(Scalar::Float(f64::from(score)))];
}

fn second_scores(
    search: &Search<'_>,
    shards: &[Shard<'_>],
    rescore: &Rescore,
    entries: &mut [Entry],
) -> Result<(), StoreError> {
    // A scorer only goes forwards.
    let mut order: Vec<usize> = (0..entries.len()).collect();
    let place = |entry: &Entry| (entry.shard, entry.segment, entry.doc);
    order.sort_by_key(|position| entries.get(*position).map(place));
    let mut at = None;
    let mut scorer = None;
    for position in order {
        let Some(entry) = entries.get_mut(position) else { continue };
        if at != Some((entry.shard, entry.segment)) {
            at = Some((entry.shard, entry.segment));
            let shard = shard_of(shards, entry)?;
            let compiler = Compiler { fields: shard.fields(), now: search.now, watch: &search.watch };
            let searcher = &shard.generation.searcher;
            let weight = compiler
                .compile(&rescore.query)?
                .weight(EnableScoring::enabled_from_searcher(searcher))
                .map_err(engine_error)?;
            let reader = searcher.segment_reader(entry.segment);
            scorer = Some(weight.scorer(reader, 1.0).map_err(engine_error)?);
        }
        let first = score_of(entry) * rescore.query_weight;
        let second = scorer.as_mut().and_then(|scorer| {
            let found = if scorer.doc() < entry.doc { scorer.seek(entry.doc) } else { scorer.doc() };
            (found == entry.doc).then(|| scorer.score() * rescore.rescore_query_weight)
        });
        set_score(entry, second.map_or(first, |second| rescore.score_mode.combine(first, second)));
    }
    search.watch.check()
}
