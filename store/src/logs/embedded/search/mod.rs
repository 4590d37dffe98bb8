//! Search over snapshots of indices: query, sort, aggregations, highlights.
//!
//! One generation of one index is a shard. Each shard compiles the query against its own schema, so a field may be a
//! number in one index and text in another. Hits and aggregations leave a segment as typed values and are merged.
//!
//! *Invariant*: pure and synchronous; what it sees is in the snapshots, the time is given. The scope's filter is part of
//! every shard's query, and masked fields are resolved as unknown ones.

mod aggregations;
mod column;
mod column_query;
mod compile;
mod dates;
mod dictionary_query;
mod fetch;
mod fields;
mod highlight;
mod run;
mod scalar;
mod sorting;
mod source;
mod time_range;

use super::snapshot::{GenerationSnapshot, IndexSnapshot};
use crate::{
    StoreError,
    logs::{
        SearchRequest, SearchResponse,
        dsl::{Missing, Query, SearchBody, SortKey, SortMode, SortOrder, SortTarget, parse_query},
    },
    scope::Scope,
};
use compile::{BoxQuery, Compiler, all_of, unscored};
use fields::{Fields, Mask};
use jiff::Timestamp;
use std::time::Instant;

/// Runs one search over these indices (already narrowed to what the scope reaches). Applies the scope's filter and
/// masks. Synchronous: called on a blocking pool.
pub(crate) fn execute(
    snapshots: &[IndexSnapshot],
    scope: &Scope,
    request: &SearchRequest,
) -> Result<SearchResponse, StoreError> {
    execute_at(snapshots, scope, request, Timestamp::now())
}

/// [`execute`] with its own idea of `now`.
pub(crate) fn execute_at(
    snapshots: &[IndexSnapshot],
    scope: &Scope,
    request: &SearchRequest,
    now: Timestamp,
) -> Result<SearchResponse, StoreError> {
    let started = Instant::now();
    let body = SearchBody::parse(&request.body)?;
    let filter = scope.filter().map(parse_query).transpose()?;
    let timeout = match (body.timeout, request.timeout) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let sort = effective_sort(&body);
    if body.search_after.as_ref().is_some_and(|after| after.len() != sort.len()) {
        return Err(StoreError::invalid(format!(
            "search_after has {} value(s) but sort has {}",
            body.search_after.as_ref().map_or(0, Vec::len),
            sort.len()
        )));
    }
    let search = Search {
        body: &body,
        filter: filter.as_ref(),
        sort: &sort,
        now,
        deadline: timeout.map(|t| started + t),
    };
    let masks: Vec<Mask> = snapshots.iter().map(|index| Mask::new(scope, &index.mapping)).collect();
    let shards = search.shards(snapshots, &masks)?;
    check_sort_fields(&sort, &shards)?;
    let outcome = run::run(&search, &shards)?;
    let hits = fetch::fetch(&search, &shards, &outcome.hits)?;
    Ok(SearchResponse {
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        timed_out: outcome.timed_out,
        total: outcome.total,
        max_score: outcome.max_score,
        hits,
        aggregations: outcome.aggregations,
        indices: snapshots.len(),
    })
}

/// A search as all shards share it.
struct Search<'s> {
    body: &'s SearchBody,
    filter: Option<&'s Query>,
    sort: &'s [SortKey],
    now: Timestamp,
    deadline: Option<Instant>,
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
}

impl<'s> Shard<'s> {
    fn fields(&self) -> Fields<'s> {
        Fields { index: self.index, generation: self.generation, mask: self.mask }
    }
}

impl Search<'_> {
    fn shards<'s>(
        &self,
        snapshots: &'s [IndexSnapshot],
        masks: &'s [Mask],
    ) -> Result<Vec<Shard<'s>>, StoreError> {
        let span = time_range::time_range(&self.body.query, self.now);
        let mut shards = Vec::new();
        let mut rank = 0;
        for (index, mask) in snapshots.iter().zip(masks) {
            // A span read with other formats than the field's own would be a guess.
            let known = index.mapping.field(time_range::TIMESTAMP).is_none_or(|field| field.format.is_none());
            let pruned = known && !time_range::overlaps(span, index.range);
            for generation in &index.generations {
                rank += 1;
                if pruned {
                    continue;
                }
                let (query, post_filter) = self.compile(index, generation, mask)?;
                shards.push(Shard { index, generation, mask, rank, query, post_filter });
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
    ) -> Result<(BoxQuery, Option<BoxQuery>), StoreError> {
        let compiler = |mask| Compiler { fields: Fields { index, generation, mask }, now: self.now };
        let visible = compiler(mask);
        let query = visible.compile(&self.body.query)?;
        let post_filter = self.body.post_filter.as_ref().map(|filter| visible.compile(filter)).transpose()?;
        let query = match self.filter {
            None => query,
            // The scope's own filter may ask fields that the caller must not see.
            Some(filter) => all_of(vec![query, unscored(compiler(&Mask::default()).compile(filter)?)]),
        };
        Ok((query, post_filter))
    }
}

/// The sort of the request, or by score.
fn effective_sort(body: &SearchBody) -> Vec<SortKey> {
    if !body.sort.is_empty() {
        return body.sort.clone();
    }
    vec![SortKey {
        target: SortTarget::Score,
        order: SortOrder::Desc,
        missing: Missing::Last,
        mode: SortMode::Max,
        format: None,
        unmapped_ok: true,
    }]
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
