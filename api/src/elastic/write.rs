//! What writes of documents have in common: options, pipelines, redaction, answers.

use super::{
    error::ElasticError,
    request::{self, Asked},
};
use axum::{body::Bytes, http::StatusCode};
use event::{Event, Object, Operation, Origin, SequenceNumber, VersionType, WriteOptions};
use ingest::pipeline::{Flow, PipelineError};
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use store::{
    StoreError,
    logs::{Destination, Refresh, WriteEffect, WriteResult},
    scope::Scope,
};

use crate::{fraud::write_judged, state::App};
use detect::fraud::{is_judged, is_judged_index};

/// Name of the one kind of documents there is.
pub(super) const DOC_TYPE: &str = "_doc";
/// Longest id, in bytes.
const ID_MAX_BYTES: usize = 512;
/// Pipelines that send a document on to another index this often are taken to go in a circle.
const REROUTES_MAX: usize = 10;

/// One write as a client asks for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Write {
    pub(super) index: Arc<str>,
    pub(super) id: Option<String>,
    pub(super) operation: Operation,
    pub(super) source: Object,
    pub(super) expected: Option<SequenceNumber>,
    pub(super) options: WriteOptions,
    /// The pipeline that the client names; `_none`: none.
    pub(super) pipeline: Option<String>,
    /// The document as it was sent; then `source` is empty and not read yet.
    pub(super) raw: Option<Bytes>,
}

impl Write {
    /// Refuses what cannot be.
    pub(super) fn check(&self) -> Result<(), ElasticError> {
        if let Some(id) = &self.id {
            if id.is_empty() {
                return Err(ElasticError::illegal("if _id is specified it must not be empty"));
            }
            if id.len() > ID_MAX_BYTES {
                return Err(invalid(format!(
                    "id [{id}] is too long, must be no longer than {ID_MAX_BYTES} bytes but was: {}",
                    id.len()
                )));
            }
        }
        if self.options.version.is_some() {
            if self.operation == Operation::Create {
                return Err(invalid("create operations only support internal versioning. use index instead"));
            }
            if self.operation == Operation::Update {
                return Err(invalid(
                    "internal versioning can not be used for optimistic concurrency control. \
                    Please use `if_seq_no` and `if_primary_term` instead",
                ));
            }
            if self.expected.is_some() {
                return Err(invalid("compare and write operations can not use versioning"));
            }
        }
        Ok(())
    }

    fn into_event(self) -> Event {
        let mut event = Event::new(self.source, Origin::Request);
        event.metadata.index = Some(self.index);
        event.metadata.id = self.id;
        event.metadata.operation = self.operation;
        event.metadata.expected = self.expected;
        if self.options != WriteOptions::default() {
            event.metadata.options = Some(Box::new(self.options));
        }
        event
    }
}

/// 400: a request whose parts contradict each other.
pub(super) fn invalid(reason: impl std::fmt::Display) -> ElasticError {
    let reason = format!("Validation Failed: 1: {reason};");
    ElasticError::new(StatusCode::BAD_REQUEST, "action_request_validation_exception", reason)
}

/// Reads `version` and `version_type`.
pub(super) fn version_of(
    version: Option<u64>,
    version_type: Option<&str>,
) -> Result<Option<(u64, VersionType)>, ElasticError> {
    let kind = match version_type {
        None | Some("internal") => None,
        Some("external" | "external_gt") => Some(VersionType::External),
        Some("external_gte") => Some(VersionType::ExternalGte),
        Some(other) => return Err(ElasticError::illegal(format!("No version type match [{other}]"))),
    };
    match (version, kind) {
        (Some(version), Some(kind)) => Ok(Some((version, kind))),
        (Some(_), None) => Err(invalid(
            "internal versioning can not be used for optimistic concurrency control. Please use `if_seq_no` and \
             `if_primary_term` instead",
        )),
        (None, Some(_)) => Err(invalid("illegal version value [-3] for version type [EXTERNAL]")),
        (None, None) => Ok(None),
    }
}

