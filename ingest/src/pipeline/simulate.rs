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
/// Most bytes of the documents of an answer. A verbose one tells each as often as it has processors.
const ANSWER_MAX_BYTES: usize = 64 << 20;

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
    go_on: &dyn Fn() -> bool,
) -> Result<Value, DefinitionError> {
    let place = Place { pipeline: pipeline.name().to_string(), ..Place::default() };
    if documents.is_empty() {
        return Err(place.error(Some("docs"), "must specify at least one document in [docs]"));
    }
    if documents.len() > DOCUMENTS_MAX {
        return Err(place.error(Some("docs"), format!("more than {DOCUMENTS_MAX} documents")));
    }
    let mut left = ANSWER_MAX_BYTES;
    let answers = documents.iter().map(|document| {
        let refused = |reason: String| place.error(Some("docs"), reason);
        let mut event = read(document).map_err(refused)?;
        let answer = one(pipeline, set, &mut event, verbose, &mut left);
        if left == 0 {
            let reason =
                format!("the answer would hold more than {ANSWER_MAX_BYTES} bytes; simulate fewer documents");
            return Err(refused(reason));
        }
        if !go_on() {
            return Err(refused("this takes too long; simulate fewer documents".to_owned()));
        }
        Ok(answer)
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

/// `left`: bytes that the answer may still hold.
fn one(pipeline: &Pipeline, set: &Arc<Set>, event: &mut Event, verbose: bool, left: &mut usize) -> Value {
    let mut document = Document::new(event, Some(Arc::clone(set)));
    document.trace = verbose.then(Vec::new);
    document.trace_left = *left;
    let result = pipeline.run_on(&mut document);
    *left = if verbose { document.trace_left } else { left.saturating_sub(bytes(&document.event.fields)) };
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

/// The document as it stands, for a trace; null when the trace holds as much as it may.
pub(crate) fn traced_body(document: &mut Document<'_>) -> Value {
    document.trace_left = document.trace_left.saturating_sub(bytes(&document.event.fields));
    if document.trace_left == 0 { Value::Null } else { document_body(document) }
}

/// About how many bytes these fields take.
fn bytes(fields: &Object) -> usize {
    fields.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &Value) -> usize {
    let own = size_of::<Value>();
    match value {
        Value::String(text) => own + text.len(),
        Value::Array(items) => own + items.iter().map(value_bytes).sum::<usize>(),
        Value::Object(fields) => own + bytes(fields),
        _ => own,
    }
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

#[cfg(test)]
mod tests {
    use crate::{
        enrich::Enrichment,
        pipeline::{Pipelines, SimulateTarget},
    };
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn simulate(processors: usize, documents: usize, go_on: bool) -> Result<Value, String> {
        let pipelines = Pipelines::new(Arc::new(Enrichment::embedded())).unwrap();
        let lower = json!({"lowercase": {"field": "m"}});
        let target = SimulateTarget::Definition(json!({"processors": vec![lower; processors]}));
        let document = json!({"_source": {"m": "x".repeat(1 << 20)}});
        let verbose = processors > 1;
        pipelines
            .simulate(target, &vec![document; documents], verbose, &|| go_on)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_answer_is_as_long_as_it_may_be() {
        for (processors, documents) in [(50, 2), (7, 10), (1, 70)] {
            let answer = simulate(processors, documents, true).map(|_| (processors, documents));
            let reason = answer.unwrap_err();
            assert!(reason.contains("the answer would hold more than"), "{reason}");
        }
        assert_eq!(simulate(3, 2, true).unwrap()["docs"].as_array().unwrap().len(), 2);
        assert!(simulate(1, 1, false).unwrap_err().contains("too long"));
    }
}
