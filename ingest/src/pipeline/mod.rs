//! The ingest-pipeline language of Elasticsearch, run natively.
//!
//! A definition (JSON) is compiled once to a plan and then run over each event, which it changes in place.
//! Behaviour, defaults and the sentences of failures are those that Elasticsearch documents (Ingest processor
//! reference, version 8); what is unknown or unsupported is refused when the definition is loaded, never skipped.
//!
//! *Invariant*: a failing processor never loses an event; [`PipelineError`] says which one failed and why, and the
//! caller keeps the event as a dead letter.

mod cases;
mod compiled;
mod definition;
mod detect;
mod document;
mod doors;
mod field_tree;
mod grok;
mod processors;
mod records;
mod registry;
mod simulate;
mod steps;
mod stored_scripts;
mod time_format;
mod work;

pub use cases::{Difference, PipelineCase, PipelineCases};
pub use compiled::{Flow, Pipeline, PipelineError};
pub use definition::{DefinitionError, DefinitionPlace};
pub use detect::{Detection, SampleFormat};
pub use grok::grok_patterns;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) use grok::{check_grok, check_grok_stock};
pub use processors::processor_names;
pub use registry::{PipelineInfo, PipelineSource, Pipelines};
pub use simulate::SimulateTarget;
pub use stored_scripts::{StoredScript, StoredScripts};
pub(crate) use time_format::{TimeFormat, month_named, write_iso};
