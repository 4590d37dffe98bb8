//! Scripts over documents: what they see of a segment, queries by them, and columns made by them.
//!
//! *Invariant*: a script sees fields as the caller does. A masked field is one that the mapping does not have.

mod column;
mod doc_values;
mod query;

pub(super) use column::{ScriptType, Scripted};
pub(super) use query::ScriptQuery;

use super::fields::OwnedFields;
use crate::{StoreError, logs::dsl::ScriptCall};
use doc_values::DocReader;
use event::Object;
use expression::{DocValues, Environment, Limits, RunError, Scalar};
use serde_json::Value;
use std::sync::Arc;
use tantivy::{DocId, SegmentReader};

/// What one run, over one document, may take. All runs together are bounded by the time of the search.
const LIMITS: Limits = Limits { steps: 100_000, memory_bytes: 1 << 20 };

/// A member of an object beside its name and what its value has on the heap: entry, hash and index.
const MEMBER_BYTES: usize = 96;

/// A script that runs over documents of one segment.
pub(super) struct DocScript {
    call: Arc<ScriptCall>,
    reader: DocReader,
}

/// What it sees of one document.
struct Seen<'a> {
    params: &'a Object,
    reader: &'a DocReader,
    value: Option<Scalar<'a>>,
    score: f64,
}

impl Environment for Seen<'_> {
    fn params(&self) -> Option<&Object> {
        Some(self.params)
    }
    fn doc(&self, field: &str) -> Option<&dyn DocValues> {
        self.reader.field(field)
    }
    fn value(&self) -> Option<Scalar<'_>> {
        self.value.clone()
    }
    fn score(&self) -> f64 {
        self.score
    }
}

impl DocScript {
    pub(super) fn new(call: &Arc<ScriptCall>, fields: OwnedFields, reader: &SegmentReader) -> Self {
        Self { call: Arc::clone(call), reader: DocReader::new(fields, reader) }
    }

    fn see(&mut self, doc: DocId) -> Seen<'_> {
        self.reader.go_to(doc);
        Seen { params: &self.call.params, reader: &self.reader, value: None, score: 0.0 }
    }

    /// Whether it holds for a document.
    pub(super) fn holds(&mut self, doc: DocId) -> Result<bool, StoreError> {
        let call = Arc::clone(&self.call);
        call.script.holds(&self.see(doc), LIMITS).map_err(|error| failed(&call, error))
    }

    /// The number that it makes of a document and its score.
    pub(super) fn number(&mut self, doc: DocId, score: f64) -> Result<Option<f64>, StoreError> {
        let call = Arc::clone(&self.call);
        let seen = Seen { score, ..self.see(doc) };
        call.script.number(&seen, LIMITS).map_err(|error| failed(&call, error))
    }

    /// The value that it makes of a document and a value of it.
    fn value(&mut self, doc: DocId, value: Option<Scalar<'_>>) -> Result<Value, StoreError> {
        let call = Arc::clone(&self.call);
        self.reader.go_to(doc);
        let seen = Seen { params: &call.params, reader: &self.reader, value, score: 0.0 };
        call.script.value(&seen, LIMITS).map_err(|error| failed(&call, error))
    }

    /// The value that it makes of a document whose source it may see (`params._source`).
    pub(super) fn field(&mut self, doc: DocId, source: &Object) -> Result<Value, StoreError> {
        let call = Arc::clone(&self.call);
        let mut params = call.params.clone();
        if call.script.source().contains("_source") {
            params.insert("_source".to_owned(), Value::Object(source.clone()));
        }
        self.reader.go_to(doc);
        let seen = Seen { params: &params, reader: &self.reader, value: None, score: 0.0 };
        call.script.value(&seen, LIMITS).map_err(|error| failed(&call, error))
    }
}

/// Memory on the heap that a value takes, in bytes, about.
pub(super) fn heap_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.capacity(),
        Value::Array(items) => items.iter().map(|item| size_of::<Value>() + heap_bytes(item)).sum(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| MEMBER_BYTES + name.len() + heap_bytes(value);
            members.iter().map(member).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn failed(call: &ScriptCall, error: RunError) -> StoreError {
    let source = call.script.source();
    let shown: String = source.chars().take(80).collect();
    StoreError::invalid(format!("runtime error in {shown:?}: {error}")).with_code("script_exception")
}
