//! Goes through the shards: counts, keeps the best, feeds the aggregations.

use super::aggregations::Aggregator;
use super::column::engine_error;
use super::sorting::{Entry, SegmentTop, SortValue, TopRequest, compare};
use super::time_range::TIMESTAMP;
use super::{Search, Shard};
use crate::{
    StoreError,
    logs::{
        Total,
        dsl::{Missing, SortOrder, SortTarget, TrackTotalHits},
    },
};
use event::Object;
use std::time::Instant;
use tantivy::{
    COLLECT_BLOCK_BUFFER_LEN, DocId, DocSet, Score, SegmentReader, TERMINATED,
    query::{EnableScoring, Scorer, Weight},
};

/// Documents that are handled at once.
const BLOCK: usize = 2_048;

/// What a search found.
pub(super) struct Outcome {
    pub(super) hits: Vec<Entry>,
    pub(super) total: Option<Total>,
    pub(super) max_score: Option<Score>,
    pub(super) timed_out: bool,
    pub(super) aggregations: Option<Object>,
}

struct Run<'r, 's> {
    search: &'r Search<'s>,
    limit: usize,
    scoring: bool,
    aggregator: Option<Aggregator<'r>>,
    best: Vec<Entry>,
    count: u64,
    /// Something that matches was not counted.
    uncounted: bool,
    timed_out: bool,
    max_score: Option<Score>,
}

/// Runs a search over its shards.
pub(super) fn run(search: &Search<'_>, shards: &[Shard<'_>]) -> Result<Outcome, StoreError> {
    let body = search.body;
    let limit = body.from + body.size;
    let by_score = search.sort.iter().any(|key| key.target == SortTarget::Score);
    let mut run = Run {
        search,
        limit,
        scoring: limit > 0 && (by_score || body.track_scores) || body.min_score.is_some(),
        aggregator: match body.aggregations.as_slice() {
            [] => None,
            aggregations => Some(Aggregator::new(aggregations, search.now)?),
        },
        best: Vec::new(),
        count: 0,
        uncounted: false,
        timed_out: false,
        max_score: None,
    };
    for shard in in_order(search, shards) {
        run.shard(shard)?;
        if run.timed_out {
            break;
        }
    }
    run.finish(shards)
}