/// Reads `if_seq_no` and `if_primary_term`.
pub(super) fn expected_of(
    seq_no: Option<u64>,
    primary_term: Option<u64>,
) -> Result<Option<SequenceNumber>, ElasticError> {
    match (seq_no, primary_term) {
        (Some(seq_no), Some(primary_term)) => Ok(Some(SequenceNumber { seq_no, primary_term })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(invalid("ifSeqNo is set, but primary term is [0]")),
        (None, Some(term)) => Err(invalid(format!("ifSeqNo is unassigned, but primary term is [{term}]"))),
    }
}

/// The options that index, create, update and delete take in the URL.
pub(super) fn take_options(
    asked: &mut Asked,
) -> Result<(WriteOptions, Option<SequenceNumber>), ElasticError> {
    let version = asked.number("version")?;
    let version_type = asked.take("version_type");
    let options = WriteOptions {
        routing: asked.take("routing"),
        version: version_of(version, version_type.as_deref())?,
        require_alias: asked.flag("require_alias", false)?,
        ..WriteOptions::default()
    };
    let (seq_no, term) = (asked.number("if_seq_no")?, asked.number("if_primary_term")?);
    Ok((options, expected_of(seq_no, term)?))
}

/// What became of a write: of it in the store, or of it before it got there.
pub(super) enum Outcome {
    /// It came to the store.
    Stored(WriteResult),
    /// A pipeline dropped it.
    Dropped { index: String, id: Option<String> },
    /// It was refused before.
    Refused(ElasticError),
}

/// Whose documents are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Documents {
    /// Clients have sent them: transactions get their verdict.
    Sent,
    /// They are copies of what is stored, and have been judged when they came.
    Copied,
}

/// What became of writes, in their order.
pub(super) struct Ran {
    pub(super) outcomes: Vec<Outcome>,
    /// How long pipelines took; `None`: there were none.
    pub(super) ingest: Option<Duration>,
}

impl Ran {
    /// Of the only write.
    pub(super) fn single(self) -> Result<Outcome, ElasticError> {
        let last = self.outcomes.into_iter().next_back();
        last.ok_or_else(|| ElasticError::illegal("the write has no outcome"))
    }
}

/// Runs pipelines, removes what must not be kept, gives what pipelines made the ids of its messages' patterns, and writes. One
/// outcome per write, in order.
///
/// # Errors
/// Nothing was written.
pub(super) async fn run(
    app: &App,
    scope: &Scope,
    writes: Vec<Write>,
    refresh: Refresh,
    documents: Documents,
) -> Result<Ran, ElasticError> {
    let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(writes.len());
    let (mut batch, mut known) = (Batch::default(), Known::default());
    for write in writes {
        let prepared = prepare(app, scope, write, &mut known).await;
        let refused = batch.add(outcomes.len(), prepared);
        outcomes.push(refused);
    }
    let overtaken = batch.write(app, scope, refresh, documents, &mut outcomes).await?;
    if !overtaken.is_empty() {
        write_again(app, scope, overtaken, refresh, documents, &mut outcomes).await;
    }
    Ok(Ran { outcomes: outcomes.into_iter().flatten().collect(), ingest: known.took })
}

/// Submits updates that others overtook once more, as they were sent: now they find what is there.
async fn write_again(
    app: &App,
    scope: &Scope,
    overtaken: Vec<(usize, Event)>,
    refresh: Refresh,
    documents: Documents,
    outcomes: &mut [Option<Outcome>],
) {
    let (mut batch, mut known) = (Batch::default(), Known::default());
    for (place, event) in overtaken {
        let prepared = settle(app, scope, event, &mut known).await;
        if let (Some(refused), Some(outcome)) = (batch.add(place, prepared), outcomes.get_mut(place)) {
            *outcome = Some(refused);
        }
    }
    if let Err(error) = batch.write(app, scope, refresh, documents, outcomes).await {
        // The rest of the batch is written: these keep the outcome that they have.
        tracing::debug!(reason = error.reason(), "updates were not submitted once more");
    }
}

/// What goes to the store in one go.
#[derive(Default)]
struct Batch {
    events: Vec<Event>,
    slips: Vec<Slip>,
    /// Whether messages have got ids of their patterns.
    is_marked: bool,
}

/// What has to be known of an event when its result is there.
struct Slip {
    /// Of its outcome.
    place: usize,
    operation: Operation,
    /// The update that it stands for.
    update: Option<Event>,
}

impl Batch {
    /// Takes up what is ready; answers what became of the rest.
    fn add(&mut self, place: usize, prepared: Result<Prepared, Box<Outcome>>) -> Option<Outcome> {
        match prepared {
            Ok(Prepared { event, update, is_marked, .. }) => {
                self.is_marked |= is_marked;
                self.slips.push(Slip { place, operation: event.metadata.operation, update });
                self.events.push(event);
                None
            }
            Err(outcome) => Some(*outcome),
        }
    }

