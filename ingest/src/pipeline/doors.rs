//! Pipelines as the intake takes them.

use super::compiled::{Flow, Pipeline};
use super::records;
use super::registry::Pipelines;
use crate::decode::Framing;
use crate::intake::{EventPipeline, Guess, Passage, PipelineSet, ProcessorFailure, Takes};
use event::Event;
use serde_json::Value;
use std::sync::Arc;

impl EventPipeline for Pipeline {
    /// What it recognises it also wants; a pipeline that recognises nothing takes both.
    fn takes(&self) -> Takes {
        match self.detector() {
            Some(detector) if detector.is_line() => Takes::Lines,
            Some(_) => Takes::Objects,
            None => match &**self.name() {
                "text" => Takes::Lines,
                "json" => Takes::Objects,
                _ => Takes::Either,
            },
        }
    }

    fn framing(&self) -> Framing {
        match records::framing(self.meta("records")) {
            Ok(Some(framing)) => framing,
            // What is wrong with it was said when the definition was loaded.
            Ok(None) | Err(_) if self.takes() == Takes::Objects => Framing::Table,
            Ok(None) | Err(_) => Framing::Lines,
        }
    }

    fn index_prefix(&self) -> Option<&str> {
        self.meta("index_prefix").and_then(Value::as_str)
    }

    fn run(&self, event: &mut Event) -> Result<Passage, ProcessorFailure> {
        match Pipeline::run(self, event) {
            Ok(Flow::Continue | Flow::Reroute | Flow::Terminate) => Ok(Passage::Continue),
            Ok(Flow::Drop) => Ok(Passage::Drop),
            Err(error) => Err(ProcessorFailure {
                processor: error.processor.to_owned(),
                tag: error.tag.as_deref().map(str::to_owned),
                reason: error.reason,
            }),
        }
    }
}

impl PipelineSet for Pipelines {
    fn get(&self, name: &str) -> Option<Arc<dyn EventPipeline>> {
        Pipelines::get(self, name).map(|pipeline| pipeline as Arc<dyn EventPipeline>)
    }

    fn detect(&self, sample: &[&str]) -> Guess {
        let found = Pipelines::detect(self, sample);
        let share = if found.sampled == 0 { 1.0 } else { found.matched as f64 / found.sampled as f64 };
        Guess { pipeline: found.pipeline, is_own: found.recognised, share }
    }

    /// The first by name that says `_meta.vigie.dataset`.
    fn for_dataset(&self, dataset: &str) -> Option<String> {
        Pipelines::for_dataset(self, dataset)
    }
}
