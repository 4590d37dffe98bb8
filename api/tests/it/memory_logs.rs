//! A log store in memory, as far as these tests look into it: newest first, a range of time, `search_after`, one
//! histogram. What queries mean is tested where they are run.

use async_trait::async_trait;
use event::{Event, Object, SequenceNumber};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};
use store::{
    ErrorKind, StoreError,
    logs::*,
    scope::{Right, Scope},
};

#[derive(Default)]
pub(crate) struct MemoryLogs {
    /// By time and id.
    events: Mutex<BTreeMap<(i64, String), (String, Object)>>,
    /// Searches that were run.
    pub(crate) searches: AtomicUsize,
    /// Bodies of the searches.
    pub(crate) bodies: Mutex<Vec<Object>>,
}

fn refused(scope: &Scope) -> Result<(), StoreError> {
    if scope.allows(Right::Read) {
        Ok(())
    } else {
        Err(StoreError::new(ErrorKind::Forbidden, "out of reach"))
    }
}

fn bounds(body: &Object) -> (i64, i64) {
    let clauses = body.get("query").and_then(|query| query.pointer("/bool/filter"));
    let range = clauses
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find_map(|clause| clause.pointer("/range/@timestamp"));
    let bound = |name: &str, open| range.and_then(|range| range[name].as_i64()).unwrap_or(open);
    (bound("gte", i64::MIN), bound("lte", i64::MAX))
}

impl MemoryLogs {
    fn matching(&self, scope: &Scope, body: &Object) -> Vec<Hit> {
        let (from, to) = bounds(body);
        let after = body
            .get("search_after")
            .map(|after| (after[0].as_i64().unwrap(), after[1].as_str().unwrap().to_owned()));
        let events = self.events.lock();
        let found = events.iter().rev().filter(|((at, id), (index, _))| {
            *at >= from
                && *at <= to
                && scope.reaches_index(index)
                && after.as_ref().is_none_or(|after| (*at, id.clone()) < *after)
        });
        let hit = |((at, id), (index, source)): (&(i64, String), &(String, Object))| Hit {
            index: index.clone(),
            id: id.clone(),
            source: Some(source.clone()),
            sort: vec![json!(at), json!(id)],
            ..Hit::default()
        };
        found.map(hit).collect()
    }
}

#[async_trait]
impl LogStore for MemoryLogs {
    async fn write(
        &self,
        scope: &Scope,
        batch: Vec<Event>,
        _: Refresh,
    ) -> Result<Vec<WriteResult>, StoreError> {
        let write = |event: Event| {
            let metadata = event.metadata;
            let index = metadata.index.as_deref().unwrap_or_default().to_owned();
            assert!(scope.may(Right::Write, &index), "{index}");
            let id = metadata.id.unwrap_or_default();
            let at = metadata.timestamp.map_or(0, |at| at.as_millisecond());
            self.events.lock().insert((at, id.clone()), (index.clone(), event.fields));
            let seq_no = SequenceNumber { seq_no: 0, primary_term: 1 };
            WriteResult::Written {
                index,
                id,
                version: 1,
                seq_no,
                effect: WriteEffect::Created,
                ignored: Vec::new(),
            }
        };
        Ok(batch.into_iter().map(write).collect())
    }

    async fn scroll(
        &self,
        _: &Scope,
        id: &str,
        _: Option<std::time::Duration>,
    ) -> Result<SearchResponse, StoreError> {
        Err(StoreError::new(ErrorKind::NotFound, format!("No search context found for id [{id}]")))
    }

    async fn open_point_in_time(
        &self,
        scope: &Scope,
        _: &[String],
        _: IndicesOptions,
        _: std::time::Duration,
    ) -> Result<String, StoreError> {
        refused(scope)?;
        Ok("now".to_owned())
    }

    async fn close_contexts(
        &self,
        scope: &Scope,
        _: ContextKind,
        ids: Option<&[String]>,
    ) -> Result<usize, StoreError> {
        refused(scope)?;
        Ok(ids.map_or(0, <[String]>::len))
    }

    async fn analyze(&self, scope: &Scope, request: AnalyzeRequest) -> Result<Vec<Word>, StoreError> {
        refused(scope)?;
        let words = request.texts.iter().flat_map(|text| text.split_whitespace()).enumerate();
        let word = |(position, word): (usize, &str)| Word {
            token: word.to_lowercase(),
            start_offset: 0,
            end_offset: word.len(),
            position,
            kind: "<ALPHANUM>",
        };
        Ok(words.map(word).collect())
    }

    async fn search(&self, scope: &Scope, request: SearchRequest) -> Result<SearchResponse, StoreError> {
        refused(scope)?;
        self.searches.fetch_add(1, Ordering::SeqCst);
        self.bodies.lock().push(request.body.clone());
        let mut all = request.body.clone();
        all.shift_remove("search_after");
        let all = self.matching(scope, &all);
        let mut hits = self.matching(scope, &request.body);
        hits.truncate(request.body["size"].as_u64().unwrap() as usize);
        let buckets: Vec<Value> = all
            .iter()
            .map(|hit| json!({"key": hit.sort[0].as_i64().unwrap() / 60_000 * 60_000, "doc_count": 1}))
            .collect();
        let histogram = request.body.get("aggs").and_then(|aggs| aggs.get("_histogram"));
        Ok(SearchResponse {
            total: Some(Total { value: all.len() as u64, exact: true }),
            aggregations: histogram
                .map(|_| Object::from_iter([("_histogram".into(), json!({"buckets": buckets}))])),
            hits,
            ..SearchResponse::default()
        })
    }

    async fn get_as(&self, scope: &Scope, _: GetRequest<'_>) -> Result<Option<Document>, StoreError> {
        refused(scope)?;
        Ok(None)
    }

    async fn refresh(&self, _: &Scope, _: &[String]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn indices(&self, scope: &Scope, _: &[String]) -> Result<Vec<IndexInfo>, StoreError> {
        if !scope.allows(Right::Any) {
            refused(scope)?;
        }
        let events = self.events.lock();
        let range =
            events.keys().next().zip(events.keys().next_back()).map(|((from, _), (to, _))| (*from, *to));
        let name = "ecommerce-logs-2026.11.21".to_owned();
        Ok(vec![IndexInfo {
            name,
            documents: events.len() as u64,
            size_bytes: 1_024,
            created_at_ms: 0,
            range,
        }])
    }

    async fn delete_index(&self, _: &Scope, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    async fn fields(&self, scope: &Scope, _: &[String]) -> Result<Vec<FieldInfo>, StoreError> {
        refused(scope)?;
        let field = |name: &str| FieldInfo {
            name: name.into(),
            types: vec!["keyword".into()],
            searchable: true,
            aggregatable: true,
        };
        Ok(vec![field("event.id")])
    }

    async fn state_token(&self, _: &Scope, _: &[String], _: Option<TimeRange>) -> Result<String, StoreError> {
        Ok(self.events.lock().len().to_string())
    }

    async fn health(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