    /// Writes it and puts the outcomes into their places; answers the updates that others overtook, with their places.
    async fn write(
        self,
        app: &App,
        scope: &Scope,
        refresh: Refresh,
        documents: Documents,
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Vec<(usize, Event)>, ElasticError> {
        if self.events.is_empty() {
            return Ok(Vec::new());
        }
        if self.is_marked {
            app.parts().intake.keep_patterns().await;
        }
        let results = match documents {
            Documents::Sent => write_judged(app, scope, self.events, refresh).await?,
            Documents::Copied => app.parts().logs.write(scope, self.events, refresh).await?,
        };
        let mut overtaken = Vec::new();
        for (Slip { place, operation, update }, result) in self.slips.into_iter().zip(results) {
            let update = update.filter(|_| super::update::is_overtaken(operation, &result));
            overtaken.extend(update.map(|update| (place, update)));
            if let Some(outcome) = outcomes.get_mut(place) {
                *outcome = Some(Outcome::Stored(result));
            }
        }
        Ok(overtaken)
    }
}

/// An event that is ready for the store.
struct Prepared {
    event: Event,
    /// The update as it was sent, if the event stands for it.
    update: Option<Event>,
    /// It is not what was sent any more.
    is_changed: bool,
    /// Its message may have got the id of its pattern.
    is_marked: bool,
}

impl From<Event> for Prepared {
    fn from(event: Event) -> Self {
        Self { event, update: None, is_changed: false, is_marked: false }
    }
}

/// What is known of the names, documents and pipelines of a batch.
#[derive(Default)]
struct Known {
    /// Whether a document of the shops is there after what the batch has done so far; by index and id.
    there: HashMap<(String, String), bool>,
    /// By the name that is written to.
    destinations: HashMap<String, Arc<Destination>>,
    /// How long they took so far; `None`: none has run.
    took: Option<Duration>,
}

impl Known {
    async fn destination(
        &mut self,
        app: &App,
        scope: &Scope,
        event: &Event,
    ) -> Result<Arc<Destination>, Box<Outcome>> {
        let name = event.metadata.index.as_deref().unwrap_or_default();
        if let Some(known) = self.destinations.get(name) {
            return Ok(known.clone());
        }
        let found = app.parts().admin.destination(scope, name).await;
        let found = Arc::new(found.map_err(|error| Box::new(Outcome::Refused(error.into())))?);
        self.destinations.insert(name.to_owned(), found.clone());
        Ok(found)
    }

    /// Whether the batch has made or removed the document; `None`: neither.
    fn is_there(&self, event: &Event, index: &str) -> Option<bool> {
        let id = event.metadata.id.clone().filter(|_| !self.there.is_empty())?;
        self.there.get(&(index.to_owned(), id)).copied()
    }

