//! The administration of indices: what Elasticsearch's index APIs do, with their JSON bodies.

use super::IndicesOptions;
use crate::{StoreError, scope::Scope};
use async_trait::async_trait;
use event::Object;
use serde_json::Value;
use std::collections::BTreeMap;

/// Makes, changes and describes indices and what belongs to them. Bodies are Elasticsearch's; errors carry its names for
/// them ([`StoreError::code`]).
///
/// Every call takes the [`Scope`] of who asks, as those of [`super::LogStore`] do: changes need the right to manage, and
/// names out of reach are refused, those that only a wildcard matches left out.
#[async_trait]
pub trait IndexAdmin: Send + Sync {
    /// Makes an index from `{"settings", "mappings", "aliases"}` over what the templates say.
    async fn create_index(&self, scope: &Scope, index: &str, body: Value) -> Result<(), StoreError>;

    /// Describes the indices that the names mean, by name.
    async fn describe(
        &self,
        scope: &Scope,
        names: &[String],
        options: IndicesOptions,
        detail: Detail,
    ) -> Result<Vec<IndexDescription>, StoreError>;

    /// Removes indices with all their documents; the names must not be aliases.
    async fn delete_indices(
        &self,
        scope: &Scope,
        names: &[String],
        options: IndicesOptions,
    ) -> Result<(), StoreError>;

    /// Adds fields to mappings. All indices or none.
    async fn put_mapping(
        &self,
        scope: &Scope,
        names: &[String],
        options: IndicesOptions,
        body: Value,
    ) -> Result<(), StoreError>;

    /// Where documents written to that name go, and through which ingest pipelines, by the settings of the index or the
    /// templates that would make it.
    async fn destination(&self, scope: &Scope, name: &str) -> Result<Destination, StoreError>;

    /// Changes settings; null goes back to the default. `preserve`: what is set stays.
    async fn put_settings(
        &self,
        scope: &Scope,
        names: &[String],
        options: IndicesOptions,
        settings: Value,
        preserve: bool,
    ) -> Result<(), StoreError>;

    /// Runs the `actions` of `_aliases`, all or none.
    async fn update_aliases(&self, scope: &Scope, body: Value) -> Result<(), StoreError>;

    /// The aliases and data streams that reach at least one index within the scope.
    async fn names(&self, scope: &Scope) -> Result<Names, StoreError>;

    /// Does something to the indices that the names mean; answers how many.
    async fn maintain(
        &self,
        scope: &Scope,
        names: &[String],
        options: IndicesOptions,
        task: Maintenance,
    ) -> Result<Vec<String>, StoreError>;

    /// Installs or replaces a template. Indices that exist already keep their mapping. `create`: refuses to replace.
    async fn put_template(
        &self,
        scope: &Scope,
        kind: TemplateKind,
        name: &str,
        body: Value,
        create: bool,
    ) -> Result<(), StoreError>;

    /// The templates whose names match (names and patterns, with commas), by name.
    async fn templates(
        &self,
        scope: &Scope,
        kind: TemplateKind,
        names: &str,
    ) -> Result<Vec<(String, Value)>, StoreError>;

    /// Removes the templates whose names match; answers how many.
    async fn delete_templates(
        &self,
        scope: &Scope,
        kind: TemplateKind,
        names: &str,
    ) -> Result<usize, StoreError>;

    /// What an index would start with: see [`Simulation`].
    async fn simulate(&self, scope: &Scope, simulation: Simulation) -> Result<Value, StoreError>;

    /// Makes a data stream from the template that matches its name.
    async fn create_data_stream(&self, scope: &Scope, name: &str) -> Result<(), StoreError>;

    /// Removes data streams with their indices; answers how many.
    async fn delete_data_streams(&self, scope: &Scope, names: &str) -> Result<usize, StoreError>;

    /// Points an alias or data stream at a new index, if one of the conditions holds (or there is none).
    async fn rollover(&self, scope: &Scope, request: Rollover) -> Result<RolloverOutcome, StoreError>;
}

/// What a name that is written to stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destination {
    /// The index itself, behind an alias or data stream; the name as it is where there is none yet.
    pub index: String,
    /// The routing that the alias gives.
    pub routing: Option<String>,
    /// The ingest pipeline that runs unless the request names another (`index.default_pipeline`).
    pub default_pipeline: Option<String>,
    /// The one that runs last, always (`index.final_pipeline`).
    pub final_pipeline: Option<String>,
}

/// What a description contains beside names and settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Detail {
    /// The mapping.
    pub mappings: bool,
    /// Number of documents and space on disk.
    pub statistics: bool,
}

