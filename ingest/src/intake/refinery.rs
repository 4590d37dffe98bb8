use super::{
    fields::{add_tag, fill, object_at, text_at},
    identity::{connection_id, event_id, random_id, upload_id},
    pattern::mark_pattern,
    pipelines::{EventPipeline, Passage, Redact, Takes},
    record::decode_text,
    route::{format_time, settle_index, settle_time},
};
use crate::{
    dead_letters::{DeadLetter, ORIGINAL_MAX_BYTES, Stage},
    decode::Framing,
    envelope::{Body, Envelope, Opened, Wrapping},
    patterns::PatternKeeper,
    ports::Clock,
};
use event::{Event, Object, Origin, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;

/// Where the records of a batch come from, and how to read them.
#[derive(Clone)]
pub(crate) struct Context {
    /// The pipeline and its name.
    pub(crate) pipeline: Arc<dyn EventPipeline>,
    pub(crate) pipeline_name: Arc<str>,
    /// What the pipeline wants its records as.
    pub(crate) takes: Takes,
    /// How records stand in a file.
    pub(crate) framing: Framing,
    /// Prefix of the daily index for events for which the pipeline chose none.
    pub(crate) index_prefix: Option<Arc<str>>,
    /// `event.dataset` for records that bring none.
    pub(crate) dataset: Option<Arc<str>>,
    /// The time of records that have none.
    pub(crate) received_at: Timestamp,
    /// What they are wrapped in.
    pub(crate) envelope: Envelope,
    /// Where they come from.
    pub(crate) source: SourceContext,
}

/// Where records come from.
#[derive(Clone)]
pub(crate) enum SourceContext {
    /// A request, or a command.
    Request,
    /// An uploaded file.
    File(FileContext),
    /// A connection of a network input.
    Connection(ConnectionContext),
}

/// The uploaded file that records come from.
#[derive(Clone)]
pub(crate) struct FileContext {
    pub(crate) upload: Arc<str>,
    /// Display name.
    pub(crate) name: Arc<str>,
    pub(crate) digest: [u8; 32],
}

/// The connection that records come over.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionContext {
    /// Name of the input.
    pub(crate) input: Arc<str>,
    /// Id of the connection.
    pub(crate) id: u128,
    /// Address of the other end; `None` where records of many come together.
    pub(crate) sender: Option<Arc<str>>,
}

/// When a batch is made: the same for all its records.
pub(crate) struct Moment {
    pub(crate) at: Timestamp,
    /// As `event.ingested`.
    text: String,
}

impl Moment {
    pub(crate) fn new(at: Timestamp) -> Self {
        Self { at, text: format_time(at) }
    }
}

/// Where a record starts, and how long it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) line: u64,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// Why a record cannot become an event.
#[derive(Debug)]
pub(crate) struct Death {
    pub(crate) stage: Stage,
    pub(crate) processor: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) reason: String,
}

impl Death {
    pub(crate) fn new(stage: Stage, reason: String) -> Self {
        Self { stage, processor: None, tag: None, reason }
    }

    /// Of a record that is longer than allowed.
    pub(crate) fn too_long(length: u64) -> Self {
        let reason = format!("the record is {length} bytes long, more than may be read at once");
        Self::new(Stage::Decode, reason)
    }
}

/// Makes events of records: decode → pipeline → time → index → id → redact. One way for all doors.
pub(crate) struct Refinery {
    pub(crate) redact: Arc<dyn Redact>,
    /// `None`: messages get no ids of patterns.
    pub(crate) patterns: Option<Arc<PatternKeeper>>,
    pub(crate) clock: Clock,
}

impl Refinery {
    /// Makes an event of a record; `None` if the pipeline drops it. `id` is that of a dead letter that is
    /// replayed, or the one that the record's source gave it.
    pub(crate) fn refine(
        &self,
        bytes: &[u8],
        opened: Opened<'_>,
        place: Place,
        id: Option<&str>,
        context: &Context,
        now: &Moment,
    ) -> Result<Option<Event>, Death> {
        let Opened { body, mut wrapping, .. } = opened;
        // Valid bytes are not copied: what is owned was mended.
        let lossy = std::str::from_utf8(bytes).is_err();
        let mut fields = match body {
            Body::Text(text) => {
                decode_text(text, context.takes).map_err(|reason| Death::new(Stage::Decode, reason))?
            }
            Body::Object(mut outer) => match context.takes {
                Takes::Objects if let Some(inner) = inner_object(&outer) => {
                    wrapping = Wrapping::Outer(outer);
                    inner
                }
                // The shipper's time is that of reading: it counts if the line says none.
                Takes::Lines if let Some(at) = outer.shift_remove("@timestamp") => {
                    wrapping = Wrapping::Outer(Object::from_iter([("@timestamp".to_owned(), at)]));
                    outer
                }
                _ => outer,
            },
        };
        wrapping.before(&mut fields);
        let mut event = Event::new(fields, context.origin(place));
        if let Some(dataset) = &context.dataset
            && !event.fields.contains_key("event.dataset")
            && text_at(&event.fields, &["event", "dataset"]).is_none()
        {
            object_at(&mut event.fields, "event")
                .insert("dataset".into(), Value::String(dataset.to_string()));
        }
        match context.pipeline.run(&mut event) {
            Ok(Passage::Continue) => {}
            Ok(Passage::Drop) => return Ok(None),
            Err(failure) => {
                let (processor, tag) = (Some(failure.processor), failure.tag);
                return Err(Death { stage: Stage::Pipeline, processor, tag, reason: failure.reason });
            }
        }
        wrapping.after(&mut event, bytes);
        let route = |reason| Death::new(Stage::Route, reason);
        settle_time(&mut event, context.received_at, now.at).map_err(route)?;
        let at = event.metadata.timestamp.unwrap_or(context.received_at);
        settle_index(&mut event, context.index_prefix.as_deref(), at).map_err(route)?;
        stamp(&mut event, id, context, place, now);
        if lossy {
            add_tag(&mut event.fields, "_invalid_utf8");
        }
        self.redact.redact(&mut event);
        Ok(Some(event))
    }

