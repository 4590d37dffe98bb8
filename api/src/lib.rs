//! HTTP: routes, accounts and rights, the Elasticsearch surface, the OpenAPI document.
//!
//! *Invariant*: the only crate that knows HTTP. A handler checks, calls one function of a room, shapes the reply.
//! *Invariant*: every route stands in the table of [`rights`]; one that does not is refused.

pub mod auth;
pub mod config;
mod error;
mod frame;
mod handlers;
mod openapi;
pub mod rights;
mod router;
mod secret;
mod serve;
mod state;

pub use config::{ApiConfig, Registration};
pub use error::{ApiError, FieldError, Problem};
pub use openapi::document as openapi_document;
pub use router::router;
pub use secret::Secret;
pub use serve::serve;
pub use state::{App, Parts};
