//! Goes through the shards: counts, keeps the best, feeds the aggregations.

use super::aggregations::{Aggregator, Batch, Reach, SegmentAggregations};
use super::block::{Block, matching};
use super::breaker::Reserved;
use super::collapse::{Groups, SegmentGroups};
use super::column::engine_error;
use super::hits;
use super::scalar::Scalar;
use super::sorting::{Entry, SegmentTop, SortValue, TopRequest, compare};
use super::time_range::TIMESTAMP;
use super::{Search, Shard};
use crate::{
    StoreError,
    logs::{
        Total,
        dsl::{
            Missing, SortOrder, SortTarget, TrackTotalHits,
            aggregations::{Aggregation, Kind},
        },
    },
};
use event::Object;
use tantivy::{
    DocSet, Score, SegmentReader, TERMINATED,
    columnar::MonotonicallyMappableToU64,
    query::{EnableScoring, Scorer, Weight},
};

/// What a search found.
pub(super) struct Outcome {
    pub(super) hits: Vec<Entry>,
    pub(super) total: Option<Total>,
    pub(super) max_score: Option<Score>,
    pub(super) timed_out: bool,
    pub(super) terminated_early: Option<bool>,
    pub(super) aggregations: Option<Object>,
}

struct Run<'r, 's> {
    search: &'r Search<'s>,
    limit: usize,
    scoring: bool,
    /// Whether hits show their scores.
    scored: bool,
    aggregator: Option<Aggregator<'r>>,
    best: Vec<Entry>,
    /// What the best take.
    held: Reserved,
    groups: Option<Groups>,
    count: u64,
    /// Something that matches was not counted.
    uncounted: bool,
    timed_out: bool,
    terminated_early: bool,
    max_score: Option<Score>,
}

/// Runs a search over its shards.
pub(super) fn run(search: &Search<'_>, shards: &[Shard<'_>]) -> Result<Outcome, StoreError> {
    let body = search.body;
    let limit = (body.from + body.size).max(super::rescore::hits_needed(&body.rescore));
    let by_score = search.sort.iter().any(|key| key.target == SortTarget::Score);
    let mut run = Run {
        search,
        limit,
        scored: by_score || body.track_scores,
        scoring: limit > 0 && (by_score || body.track_scores)
            || body.min_score.is_some()
            || samples(&body.aggregations),
        aggregator: match body.aggregations.as_slice() {
            [] => None,
            aggregations => Some(Aggregator::new(aggregations, search.watch.reserve("aggregations"))?),
        },
        best: Vec::new(),
        held: search.watch.reserve("sort values"),
        groups: body.collapse.as_ref().filter(|_| limit > 0).map(|_| Groups::default()),
        count: 0,
        uncounted: false,
        timed_out: false,
        terminated_early: false,
        max_score: None,
    };
    for shard in in_order(search, shards) {
        let started = std::time::Instant::now();
        run.shard(shard)?;
        if let Some(profiler) = &search.profiler {
            profiler.shard(shard.rank, started.elapsed());
        }
        if run.timed_out {
            break;
        }
    }
    // A query that scans documents stops by itself when the time is up.
    run.is_late();
    run.finish(shards)
}

/// Whether an aggregation wants the best documents.
fn samples(aggregations: &[Aggregation]) -> bool {
    let wants = |one: &Aggregation| {
        matches!(one.kind, Kind::Sampler(_))
            || matches!(&one.kind, Kind::TopHits(request) if request.sort.is_empty())
            || samples(&one.inner)
    };
    aggregations.iter().any(wants)
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

/// What is asked of one shard.
struct Asked<'a> {
    weight: Box<dyn Weight>,
    post_filter: Option<Box<dyn Weight>>,
    everything: Option<Box<dyn Weight>>,
    shard: &'a Shard<'a>,
}

