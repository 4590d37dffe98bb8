//! The embedded log engine: daily indices in tantivy, behind one write-ahead log.

#![allow(dead_code, reason = "the engine is being put together from these parts")]

mod mapping;
mod schema;
mod search;
mod snapshot;
