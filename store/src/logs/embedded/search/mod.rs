//! Search over snapshots of indices: query, sort, aggregations, highlights.
//!
//! One generation of one index is a shard. Each shard compiles the query against its own schema, so a field may be a
//! number in one index and text in another. Hits and aggregations leave a segment as typed values and are merged.
//!
//! *Invariant*: pure and synchronous; what it sees is in the snapshots, the time is given. The scope's filter is part of
//! every shard's query, and masked fields are resolved as unknown ones.

mod aggregations;
mod block;
mod breaker;
mod collapse;
mod column;
mod column_query;
mod compile;
mod dates;
mod dictionary_query;
mod fetch;
mod fields;
mod geo_query;
mod geography;
mod hash;
mod highlight;
mod hit_details;
mod hits;
mod last_segment;
mod limits;
mod nested;
mod number_format;
mod passages;
mod positions;
mod profile;
mod range_doc_set;
mod range_field;
mod rescore;
mod run;
mod scalar;
mod score;
mod script;
mod sorting;
mod source;
mod suggest;
mod term_pattern;
mod time_range;
mod watch;
mod zones;

pub(crate) use breaker::Breaker;
pub(crate) use compile::read_network;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) use dates::read_date;
pub(crate) use hash::FastMap;
pub(crate) use sorting::Cursor;
pub(crate) use source::filter as filter_source;
pub(crate) use source::values_of;
pub(crate) use time_range::overlaps;
pub(crate) use zones::ZoneMaps;

use super::snapshot::{GenerationSnapshot, IndexSnapshot};
use crate::{
    ErrorKind, StoreError,
    logs::{
        Hit, SearchRequest, SearchResponse, TimeRange,
        dsl::{
            Collapse, Query, SearchBody, SortKey, SortTarget,
            aggregations::{Aggregation, Kind},
            parse_query,
        },
    },
    scope::Scope,
};
use compile::{BoxQuery, Compiler, all_of, unscored};
use event::Object;
use fetch::Wanted;
use fields::{Fields, Mask};
use jiff::Timestamp;
use profile::Profiler;
use script::Scripted;
use serde_json::json;
use sorting::{Entry, by_score, values_to_json};
use std::{
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};
use watch::Watch;

/// What bounds a search beside its own parameters.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// Memory of all searches.
    pub(crate) breaker: Arc<Breaker>,
    /// Set when nobody waits for the answer any more.
    pub(crate) cancelled: Arc<AtomicBool>,
}

/// Runs one search over these indices (already narrowed to what the scope reaches). Applies the scope's filter and
/// masks. Synchronous: called on a blocking pool.
pub(crate) fn execute(
    snapshots: &[IndexSnapshot],
    scope: &Scope,
    request: &SearchRequest,
    body: &SearchBody,
    bounds: &Bounds,
) -> Result<SearchResponse, StoreError> {
    execute_behind(snapshots, scope, request, body, bounds, None).map(|(response, _)| response)
}

/// The span of `@timestamp` outside of which the search sees nothing; some aggregations see all of time.
pub(crate) fn span(body: &SearchBody, now: Timestamp) -> TimeRange {
    if look_beyond(&body.aggregations) {
        return TimeRange::default();
    }
    time_range::time_range(&body.query, now)
}

/// Whether one of them counts documents that the query does not find: all, or the background of what stands out.
fn look_beyond(aggregations: &[Aggregation]) -> bool {
    aggregations.iter().any(|aggregation| {
        matches!(aggregation.kind, Kind::Global | Kind::SignificantTerms(_))
            || look_beyond(&aggregation.inner)
    })
}

