//! Searches over a log store: which documents a query finds, in which order, and what is counted over them.

mod aggregations;
mod bounds;
mod contexts;
mod document_scripts;
mod more_aggregations;
mod nested;
mod options;
mod pages;
mod positions;
mod queries;
mod range_fields;
mod recorded;
mod scoring;
mod scripts;
mod statistics;
mod suggestions;

use event::{Event, Origin};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;
use store::{
    StoreError,
    logs::{
        IndexAdmin, LogStore, Refresh, SearchRequest, SearchResponse, TemplateKind, WriteResult,
        embedded::{EmbeddedLogs, EmbeddedOptions},
    },
    scope::Scope,
};
use tempfile::TempDir;

/// A store in a directory that goes with it.
pub(crate) struct Fixture {
    pub(crate) logs: EmbeddedLogs,
    _directory: TempDir,
}

impl Fixture {
    /// An empty store whose indices `shop-*` have explicit fields; all others find theirs by themselves.
    pub(crate) async fn new() -> Self {
        Self::with(EmbeddedOptions::default()).await
    }

    /// The same with other options.
    pub(crate) async fn with(options: EmbeddedOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        let options = EmbeddedOptions { clock: Arc::new(move || now), ..options };
        let logs = EmbeddedLogs::open(directory.path(), options).unwrap();
        let template = json!({
            "index_patterns": ["shop-*"],
            "template": {"mappings": {"properties": {
                "@timestamp": {"type": "date"},
                "message": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
                "status": {"type": "long"},
                "amount": {"type": "double"},
                "price": {"type": "scaled_float", "scaling_factor": 100},
                "ok": {"type": "boolean"},
                "country": {"type": "keyword"},
                "ip": {"type": "ip"},
                "place": {"type": "geo_point"},
                "tags": {"type": "keyword"},
                "n": {"type": "long"},
                "user": {"properties": {"name": {"type": "keyword"}, "email": {"type": "keyword", "copy_to": "everything"}}},
                "everything": {"type": "text"},
                "unstored": {"type": "keyword", "doc_values": false}
            }}}
        });
        logs.put_template(&internal(), TemplateKind::Index, "shop", template, false).await.unwrap();
        Self { logs, _directory: directory }
    }

    /// Writes documents, each with `_id` and `_index` beside its fields, and makes them visible.
    pub(crate) async fn write(&self, documents: Vec<Value>) {
        let batch = documents
            .into_iter()
            .map(|document| {
                let Value::Object(mut fields) = document else { panic!("a document is an object") };
                let take = |fields: &mut event::Object, key: &str| {
                    fields.remove(key).and_then(|value| value.as_str().map(str::to_owned))
                };
                let (id, index) = (take(&mut fields, "_id"), take(&mut fields, "_index").unwrap());
                let mut event = Event::new(fields, Origin::Request);
                event.metadata.index = Some(Arc::from(index));
                event.metadata.id = id;
                event
            })
            .collect();
        for result in self.logs.write(&internal(), batch, Refresh::Now).await.unwrap() {
            assert!(matches!(result, WriteResult::Written { .. }), "{result:?}");
        }
    }

    /// Searches in the indices of the pattern.
    pub(crate) async fn search_as(
        &self,
        scope: &Scope,
        indices: &str,
        body: Value,
    ) -> Result<SearchResponse, StoreError> {
        let request = SearchRequest {
            indices: vec![indices.to_owned()],
            body: body.as_object().unwrap().clone(),
            ..SearchRequest::default()
        };
        self.logs.search(scope, request).await
    }

    /// Searches with all rights.
    pub(crate) async fn search(&self, indices: &str, body: Value) -> SearchResponse {
        match self.search_as(&internal(), indices, body.clone()).await {
            Ok(response) => response,
            Err(error) => panic!("{body}: {error}"),
        }
    }

    /// The ids that a query finds, sorted.
    pub(crate) async fn ids(&self, indices: &str, query: Value) -> Vec<String> {
        let response = self.search(indices, json!({"query": query, "size": 1000, "_source": false})).await;
        let mut ids: Vec<_> = response.hits.into_iter().map(|hit| hit.id).collect();
        ids.sort_unstable();
        ids
    }
}

/// May do everything.
pub(crate) fn internal() -> Scope {
    Scope::internal("test")
}

/// The ids of a page, in its order.
pub(crate) fn page(response: &SearchResponse) -> Vec<&str> {
    response.hits.iter().map(|hit| hit.id.as_str()).collect()
}
