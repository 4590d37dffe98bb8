//! From events to writes that are ready to get their place in an index.

use super::{
    convert::{Content, Converted, convert},
    index::{Action, Changes, IndexState, Prepared, Span, Update, put_routing},
    names::ID_MAX_BYTES,
    new_ids::{self, NewIds},
    router::Router,
    scripted::Scripted,
    target::WriteRules,
    wal::PAYLOAD_MAX_BYTES,
};
use crate::{StoreError, logs::WriteResult};
use bytes::Bytes;
use event::{Event, Operation};
use std::sync::Arc;

/// Largest document, in bytes of JSON.
const DOCUMENT_MAX_BYTES: usize = 16 << 20;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Event times further back are refused.
const PAST_MAX_MS: i64 = 20 * 365 * DAY_MS + 5 * DAY_MS;
/// Event times further ahead are refused.
const FUTURE_MAX_MS: i64 = DAY_MS;

/// The time at which a batch arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) now_ms: i64,
}

/// Writes ready to be ordered, one per event, and the bytes that they refer to.
pub(super) struct PreparedBatch {
    pub(super) items: Vec<Result<Prepared, WriteResult>>,
    pub(super) blob: Bytes,
}

/// Prepares the events of one index.
pub(super) fn prepare(
    state: &IndexState,
    events: &[&Event],
    now: Clock,
    rules: &WriteRules,
) -> PreparedBatch {
    let known: usize = events.iter().filter_map(|event| event.metadata.raw.as_ref()).map(Bytes::len).sum();
    let mut blob = Vec::with_capacity(known + events.len() * if known > 0 { 32 } else { 512 });
    let mut ids = NewIds::reserve(events.iter().filter(|event| event.metadata.id.is_none()).count());
    let items = events
        .iter()
        .map(|event| {
            let named = name(event, &mut ids)?;
            let new = named.1;
            prepare_one(state, event, named, &mut blob, now, rules).map_err(|mut refused| {
                if let WriteResult::Refused { id, .. } = &mut refused {
                    *id = new.map(new_ids::text_of);
                }
                refused
            })
        })
        .collect();
    PreparedBatch { items, blob: Bytes::from(blob) }
}

/// The id of an event, and its number if it is a new one.
fn name(event: &Event, ids: &mut NewIds) -> Result<(String, Option<u64>), WriteResult> {
    match &event.metadata.id {
        Some(id) => Ok((id.clone(), None)),
        None if matches!(event.metadata.operation, Operation::Create | Operation::Index) => {
            let (id, number) = ids.next();
            Ok((id, Some(number)))
        }
        None => Err(refused("an update or delete needs an id")),
    }
}

fn prepare_one(
    state: &IndexState,
    event: &Event,
    (id, new_id): (String, Option<u64>),
    blob: &mut Vec<u8>,
    now: Clock,
    rules: &WriteRules,
) -> Result<Prepared, WriteResult> {
    rules.check(event).map_err(refuse)?;
    let operation = event.metadata.operation;
    if id.is_empty() || id.len() > ID_MAX_BYTES {
        return Err(refused(format!(
            "a document id has 1 to {ID_MAX_BYTES} bytes, this one has {}",
            id.len()
        )));
    }
    let options = event.metadata.options.as_deref();
    let routing = options.and_then(|options| options.routing.as_deref()).or(rules.routing.as_deref());
    if let Some(routing) = routing.filter(|routing| routing.len() > ID_MAX_BYTES) {
        return Err(refused(format!(
            "a routing has at most {ID_MAX_BYTES} bytes, this one has {}",
            routing.len()
        )));
    }
    if routing.is_none() && state.router().mapping.routing_required {
        return Err(refuse(routing_missing(&state.name, &id)));
    }
    let action = match operation {
        Operation::Create | Operation::Index => {
            let content = event.unread().map_or(Content::Tree(&event.fields), |text| Content::Text(text));
            let (converted, router) = convert_checked(state, &id, content, now)?;
            let only_new = operation == Operation::Create;
            let source = append_source(blob, event)?;
            Action::Put { converted: Box::new(converted), router, source, only_new }
        }
        Operation::Update => {
            let as_upsert = options.is_some_and(|options| options.doc_as_upsert);
            let upsert = options.and_then(|options| options.upsert.clone());
            let changes = match options.and_then(|options| options.script.as_ref()) {
                Some(script) => {
                    Changes::Scripted(Scripted::compile(script, event.fields.clone()).map_err(refuse)?)
                }
                None => Changes::Merged(event.fields.clone()),
            };
            Action::Update(Box::new(Update {
                changes,
                upsert: if as_upsert { Some(event.fields.clone()) } else { upsert },
                always: rules.is_blind || options.is_some_and(|options| options.always_write),
            }))
        }
        Operation::Delete => Action::Delete,
    };
    let id_span = Span { start: blob.len() as u32, length: id.len() as u32 };
    blob.extend_from_slice(id.as_bytes());
    if let Some(routing) = routing {
        put_routing(blob, routing);
    }
    let version = options.and_then(|options| options.version);
    let (expected, routing) = (event.metadata.expected, routing.map(Arc::from));
    Ok(Prepared { id, id_span, new_id, expected, version, routing, shards: rules.shards, action })
}

