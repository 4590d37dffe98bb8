//! Inputs, decoders, the pipeline engine, enrichment and upload jobs: bytes in, batches of [`event::Event`] out.
//!
//! *Invariant*: knows neither the store nor HTTP; what it needs of them it declares as narrow traits in [`ports`].

pub mod dead_letters;
pub mod decode;
pub mod enrich;
pub mod envelope;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod input;
pub mod inspect;
pub mod intake;
pub mod patterns;
pub mod pipeline;
pub mod ports;
pub mod redact;
mod time_forms;
pub mod upload;