    /// Notes what an event does, for the updates behind it. The store may yet refuse it: then they are overtaken.
    fn note(&mut self, event: &Event, index: &str) {
        let Some(id) = event.metadata.id.clone().filter(|_| is_judged_index(index)) else { return };
        let is_there = match event.metadata.operation {
            Operation::Index | Operation::Create => true,
            Operation::Delete => false,
            Operation::Update => return,
        };
        self.there.insert((index.to_owned(), id), is_there);
    }
}

async fn prepare(
    app: &App,
    scope: &Scope,
    mut write: Write,
    known: &mut Known,
) -> Result<Prepared, Box<Outcome>> {
    write.check().map_err(|error| Box::new(Outcome::Refused(error)))?;
    let (named, raw) = (write.pipeline.take(), write.raw.take());
    let with_pipeline = matches!(write.operation, Operation::Index | Operation::Create);
    let mut event = write.into_event();
    if let Some(raw) = &raw {
        let passes = with_pipeline && passes_unread(app, scope, named.as_deref(), &event, known).await?;
        if passes && app.parts().intake.is_clean(raw) {
            event.keep_unread(raw.clone());
            return Ok(event.into());
        }
        event.fields = request::read_object(raw).map_err(|_| Box::new(Outcome::Refused(unparsable())))?;
    }
    let mut changed = false;
    if with_pipeline {
        (event, changed) = run_pipelines(app, scope, named, event, known).await?;
    }
    let mut prepared = settle(app, scope, event, known).await?;
    // What is sent without a pipeline stays as it is sent, and other indices may refuse fields that they do not know.
    if changed && event::is_event_index(&known.destination(app, scope, &prepared.event).await?.index) {
        app.parts().intake.mark(&mut prepared.event);
        prepared.is_marked = true;
    }
    changed |= prepared.is_changed;
    prepared.event.metadata.raw = raw.filter(|_| !changed);
    Ok(prepared)
}

/// The last steps before the store: judges what an update may make, names the index itself, redacts.
async fn settle(
    app: &App,
    scope: &Scope,
    mut event: Event,
    known: &mut Known,
) -> Result<Prepared, Box<Outcome>> {
    if event.metadata.operation == Operation::Delete {
        // A name that leads nowhere is refused by the store.
        if let Ok(destination) = known.destination(app, scope, &event).await {
            known.note(&event, &destination.index);
        }
        return Ok(event.into());
    }
    // What is done with a document goes by the index, not by the alias that leads to it.
    let destination = known.destination(app, scope, &event).await?;
    let mut update = None;
    if event.metadata.operation == Operation::Update {
        let is_there = known.is_there(&event, &destination.index);
        let judged = super::update::judged(app, scope, &event, &destination, is_there).await;
        if let Some(judged) = judged.map_err(|error| Box::new(Outcome::Refused(error)))? {
            update = Some(std::mem::replace(&mut event, judged));
        }
    }
    known.note(&event, &destination.index);
    if is_judged(&event, &destination.index) {
        name_index(&mut event, &destination);
    }
    let is_changed = !event::keeps_as_written(&destination.index) && redact(app, &mut event);
    Ok(Prepared { event, update, is_changed, is_marked: false })
}

/// Removes what must not be kept; whether there was any in the document.
fn redact(app: &App, event: &mut Event) -> bool {
    let is_changed = app.parts().intake.redact(event);
    if let Some(upsert) = event.metadata.options.as_mut().and_then(|options| options.upsert.as_mut()) {
        let mut document = Event::new(std::mem::take(upsert), Origin::Request);
        app.parts().intake.redact(&mut document);
        *upsert = document.fields;
    }
    is_changed
}

/// Names the index itself, so that what is kept of the document elsewhere leads to it also when the alias goes on.
fn name_index(event: &mut Event, destination: &Destination) {
    if event.metadata.index.as_deref() == Some(destination.index.as_str()) {
        return;
    }
    event.metadata.index = Some(destination.index.as_str().into());
    if let Some(options) = &mut event.metadata.options {
        options.require_alias = false;
    }
    if let Some(routing) = &destination.routing {
        event.metadata.options.get_or_insert_default().routing.get_or_insert_with(|| routing.clone());
    }
}

/// 400: what should be a document is no JSON object.
pub(super) fn unparsable() -> ElasticError {
    ElasticError::new(StatusCode::BAD_REQUEST, "mapper_parsing_exception", "failed to parse")
}

/// Whether nobody but the store has to know what is in a document: no pipeline runs, it cannot be a transaction, and it is
/// redacted.
async fn passes_unread(
    app: &App,
    scope: &Scope,
    named: Option<&str>,
    event: &Event,
    known: &mut Known,
) -> Result<bool, Box<Outcome>> {
    let destination = known.destination(app, scope, event).await?;
    let Destination { index, default_pipeline, final_pipeline, .. } = &*destination;
    let is_none = |name: Option<&str>| name.is_none_or(|name| name == "_none");
    Ok(!event::keeps_as_written(index)
        && !is_judged_index(index)
        && is_none(named.or(default_pipeline.as_deref()))
        && is_none(final_pipeline.as_deref()))
}

/// The pipeline that the client names or the index has as its default, then the index's final one; again for another
/// index if they send the document there. Answers whether any was run, too.
async fn run_pipelines(
    app: &App,
    scope: &Scope,
    named: Option<String>,
    mut event: Event,
    known: &mut Known,
) -> Result<(Event, bool), Box<Outcome>> {
    let refused = |error: ElasticError| Box::new(Outcome::Refused(error));
    let (mut named, mut was_run) = (named, false);
    for _ in 0..REROUTES_MAX {
        let index = event.metadata.index.as_deref().unwrap_or_default().to_owned();
        let own = known.destination(app, scope, &event).await?;
        let first = named.take().or_else(|| own.default_pipeline.clone()).filter(|name| name != "_none");
        if let Some(name) = first {
            was_run = true;
            let rerouted = run_pipeline(app, &name, &mut event, known)?;
            if event.metadata.index.as_deref() != Some(index.as_str()) {
                // Another index has its own final pipeline; its default one runs only after a `reroute`.
                named = (!rerouted).then(|| "_none".to_owned());
                continue;
            }
        }
        if let Some(name) = own.final_pipeline.as_deref().filter(|name| *name != "_none") {
            was_run = true;
            run_pipeline(app, name, &mut event, known)?;
            if event.metadata.index.as_deref() != Some(index.as_str()) {
                let reason = format!("final pipeline [{name}] can't change the target index");
                return Err(refused(ElasticError::new(
                    StatusCode::BAD_REQUEST,
                    "illegal_state_exception",
                    reason,
                )));
            }
        }
        return Ok((event, was_run));
    }
    Err(refused(ElasticError::illegal("pipelines send the document from index to index in a circle")))
}

/// Answers whether it ended with a `reroute`.
fn run_pipeline(app: &App, name: &str, event: &mut Event, known: &mut Known) -> Result<bool, Box<Outcome>> {
    let Some(pipeline) = app.parts().pipelines.get(name) else {
        let reason = format!("pipeline with id [{name}] does not exist");
        return Err(Box::new(Outcome::Refused(ElasticError::illegal(reason))));
    };
    let started = Instant::now();
    let result = pipeline.run(event);
    let took = started.elapsed();
    *known.took.get_or_insert_default() += took;
    app.ingest_counts().note(name, took, result.is_ok());
    match result {
        Ok(Flow::Continue | Flow::Terminate) => Ok(false),
        Ok(Flow::Reroute) => Ok(true),
        Ok(Flow::Drop) => {
            let index = event.metadata.index.as_deref().unwrap_or_default().to_owned();
            Err(Box::new(Outcome::Dropped { index, id: event.metadata.id.clone() }))
        }
        Err(PipelineError { kind, reason, .. }) => {
            let status = match kind {
                "illegal_state_exception" => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::BAD_REQUEST,
            };
            Err(Box::new(Outcome::Refused(ElasticError::new(status, kind, reason))))
        }
    }
}

/// The answer to a write, and its status.
pub(super) fn answer(outcome: Outcome, refresh: Refresh) -> Result<(StatusCode, Object), ElasticError> {
    match outcome {
        Outcome::Refused(error) => Err(error),
        Outcome::Dropped { index, id } => {
            let body = json!({"_index": index, "_type": DOC_TYPE, "_id": id, "_version": -3, "result": "noop",
                "_shards": {"total": 0, "successful": 0, "failed": 0}});
            Ok((StatusCode::OK, body.as_object().cloned().unwrap_or_default()))
        }
        Outcome::Stored(WriteResult::Refused { kind, code, reason, details, .. }) => {
            let error = StoreError { details, ..StoreError::new(kind, reason) };
            Err(ElasticError::from(match code {
                Some(code) => error.with_code(code),
                None => error,
            }))
        }
        Outcome::Stored(written @ WriteResult::Written { effect, .. }) => {
            let answer = Answer::of(&written, refresh).map(serde_json::to_value);
            let Some(Ok(Value::Object(mut body))) = answer else {
                return Err(ElasticError::illegal("the write has no answer"));
            };
            body.shift_remove("status");
            Ok((result_of(effect).1, body))
        }
    }
}

/// The answer to a write that went well.
#[derive(Serialize)]
struct Answer<'a> {
    _index: &'a str,
    _type: &'static str,
    _id: &'a str,
    _version: u64,
    result: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    forced_refresh: bool,
    _shards: Shards,
    _seq_no: u64,
    _primary_term: u64,
    /// Of an item of `_bulk` a member, else that of the answer.
    status: u16,
}

