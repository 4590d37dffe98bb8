//! Logs: events in daily indices, written in batches, searched with Elasticsearch's query DSL.

mod admin;
pub mod dsl;
pub mod embedded;
pub mod query_string;

pub use admin::{
    DataStreamInfo, Destination, Detail, IndexAdmin, IndexDescription, LifecycleState, Maintenance, Names,
    Rollover, RolloverOutcome, Simulation, TemplateKind,
};

pub use embedded::new_document_id;

use crate::{StoreError, scope::Scope};
use async_trait::async_trait;
use event::{Event, Object, Operation, SequenceNumber};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Where events are kept and searched.
///
/// Every call takes the [`Scope`] of who asks and refuses what lies outside with [`crate::ErrorKind::Forbidden`];
/// indices that a wildcard matches beyond the scope are left out silently, as Elasticsearch does.
#[async_trait]
pub trait LogStore: Send + Sync {
    /// Writes a batch. One outcome per event, in the order of the batch; `Err` only when nothing was written.
    ///
    /// An event without index is an `InvalidRequest` item. Indices are created from the templates on first use. When this
    /// returns, the accepted events survive a crash of process or machine; they are visible to searches after
    /// the next refresh (at most one second), or at return with [`Refresh::Now`] or [`Refresh::WaitFor`].
    async fn write(
        &self,
        scope: &Scope,
        batch: Vec<Event>,
        refresh: Refresh,
    ) -> Result<Vec<WriteResult>, StoreError>;

    /// Runs a search.
    async fn search(&self, scope: &Scope, request: SearchRequest) -> Result<SearchResponse, StoreError>;

    /// The next page of a search that was run with [`SearchRequest::scroll`], over the documents as they were then. With
    /// `keep_alive` it stays open for so long from now.
    ///
    /// `NotFound` if it is not open (any more), or was opened by somebody else.
    async fn scroll(
        &self,
        scope: &Scope,
        id: &str,
        keep_alive: Option<Duration>,
    ) -> Result<SearchResponse, StoreError>;

    /// Keeps indices as they are now for searches that name the answer in `pit` of their body.
    async fn open_point_in_time(
        &self,
        scope: &Scope,
        patterns: &[String],
        options: IndicesOptions,
        keep_alive: Duration,
    ) -> Result<String, StoreError>;

    /// Closes scrolled searches or points in time of the caller, or all of its (`None`); answers how many there were.
    async fn close_contexts(
        &self,
        scope: &Scope,
        kind: ContextKind,
        ids: Option<&[String]>,
    ) -> Result<usize, StoreError>;

    /// Cuts texts into words as the analyser of that name does, or that of a field of an index.
    async fn analyze(&self, scope: &Scope, request: AnalyzeRequest) -> Result<Vec<Word>, StoreError>;

    /// Reads one document by id, as last written (whether or not a search would see it already).
    async fn get(&self, scope: &Scope, index: &str, id: &str) -> Result<Option<Document>, StoreError> {
        self.get_as(scope, GetRequest { index, id, routing: None, realtime: true }).await
    }

    /// Reads one document by id, as the request says. The index may be named by an alias of a single index.
    async fn get_as(&self, scope: &Scope, request: GetRequest<'_>) -> Result<Option<Document>, StoreError>;

    /// Makes everything written so far visible to searches.
    async fn refresh(&self, scope: &Scope, indices: &[String]) -> Result<(), StoreError>;

    /// The indices that the patterns name, by name.
    async fn indices(&self, scope: &Scope, patterns: &[String]) -> Result<Vec<IndexInfo>, StoreError>;

    /// Removes an index with all its documents.
    async fn delete_index(&self, scope: &Scope, index: &str) -> Result<(), StoreError>;

    /// The fields of these indices with their types, by name.
    async fn fields(&self, scope: &Scope, patterns: &[String]) -> Result<Vec<FieldInfo>, StoreError>;

    /// A text that changes whenever the answer to a search over these indices could change, and only then. The
    /// key to caching: equal request, scope and token means equal answer. With `range` (of `@timestamp`), only
    /// indices that hold events in that range count.
    async fn state_token(
        &self,
        scope: &Scope,
        patterns: &[String],
        range: Option<TimeRange>,
    ) -> Result<String, StoreError>;

    /// Whether the store can take writes and searches now; the error says why not.
    async fn health(&self) -> Result<(), StoreError>;

    /// Finishes what is under way and releases the files. Calls after this are refused with `Unavailable`.
    async fn close(&self) -> Result<(), StoreError>;
}

/// When a write becomes visible to searches; Elasticsearch's `refresh`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Refresh {
    /// In the background, within a second.
    #[default]
    Background,
    /// Before the call returns, together with others' writes.
    WaitFor,
    /// Before the call returns, at once.
    Now,
}

