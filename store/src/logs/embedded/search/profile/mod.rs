//! `profile: true`: what took how long.
//!
//! Aggregations are timed as they run, block by block. The clauses of the query are timed one by one in a second run, each
//! over all documents that it finds by itself.

mod names;

use super::aggregations::collector_name;
use super::column::engine_error;
use super::compile::Compiler;
use super::{Search, Shard};
use crate::{
    StoreError,
    logs::dsl::{
        Query,
        aggregations::{Aggregation, Kind},
    },
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tantivy::{DocSet, TERMINATED, query::EnableScoring};

/// Where the parts of a search write down their times.
#[derive(Default)]
pub(super) struct Profiler {
    /// By rank of the shard, and by the aggregation's place in memory.
    aggregations: Mutex<HashMap<(usize, usize), AggregationTimes>>,
    /// Going through the documents, by rank of the shard.
    shards: Mutex<HashMap<usize, Duration>>,
}

/// What one aggregation took over one shard.
#[derive(Debug, Clone, Default)]
pub(super) struct AggregationTimes {
    pub(super) initialize: Duration,
    pub(super) collect: Duration,
    pub(super) build: Duration,
    /// Documents handed to it.
    pub(super) collected: u64,
    /// Segments (or parents in these) that it was made for.
    pub(super) made: u64,
    pub(super) buckets: u64,
    /// Segments whose documents have at most one string; and all others.
    pub(super) single: u64,
    pub(super) multiple: u64,
    /// What its keys are, where they are no strings: `long_terms`, `double_terms`.
    pub(super) numbers: Option<&'static str>,
}

impl AggregationTimes {
    fn add(&mut self, other: &Self) {
        self.initialize += other.initialize;
        self.collect += other.collect;
        self.build += other.build;
        self.collected += other.collected;
        self.made += other.made;
        self.buckets += other.buckets;
        self.single += other.single;
        self.multiple += other.multiple;
        self.numbers = self.numbers.or(other.numbers);
    }
}

/// Tells aggregations of a request apart.
pub(super) fn identity(aggregation: &Aggregation) -> usize {
    std::ptr::from_ref(aggregation) as usize
}

impl Profiler {
    pub(super) fn aggregation(&self, shard: usize, identity: usize, times: &AggregationTimes) {
        self.aggregations.lock().entry((shard, identity)).or_default().add(times);
    }

    pub(super) fn shard(&self, shard: usize, took: Duration) {
        *self.shards.lock().entry(shard).or_default() += took;
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// `profile` of the answer: one entry per index.
pub(super) fn profile(search: &Search<'_>, shards: &[Shard<'_>]) -> Result<Value, StoreError> {
    let Some(profiler) = &search.profiler else { return Ok(Value::Null) };
    let mut entries = Vec::new();
    for same_index in shards.chunk_by(|a, b| a.index.name == b.index.name) {
        let Some(first) = same_index.first() else { continue };
        let took: Duration = {
            let times = profiler.shards.lock();
            same_index.iter().filter_map(|shard| times.get(&shard.rank)).sum()
        };
        let (name, reason) = match (search.body.size, search.body.aggregations.is_empty()) {
            (0, true) => ("EarlyTerminatingCollector", "search_count"),
            (_, false) => ("MultiCollector", "search_multi"),
            _ => ("SimpleTopScoreDocCollector", "search_top_hits"),
        };
        let started = Instant::now();
        let query = clause(search, same_index, &search.body.query, 0)?;
        let searches = json!([{
            "query": [query],
            "rewrite_time": nanos(started.elapsed()) / 100,
            "collector": [{"name": name, "reason": reason, "time_in_nanos": nanos(took)}],
        }]);
        let found = profiler.aggregations.lock();
        let aggregations = search.body.aggregations.iter();
        let aggregations: Vec<Value> =
            aggregations.filter_map(|one| aggregation(&found, same_index, one)).collect();
        entries.push(json!({
            "id": format!("[vigie][{}][0]", first.index.name),
            "searches": searches,
            "aggregations": aggregations,
        }));
    }
    Ok(json!({ "shards": entries }))
}

/// Clauses are told apart so deep.
const DEPTH_MAX: usize = 8;

/// One clause of the query and those in it, each timed by itself.
fn clause(
    search: &Search<'_>,
    shards: &[Shard<'_>],
    query: &Query,
    depth: usize,
) -> Result<Value, StoreError> {
    let (mut create, mut build, mut next, mut score) = <(Duration, Duration, Duration, Duration)>::default();
    let (mut built, mut found, mut made) = (0_u64, 0_u64, 0_u64);
    for shard in shards {
        let searcher = &shard.generation.searcher;
        let started = Instant::now();
        let compiler = Compiler { fields: shard.fields(), now: search.now, watch: &search.watch };
        let weight = compiler
            .compile(query)?
            .weight(EnableScoring::enabled_from_searcher(searcher))
            .map_err(engine_error)?;
        create += started.elapsed();
        made += 1;
        for reader in searcher.segment_readers() {
            let started = Instant::now();
            let mut scorer = weight.scorer(reader, 1.0).map_err(engine_error)?;
            build += started.elapsed();
            built += 1;
            let started = Instant::now();
            while scorer.doc() != TERMINATED {
                found += 1;
                scorer.advance();
            }
            next += started.elapsed();
            let started = Instant::now();
            if let Some(doc) =
                weight.scorer(reader, 1.0).ok().filter(|scorer| scorer.doc() != TERMINATED).as_mut()
            {
                doc.score();
            }
            score += started.elapsed();
            search.watch.check()?;
            if search.watch.is_late() {
                break;
            }
        }
    }
    let children = match depth {
        DEPTH_MAX.. => Vec::new(),
        _ => names::parts(query)
            .into_iter()
            .map(|part| clause(search, shards, part, depth + 1))
            .collect::<Result<Vec<_>, _>>()?,
    };
    let breakdown = json!({
        "set_min_competitive_score_count": 0, "match_count": 0, "shallow_advance_count": 0,
        "set_min_competitive_score": 0, "next_doc": nanos(next), "match": 0, "next_doc_count": found + built,
        "score_count": built, "compute_max_score_count": 0, "compute_max_score": 0, "advance": 0,
        "advance_count": 0, "score": nanos(score), "build_scorer_count": built, "create_weight": nanos(create),
        "shallow_advance": 0, "create_weight_count": made, "build_scorer": nanos(build),
    });
    let (kind, description) = names::of(query);
    let mut out = json!({
        "type": kind,
        "description": description,
        "time_in_nanos": nanos(create + build + next + score),
        "breakdown": breakdown,
    });
    if !children.is_empty() {
        out["children"] = Value::Array(children);
    }
    Ok(out)
}

fn aggregation(
    found: &HashMap<(usize, usize), AggregationTimes>,
    shards: &[Shard<'_>],
    aggregation: &Aggregation,
) -> Option<Value> {
    if matches!(aggregation.kind, Kind::Pipeline(_)) {
        return None;
    }
    let mut times = AggregationTimes::default();
    for shard in shards {
        if let Some(more) = found.get(&(shard.rank, identity(aggregation))) {
            times.add(more);
        }
    }
    let breakdown = json!({
        "reduce": 0, "reduce_count": 0,
        "build_aggregation": nanos(times.build), "build_aggregation_count": times.made,
        "initialize": nanos(times.initialize), "initialize_count": times.made,
        "collect": nanos(times.collect), "collect_count": times.collected,
    });
    let mut out = json!({
        "type": collector_name(&aggregation.kind, times.numbers.is_some()),
        "description": aggregation.name,
        "time_in_nanos": nanos(times.initialize + times.collect + times.build),
        "breakdown": breakdown,
    });
    if let Kind::Terms(request) = &aggregation.kind {
        let inner = aggregation.inner.iter().filter(|inner| !matches!(inner.kind, Kind::Pipeline(_)));
        let mut debug = json!({
            "collection_strategy": "dense",
            "result_strategy": times.numbers.unwrap_or("terms"),
            "has_filter": request.include.is_some() || request.exclude.is_some(),
            "total_buckets": times.buckets,
        });
        if times.numbers.is_none() {
            debug["segments_with_single_valued_ords"] = json!(times.single);
            debug["segments_with_multi_valued_ords"] = json!(times.multiple);
        }
        if request.breadth_first {
            debug["deferred_aggregators"] = inner.map(|inner| json!(inner.name)).collect();
        }
        out["debug"] = debug;
    }
    let children: Vec<Value> =
        aggregation.inner.iter().filter_map(|inner| self::aggregation(found, shards, inner)).collect();
    if !children.is_empty() {
        out["children"] = Value::Array(children);
    }
    Some(out)
}
