//! HTTP: routes, accounts and rights, the Elasticsearch surface, the OpenAPI document.
//!
//! *Invariant*: the only crate that knows HTTP. A handler checks, calls one function of a room, shapes the reply.