/// A span of `@timestamp`, both ends included; an absent end is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// Earliest, in milliseconds since 1970 (UTC).
    pub from_ms: Option<i64>,
    /// Latest, in milliseconds since 1970 (UTC).
    pub to_ms: Option<i64>,
}

/// What became of one event of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum WriteResult {
    /// It is kept.
    Written {
        /// The index that holds it.
        index: Arc<str>,
        /// Its id there.
        id: String,
        /// Counts the writes to this document, from 1.
        version: u64,
        /// The position of this write in the index.
        seq_no: SequenceNumber,
        /// Whether the document is new, changed, gone or as it was.
        effect: WriteEffect,
        /// Fields that are in the document but could not be indexed (wrong type, too many), by path.
        ignored: Vec<String>,
    },
    /// It was refused; the rest of the batch is not affected.
    Refused {
        /// For branching: `Conflict` for an id that exists (create) or has changed, `InvalidRequest` for a
        /// document that cannot be mapped, `NotFound` for an update of nothing.
        kind: crate::ErrorKind,
        /// The name that Elasticsearch has for the failure, where it is more exact than the kind.
        code: Option<&'static str>,
        /// For people.
        reason: String,
        /// What Elasticsearch says beside that, such as `caused_by`.
        details: Option<Box<Object>>,
        /// The index that refused it, where its name was that of an alias or data stream; `None`: none was found.
        index: Option<Arc<str>>,
        /// The id that it was given, if it came without one.
        id: Option<String>,
    },
}

impl WriteResult {
    /// Whether the store holds the event now as that operation meant it. An update whose document was removed by retention
    /// is settled too: there is nothing left to change.
    pub fn is_settled(&self, operation: Operation) -> bool {
        match self {
            Self::Written { .. } => true,
            Self::Refused { kind, .. } => {
                operation == Operation::Update && *kind == crate::ErrorKind::NotFound
            }
        }
    }
}

/// How a write changed the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteEffect {
    /// There was none before.
    Created,
    /// There was one before.
    Updated,
    /// It was removed.
    Deleted,
    /// An update that changes nothing.
    Noop,
    /// A delete of nothing.
    NotFound,
}

/// What names and wildcards mean; Elasticsearch's `ignore_unavailable`, `allow_no_indices` and `expand_wildcards`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndicesOptions {
    /// Whether a name without wildcard that does not exist (or is closed) is left out instead of being an error.
    pub ignore_unavailable: bool,
    /// Whether wildcards may match nothing.
    pub allow_no_indices: bool,
    /// Whether wildcards match open indices.
    pub expand_open: bool,
    /// Whether wildcards match closed indices.
    pub expand_closed: bool,
    /// Whether wildcards match hidden indices, and names that begin with a dot.
    pub expand_hidden: bool,
    /// Whether a closed index that is named is an error.
    pub forbid_closed: bool,
}

impl Default for IndicesOptions {
    /// As searches have it: open indices, no error for a wildcard without match.
    fn default() -> Self {
        Self {
            ignore_unavailable: false,
            allow_no_indices: true,
            expand_open: true,
            expand_closed: false,
            expand_hidden: false,
            forbid_closed: true,
        }
    }
}

impl IndicesOptions {
    /// As searches have it, but what is not there is left out.
    pub const LENIENT: Self = Self {
        ignore_unavailable: true,
        allow_no_indices: true,
        expand_open: true,
        expand_closed: false,
        expand_hidden: false,
        forbid_closed: true,
    };

    /// As the administration of indices has it: open and closed ones.
    pub const ADMIN: Self = Self {
        ignore_unavailable: false,
        allow_no_indices: true,
        expand_open: true,
        expand_closed: true,
        expand_hidden: false,
        forbid_closed: false,
    };
}