/// An index with what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexDescription {
    /// Its name.
    pub name: String,
    /// Identifies it also after another index of the name has come in its place.
    pub uuid: String,
    /// When it was made, in milliseconds since 1970 (UTC).
    pub created_at_ms: i64,
    /// Whether it takes writes and searches.
    pub open: bool,
    /// Whether wildcards leave it out.
    pub hidden: bool,
    /// Its settings, nested under `index`, values as texts.
    pub settings: Object,
    /// The defaults of what is not set, by full name.
    pub defaults: BTreeMap<String, Value>,
    /// Its aliases as Elasticsearch shows them, by name.
    pub aliases: BTreeMap<String, Value>,
    /// Its mapping, if asked for.
    pub mappings: Option<Object>,
    /// The JSON of its fields and multi-fields by dotted path, if the mapping was asked for.
    pub fields: BTreeMap<String, Object>,
    /// Number of primary shards that its settings name.
    pub shards: u32,
    /// Number of replicas that its settings name.
    pub replicas: u32,
    /// Documents that a search would see, if asked for.
    pub documents: u64,
    /// Space on disk, if asked for.
    pub size_bytes: u64,
    /// The data stream that it belongs to.
    pub data_stream: Option<String>,
    /// Flushes that were asked for since the start.
    pub flushes: u64,
    /// Names what a synced flush has committed, while nothing was written since.
    pub sync_id: Option<String>,
    /// The sequence number of the last write that a search would see; `None` before the first.
    pub max_seq_no: Option<u64>,
    /// How it stands with its lifecycle policy, if it names one.
    pub lifecycle: Option<LifecycleState>,
}

/// How an index stands with its lifecycle policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleState {
    /// The policy that it names.
    pub policy: String,
    /// Since when its age counts, in milliseconds since 1970 (UTC).
    pub since_ms: i64,
    /// The phase that it is in, and since when, in milliseconds since 1970 (UTC); `None`: there is no such policy.
    pub phase: Option<(&'static str, i64)>,
}

impl IndexDescription {
    /// Elasticsearch's health: replicas that are wanted have no second node to be on.
    pub fn health(&self) -> &'static str {
        let expands = self.settings.get("index").and_then(|index| index.get("auto_expand_replicas"));
        let expands = expands.and_then(Value::as_str).is_some_and(|range| range.starts_with("0-"));
        if self.replicas > 0 && !expands { "yellow" } else { "green" }
    }
}

/// The names that are not those of indices.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Names {
    /// Aliases with their indices.
    pub aliases: BTreeMap<String, Vec<String>>,
    /// Data streams.
    pub data_streams: BTreeMap<String, DataStreamInfo>,
}

/// What is known about a data stream.
#[derive(Debug, Clone, PartialEq)]
pub struct DataStreamInfo {
    /// The field that every document must have.
    pub timestamp_field: String,
    /// The indices behind it with their uuids, oldest first; the last is written to.
    pub indices: Vec<(String, String)>,
    /// Counts its indices.
    pub generation: u64,
    /// The template that it was made from.
    pub template: String,
}

/// What can be done to an index without changing what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maintenance {
    /// Makes everything written visible to searches.
    Refresh,
    /// Commits everything, so that the write-ahead log can forget it.
    Flush,
    /// The same, and names what is committed ([`IndexDescription::sync_id`]).
    SyncedFlush,
    /// Merges what can be merged.
    ForceMerge,
    /// Opens a closed index.
    Open,
    /// Closes an index: it takes neither writes nor searches.
    Close,
}

/// The kinds of templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateKind {
    /// A part that index templates refer to.
    Component,
    /// A template that indices are created from.
    Index,
    /// A template as before version 7.8: all that match apply, in their order, where no [`Self::Index`] does.
    Legacy,
    /// A lifecycle policy: `{"policy": …}`; what it says of rolling over, making read-only, merging and removing is
    /// done.
    Lifecycle,
}

/// What to try out.
#[derive(Debug, Clone, PartialEq)]
pub enum Simulation {
    /// An index of that name, with a further template, if one is given.
    Index(String, Option<Value>),
    /// A template of that name, or one with that body.
    Template(String, Option<Value>),
}

/// A rollover.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rollover {
    /// The alias or data stream.
    pub target: String,
    /// Name of the new index; `None`: the number at the end of the old one counts up.
    pub new_index: Option<String>,
    /// `{"conditions", "settings", "mappings", "aliases"}`.
    pub body: Value,
    /// Only says what would happen.
    pub dry_run: bool,
}

/// What a rollover did.
#[derive(Debug, Clone, PartialEq)]
pub struct RolloverOutcome {
    /// The index that was written to.
    pub old_index: String,
    /// The one that is, or would be, written to after.
    pub new_index: String,
    /// Each condition as Elasticsearch writes it, and whether it holds.
    pub conditions: BTreeMap<String, bool>,
    /// Whether it happened.
    pub rolled_over: bool,
}
