//! Pipelines against their cases, and upload jobs from the first byte to the last event over stores made of plain
//! files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panic, helpers included")]

mod bad_input;
mod formats;
mod inputs;
mod pipelines;
mod resume;
mod shop;
mod uploads;
mod world;