    /// Gives an event the id of its message's pattern.
    pub(crate) fn mark(&self, event: &mut Event) {
        if let Some(keeper) = &self.patterns {
            let at = event.metadata.timestamp.unwrap_or_default();
            mark_pattern(event, at, keeper.patterns());
        }
    }

    /// Makes durable what the marks of events refer to.
    pub(crate) async fn keep_patterns(&self) {
        if let Some(keeper) = &self.patterns {
            keeper.keep().await;
        }
    }

    /// Makes a dead letter of a record that cannot become an event.
    pub(crate) fn bury(
        &self,
        bytes: &[u8],
        place: Place,
        id: Option<String>,
        context: &Context,
        death: Death,
        now: &Moment,
    ) -> DeadLetter {
        let (original, cut) = self.redacted_original(bytes, place.length > bytes.len() as u64);
        let (file, connection) = match &context.source {
            SourceContext::Request => (None, None),
            SourceContext::File(file) => (Some(file), None),
            SourceContext::Connection(connection) => (None, Some(connection)),
        };
        DeadLetter {
            id: id.unwrap_or_else(|| match (file, connection) {
                (Some(file), _) => upload_id(&file.digest, place.offset),
                (None, Some(connection)) => connection_id(connection.id, place.offset),
                (None, None) => random_id(),
            }),
            upload: file.map(|file| file.upload.to_string()),
            file: file.map(|file| file.name.to_string()),
            digest: file.map(|file| hex::encode(file.digest)),
            input: connection.map(|connection| connection.input.to_string()),
            envelope: context.envelope.clone(),
            line: place.line,
            offset: place.offset,
            reason: self.redact.redact_text(death.reason),
            stage: death.stage,
            processor: death.processor,
            tag: death.tag,
            pipeline: context.pipeline_name.to_string(),
            original,
            length_bytes: place.length,
            truncated: cut || place.length > bytes.len() as u64,
            dataset: context.dataset.as_deref().map(str::to_owned),
            received_at: context.received_at,
            at: now.at,
        }
    }

    /// The record as text that may be kept, and whether it was cut. What is JSON is redacted by its keys, too. `is_start`: the
    /// bytes are not all of it.
    fn redacted_original(&self, bytes: &[u8], is_start: bool) -> (String, bool) {
        let mut text = String::from_utf8_lossy(bytes);
        if is_start {
            // The first digits of a card number that goes on behind the cut look like nothing that must go.
            text = text.trim_end_matches(|c: char| !c.is_alphabetic()).to_owned().into();
        }
        let parsed: Option<Object> =
            text.trim_start().starts_with('{').then(|| serde_json::from_str(&text).ok()).flatten();
        let mut redacted = match parsed {
            Some(fields) => {
                let mut event = Event::new(fields, Origin::Request);
                self.redact.redact(&mut event);
                Value::Object(event.fields).to_string()
            }
            None => self.redact.redact_text(text.into_owned()),
        };
        let cut = redacted.len() > ORIGINAL_MAX_BYTES;
        if cut {
            redacted.truncate(redacted.floor_char_boundary(ORIGINAL_MAX_BYTES));
        }
        (redacted, cut)
    }
}

impl Context {
    fn origin(&self, place: Place) -> Origin {
        match &self.source {
            SourceContext::Request => Origin::Request,
            SourceContext::File(file) => Origin::Upload {
                upload: Arc::clone(&file.upload),
                digest: file.digest,
                offset: place.offset,
                line: place.line,
            },
            SourceContext::Connection(connection) => Origin::Connection {
                input: Arc::clone(&connection.input),
                connection: connection.id,
                sequence: place.offset,
            },
        }
    }
}

/// The JSON object in the message of an object.
fn inner_object(outer: &Object) -> Option<Object> {
    let message = text_at(outer, &["message"])?;
    message.trim_start().starts_with('{').then(|| serde_json::from_str(message).ok())?
}

/// Gives an event its id and what else every event has.
fn stamp(event: &mut Event, kept_id: Option<&str>, context: &Context, place: Place, now: &Moment) {
    let id = event_id(event, kept_id);
    let fields = object_at(&mut event.fields, "event");
    let own = fields.insert("id".into(), Value::String(id.clone()));
    fields.insert("ingested".into(), Value::String(now.text.clone()));
    // An id that the source gave names the event there, not here: two sources may both count from 1.
    if let Some(Value::String(own)) = own.filter(|own| own.as_str() != Some(&id)) {
        object_at(&mut event.fields, "labels").insert("event_id".into(), Value::String(own));
    }
    match &context.source {
        SourceContext::Request => {}
        SourceContext::File(file) => {
            let log = object_at(&mut event.fields, "log");
            object_at(log, "file").insert("path".into(), Value::String(file.name.to_string()));
            log.insert("offset".into(), place.offset.into());
        }
        SourceContext::Connection(connection) => {
            if let Some(sender) = &connection.sender {
                fill(&mut event.fields, "log", json!({"source": {"address": &**sender}}));
            }
        }
    }
    event.metadata.id = Some(id);
}
