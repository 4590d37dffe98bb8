//! HTTP: routes, accounts and rights, the Elasticsearch surface, the OpenAPI document.
//!
//! *Invariant*: the only crate that knows HTTP. A handler checks, calls one function of a room, shapes the reply.
//! *Invariant*: every route stands in the table of [`rights`]; one that does not is refused.

pub mod auth;
pub mod config;
mod elastic;
mod error;
mod event_body;
mod frame;
mod fraud;
mod handlers;
mod ingest_errors;
mod inspect_body;
mod openapi;
mod pipelines;
pub mod rights;
mod router;
mod search;
mod secret;
mod serve;
mod state;
mod upload_form;

pub use config::{ApiConfig, Registration};
pub use elastic::{Distribution, ServerVersion, elastic_paths, elastic_router, restore_scripts};
pub use error::{ApiError, FieldError, Problem};
pub use openapi::document as openapi_document;
pub use pipelines::stored_pipelines;
pub use router::router;
pub use secret::Secret;
pub use serve::{ConnectionLimits, serve, serve_local};
pub use state::{App, Parts};

use store::documents::Collection;

/// The collections that this crate keeps; the document store is opened with them.
pub const COLLECTIONS: &[Collection] = &[
    auth::USERS,
    auth::SESSIONS,
    auth::REFRESH_TOKENS,
    auth::INVITATIONS,
    auth::API_KEYS,
    pipelines::PIPELINES,
    elastic::CLUSTER_SETTINGS,
    elastic::SCRIPTS,
];