/// [`execute`], going on behind a hit; answers where the next page goes on, too.
pub(crate) fn execute_behind(
    snapshots: &[IndexSnapshot],
    scope: &Scope,
    request: &SearchRequest,
    body: &SearchBody,
    bounds: &Bounds,
    cursor: Option<&Cursor>,
) -> Result<(SearchResponse, Option<Cursor>), StoreError> {
    let started = Instant::now();
    limits::check(snapshots, body, request.scroll.is_some())?;
    let filter = scope.filter().map(parse_query).transpose()?;
    let timeout = match (body.timeout, request.timeout) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let sort = if body.sort.is_empty() { by_score() } else { &body.sort };
    let after = body.search_after.clone().map(|values| Cursor { values, place: None });
    check_after(after.as_ref(), body)?;
    check_rescore(body)?;
    let search = Search {
        body,
        filter: filter.as_ref(),
        sort,
        after: cursor.or(after.as_ref()),
        now: Timestamp::now(),
        watch: Watch::new(&bounds.cancelled, &bounds.breaker, timeout.and_then(|t| started.checked_add(t))),
        timeout,
        profiler: body.profile.then(Profiler::default),
    };
    let masks: Vec<Mask> = snapshots.iter().map(|index| Mask::new(scope, &index.mapping)).collect();
    let shards = search.shards(snapshots, &masks)?;
    check_sort_fields(sort, &shards)?;
    let mut outcome = run::run(&search, &shards)?;
    if !body.rescore.is_empty() {
        outcome.hits = rescore::rescore(&search, &shards, outcome.hits)?;
        outcome.max_score = outcome.hits.first().and_then(|entry| entry.score);
    }
    outcome.hits = outcome.hits.into_iter().skip(body.from).take(body.size).collect();
    let reading = search.reading();
    let hits = read_page(&reading, snapshots, &masks, &shards, &outcome.hits)?;
    // What failed while the last hit was read.
    reading.watch.check()?;
    if hits.len() < outcome.hits.len() {
        outcome.timed_out = true;
        outcome.hits.truncate(hits.len());
    }
    let behind = |last: &Entry| -> Result<Cursor, StoreError> {
        Ok(Cursor { values: values_to_json(sort, last)?, place: Some((last.shard, last.seq_no)) })
    };
    let next = outcome.hits.last().map(behind).transpose()?;
    let suggest = match body.suggest.is_empty() {
        true => None,
        false => Some(suggest::suggest(&reading, &shards, request.typed_keys)?),
    };
    let aggregations = outcome.aggregations.map(|found| match request.typed_keys {
        true => aggregations::typed_keys(&body.aggregations, found),
        false => found,
    });
    let response = SearchResponse {
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        timed_out: outcome.timed_out,
        terminated_early: outcome.terminated_early,
        total: outcome.total,
        max_score: outcome.max_score,
        hits,
        // Where there is no index, nothing is aggregated.
        aggregations: aggregations.filter(|_| !snapshots.is_empty()),
        indices: snapshots.len(),
        scroll_id: None,
        pit_id: None,
        suggest,
        profile: if body.profile { Some(profile::profile(&search, &shards)?) } else { None },
    };
    Ok((response, next))
}