/// When newest (or oldest) first is asked for, the shards in that order, so that the rest can be skipped.
fn in_order<'a, 's>(search: &Search<'_>, shards: &'a [Shard<'s>]) -> Vec<&'a Shard<'s>> {
    let mut ordered: Vec<&Shard<'s>> = shards.iter().collect();
    match time_order(search) {
        Some(SortOrder::Desc) => {
            ordered
                .sort_by_key(|shard| std::cmp::Reverse(shard.index.range.map_or(i64::MIN, |(_, last)| last)));
        }
        Some(SortOrder::Asc) => {
            ordered.sort_by_key(|shard| shard.index.range.map_or(i64::MAX, |(first, _)| first))
        }
        None => {}
    }
    ordered
}

/// The direction of a sort that begins with the events' time.
fn time_order(search: &Search<'_>) -> Option<SortOrder> {
    let first = search.sort.first()?;
    let by_time = first.target == SortTarget::Field(TIMESTAMP.to_owned()) && first.missing == Missing::Last;
    by_time.then_some(first.order)
}

impl Run<'_, '_> {
    fn shard(&mut self, shard: &Shard<'_>) -> Result<(), StoreError> {
        let searcher = &shard.generation.searcher;
        let scoring = match self.scoring {
            true => EnableScoring::enabled_from_searcher(searcher),
            false => EnableScoring::disabled_from_searcher(searcher),
        };
        let weight = shard.query.weight(scoring).map_err(engine_error)?;
        let post_filter = match &shard.post_filter {
            Some(filter) => {
                let unscored = EnableScoring::disabled_from_searcher(searcher);
                Some(filter.weight(unscored).map_err(engine_error)?)
            }
            None => None,
        };
        let mut left = match self.search.body.terminate_after {
            0 => u64::MAX,
            limit => limit,
        };
        for (ordinal, reader) in searcher.segment_readers().iter().enumerate() {
            if self.is_late() || left == 0 {
                break;
            }
            let segment = u32::try_from(ordinal).unwrap_or(u32::MAX);
            self.segment(shard, segment, reader, weight.as_ref(), post_filter.as_deref(), &mut left)?;
        }
        Ok(())
    }

    fn is_late(&mut self) -> bool {
        if self.search.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            self.timed_out = true;
        }
        self.timed_out
    }

    fn segment(
        &mut self,
        shard: &Shard<'_>,
        segment: u32,
        reader: &SegmentReader,
        weight: &dyn Weight,
        post_filter: Option<&dyn Weight>,
        left: &mut u64,
    ) -> Result<(), StoreError> {
        let body = self.search.body;
        let fields = shard.fields();
        let request = TopRequest {
            keys: self.search.sort,
            after: body.search_after.as_deref(),
            limit: self.limit,
            now: self.search.now,
        };
        let mut top = match self.limit {
            0 => None,
            _ => Some(SegmentTop::new(&request, &fields, reader, shard.rank, segment)?),
        };
        if top.as_ref().is_some_and(|top| !self.can_contribute(top)) {
            top = None;
        }
        let plain = self.aggregator.is_none() && body.min_score.is_none() && *left == u64::MAX;
        if top.is_none() && plain {
            return self.count_only(reader, weight, post_filter);
        }
        let mut post_filter = match post_filter {
            Some(weight) => Some(weight.scorer(reader, 1.0).map_err(engine_error)?),
            None => None,
        };
        let mut collecting = match &mut self.aggregator {
            Some(aggregator) => Some(aggregator.segment(&fields, reader, (shard.rank, segment))?),
            None => None,
        };
        let mut scorer = weight.scorer(reader, 1.0).map_err(engine_error)?;
        let mut block = Block::default();
        while block.fill(scorer.as_mut(), reader, self.scoring, body.min_score) {
            block.cut(left);
            if let Some(collecting) = &mut collecting {
                collecting.collect(&block.docs)?;
            }
            for (position, doc) in block.docs.iter().enumerate() {
                if let Some(filter) = &mut post_filter {
                    let at = filter.doc();
                    let at = if at < *doc { filter.seek(*doc) } else { at };
                    if at != *doc {
                        continue;
                    }
                }
                self.count += 1;
                let score = block.scores.get(position).copied();
                if let Some(top) = &mut top {
                    top.offer(*doc, score);
                }
                if let Some(score) = score {
                    self.max_score = Some(self.max_score.map_or(score, |best| best.max(score)));
                }
            }
            if self.search.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.timed_out = true;
            }
            if self.timed_out || *left == 0 {
                self.uncounted = true;
                break;
            }
        }
        if let Some(collecting) = collecting {
            let found = collecting.finish()?;
            if let Some(aggregator) = &mut self.aggregator {
                aggregator.merge(found)?;
            }
        }
        if let Some(top) = top {
            self.best.extend(top.finish().map_err(engine_error)?);
            self.shrink();
        }
        Ok(())
    }

    /// Keeps the best of what was found so far.
    fn shrink(&mut self) {
        let keys = self.search.sort;
        self.best.sort_unstable_by(|a, b| compare(keys, a, b));
        self.best.truncate(self.limit);
    }

    /// Whether a segment can hold something better than the worst that is kept.
    fn can_contribute(&self, top: &SegmentTop<'_>) -> bool {
        let Some(order) = time_order(self.search).filter(|_| self.best.len() >= self.limit) else {
            return true;
        };
        let worst = self.best.last().and_then(|entry| entry.values.first());
        let Some(SortValue::Value(super::scalar::Scalar::Date(worst))) = worst else { return true };
        match (top.first_date_range(), order) {
            (Some((_, last)), SortOrder::Desc) => last >= *worst,
            (Some((first, _)), SortOrder::Asc) => first <= *worst,
            // Nothing here has a time; those that have one are enough already.
            (None, _) => true,
        }
    }

    /// Counts the matches of a segment without looking at each, or not at all when enough were counted.
    fn count_only(
        &mut self,
        reader: &SegmentReader,
        weight: &dyn Weight,
        post_filter: Option<&dyn Weight>,
    ) -> Result<(), StoreError> {
        let enough = match self.search.body.track_total_hits {
            TrackTotalHits::Exact => false,
            TrackTotalHits::No => true,
            TrackTotalHits::UpTo(limit) => self.count > limit,
        };
        if enough {
            self.uncounted = true;
            return Ok(());
        }
        let Some(filter) = post_filter else {
            self.count += u64::from(weight.count(reader).map_err(engine_error)?);
            return Ok(());
        };
        let mut filter = filter.scorer(reader, 1.0).map_err(engine_error)?;
        let mut scorer = weight.scorer(reader, 1.0).map_err(engine_error)?;
        let mut doc = scorer.doc();
        while doc != TERMINATED {
            let at = filter.doc();
            let at = if at < doc { filter.seek(doc) } else { at };
            self.count += u64::from(at == doc && !reader.is_deleted(doc));
            doc = scorer.advance();
        }
        Ok(())
    }

    fn finish(self, shards: &[Shard<'_>]) -> Result<Outcome, StoreError> {
        let (count, uncounted) = (self.count, self.uncounted || self.timed_out);
        let total = match self.search.body.track_total_hits {
            TrackTotalHits::No => None,
            TrackTotalHits::Exact => Some(Total { value: count, exact: !uncounted }),
            TrackTotalHits::UpTo(limit) if count > limit => Some(Total { value: limit, exact: false }),
            TrackTotalHits::UpTo(_) => Some(Total { value: count, exact: !uncounted }),
        };
        let aggregations =
            self.aggregator.map(|aggregator| aggregator.finish(self.search, shards)).transpose()?;
        let hits = self.best.into_iter().skip(self.search.body.from).collect();
        Ok(Outcome { hits, total, max_score: self.max_score, timed_out: self.timed_out, aggregations })
    }
}

