//! The examples beside a pipeline, `NAME.cases.json`: what goes in and what must become of it.

use super::{Flow, Pipeline, PipelineError};
use event::{Event, Object, Origin};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeSet, fmt};

/// The examples of one pipeline.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelineCases {
    /// In the order of the file.
    pub cases: Vec<PipelineCase>,
}

/// An input and what must become of it: exactly one of `expected`, `error` and `dropped`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelineCase {
    /// What it shows.
    pub name: String,
    /// A line, or a JSON object.
    pub input: Value,
    /// All fields of the event. Numbers compare with their type: `12.0` is not `12`.
    pub expected: Option<Value>,
    /// A part of the failure's text.
    pub error: Option<String>,
    /// The pipeline drops it.
    #[serde(default)]
    pub dropped: bool,
    /// `index`, `id` and `timestamp` of the event; null: it must have none. What is not named is not looked at.
    #[serde(default)]
    pub metadata: Object,
}

/// Where what became of an example is not what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Path of the field, or what else it is about.
    pub path: String,
    /// What the example says; `None`: nothing must be there.
    pub expected: Option<Value>,
    /// What is there.
    pub found: Option<Value>,
}

impl fmt::Display for Difference {
    /// A line for the path, one with `-` for what is missing, one with `+` for what is there instead.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let Some(expected) = &self.expected {
            write!(f, "\n  - {expected}")?;
        }
        if let Some(found) = &self.found {
            write!(f, "\n  + {found}")?;
        }
        Ok(())
    }
}

impl PipelineCase {
    /// Runs the pipeline over the input; what differs, nothing if the example holds.
    pub fn check(&self, pipeline: &Pipeline) -> Vec<Difference> {
        let fields = match &self.input {
            Value::String(line) => Object::from_iter([("message".to_owned(), Value::from(line.as_str()))]),
            Value::Object(object) => object.clone(),
            other => return vec![unlike("input", Some("a line or an object".into()), Some(other.clone()))],
        };
        let mut event = Event::new(fields, Origin::Request);
        let result = pipeline.run(&mut event);
        let mut differences = self.outcome(result, &event);
        if differences.is_empty() {
            self.compare_metadata(&event, &mut differences);
        }
        differences
    }

    fn outcome(&self, result: Result<Flow, PipelineError>, event: &Event) -> Vec<Difference> {
        match (&self.expected, &self.error, self.dropped, result) {
            (Some(expected), None, false, Ok(Flow::Continue | Flow::Reroute | Flow::Terminate)) => {
                let mut differences = Vec::new();
                compare("", Some(expected), Some(&Value::Object(event.fields.clone())), &mut differences);
                differences
            }
            (None, Some(part), false, Err(error)) if error.reason.contains(part.as_str()) => Vec::new(),
            (None, None, true, Ok(Flow::Drop)) => Vec::new(),
            (expected, error, dropped, result) => {
                let expected = match (expected, error, dropped) {
                    (Some(_), None, false) => "an event".to_owned(),
                    (None, Some(part), false) => format!("an error with {part:?}"),
                    (None, None, true) => "dropped".to_owned(),
                    _ => "exactly one of \"expected\", \"error\" and \"dropped\" in the case".to_owned(),
                };
                let found = match result {
                    Ok(Flow::Continue | Flow::Reroute | Flow::Terminate) => {
                        format!("the event {}", Value::Object(event.fields.clone()))
                    }
                    Ok(Flow::Drop) => "dropped".to_owned(),
                    Err(error) => format!("the error {error}"),
                };
                vec![unlike("outcome", Some(expected.into()), Some(found.into()))]
            }
        }
    }

    fn compare_metadata(&self, event: &Event, differences: &mut Vec<Difference>) {
        for (key, expected) in &self.metadata {
            let metadata = &event.metadata;
            let found = match key.as_str() {
                "index" => metadata.index.as_deref().map(Value::from),
                "id" => metadata.id.as_deref().map(Value::from),
                "timestamp" => metadata.timestamp.map(|time| Value::from(format!("{time:.3}"))),
                _ => {
                    let known = "one of index, id, timestamp";
                    differences.push(unlike("metadata", Some(known.into()), Some(key.as_str().into())));
                    continue;
                }
            };
            let expected = Some(expected).filter(|expected| !expected.is_null());
            compare(&format!("metadata {key}"), expected, found.as_ref(), differences);
        }
    }
}

fn unlike(path: &str, expected: Option<Value>, found: Option<Value>) -> Difference {
    Difference { path: path.to_owned(), expected, found }
}

/// Adds the paths at which two values differ.
fn compare(path: &str, expected: Option<&Value>, found: Option<&Value>, differences: &mut Vec<Difference>) {
    match (expected, found) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(&at, a.get(key), b.get(key), differences);
            }
        }
        (a, b) if a == b => {}
        (a, b) => differences.push(unlike(path, a.cloned(), b.cloned())),
    }
}
