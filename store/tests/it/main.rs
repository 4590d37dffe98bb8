//! The suites of the store's traits, run on every backend, and what is particular to each backend.

mod documents;
mod queue;
