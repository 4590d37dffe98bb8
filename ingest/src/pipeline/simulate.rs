//! Trying a pipeline on documents without storing them, in the shapes of Elasticsearch's `_simulate`.

use super::compiled::{Flow, Pipeline, PipelineError};
use super::definition::{DefinitionError, Place};
use super::document::Document;
use super::registry::Set;
use event::{Event, Object, Origin};
use serde_json::{Value, json};
use std::sync::Arc;

/// Most documents of one simulation.
const DOCUMENTS_MAX: usize = 1_000;

/// Which pipeline to try.
#[derive(Debug)]
pub enum SimulateTarget<'a> {
    /// A registered one.
    Name(&'a str),
    /// One given on the spot.
    Definition(Value),
}

pub(crate) fn run(
    pipeline: &Pipeline,
    set: &Arc<Set>,
    documents: &[Value],
    verbose: bool,
) -> Result<Value, DefinitionError> {
    let place = Place { pipeline: pipeline.name().to_string(), ..Place::default() };
    if documents.is_empty() {
        return Err(place.error(Some("docs"), "must specify at least one document in [docs]"));
    }
    if documents.len() > DOCUMENTS_MAX {
        return Err(place.error(Some("docs"), format!("more than {DOCUMENTS_MAX} documents")));
    }
    let answers = documents.iter().map(|document| {
        let mut event = read(document).map_err(|reason| place.error(Some("docs"), reason))?;
        Ok(one(pipeline, set, &mut event, verbose))
    });
    Ok(json!({"docs": answers.collect::<Result<Vec<_>, _>>()?}))
}

fn read(document: &Value) -> Result<Event, String> {
    let Some(members) = document.as_object() else {
        return Err(format!("a document is an object, found {document}"));
    };
    let Some(Value::Object(source)) = members.get("_source") else {
        return Err("[_source] required property is missing".to_owned());
    };
    let mut event = Event::new(source.clone(), Origin::Request);
    let text = |key: &str| match members.get(key) {
        None | Some(Value::Null) => Ok(key.to_owned()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(other) => Err(format!("[{key}] property isn't a string, but {other}")),
    };
    event.metadata.index = Some(text("_index")?.into());
    event.metadata.id = Some(text("_id")?);
    Ok(event)
}

fn one(pipeline: &Pipeline, set: &Arc<Set>, event: &mut Event, verbose: bool) -> Value {
    let mut document = Document::new(event, Some(Arc::clone(set)));
    document.trace = verbose.then(Vec::new);
    let result = pipeline.run_on(&mut document);
    if let Some(trace) = document.trace {
        return json!({"processor_results": trace});
    }
    match result {
        Ok(Flow::Continue | Flow::Reroute | Flow::Terminate) => json!({"doc": document_body(&document)}),
        Ok(Flow::Drop) => Value::Null,
        Err(PipelineError { kind, reason, .. }) => json!({"error": error_body(kind, &reason)}),
    }
}

/// `{"type", "reason"}` as Elasticsearch writes errors.
pub(crate) fn error_body(kind: &str, reason: &str) -> Value {
    json!({"root_cause": [{"type": kind, "reason": reason}], "type": kind, "reason": reason})
}

/// The document as it stands.
pub(crate) fn document_body(document: &Document<'_>) -> Value {
    let metadata = &document.event.metadata;
    let mut body = Object::new();
    body.insert("_index".to_owned(), metadata.index.as_deref().into());
    body.insert("_type".to_owned(), "_doc".into());
    body.insert("_id".to_owned(), metadata.id.as_deref().into());
    if let Some(routing) = metadata.options.as_ref().and_then(|options| options.routing.as_deref()) {
        body.insert("_routing".to_owned(), routing.into());
    }
    body.insert("_source".to_owned(), Value::Object(document.event.fields.clone()));
    let mut ingest = document.ingest().clone();
    if let Some(ingest) = ingest.as_object_mut().filter(|_| document.running.is_empty()) {
        // It names what runs, and that is over.
        ingest.shift_remove("pipeline");
    }
    body.insert("_ingest".to_owned(), ingest);
    Value::Object(body)
}
