//! One file per resource. A handler extracts, checks, calls one function of a room, shapes the reply.

pub(crate) mod api_keys;
pub(crate) mod auth;
pub(crate) mod dead_letters;
pub(crate) mod events;
pub(crate) mod fraud;
pub(crate) mod health;
pub(crate) mod indices;
pub(crate) mod inspect;
mod page;
pub(crate) mod patterns;
pub(crate) mod pipelines;
pub(crate) mod search;
pub(crate) mod uploads;
pub(crate) mod users;
