//! What writes of documents have in common: options, pipelines, redaction, answers.

use super::{error::ElasticError, request::Asked};
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
    logs::{IndexPipelines, Refresh, WriteEffect, WriteResult},
    scope::Scope,
};

use crate::{fraud::write_judged, state::App};

/// Name of the one kind of documents there is.
pub(super) const DOC_TYPE: &str = "_doc";
/// Longest id, in bytes.
const ID_MAX_BYTES: usize = 512;
/// Pipelines that send a document on to another index this often are taken to go in a circle.
const REROUTES_MAX: usize = 10;

/// One write as a client asks for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Write {
    pub(super) index: String,
    pub(super) id: Option<String>,
    pub(super) operation: Operation,
    pub(super) source: Object,
    pub(super) expected: Option<SequenceNumber>,
    pub(super) options: WriteOptions,
    /// The pipeline that the client names; `_none`: none.
    pub(super) pipeline: Option<String>,
    /// The text that `source` was read from.
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
        event.metadata.index = Some(Arc::from(self.index));
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

/// Runs pipelines, removes what must not be kept, and writes. One outcome per write, in order.
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
    let mut events = Vec::with_capacity(writes.len());
    let mut places = Vec::with_capacity(writes.len());
    let mut pipelines = Known::default();
    for write in writes {
        match prepare(app, scope, write, &mut pipelines).await {
            Ok(event) => {
                places.push(outcomes.len());
                events.push(event);
                outcomes.push(None);
            }
            Err(outcome) => outcomes.push(Some(*outcome)),
        }
    }
    if !events.is_empty() {
        let results = match documents {
            Documents::Sent => write_judged(app, scope, events, refresh).await?,
            Documents::Copied => app.parts().logs.write(scope, events, refresh).await?,
        };
        for (place, result) in places.into_iter().zip(results) {
            if let Some(outcome) = outcomes.get_mut(place) {
                *outcome = Some(Outcome::Stored(result));
            }
        }
    }
    Ok(Ran { outcomes: outcomes.into_iter().flatten().collect(), ingest: pipelines.took })
}

/// What is known of the pipelines of a batch.
#[derive(Default)]
struct Known {
    /// By the name of the index.
    of_index: HashMap<String, IndexPipelines>,
    /// How long they took so far; `None`: none has run.
    took: Option<Duration>,
}

async fn prepare(app: &App, scope: &Scope, write: Write, known: &mut Known) -> Result<Event, Box<Outcome>> {
    write.check().map_err(|error| Box::new(Outcome::Refused(error)))?;
    let named = write.pipeline.clone();
    let raw = write.raw.clone();
    let with_pipeline = matches!(write.operation, Operation::Index | Operation::Create);
    let mut event = write.into_event();
    let mut changed = false;
    if with_pipeline {
        (event, changed) = run_pipelines(app, scope, named, event, known).await?;
    }
    let index = event.metadata.index.as_deref().unwrap_or_default();
    // The indices behind data streams begin with a dot, but hold events.
    let of_dashboards = index.starts_with('.') && !index.starts_with(".ds-");
    if !of_dashboards && event.metadata.operation != Operation::Delete {
        changed |= app.parts().intake.redact(&mut event);
        if let Some(upsert) = event.metadata.options.as_mut().and_then(|options| options.upsert.as_mut()) {
            let mut document = Event::new(std::mem::take(upsert), Origin::Request);
            app.parts().intake.redact(&mut document);
            *upsert = document.fields;
        }
    }
    event.metadata.raw = raw.filter(|_| !changed);
    Ok(event)
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
        let own = match known.of_index.get(&index) {
            Some(own) => own.clone(),
            None => {
                let found = app.parts().admin.pipelines_of(scope, &index).await;
                let found = found.map_err(|error| refused(error.into()))?;
                known.of_index.insert(index.clone(), found.clone());
                found
            }
        };
        let first = named.take().or(own.default_pipeline).filter(|name| name != "_none");
        if let Some(name) = first {
            was_run = true;
            run_pipeline(app, &name, &mut event, known)?;
            if event.metadata.index.as_deref() != Some(index.as_str()) {
                // Another index has its own final pipeline; its default one does not run.
                named = Some("_none".to_owned());
                continue;
            }
        }
        if let Some(name) = own.final_pipeline.filter(|name| name != "_none") {
            was_run = true;
            run_pipeline(app, &name, &mut event, known)?;
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

fn run_pipeline(app: &App, name: &str, event: &mut Event, known: &mut Known) -> Result<(), Box<Outcome>> {
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
        Ok(Flow::Continue) => Ok(()),
        Ok(Flow::Drop) => {
            let index = event.metadata.index.as_deref().unwrap_or_default().to_owned();
            Err(Box::new(Outcome::Dropped { index, id: event.metadata.id.clone() }))
        }
        Err(PipelineError { kind: kind @ "illegal_state_exception", reason, .. }) => {
            // Elasticsearch 7 shows this one in the exception that carries it.
            let carrier = format!("java.lang.IllegalStateException: {reason}");
            let cause = json!({"type": kind, "reason": reason});
            let error = ElasticError::new(StatusCode::INTERNAL_SERVER_ERROR, "exception", carrier);
            Err(Box::new(Outcome::Refused(error.caused_by(cause))))
        }
        Err(PipelineError { kind, reason, .. }) => {
            Err(Box::new(Outcome::Refused(ElasticError::new(StatusCode::BAD_REQUEST, kind, reason))))
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
        Outcome::Stored(WriteResult::Refused { kind, code, reason, details }) => {
            let error = StoreError { details, ..StoreError::new(kind, reason) };
            Err(ElasticError::from(match code {
                Some(code) => error.with_code(code),
                None => error,
            }))
        }
        Outcome::Stored(WriteResult::Written { index, id, version, seq_no, effect, .. }) => {
            let (result, status) = result_of(effect);
            let copies = if effect == WriteEffect::Noop { (0, 0) } else { (2, 1) };
            let mut body = Object::new();
            body.insert("_index".into(), json!(index));
            body.insert("_type".into(), json!(DOC_TYPE));
            body.insert("_id".into(), json!(id));
            body.insert("_version".into(), json!(version));
            body.insert("result".into(), json!(result));
            if refresh == Refresh::Now && effect != WriteEffect::Noop {
                body.insert("forced_refresh".into(), json!(true));
            }
            body.insert("_shards".into(), json!({"total": copies.0, "successful": copies.1, "failed": 0}));
            body.insert("_seq_no".into(), json!(seq_no.seq_no));
            body.insert("_primary_term".into(), json!(seq_no.primary_term));
            Ok((status, body))
        }
    }
}

/// The answer to a write that went well, as JSON text: in `_bulk` there are thousands of them.
pub(super) fn put_answer(out: &mut Vec<u8>, written: &WriteResult, refresh: Refresh) -> bool {
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
        status: u16,
    }
    #[derive(Serialize)]
    struct Shards {
        total: u8,
        successful: u8,
        failed: u8,
    }
    let WriteResult::Written { index, id, version, seq_no, effect, .. } = written else { return false };
    let (result, status) = result_of(*effect);
    let written = *effect != WriteEffect::Noop;
    let answer = Answer {
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
    };
    serde_json::to_writer(out, &answer).is_ok()
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
