use crate::decode::Framing;
use event::Event;
use std::sync::Arc;

/// What became of an event in a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// It goes on.
    Continue,
    /// The pipeline dropped it on purpose.
    Drop,
}

/// A processor failed on an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessorFailure {
    /// Type of the processor.
    pub processor: String,
    /// Its tag, if it has one.
    pub tag: Option<String>,
    /// Why, for people.
    pub reason: String,
}

/// What a pipeline wants its records as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// The line as `message`.
    Lines,
    /// JSON objects.
    Objects,
    /// Objects if the record is one, else the line.
    Either,
}

/// A pipeline as the intake sees it.
pub trait EventPipeline: Send + Sync {
    /// What it wants its records as.
    fn takes(&self) -> Takes;

    /// How its records stand in a file that is not JSON. By default one a line, and rows of a table for a pipeline that
    /// takes objects.
    fn framing(&self) -> Framing {
        if self.takes() == Takes::Objects { Framing::Table } else { Framing::Lines }
    }

    /// Prefix of the daily index for events for which it chose none.
    fn index_prefix(&self) -> Option<&str>;

    /// Changes the event in place.
    fn run(&self, event: &mut Event) -> Result<Passage, ProcessorFailure>;
}

/// A pipeline that suits records.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    /// Its name.
    pub pipeline: String,
    /// Whether it calls most of them its own, rather than taking what no other pipeline does.
    pub is_own: bool,
    /// The share of those that it can call so, 0 to 1; 1 without records.
    pub share: f64,
}

/// All pipelines as the intake sees them.
pub trait PipelineSet: Send + Sync {
    /// The pipeline of that name.
    fn get(&self, name: &str) -> Option<Arc<dyn EventPipeline>>;

    /// The pipeline that suits these records best.
    fn detect(&self, sample: &[&str]) -> Guess;

    /// The name of the pipeline for events of that dataset.
    fn for_dataset(&self, dataset: &str) -> Option<String>;
}

/// Removes from an event what must never be stored: card numbers, their codes, passwords.
pub trait Redact: Send + Sync {
    /// Changes fields and `metadata.original` in place; answers whether there was anything to change.
    fn redact(&self, event: &mut Event) -> bool;

    /// Whether a document, as JSON text, is one object in which no name comes twice and nothing would have to be removed.
    /// `false` also where only [`Self::redact`] can tell.
    fn is_clean(&self, _document: &[u8]) -> bool {
        false
    }

    /// As [`Self::redact`] for a text that stands alone: the name of a file, a reason.
    fn redact_text(&self, text: String) -> String;
}
