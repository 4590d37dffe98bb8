//! One file per resource. A handler extracts, checks, calls one function of a room, shapes the reply.

pub(crate) mod auth;
pub(crate) mod health;
mod page;
pub(crate) mod users;
