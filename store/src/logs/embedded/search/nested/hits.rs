//! `inner_hits` of nested queries: the objects that match, shown with the hit.

use super::super::fetch::{self, Wanted, shard_of};
use super::super::fields::{Fields, Within};
use super::super::sorting::{Entry, SegmentTop, TopRequest, by_score, compare};
use super::super::{Search, Shard};
use super::{NestedObjects, NestedQuery, query::each_match};
use crate::{
    StoreError,
    logs::{
        Hit,
        dsl::{Nested, Query as Dsl, SortTarget},
    },
};
use event::Object;
use serde_json::{Value, json};
use std::sync::Arc;
use tantivy::query::AllQuery;

/// The objects that the nested queries of a search find in one hit, by the names of these.
pub(in super::super) fn inner_hits(
    search: &Search<'_>,
    shards: &[Shard<'_>],
    entry: &Entry,
    hit: &Hit,
) -> Result<Option<Object>, StoreError> {
    let wanted = Dsl::with_inner_hits(&search.body.query);
    if wanted.is_empty() {
        return Ok(None);
    }
    let shard = shard_of(shards, entry)?;
    let mut found = Object::new();
    for nested in wanted {
        search.watch.check()?;
        let Some((name, body)) = &nested.inner_hits else { continue };
        let (total, hits, best) = objects_of(search, shard, entry, nested, body, hit)?;
        let hits = json!({
            "total": {"value": total, "relation": "eq"},
            "max_score": best,
            "hits": hits,
        });
        found.insert(name.clone(), json!({"hits": hits}));
    }
    Ok(Some(found))
}

type Objects = (usize, Vec<Value>, Option<f32>);

fn objects_of(
    search: &Search<'_>,
    shard: &Shard<'_>,
    entry: &Entry,
    nested: &Nested,
    body: &crate::logs::dsl::SearchBody,
    hit: &Hit,
) -> Result<Objects, StoreError> {
    let fields = shard.fields();
    if !super::check_path(&fields, &nested.path, nested.ignore_unmapped)? {
        return Ok((0, Vec::new(), None));
    }
    let reader = shard.generation.searcher.segment_reader(entry.segment);
    let objects = NestedObjects::of(&fields, reader, &nested.path, [entry.doc], true, &search.watch)?;
    let Some((generation, segment)) = objects.segment() else { return Ok((0, Vec::new(), None)) };
    let query = NestedQuery {
        nested: Arc::new(nested.clone()),
        fields: fields.owned(),
        now: search.now,
        watch: search.watch.clone(),
        candidates: Arc::new(AllQuery),
    };
    let sort = if body.sort.is_empty() { by_score() } else { &body.sort };
    let limit = body.from + body.size;
    let within =
        Fields { index: shard.index, generation, mask: shard.mask, within: Within::Nested(&nested.path) };
    let all: Vec<u32> = (0..segment.max_doc()).collect();
    let request = TopRequest { keys: sort, after: None, limit, now: search.now };
    let matching = || Ok(all.clone());
    let mut top = SegmentTop::new(&request, &within, segment, 0, 0, search.scripted(&matching))?;
    let mut total = 0;
    each_match(&query, &objects, true, |object, score| {
        total += 1;
        top.offer(object, Some(score));
    })?;
    let mut entries = top.finish()?;
    entries.sort_by(|a, b| compare(sort, a, b));
    let scored = body.sort.is_empty() || sort.iter().any(|key| key.target == SortTarget::Score);
    let best = entries.iter().filter_map(|entry| entry.score).reduce(f32::max).filter(|_| scored);
    let wanted = Wanted { scored, ..Wanted::of(body, sort) };
    let mut hits = Vec::new();
    for found in entries.into_iter().skip(body.from).take(body.size) {
        let position = found.doc as usize;
        let source = objects.sources.get(position).cloned().unwrap_or_default();
        let offset = objects.offsets.get(position).copied().unwrap_or(0);
        let inner = fetch::nested_hit(search, &within, &found, &wanted, (hit, &nested.path, source))?;
        let inner = Hit { nested: Some((nested.path.clone(), offset)), ..inner };
        hits.push(Value::Object(inner.into_json()));
    }
    Ok((total, hits, best))
}
