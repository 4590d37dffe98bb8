//! `_update`: changes to one document.
//!
//! Source: Elasticsearch reference, "Update API".

use super::{
    error::ElasticError,
    filter::SourceFilter,
    request::Asked,
    routes::{ElasticRight, Route},
    script::ScriptSource,
    write::{self, Documents, Write},
};
use axum::{Json, http::StatusCode, routing::post};
use detect::fraud::{is_judged, is_judged_index};
use event::{Event, Object, Operation, Origin, UpdateScript, WriteOptions};
use ingest::pipeline::StoredScripts;
use serde_json::{Value, json};
use store::{
    ErrorKind,
    logs::{Destination, GetRequest, WriteResult},
    scope::{IndexRight, Scope},
};

use crate::{auth::scope::existence_scope, state::App};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ElasticRight::Write, "/{index}/_update/{id}", post(update)),
        // With a type, as before version 7.
        Route::new(ElasticRight::Write, "/{index}/{kind}/{id}/_update", post(update)),
    ]
}

async fn update(mut asked: Asked) -> Result<(StatusCode, Json<Value>), ElasticError> {
    let refresh = asked.refresh()?;
    let (options, expected) = write::take_options(&mut asked)?;
    let source = asked.take("_source");
    let (includes, excludes) = (asked.take("_source_includes"), asked.take("_source_excludes"));
    let mut filter =
        SourceFilter::from_parameters(source.as_deref(), includes.as_deref(), excludes.as_deref());
    asked.number("retry_on_conflict")?;
    asked.take("lang");
    asked.done()?;
    let Value::Object(body) = asked.required()? else { return Err(ElasticError::illegal("no object")) };
    let mut write = Write {
        index: asked.index()?.into(),
        id: Some(asked.part("id").to_owned()),
        operation: Operation::Update,
        expected,
        options,
        ..Write::default()
    };
    if let Some(of_body) = fill(&mut write, body, asked.app.parts().pipelines.scripts())? {
        filter = Some(of_body);
    }
    let routing = write.options.routing.clone();
    let outcome = write::run(&asked.app, &asked.scope, vec![write], refresh, Documents::Sent).await?;
    let (status, mut answer) = write::answer(outcome.single()?, refresh)?;
    if let Some(filter) = filter.filter(|filter| filter.wanted) {
        add_source(&asked, &mut answer, &filter, routing.as_deref()).await?;
    }
    Ok((status, Json(Value::Object(answer))))
}

/// What the body of an update may have.
const FIELDS: &[&str] =
    &["doc", "upsert", "doc_as_upsert", "detect_noop", "script", "scripted_upsert", "_source", "if_seq_no"];

