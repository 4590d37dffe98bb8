//! The engine as a [`LogStore`].

use super::{
    blocks::{Access, check_blocks},
    engine::{Engine, Submitted},
    index::Current,
    mapping::Family,
    mask::remove_masked,
    options::EmbeddedOptions,
    refresher::Refresher,
    registry::Slot,
    search_gate::{SearchGate, SearchPermit},
    searching::Searching,
    select::{Target, check_reach, check_right, no_such_index},
    shards::Shards,
    wal::{Disk, RealDisk, io_error},
    write::routing_missing,
};
use crate::{
    ErrorKind, StoreError,
    logs::{
        AnalyzeRequest, ContextKind, Document, FieldInfo, GetRequest, IndexInfo, IndicesOptions, LogStore,
        Refresh, SearchRequest, SearchResponse, TimeRange, Word, WriteResult,
    },
    scope::{IndexRight, Scope},
};
use async_trait::async_trait;
use event::{Event, Object, SequenceNumber};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// Logs in tantivy behind a write-ahead log, in one directory. The caller holds the lock of the data directory.
pub struct EmbeddedLogs {
    pub(super) engine: Arc<Engine>,
    refresher: Arc<Refresher>,
    pub(super) searching: Searching,
    pub(super) searches: SearchGate,
    writes: Semaphore,
    inflight_patience: Duration,
}

impl EmbeddedLogs {
    /// Opens the store in that directory, making it if needed, and recovers what a crash has left in the log. Blocks
    /// while it does.
    ///
    /// Errors: the directory cannot be read or written. A damaged index or log entry is logged and does not keep the
    /// rest from starting.
    pub fn open(directory: &Path, options: EmbeddedOptions) -> Result<Self, StoreError> {
        Self::open_on(directory, options, Arc::new(RealDisk))
    }

    /// As [`Self::open`], with the write-ahead log on that disk.
    pub(super) fn open_on(
        directory: &Path,
        options: EmbeddedOptions,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, StoreError> {
        let engine = Arc::new(Engine::open(directory, &options, disk)?);
        let searching = Searching::new(options.search_memory_max_bytes);
        let refresher = Refresher::start(engine.clone(), searching.contexts.clone())
            .map_err(|error| io_error("start the refresher", error))?;
        Ok(Self {
            engine,
            refresher: Arc::new(refresher),
            searching,
            searches: SearchGate::new(options.searches_max, options.searches_waiting_max),
            writes: Semaphore::new(options.writes_max.max(1)),
            inflight_patience: options.inflight_patience,
        })
    }

    /// Runs work of the processor or the disk where it may block.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let engine = self.engine.clone();
        engine.check_open()?;
        tokio::task::spawn_blocking(move || work(&engine))
            .await
            .map_err(|error| StoreError::internal("the log store failed unexpectedly", error))?
    }

    /// Whether the scope's filter lets the document through: asked of the search, as only it knows the query language.
    /// `permit`: of the search that it is asked for.
    async fn passes_filter(
        &self,
        scope: &Scope,
        index: &str,
        id: &str,
        permit: Option<&Arc<SearchPermit>>,
    ) -> Result<bool, StoreError> {
        let permit = match permit {
            Some(permit) => Arc::clone(permit),
            None => Arc::new(self.searches.enter(scope.subject()).await?),
        };
        let name = index.to_owned();
        self.blocking(move |engine| {
            engine.refresh(&engine.registry.get(&name).into_iter().collect::<Vec<_>>())
        })
        .await?;
        let body = json!({"query": {"ids": {"values": [id]}}, "size": 1, "_source": false});
        let Value::Object(body) = body else { return Ok(false) };
        let request = SearchRequest { indices: vec![index.to_owned()], body, ..SearchRequest::default() };
        Ok(!self.run_admitted(scope, request, permit).await?.hits.is_empty())
    }

