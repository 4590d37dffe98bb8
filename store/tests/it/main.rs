//! The suites of the store's traits, run on every backend, and what is particular to each backend.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod blobs;
mod cache;
mod documents;
mod logs;
mod queue;
mod search;