impl<'r> Run<'r, '_> {
    fn shard(&mut self, shard: &Shard<'_>) -> Result<(), StoreError> {
        let searcher = &shard.generation.searcher;
        let scoring = match self.scoring {
            true => EnableScoring::enabled_from_searcher(searcher),
            false => EnableScoring::disabled_from_searcher(searcher),
        };
        let unscored = || EnableScoring::disabled_from_searcher(searcher);
        let weight = |query: &Option<super::BoxQuery>| {
            query.as_ref().map(|query| query.weight(unscored()).map_err(engine_error)).transpose()
        };
        let is_global = self.aggregator.as_ref().is_some_and(Aggregator::is_global);
        let asked = Asked {
            weight: shard.query.weight(scoring).map_err(engine_error)?,
            post_filter: weight(&shard.post_filter)?,
            everything: if is_global { weight(&shard.everything)? } else { None },
            shard,
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
            self.segment(&asked, segment, reader, &mut left)?;
            self.search.watch.check()?;
            self.collect_everything(&asked, segment, reader)?;
        }
        Ok(())
    }

    fn is_late(&mut self) -> bool {
        self.timed_out |= self.search.watch.is_late();
        self.timed_out
    }

    fn segment(
        &mut self,
        asked: &Asked<'_>,
        segment: u32,
        reader: &SegmentReader,
        left: &mut u64,
    ) -> Result<(), StoreError> {
        let (body, shard) = (self.search.body, asked.shard);
        let request = TopRequest {
            keys: self.search.sort,
            after: self.search.after,
            limit: if self.groups.is_some() { 1 } else { self.limit },
            now: self.search.now,
        };
        let matching = || matching(asked.weight.as_ref(), reader);
        let mut top = match self.limit {
            0 => None,
            _ => Some(SegmentTop::new(
                &request,
                &shard.fields(),
                reader,
                shard.rank,
                segment,
                self.search.scripted(&matching),
            )?),
        };
        if top.as_ref().is_some_and(|top| self.groups.is_none() && !self.can_contribute(top)) {
            top = None;
        }
        let plain = self.aggregator.is_none()
            && self.groups.is_none()
            && body.min_score.is_none()
            && *left == u64::MAX;
        if plain
            && asked.post_filter.is_none()
            && !self.scoring
            && let Some(found) = &mut top
        {
            let bound = self.worst_key();
            let found = hits::first_hits(
                found,
                reader,
                asked.weight.as_ref(),
                self.limit,
                bound,
                &shard.generation.zones,
            )?;
            if let Some(top) = top.take_if(|_| found) {
                self.keep(top)?;
            }
        }
        if top.is_none() && plain {
            return self.count_only(reader, asked);
        }
        let fields = shard.fields();
        let place = (shard.rank, segment);
        let mut pass = Pass {
            post_filter: match &asked.post_filter {
                Some(weight) => Some(weight.scorer(reader, 1.0).map_err(engine_error)?),
                None => None,
            },
            collecting: match &self.aggregator {
                Some(aggregator) => {
                    Some(aggregator.segment(self.search, &fields, reader, place, Reach::Query, &matching)?)
                }
                None => None,
            },
            groups: match (&body.collapse, &self.groups, top.take_if(|_| self.groups.is_some())) {
                (Some(collapse), Some(_), Some(top)) => {
                    let reserved = self.search.watch.reserve("groups of a collapse");
                    Some(SegmentGroups::new(shard, reader, &collapse.field, top, reserved)?)
                }
                _ => None,
            },
            top,
            raw: Vec::new(),
        };
        let counted = self.pass(&mut pass, asked, reader, left)?;
        let Pass { collecting, top, groups, .. } = pass;
        if let (Some(collecting), Some(aggregator)) = (collecting, &mut self.aggregator) {
            aggregator.merge(collecting.finish()?, Reach::Query, counted)?;
        }
        if let (Some(found), Some(groups)) = (groups, &mut self.groups) {
            found.finish(self.search.sort, groups)?;
            self.held.set(groups.bytes())?;
        }
        top.map_or(Ok(()), |top| self.keep(top))
    }

    /// Goes through the documents of a segment; answers how many match the query (whatever the filter for hits).
    fn pass(
        &mut self,
        pass: &mut Pass<'r>,
        asked: &Asked<'_>,
        reader: &SegmentReader,
        left: &mut u64,
    ) -> Result<u64, StoreError> {
        let min_score = self.search.body.min_score;
        let mut scorer = asked.weight.scorer(reader, 1.0).map_err(engine_error)?;
        let mut block = Block::default();
        let mut matched = 0;
        while block.fill(scorer.as_mut(), reader, self.scoring, min_score) {
            self.search.watch.check()?;
            let found = block.docs.len();
            block.cut(left);
            matched += block.docs.len() as u64;
            if let Some(collecting) = &mut pass.collecting {
                collecting.collect(&Batch { docs: &block.docs, scores: &block.scores })?;
            }
            if let Some(filter) = &mut pass.post_filter {
                block.keep(filter.as_mut());
            }
            self.count += block.docs.len() as u64;
            if let Some(groups) = &mut pass.groups {
                for (position, doc) in block.docs.iter().enumerate() {
                    groups.offer(*doc, block.scores.get(position).copied())?;
                }
            }
            if let Some(top) = &mut pass.top {
                top.offer_all(&block.docs, &block.scores, &mut pass.raw);
            }
            let best = block.scores.iter().copied().reduce(f32::max);
            self.max_score = [self.max_score, best].into_iter().flatten().reduce(f32::max);
            if self.is_late() || *left == 0 {
                let more = found > block.docs.len() || scorer.doc() != TERMINATED;
                self.terminated_early |= *left == 0 && more;
                self.uncounted = true;
                break;
            }
        }
        Ok(matched)
    }

    /// For aggregations over everything, whatever the query.
    fn collect_everything(
        &mut self,
        asked: &Asked<'_>,
        segment: u32,
        reader: &SegmentReader,
    ) -> Result<(), StoreError> {
        let (Some(weight), Some(aggregator)) = (&asked.everything, &self.aggregator) else { return Ok(()) };
        let (fields, place) = (asked.shard.fields(), (asked.shard.rank, segment));
        let mut collecting =
            aggregator.segment(self.search, &fields, reader, place, Reach::Global, &|| {
                matching(weight.as_ref(), reader)
            })?;
        let mut scorer = weight.scorer(reader, 1.0).map_err(engine_error)?;
        let mut block = Block::default();
        while block.fill(scorer.as_mut(), reader, false, None) {
            self.search.watch.check()?;
            collecting.collect(&Batch { docs: &block.docs, scores: &[] })?;
            if self.is_late() {
                break;
            }
        }
        let found = collecting.finish()?;
        match &mut self.aggregator {
            Some(aggregator) => aggregator.merge(found, Reach::Global, 0),
            None => Ok(()),
        }
    }

    fn keep(&mut self, top: SegmentTop<'_>) -> Result<(), StoreError> {
        self.best.extend(top.finish()?);
        let keys = self.search.sort;
        self.best.sort_unstable_by(|a, b| compare(keys, a, b));
        self.best.truncate(self.limit);
        self.held.set(self.best.iter().map(Entry::bytes).sum())
    }

    /// The leading key of the worst hit that is kept, if all that are wanted are kept.
    fn worst_key(&self) -> Option<u64> {
        if self.best.len() < self.limit {
            return None;
        }
        match self.best.last().and_then(|entry| entry.values.first()) {
            Some(SortValue::Value(Scalar::Date(worst))) => Some(worst.to_u64()),
            Some(SortValue::Value(Scalar::Unsigned(worst))) => Some(*worst),
            _ => None,
        }
    }

    /// Whether a segment can hold something better than the worst that is kept.
    fn can_contribute(&self, top: &SegmentTop<'_>) -> bool {
        let Some(order) = time_order(self.search) else { return true };
        let (Some(worst), Some((first, last))) = (self.worst_key(), top.time_span()) else { return true };
        match order {
            SortOrder::Desc => last.to_u64() >= worst,
            SortOrder::Asc => first.to_u64() <= worst,
        }
    }

    /// Counts the matches of a segment, as far as they are to be counted.
    fn count_only(&mut self, reader: &SegmentReader, asked: &Asked<'_>) -> Result<(), StoreError> {
        let limit = match self.search.body.track_total_hits {
            TrackTotalHits::Exact => u64::MAX,
            TrackTotalHits::No => 0,
            TrackTotalHits::UpTo(limit) => limit.saturating_add(1),
        };
        if limit == u64::MAX && asked.post_filter.is_none() {
            self.count += u64::from(asked.weight.count(reader).map_err(engine_error)?);
            return Ok(());
        }
        if self.count >= limit {
            self.uncounted = true;
            return Ok(());
        }
        let mut filter = match &asked.post_filter {
            Some(weight) => Some(weight.scorer(reader, 1.0).map_err(engine_error)?),
            None => None,
        };
        let mut scorer = asked.weight.scorer(reader, 1.0).map_err(engine_error)?;
        let mut block = Block::default();
        while block.fill(scorer.as_mut(), reader, false, None) {
            self.search.watch.check()?;
            if let Some(filter) = &mut filter {
                block.keep(filter.as_mut());
            }
            self.count += block.docs.len() as u64;
            if self.count >= limit || self.is_late() {
                self.uncounted = true;
                break;
            }
        }
        Ok(())
    }

    fn finish(self, shards: &[Shard<'_>]) -> Result<Outcome, StoreError> {
        let body = self.search.body;
        let (count, uncounted) = (self.count, self.uncounted || self.timed_out);
        let total = match body.track_total_hits {
            TrackTotalHits::No => None,
            TrackTotalHits::Exact => Some(Total { value: count, exact: !self.timed_out }),
            TrackTotalHits::UpTo(limit) if count > limit => Some(Total { value: limit, exact: false }),
            TrackTotalHits::UpTo(_) => {
                Some(Total { value: count, exact: !uncounted || self.terminated_early })
            }
        };
        let aggregations = self
            .aggregator
            .map(|aggregator| aggregator.finish(&self.search.reading(), shards))
            .transpose()?;
        let best = match self.groups {
            Some(groups) => groups.into_entries(self.search.sort, self.limit),
            None => self.best,
        };
        Ok(Outcome {
            hits: best,
            total,
            max_score: self.max_score.filter(|_| self.limit > 0 && self.scored),
            timed_out: self.timed_out,
            terminated_early: (body.terminate_after > 0).then_some(self.terminated_early),
            aggregations,
        })
    }
}

/// What goes through the documents of one segment.
struct Pass<'k> {
    post_filter: Option<Box<dyn Scorer>>,
    collecting: Option<SegmentAggregations<'k>>,
    groups: Option<SegmentGroups<'k>>,
    top: Option<SegmentTop<'k>>,
    raw: Vec<u64>,
}
