//! The embedded log store, with a note of the searches that reach it.

use async_trait::async_trait;
use event::{Event, Object};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use store::{
    StoreError,
    logs::{embedded::EmbeddedLogs, *},
    scope::Scope,
};

pub(crate) struct WatchedLogs {
    logs: Arc<EmbeddedLogs>,
    /// Bodies of the searches that were run.
    pub(crate) searches: Mutex<Vec<Object>>,
}

impl WatchedLogs {
    pub(crate) fn new(logs: Arc<EmbeddedLogs>) -> Self {
        Self { logs, searches: Mutex::default() }
    }
}

#[async_trait]
impl LogStore for WatchedLogs {
    async fn write(
        &self,
        scope: &Scope,
        batch: Vec<Event>,
        refresh: Refresh,
    ) -> Result<Vec<WriteResult>, StoreError> {
        self.logs.write(scope, batch, refresh).await
    }

    async fn search(&self, scope: &Scope, request: SearchRequest) -> Result<SearchResponse, StoreError> {
        self.searches.lock().push(request.body.clone());
        self.logs.search(scope, request).await
    }

    async fn scroll(
        &self,
        scope: &Scope,
        id: &str,
        keep_alive: Option<Duration>,
    ) -> Result<SearchResponse, StoreError> {
        self.logs.scroll(scope, id, keep_alive).await
    }

    async fn open_point_in_time(
        &self,
        scope: &Scope,
        patterns: &[String],
        options: IndicesOptions,
        keep_alive: Duration,
    ) -> Result<String, StoreError> {
        self.logs.open_point_in_time(scope, patterns, options, keep_alive).await
    }

    async fn close_contexts(
        &self,
        scope: &Scope,
        kind: ContextKind,
        ids: Option<&[String]>,
    ) -> Result<usize, StoreError> {
        self.logs.close_contexts(scope, kind, ids).await
    }

    async fn analyze(&self, scope: &Scope, request: AnalyzeRequest) -> Result<Vec<Word>, StoreError> {
        self.logs.analyze(scope, request).await
    }

    async fn get_as(&self, scope: &Scope, request: GetRequest<'_>) -> Result<Option<Document>, StoreError> {
        self.logs.get_as(scope, request).await
    }

    async fn refresh(&self, scope: &Scope, indices: &[String]) -> Result<(), StoreError> {
        self.logs.refresh(scope, indices).await
    }

    async fn indices(&self, scope: &Scope, patterns: &[String]) -> Result<Vec<IndexInfo>, StoreError> {
        self.logs.indices(scope, patterns).await
    }

    async fn delete_index(&self, scope: &Scope, index: &str) -> Result<(), StoreError> {
        self.logs.delete_index(scope, index).await
    }

    async fn fields(&self, scope: &Scope, patterns: &[String]) -> Result<Vec<FieldInfo>, StoreError> {
        self.logs.fields(scope, patterns).await
    }

    async fn state_token(
        &self,
        scope: &Scope,
        patterns: &[String],
        range: Option<TimeRange>,
    ) -> Result<String, StoreError> {
        self.logs.state_token(scope, patterns, range).await
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.logs.health().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.logs.close().await
    }
}
