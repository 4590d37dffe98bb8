//! Search: what a client asks in our words becomes one call of the log store; equal questions are answered once.

mod body;
mod cache;
mod csv;
mod cursor;
pub(crate) mod export;
mod flight;
mod histogram;
mod indices;
pub(crate) mod patterns;
mod request;
mod run;
mod sort;
mod time;

pub(crate) use cache::Answers;
pub(crate) use indices::patterns as index_patterns;
pub(crate) use request::{SearchParameters, SearchRequest};
pub(crate) use run::{SearchAnswer, search};