#[derive(Serialize)]
struct Shards {
    total: u8,
    successful: u8,
    failed: u8,
}

impl<'a> Answer<'a> {
    /// `None`: it did not go well.
    fn of(written: &'a WriteResult, refresh: Refresh) -> Option<Self> {
        let WriteResult::Written { index, id, version, seq_no, effect, .. } = written else { return None };
        let (result, status) = result_of(*effect);
        let written = *effect != WriteEffect::Noop;
        Some(Self {
            _index: index,
            _type: DOC_TYPE,
            _id: id,
            _version: *version,
            result,
            forced_refresh: refresh == Refresh::Now && written,
            _shards: Shards { total: 2 * u8::from(written), successful: u8::from(written), failed: 0 },
            _seq_no: seq_no.seq_no,
            _primary_term: seq_no.primary_term,
            status: status.as_u16(),
        })
    }
}

/// Writes the answer to a write that went well as JSON text, whether it did: in `_bulk` there are thousands of them.
pub(super) fn put_answer(out: &mut Vec<u8>, written: &WriteResult, refresh: Refresh) -> bool {
    Answer::of(written, refresh).is_some_and(|answer| serde_json::to_writer(out, &answer).is_ok())
}

fn result_of(effect: WriteEffect) -> (&'static str, StatusCode) {
    match effect {
        WriteEffect::Created => ("created", StatusCode::CREATED),
        WriteEffect::Updated => ("updated", StatusCode::OK),
        WriteEffect::Deleted => ("deleted", StatusCode::OK),
        WriteEffect::Noop => ("noop", StatusCode::OK),
        WriteEffect::NotFound => ("not_found", StatusCode::NOT_FOUND),
    }
}

/// The text of a JSON scalar.
pub(super) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}
