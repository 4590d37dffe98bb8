//! The embedded log engine: daily indices in tantivy behind one write-ahead log.
//!
//! | room | what it does |
//! |---|---|
//! | `mapping`, `templates` | which field has which type |
//! | `schema`, `router`, `convert`, `document`, `values` | a JSON document as a tantivy document |
//! | `wal` | makes writes durable, many with one fsync |
//! | `index` | order of writes, versions, commits of one index |
//! | `registry`, `catalog`, `select`, `target` | all indices, aliases and data streams; which of them a request means and reaches |
//! | `admin`, `settings`, `aliases`, `data_streams` | what Elasticsearch's index APIs change |
//! | `search` | queries, sorts and aggregations over snapshots |
//! | `engine`, `refresher`, `workers`, `memory`, `lifecycle` | the parts together; what goes on in the background |
//!
//! *Invariant*: what was acknowledged is in the log or in a commit. An entry leaves the log only when every index that
//! it is for has committed it.

mod admin;
mod aliases;
mod analysis;
mod blocks;
mod catalog;
mod contexts;
mod convert;
mod data_streams;
mod document;
mod engine;
mod index;
mod inflight;
mod lifecycle;
mod malformed;
mod mapping;
mod mask;
mod memory;
mod names;
mod new_ids;
mod options;
mod policies;
mod range_values;
mod refresher;
mod registry;
mod router;
mod schema;
mod scripted;
mod search;
mod search_gate;
mod searching;
mod select;
mod settings;
mod shards;
mod snapshot;
mod source_store;
mod store;
mod target;
mod templates;
mod terms_lookup;
mod values;
mod wal;
mod words;
mod workers;
mod write;

#[cfg(test)]
mod tests;

pub use new_ids::new_document_id;
pub use options::{EmbeddedOptions, Redact};
#[cfg(any(test, feature = "fuzz"))]
pub(crate) use search::read_date;
pub use store::EmbeddedLogs;

/// Least memory that a tantivy writer works with.
const WRITER_MEMORY_MIN_BYTES: usize = 15_000_000;
