//! Searches, on the bounded pool: one at a time, page by page, in a point in time.

use super::{
    analysis::analyze,
    blocks::{Access, check_blocks},
    contexts::Contexts,
    engine::Engine,
    index::tokenizers,
    search::{self, Bounds, Breaker},
    search_gate::SearchPermit,
    store::EmbeddedLogs,
    terms_lookup::lookups,
};
use crate::{
    StoreError,
    logs::{
        AnalyzeRequest, ContextKind, GetRequest, IndicesOptions, SearchRequest, SearchResponse, TimeRange,
        Word, dsl::SearchBody,
    },
    scope::Scope,
};
use jiff::Timestamp;
use serde_json::Value;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// What searches share.
pub(super) struct Searching {
    pub(super) contexts: Arc<Contexts>,
    breaker: Arc<Breaker>,
}

impl Searching {
    /// `memory_max_bytes`: for the aggregations of all searches that run.
    pub(super) fn new(memory_max_bytes: usize) -> Self {
        Self { contexts: Arc::default(), breaker: Breaker::new(memory_max_bytes) }
    }

    fn bounds(&self) -> (Bounds, CancelOnDrop) {
        let cancelled = Arc::new(AtomicBool::new(false));
        (Bounds { breaker: self.breaker.clone(), cancelled: cancelled.clone() }, CancelOnDrop(cancelled))
    }
}

/// Tells a search that runs on another thread that nobody waits for it any more.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl EmbeddedLogs {
    pub(super) async fn run_search(
        &self,
        scope: &Scope,
        mut request: SearchRequest,
    ) -> Result<SearchResponse, StoreError> {
        let permit = Arc::new(self.searches.enter(scope.subject()).await?);
        self.look_up_terms(scope, &mut request, &permit).await?;
        self.run_admitted(scope, request, permit).await
    }

    /// Runs a search without lookups that was let in.
    pub(super) async fn run_admitted(
        &self,
        scope: &Scope,
        request: SearchRequest,
        permit: Arc<SearchPermit>,
    ) -> Result<SearchResponse, StoreError> {
        let (bounds, _cancel) = self.searching.bounds();
        let (scope, contexts) = (scope.clone(), self.searching.contexts.clone());
        self.blocking(move |engine| {
            let _permit = permit;
            let body = SearchBody::parse(&request.body)?;
            if let Some(pit) = &body.pit {
                let context = contexts.find(&scope, ContextKind::PointInTime, &pit.id, pit.keep_alive)?;
                let response = search::execute(&context.snapshots, &scope, &request, &body, &bounds)?;
                return Ok(SearchResponse { pit_id: Some(pit.id.clone()), ..response });
            }
            let span = search::span(&body, Timestamp::now());
            let snapshots = snapshots(engine, &scope, &request.indices, request.options, span)?;
            let Some(keep_alive) = request.scroll else {
                return search::execute(&snapshots, &scope, &request, &body, &bounds);
            };
            let id = contexts.open(&scope, ContextKind::Scroll, snapshots, keep_alive)?;
            let first = contexts
                .find(&scope, ContextKind::Scroll, &id, None)
                .and_then(|context| context.first_page(&scope, request, body, &bounds));
            match first {
                Ok(response) => Ok(SearchResponse { scroll_id: Some(id), ..response }),
                Err(error) => {
                    contexts.close(&scope, ContextKind::Scroll, Some(&[id]));
                    Err(error)
                }
            }
        })
        .await
    }

    /// Puts the values that `terms` queries take from other documents into the request; a document that is not there has
    /// none.
    async fn look_up_terms(
        &self,
        scope: &Scope,
        request: &mut SearchRequest,
        permit: &Arc<SearchPermit>,
    ) -> Result<(), StoreError> {
        let lookups = lookups(&request.body)?;
        if lookups.is_empty() {
            return Ok(());
        }
        let mut body = Value::Object(std::mem::take(&mut request.body));
        for (place, lookup) in lookups {
            let asked = GetRequest {
                index: &lookup.index,
                id: &lookup.id,
                routing: lookup.routing.as_deref(),
                realtime: true,
            };
            let found = self.get_within(scope, asked, Some(permit)).await?.and_then(|found| found.source);
            let values = found.map_or_else(|| Value::Array(Vec::new()), |found| lookup.values(&found));
            if let Some(at) = body.pointer_mut(&place) {
                *at = values;
            }
        }
        if let Value::Object(body) = body {
            request.body = body;
        }
        Ok(())
    }

    pub(super) async fn next_page(
        &self,
        scope: &Scope,
        id: &str,
        keep_alive: Option<Duration>,
    ) -> Result<SearchResponse, StoreError> {
        let permit = self.searches.enter(scope.subject()).await?;
        let (bounds, _cancel) = self.searching.bounds();
        let (scope, contexts, id) = (scope.clone(), self.searching.contexts.clone(), id.to_owned());
        self.blocking(move |_| {
            let _permit = permit;
            let context = contexts.find(&scope, ContextKind::Scroll, &id, keep_alive)?;
            let response = context.next_page(&scope, &bounds)?;
            Ok(SearchResponse { scroll_id: Some(id), ..response })
        })
        .await
    }

    pub(super) async fn open_pit(
        &self,
        scope: &Scope,
        patterns: &[String],
        options: IndicesOptions,
        keep_alive: Duration,
    ) -> Result<String, StoreError> {
        let (scope, patterns) = (scope.clone(), patterns.to_vec());
        let contexts = self.searching.contexts.clone();
        self.blocking(move |engine| {
            let snapshots = snapshots(engine, &scope, &patterns, options, TimeRange::default())?;
            contexts.open(&scope, ContextKind::PointInTime, snapshots, keep_alive)
        })
        .await
    }

    pub(super) async fn cut_into_words(
        &self,
        scope: &Scope,
        request: AnalyzeRequest,
    ) -> Result<Vec<Word>, StoreError> {
        let scope = scope.clone();
        self.blocking(move |engine| {
            let snapshots = match &request.field {
                Some((index, _)) => {
                    let (indices, options) = ([index.clone()], IndicesOptions::default());
                    snapshots(engine, &scope, &indices, options, TimeRange::default())?
                }
                None => Vec::new(),
            };
            analyze(&scope, &request, &snapshots, &tokenizers())
        })
        .await
    }
}