/// Letters to insert, remove or replace to make one name of the other (Levenshtein 1966).
fn distance(a: &str, b: &str) -> usize {
    const NAME_MAX_CHARS: usize = 64;
    let b: Vec<char> = b.chars().take(NAME_MAX_CHARS).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Puts the body of an update into a write; answers what it wants to see of the document.
pub(super) fn fill(
    write: &mut Write,
    body: Object,
    stored: &StoredScripts,
) -> Result<Option<SourceFilter>, ElasticError> {
    let mut filter = None;
    let (mut doc, mut script, mut scripted_upsert) = (None, None, false);
    for (name, value) in body {
        match (name.as_str(), value) {
            ("doc", Value::Object(changes)) => doc = Some(changes),
            ("upsert", Value::Object(document)) => write.options.upsert = Some(document),
            ("doc_as_upsert", value) => write.options.doc_as_upsert = value == json!(true) || value == "true",
            ("detect_noop", value) => write.options.always_write = value == json!(false) || value == "false",
            ("_source", value) => filter = Some(SourceFilter::from_json(&value)),
            ("if_seq_no" | "if_primary_term", value) => {
                let number = value.as_u64().unwrap_or_default();
                let mut expected =
                    write.expected.unwrap_or(event::SequenceNumber { seq_no: 0, primary_term: 1 });
                if name == "if_seq_no" {
                    expected.seq_no = number;
                } else {
                    expected.primary_term = number;
                }
                write.expected = Some(expected);
            }
            ("script", value) => script = Some(ScriptSource::read(value, stored)?),
            ("scripted_upsert", value) => scripted_upsert = value == json!(true) || value == "true",
            (other, _) => {
                let similar = FIELDS.iter().find(|known| distance(known, other) * 2 < known.len());
                let hint = similar.map_or_else(String::new, |known| format!(" did you mean [{known}]?"));
                let reason = format!("[UpdateRequest] unknown field [{other}]{hint}");
                return Err(ElasticError::new(StatusCode::BAD_REQUEST, "x_content_parse_exception", reason));
            }
        }
    }
    if doc.is_none() && write.options.doc_as_upsert {
        return Err(write::invalid("doc must be specified if doc_as_upsert is enabled"));
    }
    write.source = match (doc, script) {
        (Some(_), Some(_)) => return Err(write::invalid("can't provide both script and doc")),
        (None, None) => return Err(write::invalid("script or doc is missing")),
        (Some(doc), None) => doc,
        (None, Some(script)) => {
            let ScriptSource { source, language, params } = script;
            write.options.script = Some(UpdateScript { source, language, scripted_upsert });
            params
        }
    };
    Ok(filter)
}

/// What goes to the store for an update that may make a transaction: what comes in gets its verdict, whatever the request
/// that brings it. Where there is no document yet, its creation; else the change alone, so that it makes none should the
/// document be gone by then. `is_there`: what the batch itself has done with the document so far.
/// `None`: the update as it is, for what it would make is not judged, or the store refuses the caller.
pub(super) async fn judged(
    app: &App,
    scope: &Scope,
    event: &Event,
    destination: &Destination,
    is_there: Option<bool>,
) -> Result<Option<Event>, ElasticError> {
    // Whoever may not write there must not learn from the answer whether the document is there.
    if !is_judged_index(&destination.index) || !scope.may(IndexRight::Write, &destination.index) {
        return Ok(None);
    }
    let Some(creation) = creation_of(event).filter(|creation| is_judged(creation, &destination.index)) else {
        return Ok(None);
    };
    let is_there = match is_there {
        Some(known) => known,
        None => exists(app, event, destination).await?,
    };
    if is_there {
        return Ok(Some(without_upsert(event)));
    }
    let options = event.metadata.options.as_deref();
    if options.and_then(|options| options.script.as_ref()).is_some_and(|script| script.scripted_upsert) {
        return Err(ElasticError::illegal(
            "[scripted_upsert] cannot make a transaction: its verdict rests on the document as it is sent",
        ));
    }
    Ok(Some(creation))
}

/// The document that an update makes if there is none; `None`: it makes none.
fn creation_of(event: &Event) -> Option<Event> {
    let options = event.metadata.options.as_deref()?;
    let document = match (options.doc_as_upsert, &options.upsert) {
        (true, _) => event.fields.clone(),
        (false, Some(upsert)) => upsert.clone(),
        (false, None) => return None,
    };
    let mut creation = Event::new(document, Origin::Request);
    creation.metadata.index = event.metadata.index.clone();
    creation.metadata.id = event.metadata.id.clone();
    creation.metadata.operation = Operation::Create;
    let (routing, require_alias) = (options.routing.clone(), options.require_alias);
    creation.metadata.options =
        Some(Box::new(WriteOptions { routing, require_alias, ..WriteOptions::default() }));
    Some(creation)
}

/// An update that changes its document and never makes one.
fn without_upsert(event: &Event) -> Event {
    let mut change = event.clone();
    if let Some(options) = &mut change.metadata.options {
        options.doc_as_upsert = false;
        options.upsert = None;
    }
    change
}

/// Whether others came between the question whether the document is there and the write of what [`judged`] made of an
/// update: there is one now where it was to be made, or none any more where it was to be changed.
pub(super) fn is_overtaken(sent: Operation, result: &WriteResult) -> bool {
    let WriteResult::Refused { kind, .. } = result else { return false };
    matches!(
        (sent, kind),
        (Operation::Create, ErrorKind::Conflict) | (Operation::Update, ErrorKind::NotFound)
    )
}

/// Whether the document of an update is there.
async fn exists(app: &App, event: &Event, destination: &Destination) -> Result<bool, ElasticError> {
    let Some(id) = event.metadata.id.as_deref() else { return Ok(false) };
    let own = event.metadata.options.as_ref().and_then(|options| options.routing.as_deref());
    let routing = own.or(destination.routing.as_deref());
    let request = GetRequest { index: &destination.index, id, routing, realtime: true };
    match app.parts().logs.get_as(&existence_scope(), request).await {
        Ok(found) => Ok(found.is_some()),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Adds the document as it is now to the answer of an update.
pub(super) async fn add_source(
    asked: &Asked,
    answer: &mut Object,
    filter: &SourceFilter,
    routing: Option<&str>,
) -> Result<(), ElasticError> {
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (index, id) = (text("_index"), text("_id"));
    let request = GetRequest { index: &index, id: &id, routing, realtime: true };
    if let Some(document) = asked.app.parts().logs.get_as(&asked.scope, request).await? {
        let mut body = json!({
            "_seq_no": document.seq_no.seq_no,
            "_primary_term": document.seq_no.primary_term,
            "found": true,
        });
        if let Some(source) = document.source {
            body["_source"] = Value::Object(filter.apply(source));
        }
        answer.insert("get".into(), body);
    }
    Ok(())
}