/// Matching documents of a segment, some at a time.
#[derive(Default)]
struct Block {
    docs: Vec<DocId>,
    /// One per document if scores are computed.
    scores: Vec<Score>,
}

impl Block {
    /// Reads on; whether there was anything.
    fn fill(
        &mut self,
        scorer: &mut dyn Scorer,
        reader: &SegmentReader,
        scoring: bool,
        min_score: Option<Score>,
    ) -> bool {
        self.docs.clear();
        self.scores.clear();
        let deletes = reader.has_deletes();
        if scoring {
            while scorer.doc() != TERMINATED && self.docs.len() < BLOCK {
                let doc = scorer.doc();
                if !(deletes && reader.is_deleted(doc)) {
                    let score = scorer.score();
                    if min_score.is_none_or(|least| score >= least) {
                        self.docs.push(doc);
                        self.scores.push(score);
                    }
                }
                scorer.advance();
            }
            return !self.docs.is_empty();
        }
        let mut buffer = [0; COLLECT_BLOCK_BUFFER_LEN];
        while self.docs.len() < BLOCK {
            let found = scorer.fill_buffer(&mut buffer);
            let alive = buffer[..found].iter().copied().filter(|doc| !(deletes && reader.is_deleted(*doc)));
            self.docs.extend(alive);
            if found < COLLECT_BLOCK_BUFFER_LEN {
                break;
            }
        }
        !self.docs.is_empty()
    }

    /// Keeps no more than `left` documents and takes them off.
    fn cut(&mut self, left: &mut u64) {
        if *left == u64::MAX {
            return;
        }
        let keep = usize::try_from(*left).unwrap_or(usize::MAX).min(self.docs.len());
        self.docs.truncate(keep);
        self.scores.truncate(keep);
        *left -= keep as u64;
    }
}
