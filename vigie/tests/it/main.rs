//! End to end: the real binary, spoken to over HTTP as a client would.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bad_input;
mod clients;
mod commands;
mod crash;
mod elastic_access;
mod elastic_admin;
mod elastic_guards;
mod fraud;
mod harness;
mod inputs;
mod inspect;
mod patterns;
mod real_logs;
mod rsyslogd;
mod scripts;
mod search_answers;
mod story;
mod surface;