fn snapshots(
    engine: &Engine,
    scope: &Scope,
    patterns: &[String],
    options: IndicesOptions,
    span: TimeRange,
) -> Result<Vec<super::snapshot::IndexSnapshot>, StoreError> {
    let targets = engine.select(scope, patterns, options)?;
    targets.iter().try_for_each(|target| check_blocks(&target.slot, Access::Read))?;
    engine.snapshots(&targets, span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, logs::embedded::EmbeddedOptions};
    use serde_json::json;

    #[tokio::test]
    async fn lookups_wait_for_their_turn() {
        let directory = tempfile::tempdir().unwrap();
        let options =
            EmbeddedOptions { searches_max: 1, searches_waiting_max: 0, ..EmbeddedOptions::default() };
        let logs = EmbeddedLogs::open(directory.path(), options).unwrap();
        let scope = Scope::internal("test");
        let lookup = json!({"index": "missing", "id": "1", "path": "x"});
        let body = json!({"query": {"terms": {"a": lookup}}});
        let kind = async || {
            let body = body.as_object().unwrap().clone();
            let request = SearchRequest { body, ..SearchRequest::default() };
            logs.run_search(&scope, request).await.unwrap_err().kind
        };
        let held = logs.searches.enter("other").await.unwrap();
        assert_eq!(kind().await, ErrorKind::Overloaded, "nothing was looked up");
        drop(held);
        assert_eq!(kind().await, ErrorKind::NotFound);
    }
}
