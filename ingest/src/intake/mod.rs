//! The one way of a record into the store, whichever door it comes through: decode → pipeline → time → index → id →
//! redact → pattern → sink. Requests use [`Intake::submit`]; upload jobs use the same parts, batch by batch.
//!
//! *Invariants*: nothing reaches the sink or the dead letters unredacted; every event that reaches the sink has an index,
//! an id (also as `event.id`) and a time within bounds; every record ends in exactly one of stored, duplicate, dead,
//! dropped.

mod arrivals;
mod batch;
mod delivery;
mod fields;
mod identity;
mod pattern;
mod pipelines;
mod recognise;
mod record;
mod refinery;
mod route;
mod submit;

use crate::{
    decode::Limits,
    envelope::Envelope,
    patterns::{PatternKeeper, Patterns},
    ports::{Clock, DeadLetters, EventSink},
};
pub(crate) use arrivals::{Arrival, PipelineChoice, Reception};
pub(crate) use batch::Batch;
pub(crate) use delivery::deliver;
use event::Timestamp;
pub(crate) use fields::{add_tag, fill, text_at};
pub(crate) use identity::{given_id, shipped_id};
pub use pipelines::{EventPipeline, Guess, Passage, PipelineSet, ProcessorFailure, Redact, Takes};
pub(crate) use recognise::recognise;
pub use record::Record;
pub(crate) use refinery::{
    ConnectionContext, Context, Death, FileContext, Moment, Place, Refinery, SourceContext,
};
pub(crate) use route::format_time;
use std::sync::Arc;
pub use submit::{IntakeError, ItemOutcome, SubmitItem, SubmitReport};

/// What an [`Intake`] is made of.
pub struct IntakeParts {
    /// The pipelines.
    pub pipelines: Arc<dyn PipelineSet>,
    /// Removes what must not be stored.
    pub redact: Arc<dyn Redact>,
    /// Where events go.
    pub sink: Arc<dyn EventSink>,
    /// Where records go that cannot become events.
    pub dead_letters: Arc<dyn DeadLetters>,
    /// Gives messages the ids of their patterns; `None`: they get none.
    pub patterns: Option<Arc<PatternKeeper>>,
    /// The time of day.
    pub clock: Clock,
    /// How large records and batches may be.
    pub limits: Limits,
}

/// The one way of records into the store.
pub struct Intake {
    pub(crate) pipelines: Arc<dyn PipelineSet>,
    pub(crate) refinery: Refinery,
    pub(crate) sink: Arc<dyn EventSink>,
    pub(crate) dead_letters: Arc<dyn DeadLetters>,
    pub(crate) limits: Limits,
}

impl Intake {
    /// Puts the parts together.
    pub fn new(parts: IntakeParts) -> Arc<Self> {
        let IntakeParts { pipelines, redact, sink, dead_letters, patterns, clock, limits } = parts;
        let refinery = Refinery { redact, patterns, clock };
        Arc::new(Self { pipelines, refinery, sink, dead_letters, limits })
    }

    /// Removes from an event that takes another way into the store what must never be stored; answers whether there was
    /// anything.
    pub fn redact(&self, event: &mut event::Event) -> bool {
        self.refinery.redact.redact(event)
    }

    /// Gives a redacted event that takes another way into the store the id of its message's pattern. Before it is written,
    /// [`Self::keep_patterns`] is to be called.
    pub fn mark(&self, event: &mut event::Event) {
        let Some(patterns) = self.patterns() else { return };
        let now = self.now();
        let own = event.metadata.timestamp.or_else(|| route::read_time(event.fields.get("@timestamp")?));
        pattern::mark_pattern(event, own.map_or(now, |own| own.min(now)), patterns);
    }

    /// Makes durable what the marks of events refer to. Waits only if there is something new, and for seconds at most.
    pub async fn keep_patterns(&self) {
        self.refinery.keep_patterns().await;
    }

    /// Whether there is surely nothing of that kind in a document, given as JSON text, which is one object in which no name
    /// comes twice.
    pub fn is_clean(&self, document: &[u8]) -> bool {
        self.refinery.redact.is_clean(document)
    }

    /// The patterns of messages, if messages get them.
    pub fn patterns(&self) -> Option<&Patterns> {
        self.refinery.patterns.as_deref().map(PatternKeeper::patterns)
    }

    /// The time of day.
    pub(crate) fn now(&self) -> Timestamp {
        (self.refinery.clock)()
    }

    /// The text without what must never be stored.
    pub(crate) fn redact_text(&self, text: String) -> String {
        self.refinery.redact.redact_text(text)
    }

    /// How to read records by a pipeline; `None` if there is none of that name.
    pub(crate) fn context(
        &self,
        pipeline: &str,
        dataset: Option<&str>,
        received_at: Timestamp,
        source: SourceContext,
    ) -> Option<Context> {
        let found = self.pipelines.get(pipeline)?;
        Some(self.context_of(found, pipeline, dataset, received_at, source))
    }

    /// How to read records by this pipeline.
    pub(crate) fn context_of(
        &self,
        pipeline: Arc<dyn EventPipeline>,
        name: &str,
        dataset: Option<&str>,
        received_at: Timestamp,
        source: SourceContext,
    ) -> Context {
        Context {
            takes: pipeline.takes(),
            framing: pipeline.framing(),
            index_prefix: pipeline.index_prefix().map(Into::into),
            pipeline,
            pipeline_name: name.into(),
            dataset: dataset.map(Into::into),
            received_at,
            envelope: Envelope::Bare,
            source,
        }
    }
}