/// The mapping asks for a routing with every document.
pub(super) fn routing_missing(index: &str, id: &str) -> StoreError {
    StoreError::invalid(format!("routing is required for [{index}]/[_doc]/[{id}]"))
        .with_code("routing_missing_exception")
}

fn append_source(blob: &mut Vec<u8>, event: &Event) -> Result<Span, WriteResult> {
    let start = blob.len();
    let result = match &event.metadata.raw {
        Some(raw) => {
            blob.extend_from_slice(raw);
            Ok(())
        }
        None => serde_json::to_writer(&mut *blob, &event.fields),
    };
    let length = blob.len() - start;
    let problem = if let Err(error) = result {
        format!("cannot serialise the document: {error}")
    } else if length > DOCUMENT_MAX_BYTES {
        format!("document has {length} bytes, limit is {DOCUMENT_MAX_BYTES}")
    } else if blob.len() > PAYLOAD_MAX_BYTES / 2 {
        "the batch is too large, send smaller ones".to_owned()
    } else {
        // Both fit: PAYLOAD_MAX_BYTES is far below u32::MAX.
        return Ok(Span { start: start as u32, length: length as u32 });
    };
    blob.truncate(start);
    Err(refused(problem))
}

/// Converts a document, growing the mapping if it must, and checks its time.
pub(super) fn convert_checked(
    state: &IndexState,
    id: &str,
    content: Content<'_>,
    now: Clock,
) -> Result<(Converted, Arc<Router>), WriteResult> {
    let mut router = state.router();
    let mut converted = convert(&router, id, content, false).map_err(refuse)?;
    if !converted.unmapped.is_empty() {
        router = state.grow(&converted.unmapped).map_err(refuse)?;
        converted = convert(&router, id, content, true).map_err(refuse)?;
    }
    if let Some(at) = converted.timestamp_ms {
        check_time(at, now)?;
    }
    Ok((converted, router))
}

fn check_time(at_ms: i64, now: Clock) -> Result<(), WriteResult> {
    if at_ms < now.now_ms - PAST_MAX_MS {
        return Err(refused("\"@timestamp\" is more than 20 years in the past"));
    }
    if at_ms > now.now_ms + FUTURE_MAX_MS {
        return Err(refused("\"@timestamp\" is more than one day in the future"));
    }
    Ok(())
}

/// What becomes of an event for which that went wrong.
pub(super) fn refuse(error: StoreError) -> WriteResult {
    let StoreError { kind, code, message: reason, details, .. } = error;
    WriteResult::Refused { kind, code, reason, details, index: None, id: None }
}

fn refused(reason: impl Into<String>) -> WriteResult {
    refuse(StoreError::invalid(reason).with_code("mapper_parsing_exception"))
}
