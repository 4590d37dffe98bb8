//! The detector through its public interface, over a history in memory.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail the test")]

mod concurrency;
mod lifecycle;
mod memory;
mod patterns;
mod quality;