/// A search: the body of an Elasticsearch `_search` and what goes into its URL.
#[derive(Debug, Clone, Default)]
pub struct SearchRequest {
    /// Index names and patterns; empty means all within the scope.
    pub indices: Vec<String>,
    /// The body: `query`, `sort`, `from`, `size`, `search_after`, `aggs`, `_source`, `highlight`,
    /// `track_total_hits`, `timeout`. A clause that the backend does not know is an `InvalidRequest` naming it.
    pub body: Object,
    /// Gives up after this long.
    pub timeout: Option<Duration>,
    /// What the names and patterns mean.
    pub options: IndicesOptions,
    /// Whether aggregations are named with their type (`sterms#names`).
    pub typed_keys: bool,
    /// Keeps the search open for this long, for the pages behind the first ([`LogStore::scroll`]).
    pub scroll: Option<Duration>,
}

/// What keeps indices as they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextKind {
    /// A search whose pages are read one after the other.
    Scroll,
    /// A point in time for any searches.
    PointInTime,
}

/// What is to be cut into words, and how.
#[derive(Debug, Clone, Default)]
pub struct AnalyzeRequest {
    /// The texts.
    pub texts: Vec<String>,
    /// Name of the analyser: `standard`, `simple`, `whitespace`, `keyword`, …
    pub analyzer: Option<String>,
    /// An index, and a field of it whose analyser is meant.
    pub field: Option<(String, String)>,
}

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As it is indexed.
    pub token: String,
    /// Where it begins, in characters.
    pub start_offset: usize,
    /// Where it ends, in characters.
    pub end_offset: usize,
    /// Counts the words.
    pub position: usize,
    /// What kind of word it is: `<ALPHANUM>`, `<NUM>`, `word`.
    pub kind: &'static str,
}

/// The answer to a search.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchResponse {
    /// How long the search took inside the store.
    pub took_ms: u64,
    /// Whether the time ran out; hits and aggregations are then partial.
    pub timed_out: bool,
    /// With `terminate_after`: whether the search stopped because of it.
    pub terminated_early: Option<bool>,
    /// How many documents matched; `None` when not counted.
    pub total: Option<Total>,
    /// The best score of all matches, where scores were computed.
    pub max_score: Option<f32>,
    /// The page of hits.
    pub hits: Vec<Hit>,
    /// The aggregations, in the shape of Elasticsearch's answer.
    pub aggregations: Option<Object>,
    /// Number of indices searched (after pruning by time, all that matched the pattern are counted).
    pub indices: usize,
    /// Of a scrolled search: the key to its next page.
    pub scroll_id: Option<String>,
    /// Of a search in a point in time: its key, to be used from now on.
    pub pit_id: Option<String>,
    /// With `suggest`: words that the index knows, in the shape of Elasticsearch's answer.
    pub suggest: Option<Object>,
    /// With `profile`: what took how long, in the shape of Elasticsearch's answer.
    pub profile: Option<Value>,
}

impl SearchResponse {
    /// `hits` of Elasticsearch's answer, and takes them out. `total_as_int`: as before version 7.
    pub fn hits_json(mut self, total_as_int: bool) -> Value {
        let mut out = Object::new();
        if let Some(total) = self.total {
            let relation = if total.exact { "eq" } else { "gte" };
            let total = match total_as_int {
                true => json!(total.value),
                false => json!({"value": total.value, "relation": relation}),
            };
            out.insert("total".to_owned(), total);
        }
        out.insert("max_score".to_owned(), json!(self.max_score));
        let hits = std::mem::take(&mut self.hits);
        out.insert("hits".to_owned(), hits.into_iter().map(|hit| Value::Object(hit.into_json())).collect());
        Value::Object(out)
    }
}

/// Id of the one node that there is, where answers name one.
pub const NODE_ID: &str = "vigie-node-000000000001";