    /// Reads a document for itself, or for a search that was let in.
    pub(super) async fn get_within(
        &self,
        scope: &Scope,
        request: GetRequest<'_>,
        permit: Option<&Arc<SearchPermit>>,
    ) -> Result<Option<Document>, StoreError> {
        let scope = &*check_right(scope, IndexRight::Read)?;
        let (name, id, scope_of_get) = (request.index.to_owned(), request.id.to_owned(), scope.clone());
        let (routing, realtime) = (request.routing.map(str::to_owned), request.realtime);
        let found = self
            .blocking(move |engine| {
                let slot = engine.single(&scope_of_get, &name)?;
                check_blocks(&slot, Access::Read)?;
                let state = engine.state(&slot)?;
                if routing.is_none() && state.router().mapping.routing_required {
                    return Err(routing_missing(&slot.identity.name, &id));
                }
                let current = if realtime { state.get(&id)? } else { state.visible().get(&id)? };
                let shards = Shards::of(&slot.settings().settings);
                let Some(current) = current
                    .filter(|current| shards.same(&id, routing.as_deref(), current.routing.as_deref()))
                else {
                    return Ok(None);
                };
                let mut document = document(&slot.identity.name, id, &current)?;
                if let Some(source) = document.source.as_mut().filter(|_| scope_of_get.masks_anything()) {
                    // An alias that is masked masks the field that it stands for.
                    let router = state.router();
                    let aliases = router.mapping.aliases.iter();
                    let masked = aliases.filter(|(alias, _)| scope_of_get.masks_field(alias));
                    let targets: Vec<String> = masked.map(|(_, target)| target.clone()).collect();
                    remove_masked(source, &scope_of_get.with_masked_fields(targets));
                }
                Ok(Some(document))
            })
            .await?;
        let Some(document) = found else { return Ok(None) };
        let hidden = scope.filter().is_some()
            && !self.passes_filter(scope, &document.index, request.id, permit).await?;
        Ok(Some(document).filter(|_| !hidden))
    }
}

#[async_trait]
impl LogStore for EmbeddedLogs {
    async fn write(
        &self,
        scope: &Scope,
        batch: Vec<Event>,
        refresh: Refresh,
    ) -> Result<Vec<WriteResult>, StoreError> {
        if !self.engine.shared.inflight.room(self.inflight_patience).await {
            let error =
                StoreError::new(ErrorKind::Overloaded, "writes arrive faster than they can be indexed");
            return Err(error.retry_after(Duration::from_secs(1)));
        }
        let count = batch.len();
        let scope = scope.clone();
        let submitted = {
            let permit = self.writes.acquire().await;
            let _permit =
                permit.map_err(|error| StoreError::internal("the log store failed unexpectedly", error))?;
            self.blocking(move |engine| engine.submit(&scope, &batch)).await?
        };
        let (results, touched) = settle(submitted, count).await?;
        if refresh != Refresh::Background && !touched.is_empty() {
            self.blocking(move |engine| engine.refresh(&touched)).await?;
        }
        Ok(results)
    }

    async fn search(&self, scope: &Scope, request: SearchRequest) -> Result<SearchResponse, StoreError> {
        let scope = &*check_right(scope, IndexRight::Read)?;
        self.run_search(scope, request).await
    }

    async fn scroll(
        &self,
        scope: &Scope,
        id: &str,
        keep_alive: Option<Duration>,
    ) -> Result<SearchResponse, StoreError> {
        let scope = &*check_right(scope, IndexRight::Read)?;
        self.next_page(scope, id, keep_alive).await
    }

    async fn open_point_in_time(
        &self,
        scope: &Scope,
        patterns: &[String],
        options: IndicesOptions,
        keep_alive: Duration,
    ) -> Result<String, StoreError> {
        let scope = &*check_right(scope, IndexRight::Read)?;
        self.open_pit(scope, patterns, options, keep_alive).await
    }

    async fn close_contexts(
        &self,
        scope: &Scope,
        kind: ContextKind,
        ids: Option<&[String]>,
    ) -> Result<usize, StoreError> {
        let scope = &*check_right(scope, IndexRight::Read)?;
        let (scope, ids) = (scope.clone(), ids.map(<[String]>::to_vec));
        let contexts = self.searching.contexts.clone();
        self.blocking(move |_| Ok(contexts.close(&scope, kind, ids.as_deref()))).await
    }