/// Reads the documents of a page, with the hits that belong to them; fewer, if the time is over before.
fn read_page(
    reading: &Search<'_>,
    snapshots: &[IndexSnapshot],
    masks: &[Mask],
    shards: &[Shard<'_>],
    page: &[Entry],
) -> Result<Vec<Hit>, StoreError> {
    let body = reading.body;
    let mut hits = fetch::fetch(reading, shards, &Wanted::of(body, reading.sort), page)?;
    for (hit, entry) in hits.iter_mut().zip(page) {
        hit.inner_hits = nested::inner_hits(reading, shards, entry, hit)?;
    }
    if let Some(collapse) = body.collapse.as_ref().filter(|collapse| !collapse.inner_hits.is_empty()) {
        for (hit, entry) in hits.iter_mut().zip(page) {
            let found = inner_hits(reading, snapshots, masks, shards, collapse, entry)?;
            hit.inner_hits.get_or_insert_default().extend(found);
        }
    }
    Ok(hits)
}

/// Refuses what cannot be had together.
fn check_rescore(body: &SearchBody) -> Result<(), StoreError> {
    if body.rescore.is_empty() {
        return Ok(());
    }
    let refuse = |message: &str| Err(StoreError::invalid(message));
    if body.sort.iter().any(|key| key.target != SortTarget::Score) {
        return refuse("Cannot use [sort] option in conjunction with [rescore].");
    }
    if body.collapse.is_some() {
        return refuse("cannot use `collapse` in conjunction with `rescore`");
    }
    Ok(())
}

fn check_after(after: Option<&Cursor>, body: &SearchBody) -> Result<(), StoreError> {
    let Some(after) = after else { return Ok(()) };
    if body.sort.is_empty() {
        return Err(StoreError::invalid("Sort must contain at least one field."));
    }
    if after.values.len() == body.sort.len() {
        return Ok(());
    }
    Err(StoreError::invalid(format!(
        "search_after has {} value(s) but sort has {}.",
        after.values.len(),
        body.sort.len()
    )))
}

/// More hits of the value that a hit stands for.
fn inner_hits(
    search: &Search<'_>,
    snapshots: &[IndexSnapshot],
    masks: &[Mask],
    shards: &[Shard<'_>],
    collapse: &Collapse,
    entry: &Entry,
) -> Result<Object, StoreError> {
    let value = collapse::value_of(search, fetch::shard_of(shards, entry)?, entry)?;
    let mut found = Object::new();
    for (name, inner) in &collapse.inner_hits {
        let body = collapse::inner_search(search.body, &collapse.field, value.as_ref(), inner);
        let sort = if body.sort.is_empty() { by_score() } else { &body.sort };
        let search =
            Search { body: &body, sort, after: None, watch: search.watch.clone(), profiler: None, ..*search };
        let shards = search.shards(snapshots, masks)?;
        let mut outcome = run::run(&search, &shards)?;
        outcome.hits = outcome.hits.into_iter().skip(body.from).collect();
        let hits = fetch::fetch(&search, &shards, &Wanted::of(&body, sort), &outcome.hits)?;
        let response = SearchResponse {
            total: outcome.total,
            max_score: outcome.max_score,
            hits,
            ..SearchResponse::default()
        };
        found.insert(name.clone(), json!({"hits": response.hits_json(false)}));
    }
    Ok(found)
}

/// A search as all shards share it.
struct Search<'s> {
    body: &'s SearchBody,
    filter: Option<&'s Query>,
    sort: &'s [SortKey],
    /// Where to go on.
    after: Option<&'s Cursor>,
    now: Timestamp,
    watch: Arc<Watch>,
    /// What each phase may take.
    timeout: Option<Duration>,
    profiler: Option<Profiler>,
}

/// One generation of one index, with the query compiled for it.
struct Shard<'s> {
    index: &'s IndexSnapshot,
    generation: &'s GenerationSnapshot,
    mask: &'s Mask,
    /// Position among all shards: indices in the order given, generations from the oldest.
    rank: usize,
    query: BoxQuery,
    post_filter: Option<BoxQuery>,
    /// What the caller may see at all, if an aggregation or a suggestion asks for it.
    everything: Option<BoxQuery>,
    /// Whether that is less than there is.
    narrowed: bool,
}

impl<'s> Shard<'s> {
    fn fields(&self) -> Fields<'s> {
        Fields::new(self.index, self.generation, self.mask)
    }
}

