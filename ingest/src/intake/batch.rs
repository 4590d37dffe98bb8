use super::{
    Refinery,
    refinery::{Context, Death, Moment, Place},
};
use crate::{
    dead_letters::{DeadLetter, Stage},
    decode::{RawRecord, Resume},
    envelope::Opened,
};
use event::{Event, Timestamp};
use std::{ops::Range, sync::Arc};

/// Records on their way to the sink: those that became events, with what is needed to bury them should the sink refuse
/// them, and those that did not.
pub(crate) struct Batch {
    /// The events, to be taken out and written.
    pub(crate) events: Vec<Event>,
    /// Records that could not become events.
    pub(crate) dead: Vec<DeadLetter>,
    /// What became of each record, in their order.
    pub(crate) slots: Vec<Slot>,
    /// Where the next record starts.
    pub(crate) end: Resume,
    /// Where each event came from, in the order of `events`.
    seeds: Vec<Seed>,
    /// The records of all events, one behind the other.
    texts: Vec<u8>,
    bytes: usize,
    now: Moment,
}

/// What became of a record, with its position in the list of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// In `events`.
    Event(usize),
    /// In `dead`.
    Dead(usize),
    /// Dropped by the pipeline.
    Dropped,
}

struct Seed {
    place: Place,
    text: Range<usize>,
    id: String,
    received_at: Timestamp,
    pipeline: Arc<str>,
}

impl Batch {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            events: Vec::new(),
            dead: Vec::new(),
            slots: Vec::new(),
            end: Resume::default(),
            seeds: Vec::new(),
            texts: Vec::new(),
            bytes: 0,
            now: Moment::new(now),
        }
    }

    /// Records in it.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Bytes of its records.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes an event of a record, or a dead letter, and adds it. `id` is kept if given.
    pub(crate) fn push(
        &mut self,
        record: RawRecord<'_>,
        id: Option<&str>,
        refinery: &Refinery,
        context: &Context,
    ) {
        let opened = context.envelope.open(record.bytes, context.received_at);
        self.push_opened(record, opened, id, refinery, context);
    }

    /// As [`Self::push`] for a record that was opened to know where it goes.
    pub(crate) fn push_opened(
        &mut self,
        record: RawRecord<'_>,
        opened: Opened<'_>,
        id: Option<&str>,
        refinery: &Refinery,
        context: &Context,
    ) {
        let place = Place { line: record.line, offset: record.offset, length: record.length };
        let given = opened.id.clone();
        let id = id.or(given.as_deref());
        self.bytes += record.bytes.len();
        let refined = if record.is_too_long() {
            Err(Death::too_long(record.length))
        } else {
            refinery.refine(record.bytes, opened, place, id, context, &self.now)
        };
        match refined {
            Ok(Some(mut event)) => {
                refinery.mark(&mut event);
                self.push_event(event, place, record.bytes, context);
            }
            Ok(None) => self.slots.push(Slot::Dropped),
            Err(death) => {
                self.slots.push(Slot::Dead(self.dead.len()));
                let id = id.map(str::to_owned);
                self.dead.push(refinery.bury(record.bytes, place, id, context, death, &self.now));
            }
        }
    }

    /// Adds a record that cannot be read at all.
    pub(crate) fn push_dead(
        &mut self,
        record: RawRecord<'_>,
        reason: String,
        refinery: &Refinery,
        context: &Context,
    ) {
        let place = Place { line: record.line, offset: record.offset, length: record.length };
        let death = Death::new(Stage::Decode, reason);
        self.slots.push(Slot::Dead(self.dead.len()));
        self.dead.push(refinery.bury(record.bytes, place, None, context, death, &self.now));
    }

    fn push_event(&mut self, event: Event, place: Place, text: &[u8], context: &Context) {
        let start = self.texts.len();
        self.texts.extend_from_slice(text);
        let id = event.metadata.id.clone().unwrap_or_default();
        self.seeds.push(Seed {
            place,
            text: start..self.texts.len(),
            id,
            received_at: context.received_at,
            pipeline: Arc::clone(&context.pipeline_name),
        });
        self.slots.push(Slot::Event(self.events.len()));
        self.events.push(event);
    }

    /// Byte at which the record of an event starts.
    pub(crate) fn offset_of(&self, event: usize) -> u64 {
        self.seeds[event].place.offset
    }

    /// The dead letter of an event that the sink refused.
    pub(crate) fn bury_event(
        &self,
        event: usize,
        reason: &str,
        refinery: &Refinery,
        context: &Context,
    ) -> DeadLetter {
        let seed = &self.seeds[event];
        let death = Death::new(Stage::Store, reason.to_owned());
        let text = &self.texts[seed.text.clone()];
        let context = Context {
            received_at: seed.received_at,
            pipeline_name: Arc::clone(&seed.pipeline),
            ..context.clone()
        };
        refinery.bury(text, seed.place, Some(seed.id.clone()), &context, death, &self.now)
    }
}