    async fn analyze(&self, scope: &Scope, request: AnalyzeRequest) -> Result<Vec<Word>, StoreError> {
        let scope = &*check_right(scope, IndexRight::Read)?;
        self.cut_into_words(scope, request).await
    }

    async fn get_as(&self, scope: &Scope, request: GetRequest<'_>) -> Result<Option<Document>, StoreError> {
        self.get_within(scope, request, None).await
    }

    async fn refresh(&self, scope: &Scope, indices: &[String]) -> Result<(), StoreError> {
        let scope = &*check_right(scope, IndexRight::Any)?;
        let (scope, indices) = (scope.clone(), indices.to_vec());
        self.blocking(move |engine| {
            engine.refresh(&engine.slots(&scope, &indices, IndicesOptions::default())?)
        })
        .await
    }

    async fn indices(&self, scope: &Scope, patterns: &[String]) -> Result<Vec<IndexInfo>, StoreError> {
        let scope = &*check_right(scope, IndexRight::Any)?;
        let (scope, patterns) = (scope.clone(), patterns.to_vec());
        self.blocking(move |engine| {
            let slots = engine.slots(&scope, &patterns, IndicesOptions::default())?;
            engine.freshen(&slots)?;
            Ok(slots.iter().map(|slot| index_info(slot)).collect())
        })
        .await
    }

    async fn delete_index(&self, scope: &Scope, index: &str) -> Result<(), StoreError> {
        let scope = &*check_right(scope, IndexRight::Manage)?;
        check_reach(scope, index)?;
        let name = index.to_owned();
        self.blocking(move |engine| match engine.remove_index(&name)? {
            true => Ok(()),
            false => Err(no_such_index(&name)),
        })
        .await
    }

    async fn fields(&self, scope: &Scope, patterns: &[String]) -> Result<Vec<FieldInfo>, StoreError> {
        let scope = &*check_right(scope, IndexRight::Read)?;
        let (scope, patterns) = (scope.clone(), patterns.to_vec());
        self.blocking(move |engine| {
            let slots = engine.slots(&scope, &patterns, IndicesOptions::default())?;
            field_infos(&scope, &slots)
        })
        .await
    }

    async fn state_token(
        &self,
        scope: &Scope,
        patterns: &[String],
        range: Option<TimeRange>,
    ) -> Result<String, StoreError> {
        let scope = &*check_right(scope, IndexRight::Read)?;
        self.engine.check_open()?;
        let targets = self.engine.select(scope, patterns, IndicesOptions::LENIENT)?;
        // An answer in the cache may be as old as the last look at the index.
        let slots: Vec<_> = targets.iter().map(|target| target.slot.clone()).collect();
        if !self.engine.stale(&slots).is_empty() {
            self.blocking(move |engine| engine.freshen(&slots)).await?;
        }
        let mut hasher = blake3::Hasher::new();
        for Target { slot, filter } in targets {
            if let Some(filter) = filter {
                hasher.update(filter.to_string().as_bytes());
            }
            let committed = slot.committed();
            // An index of unknown span may have its time elsewhere.
            let unknown = || committed.range.is_none() && !slot.has_usual_time();
            if range.is_none_or(|range| overlaps(range, committed.range) || unknown()) {
                hasher.update(slot.identity.uuid.as_bytes());
                hasher.update(&committed.lsn.to_le_bytes());
            }
        }
        Ok(hasher.finalize().to_hex().to_string())
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.engine.check_open()?;
        self.engine.wal.health()?;
        match self.engine.registry.all().iter().find(|slot| slot.is_broken()) {
            Some(broken) => {
                let message = format!("index \"{}\" is being recovered", broken.identity.name);
                Err(StoreError::new(ErrorKind::Unavailable, message))
            }
            None => Ok(()),
        }
    }

    async fn close(&self) -> Result<(), StoreError> {
        let (engine, refresher) = (self.engine.clone(), self.refresher.clone());
        let work = move || {
            refresher.stop();
            engine.close();
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| StoreError::internal("the log store failed unexpectedly", error))
    }
}

