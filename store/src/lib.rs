//! Where things are kept. One trait per concern, one folder per trait, one file or folder per backend:
//!
//! | concern | trait | embedded |
//! |---|---|---|
//! | events, searchable | [`logs::LogStore`] | tantivy behind a write-ahead log |
//! | users, uploads, verdicts … | [`documents::DocumentStore`] | SQLite |
//! | answers, counters | [`cache::Cache`] | memory |
//! | jobs | [`queue::Queue`] | SQLite |
//! | uploaded files | [`blobs::BlobStore`] | encrypted files |
//!
//! *Invariant*: this is the only crate that knows a database or a search engine, and it knows nothing of HTTP,
//! pipelines or detection. Every call that reads or writes logs takes a [`scope::Scope`].

pub mod blobs;
pub mod cache;
mod clock;
pub mod data_directory;
pub mod documents;
mod error;
mod files;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod logs;
pub mod queue;
pub mod scope;
mod sqlite;

pub use clock::Clock;
pub use error::{ErrorKind, StoreError};