impl Search<'_> {
    /// The same search in its next phase, reading what was found, with its own time.
    fn reading(&self) -> Search<'_> {
        Search { watch: self.watch.renewed(self.timeout), profiler: None, ..*self }
    }

    /// What makes columns for the documents that are found.
    fn scripted<'m>(&'m self, matching: &'m dyn Fn() -> Result<Vec<u32>, StoreError>) -> Scripted<'m> {
        Scripted { matching, watch: &self.watch }
    }

    fn shards<'s>(
        &self,
        snapshots: &'s [IndexSnapshot],
        masks: &'s [Mask],
    ) -> Result<Vec<Shard<'s>>, StoreError> {
        let span = span(self.body, self.now);
        let mut shards = Vec::new();
        let mut rank = 0;
        for (index, mask) in snapshots.iter().zip(masks) {
            let pruned = !time_range::overlaps(span, index.range) && index.mapping.has_usual_time();
            for generation in &index.generations {
                rank += 1;
                if pruned {
                    continue;
                }
                let compiled = self.compile(index, generation, mask);
                let compiled = compiled.map_err(|error| shard_failure(error, &index.name))?;
                let Compiled { query, post_filter, everything, narrowed } = compiled;
                shards.push(Shard {
                    index,
                    generation,
                    mask,
                    rank,
                    query,
                    post_filter,
                    everything,
                    narrowed,
                });
            }
        }
        Ok(shards)
    }

    /// The query of a shard, with the scope's filter in it, and the filter for hits.
    fn compile(
        &self,
        index: &IndexSnapshot,
        generation: &GenerationSnapshot,
        mask: &Mask,
    ) -> Result<Compiled, StoreError> {
        let compiler = |mask| Compiler {
            fields: Fields::new(index, generation, mask),
            now: self.now,
            watch: &self.watch,
        };
        let visible = compiler(mask);
        let post_filter = self.body.post_filter.as_ref().map(|filter| visible.compile(filter)).transpose()?;
        let boosts = &self.body.indices_boost;
        let boost =
            boosts.iter().find(|(name, _)| name.matches(&index.name)).map_or(1.0, |(_, boost)| *boost);
        let mut required = vec![compile::boosted(visible.compile(&self.body.query)?, boost)];
        required.extend(self.body.slice.map(|slice| visible.slice(slice)));
        // The filters of scope and alias may ask fields that the caller must not see.
        let unmasked = Mask::default();
        let reach = || -> Result<Vec<_>, StoreError> {
            let filters = self.filter.into_iter().chain(&index.filter);
            filters.map(|filter| compiler(&unmasked).compile(filter)).collect()
        };
        required.extend(reach()?.into_iter().map(unscored));
        let is_global = self.body.aggregations.iter().any(|aggregation| aggregation.kind == Kind::Global);
        let asked = is_global || !self.body.suggest.is_empty();
        let everything = if asked { Some(all_of(reach()?)) } else { None };
        let narrowed = self.filter.is_some() || index.filter.is_some();
        Ok(Compiled { query: all_of(required), post_filter, everything, narrowed })
    }
}

/// A query that cannot be asked of an index, told as Elasticsearch's shards do: which index, and why.
fn shard_failure(error: StoreError, index: &str) -> StoreError {
    if error.kind != ErrorKind::InvalidRequest {
        return error;
    }
    let error = match error.code {
        Some("query_shard_exception") => error,
        code => {
            let cause =
                json!({"type": code.unwrap_or("illegal_argument_exception"), "reason": error.message});
            let message = format!("failed to create query: {}", error.message);
            StoreError { message, ..error }.with_code("query_shard_exception").caused_by(cause)
        }
    };
    error.with_detail("index_uuid", json!("_na_")).with_detail("index", json!(index))
}

/// The queries of one shard.
struct Compiled {
    query: BoxQuery,
    post_filter: Option<BoxQuery>,
    everything: Option<BoxQuery>,
    narrowed: bool,
}

/// Elasticsearch refuses a sort by a field that no index maps, unless `unmapped_type` is given. Here an index may not
/// know a field that its next event brings, so only a field that is mapped nowhere *and* not sent by a well-meaning client
/// matters: such a sort is accepted and all documents count as missing the field. What is refused is a sort by text.
fn check_sort_fields(sort: &[SortKey], shards: &[Shard<'_>]) -> Result<(), StoreError> {
    for key in sort {
        let SortTarget::Field(path) = &key.target else { continue };
        for shard in shards {
            if let Some(field) = shard.fields().resolve(path) {
                sorting::sortable(field)?;
            }
        }
    }
    Ok(())
}
