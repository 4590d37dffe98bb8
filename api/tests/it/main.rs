//! The HTTP service as clients see it, on real embedded stores.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests fail by panic")]

mod accounts;
mod api_keys;
mod document;
mod elastic;
mod elastic_rights;
mod frame;
mod harness;
mod logs;
mod patterns;
mod rights;
mod rooms;
mod search;
mod serve;
mod sessions;
mod throttle;
mod upserts;
mod watched_logs;