impl Hit {
    /// The hit in the shape of Elasticsearch's answer.
    pub fn into_json(self) -> Object {
        let mut out = Object::new();
        // Who explains a score says where it was computed.
        if self.explanation.is_some() {
            out.insert("_shard".to_owned(), json!(format!("[{}][0]", self.index)));
            out.insert("_node".to_owned(), json!(NODE_ID));
        }
        out.insert("_index".to_owned(), json!(self.index));
        if !self.bare {
            out.insert("_type".to_owned(), json!("_doc"));
            out.insert("_id".to_owned(), json!(self.id));
            out.extend(self.routing.map(|routing| ("_routing".to_owned(), json!(routing))));
        }
        out.extend(
            self.nested
                .map(|(path, offset)| ("_nested".to_owned(), json!({"field": path, "offset": offset}))),
        );
        out.extend(self.version.map(|version| ("_version".to_owned(), json!(version))));
        if let Some(position) = self.seq_no {
            out.insert("_seq_no".to_owned(), json!(position.seq_no));
            out.insert("_primary_term".to_owned(), json!(position.primary_term));
        }
        out.insert("_score".to_owned(), json!(self.score));
        if !self.ignored.is_empty() {
            out.insert("_ignored".to_owned(), json!(self.ignored));
        }
        out.extend(self.source.map(|source| ("_source".to_owned(), Value::Object(source))));
        out.extend(self.fields.map(|fields| ("fields".to_owned(), Value::Object(fields))));
        out.extend(self.highlight.map(|highlight| ("highlight".to_owned(), Value::Object(highlight))));
        if !self.sort.is_empty() {
            out.insert("sort".to_owned(), Value::Array(self.sort));
        }
        if !self.matched_queries.is_empty() {
            out.insert("matched_queries".to_owned(), json!(self.matched_queries));
        }
        out.extend(self.explanation.map(|found| ("_explanation".to_owned(), found)));
        out.extend(self.inner_hits.map(|hits| ("inner_hits".to_owned(), Value::Object(hits))));
        out
    }
}

/// How many documents matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// The count.
    pub value: u64,
    /// Whether the count is exact; otherwise it is a lower bound.
    pub exact: bool,
}

/// One document that matched.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hit {
    /// The index that holds it.
    pub index: String,
    /// Its id there.
    pub id: String,
    /// The routing that it was written with.
    pub routing: Option<String>,
    /// Its score, where scores were computed.
    pub score: Option<f32>,
    /// The document, after `_source` filtering and masking; `None` with `_source: false`, or if the index keeps none.
    pub source: Option<Object>,
    /// The sort values, to be passed as `search_after`.
    pub sort: Vec<Value>,
    /// Fragments by field, with the matches marked.
    pub highlight: Option<Object>,
    /// The `fields` / `docvalue_fields` asked for.
    pub fields: Option<Object>,
    /// Fields of the document that are not indexed.
    pub ignored: Vec<String>,
    /// Counts the writes to the document, if asked for.
    pub version: Option<u64>,
    /// Position of the last write, if asked for.
    pub seq_no: Option<SequenceNumber>,
    /// With `collapse`: more hits of the same value, and the nested objects that matched, in the shape of
    /// Elasticsearch's answer.
    pub inner_hits: Option<Object>,
    /// Where the object stands that this hit is, if it is a nested one: path and place in the list.
    pub nested: Option<(String, u32)>,
    /// How the score came about, if asked for.
    pub explanation: Option<Value>,
    /// The named queries that it matches.
    pub matched_queries: Vec<String>,
    /// Without id: `stored_fields: _none_`.
    pub bare: bool,
}

/// Which document to read, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetRequest<'a> {
    /// Name of the index or alias.
    pub index: &'a str,
    /// Id of the document.
    pub id: &'a str,
    /// The routing to look under; a document of another shard is not found.
    pub routing: Option<&'a str>,
    /// As last written; otherwise as searches see it.
    pub realtime: bool,
}

/// A stored document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The index that holds it.
    pub index: String,
    /// Its id there.
    pub id: String,
    /// Counts the writes to this document, from 1.
    pub version: u64,
    /// The position of its last write.
    pub seq_no: SequenceNumber,
    /// The routing that it was written with.
    pub routing: Option<String>,
    /// What was written, masked fields removed; `None` if the index keeps none (`_source: {"enabled": false}`).
    pub source: Option<Object>,
}

/// What is known about an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexInfo {
    /// Its name.
    pub name: String,
    /// Documents that a search would see.
    pub documents: u64,
    /// Space on disk.
    pub size_bytes: u64,
    /// When it was created, in milliseconds since 1970 (UTC).
    pub created_at_ms: i64,
    /// Smallest and largest `@timestamp` in it.
    pub range: Option<(i64, i64)>,
}

/// What is known about a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldInfo {
    /// Its dotted path.
    pub name: String,
    /// Its Elasticsearch type; several when indices differ.
    pub types: Vec<String>,
    /// Whether it can be searched.
    pub searchable: bool,
    /// Whether it can be sorted and aggregated by.
    pub aggregatable: bool,
}