/// Waits until the parts of a batch are on the disk, and puts their results in the order of the batch.
async fn settle(
    submitted: Vec<Submitted>,
    count: usize,
) -> Result<(Vec<WriteResult>, Vec<Arc<Slot>>), StoreError> {
    let mut results: Vec<Option<WriteResult>> = vec![None; count];
    let mut touched = Vec::new();
    let mut failure = None;
    let mut anything_written = false;
    for part in submitted {
        let outcome = match part.durable {
            Some(durable) => Some(durable.await.unwrap_or_else(|_| {
                Err(StoreError::new(ErrorKind::Unavailable, "the log store closed before the write was done"))
            })),
            None => None,
        };
        match outcome {
            Some(Err(error)) => {
                let refused = WriteResult::Refused {
                    kind: error.kind,
                    code: error.code,
                    reason: error.message.clone(),
                    details: error.details.clone(),
                    index: None,
                    id: None,
                };
                part.positions.iter().for_each(|at| results[*at] = Some(refused.clone()));
                failure = Some(error);
            }
            other => {
                anything_written |= other.is_some();
                touched.extend(part.slot);
                for (at, result) in part.positions.into_iter().zip(part.results) {
                    results[at] = Some(result);
                }
            }
        }
    }
    match failure {
        Some(error) if !anything_written => Err(error),
        _ => Ok((results.into_iter().flatten().collect(), touched)),
    }
}

fn document(index: &str, id: String, current: &Current) -> Result<Document, StoreError> {
    let read = |source| {
        serde_json::from_slice::<Object>(source).map_err(|error| {
            let message = format!("document \"{id}\" does not read back");
            StoreError::new(ErrorKind::Corrupt, message).because(error)
        })
    };
    let source = current.source.as_deref().map(read).transpose()?;
    Ok(Document {
        index: index.to_owned(),
        id,
        version: current.version,
        seq_no: SequenceNumber { seq_no: current.seq_no, primary_term: 1 },
        routing: current.routing.as_deref().map(str::to_owned),
        source,
    })
}

fn index_info(slot: &Slot) -> IndexInfo {
    IndexInfo {
        name: slot.identity.name.clone(),
        documents: slot.documents(),
        size_bytes: slot.size_bytes(),
        created_at_ms: slot.identity.created_at_ms,
        range: slot.committed().range,
    }
}

fn overlaps(range: TimeRange, of_index: Option<(i64, i64)>) -> bool {
    of_index.is_some_and(|(first, last)| {
        range.from_ms.is_none_or(|from| from <= last) && range.to_ms.is_none_or(|to| to >= first)
    })
}

fn field_infos(scope: &Scope, slots: &[Arc<Slot>]) -> Result<Vec<FieldInfo>, StoreError> {
    let mut infos: BTreeMap<String, FieldInfo> = BTreeMap::new();
    for slot in slots {
        let mapping = slot.mapping()?;
        let aliases =
            mapping.aliases.iter().filter_map(|(path, target)| Some((path, mapping.field(target)?)));
        for (path, field) in mapping.fields.iter().chain(aliases) {
            if scope.masks_field(path) || scope.masks_field(mapping.target(path)) {
                continue;
            }
            let name = field.field_type.name().to_owned();
            let searchable = field.index || field.doc_values;
            let aggregatable = field.has_column() && field.field_type.family() != Family::Text;
            let info = infos.entry(path.clone()).or_insert_with(|| FieldInfo {
                name: path.clone(),
                types: Vec::new(),
                searchable,
                aggregatable,
            });
            info.searchable &= searchable;
            info.aggregatable &= aggregatable;
            if !info.types.contains(&name) {
                info.types.push(name);
            }
        }
        // Who asks of objects in lists one by one must know which they are.
        let nested =
            mapping.objects.iter().filter(|(path, object)| object.nested && !scope.masks_field(path));
        for (path, _) in nested {
            let info = infos.entry(path.clone()).or_insert_with(|| FieldInfo {
                name: path.clone(),
                types: Vec::new(),
                searchable: false,
                aggregatable: false,
            });
            if !info.types.iter().any(|name| name == "nested") {
                info.types.push("nested".to_owned());
            }
        }
    }
    Ok(infos.into_values().collect())
}
