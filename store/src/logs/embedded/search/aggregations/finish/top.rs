use super::super::super::column::{SegmentColumn, engine_error};
use super::super::super::fetch::{self, Wanted};
use super::super::super::sorting::{Entry, by_score, compare, values_to_json};
use super::Finish;
use crate::{
    StoreError,
    logs::dsl::{
        SearchBody,
        aggregations::{Kind, TopMetrics},
    },
};
use event::Object;
use serde_json::{Value, json};

impl Finish<'_, '_> {
    pub(super) fn top(&self, kind: &Kind, entries: Vec<Entry>, documents: u64) -> Result<Object, StoreError> {
        match kind {
            Kind::TopHits(request) => self.top_hits(request, entries, documents),
            Kind::TopMetrics(request) => self.top_metrics(request, entries),
            _ => Ok(Object::new()),
        }
    }

    fn top_hits(
        &self,
        request: &SearchBody,
        mut entries: Vec<Entry>,
        documents: u64,
    ) -> Result<Object, StoreError> {
        let sorted = !request.sort.is_empty();
        let sort = if sorted { request.sort.as_slice() } else { by_score() };
        entries.sort_by(|a, b| compare(sort, a, b));
        let best = entries.iter().filter_map(|entry| entry.score).reduce(f32::max);
        let page: Vec<Entry> = entries.into_iter().skip(request.from).take(request.size).collect();
        let wanted = Wanted { scored: !sorted || request.track_scores, ..Wanted::of(request, sort) };
        let hits = fetch::fetch(self.search, self.shards, &wanted, &page)?;
        let best = if sorted || documents == 0 { Value::Null } else { json!(best.unwrap_or(1.0)) };
        let mut out = Object::new();
        out.insert(
            "hits".to_owned(),
            json!({
                "total": {"value": documents, "relation": "eq"},
                "max_score": best,
                "hits": hits.into_iter().map(|hit| Value::Object(hit.into_json())).collect::<Vec<_>>(),
            }),
        );
        Ok(out)
    }

    fn top_metrics(&self, request: &TopMetrics, mut entries: Vec<Entry>) -> Result<Object, StoreError> {
        entries.sort_by(|a, b| compare(&request.sort, a, b));
        let mut top = Vec::new();
        for entry in entries.iter().take(request.size) {
            let shard = fetch::shard_of(self.shards, entry)?;
            let reader = shard.generation.searcher.segment_reader(entry.segment);
            let mut metrics = Object::new();
            for metric in &request.metrics {
                let value = match shard.fields().resolve(metric.as_str()) {
                    None => None,
                    Some(field) => match SegmentColumn::open(reader, &field).map_err(engine_error)? {
                        None => None,
                        Some(column) => match column.keys.first(entry.doc) {
                            None => None,
                            Some(key) => Some(column.value(entry.doc, key).map_err(engine_error)?),
                        },
                    },
                };
                let value = value.map_or(Value::Null, |value| value.to_json(None));
                metrics.insert(metric.as_str().to_owned(), value);
            }
            top.push(json!({"sort": values_to_json(&request.sort, entry)?, "metrics": metrics}));
        }
        let mut out = Object::new();
        out.insert("top".to_owned(), Value::Array(top));
        Ok(out)
    }
}
