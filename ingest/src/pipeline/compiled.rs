//! The plan: definitions compiled to steps, and how steps run.

use super::definition::{DefinitionError, Options, Place};
use super::detect::Detector;
use super::document::{Document, Field};
use super::processors::{self, Processor};
use super::registry::{Set, SetCell};
use super::steps::Steps;
use super::stored_scripts::StoredScripts;
use crate::enrich::Enrichment;
use event::{Event, Object, Timestamp};
use expression::Condition;
use serde_json::{Value, json};
use std::sync::{Arc, Weak};

/// Most processors of one definition, nested ones included.
const PROCESSORS_MAX: usize = 1_000;
/// Deepest nesting of `on_failure` and `foreach`.
const DEPTH_MAX: usize = 16;
/// Deepest chain of pipelines calling pipelines at run time.
const CALLS_MAX: usize = 16;
/// How the reason of a failure begins that is due to pipelines which call each other.
const CYCLE: &str = "Cycle detected for pipeline: ";

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It goes on.
    Continue,
    /// A `drop` processor took it: it is not stored, and that is no error.
    Drop,
    /// A `reroute` processor sent it to another index and ended all pipelines under way; that index may have one of
    /// its own.
    Reroute,
    /// A `terminate` processor ended the pipeline; one that has called it goes on. No whole run ends with it.
    Terminate,
}

/// A processor failed and nothing in the pipeline handled it. The event is as the earlier processors left it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pipeline \"{pipeline}\", processor {position} ({processor}): {reason}")]
pub struct PipelineError {
    /// Name of the pipeline that holds the processor.
    pub pipeline: Arc<str>,
    /// Number of the processor, from 1; of nested ones `3.on_failure.1`.
    pub position: Arc<str>,
    /// Type of the processor, such as `grok`.
    pub processor: &'static str,
    /// Tag of the processor.
    pub tag: Option<Arc<str>>,
    /// Elasticsearch's name for the kind of error, such as `illegal_argument_exception`.
    pub kind: &'static str,
    /// What went wrong.
    pub reason: String,
}

/// Why one processor failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: &'static str,
    pub(crate) reason: String,
    /// The processor inside (of a called pipeline, of `foreach`) that failed first.
    pub(crate) inner: Option<Box<PipelineError>>,
}

impl Failure {
    /// The usual kind.
    pub(crate) fn argument(reason: impl Into<String>) -> Self {
        Self { kind: "illegal_argument_exception", reason: reason.into(), inner: None }
    }
}

impl From<PipelineError> for Failure {
    fn from(error: PipelineError) -> Self {
        Self { kind: error.kind, reason: error.reason.clone(), inner: Some(Box::new(error)) }
    }
}

/// One processor with what all processors have.
pub(crate) struct Step {
    position: Arc<str>,
    kind: &'static str,
    pipeline: Arc<str>,
    tag: Option<Arc<str>>,
    description: Option<String>,
    condition: Option<(Condition, String)>,
    ignore_failure: bool,
    on_failure: Steps,
    processor: Box<dyn Processor>,
}

/// A compiled pipeline: shared, immutable, run by any number of threads.
pub struct Pipeline {
    name: Arc<str>,
    steps: Steps,
    on_failure: Steps,
    definition: Value,
    detector: Option<Detector>,
    /// Names of the pipelines that it calls.
    calls: Vec<String>,
    /// The registry in which it looks up pipelines that it calls; gone when the registry is.
    set: Weak<SetCell>,
}

/// What compiling needs of the outside, and what it counts.
pub(crate) struct Compiler {
    pub(crate) enrichment: Arc<Enrichment>,
    pub(crate) scripts: Arc<StoredScripts>,
    pub(crate) calls: Vec<String>,
    processors: usize,
    depth: usize,
}

impl Compiler {
    /// Compiles a list of processors: the pipeline's own, an `on_failure`.
    fn steps(
        &mut self,
        list: Vec<Value>,
        place: &Place,
        key: Option<&str>,
    ) -> Result<Steps, DefinitionError> {
        let steps = list.into_iter().enumerate();
        let steps = steps.map(|(i, definition)| self.step(definition, place.nested(key, i + 1)));
        steps.collect::<Result<_, _>>().map(Steps::new)
    }

    /// Compiles one processor: `{"set": {…}}`.
    pub(crate) fn step(&mut self, definition: Value, mut place: Place) -> Result<Step, DefinitionError> {
        self.processors += 1;
        if self.processors > PROCESSORS_MAX {
            return Err(place.error(None, format!("more than {PROCESSORS_MAX} processors")));
        }
        let Value::Object(members) = definition else {
            return Err(place.error(None, format!("a processor is an object, found {definition}")));
        };
        let mut members = members.into_iter();
        let (Some((kind, options)), None) = (members.next(), members.next()) else {
            return Err(place.error(None, "a processor is an object with one key, its type"));
        };
        place.processor = Some(kind.clone());
        let Some((kind, build)) = processors::find(&kind) else {
            return Err(place.error(None, format!("no processor type exists with name \"{kind}\"")));
        };
        let Value::Object(options) = options else {
            return Err(
                place.error(None, format!("the options of a processor are an object, found {options}"))
            );
        };
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(place.error(None, format!("processors are nested deeper than {DEPTH_MAX}")));
        }
        let step = self.step_of(kind, build, Options::new(place, options));
        self.depth -= 1;
        step
    }

    fn step_of(
        &mut self,
        kind: &'static str,
        build: processors::Build,
        mut options: Options,
    ) -> Result<Step, DefinitionError> {
        let tag = options.optional_text("tag")?;
        options.place.tag.clone_from(&tag);
        let description = options.optional_text("description")?;
        let condition = options.condition("if")?.map(|condition| {
            let text = condition.to_string();
            (condition, text)
        });
        let ignore_failure = options.boolean("ignore_failure", false)?;
        let place = options.place.clone();
        let on_failure = match options.list("on_failure")? {
            Some(list) if list.is_empty() => {
                return Err(options.error("on_failure", "processors list cannot be empty"));
            }
            Some(list) => self.steps(list, &place, Some("on_failure"))?,
            None => Steps::default(),
        };
        let processor = build(&mut options, self)?;
        options.finish()?;
        Ok(Step {
            position: place.position.unwrap_or_default().into(),
            kind,
            pipeline: place.pipeline.into(),
            tag: tag.map(Arc::from),
            description,
            condition,
            ignore_failure,
            on_failure,
            processor,
        })
    }
}

impl Pipeline {
    pub(crate) fn compile(
        name: &str,
        definition: Value,
        (enrichment, scripts): (&Arc<Enrichment>, &Arc<StoredScripts>),
        set: Weak<SetCell>,
    ) -> Result<Self, DefinitionError> {
        let place = Place { pipeline: name.to_owned(), ..Place::default() };
        let Value::Object(members) = definition.clone() else {
            return Err(place.error(None, "a pipeline is a JSON object"));
        };
        let mut options = Options::new(place.clone(), members);
        options.optional_text("description")?;
        options.optional_integer("version")?;
        options.boolean("deprecated", false)?;
        let detector = Detector::compile(&mut options)?;
        let mut compiler = Compiler {
            enrichment: Arc::clone(enrichment),
            scripts: Arc::clone(scripts),
            calls: Vec::new(),
            processors: 0,
            depth: 0,
        };
        let Some(list) = options.list("processors")? else {
            return Err(options.error("processors", "required property is missing"));
        };
        let steps = compiler.steps(list, &place, None)?;
        let on_failure = match options.list("on_failure")? {
            Some(list) if list.is_empty() => {
                return Err(
                    options.error("on_failure", "pipeline cannot have an empty on_failure option defined")
                );
            }
            Some(list) => compiler.steps(list, &place, Some("on_failure"))?,
            None => Steps::default(),
        };
        options.finish()?;
        Ok(Self { name: name.into(), steps, on_failure, definition, detector, calls: compiler.calls, set })
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The definition as it was loaded.
    pub fn definition(&self) -> &Value {
        &self.definition
    }

    /// What it says about itself under `_meta.vigie` (`dataset`, `index_prefix`, …); `None` if nothing.
    pub fn meta(&self, key: &str) -> Option<&Value> {
        self.definition.get("_meta")?.get("vigie")?.get(key)
    }

    pub(crate) fn detector(&self) -> Option<&Detector> {
        self.detector.as_ref()
    }

    pub(crate) fn calls(&self) -> &[String] {
        &self.calls
    }

    /// Runs it over an event, which is changed in place.
    ///
    /// Afterwards `metadata.timestamp` is the event's `@timestamp` if that is there and a time. On an error the
    /// event is as the processors before the failing one left it; `metadata.original` is never touched.
    ///
    /// # Errors
    /// The processor that failed, if nothing in the pipeline handles or ignores that.
    pub fn run(&self, event: &mut Event) -> Result<Flow, PipelineError> {
        let set = self.set.upgrade().map(|cell| cell.load_full());
        let mut document = Document::new(event, set);
        let flow = self.run_on(&mut document)?;
        settle_time(event);
        Ok(flow)
    }

    /// Runs it as part of another run.
    pub(crate) fn run_on(&self, document: &mut Document<'_>) -> Result<Flow, PipelineError> {
        document.running.push(Arc::clone(&self.name));
        document.name_running();
        let result = match self.steps.run(document) {
            Err(error) if !self.on_failure.is_empty() => handle(&self.on_failure, &error, document),
            result => result,
        };
        document.running.pop();
        document.name_running();
        Ok(match result? {
            Flow::Terminate => Flow::Continue,
            flow => flow,
        })
    }

    /// As a `pipeline` processor calls another.
    pub(crate) fn call(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        if document.running.contains(&self.name) || document.running.len() >= CALLS_MAX {
            return Err(Failure {
                kind: "illegal_state_exception",
                reason: format!("{CYCLE}{}", self.name),
                inner: None,
            });
        }
        Ok(self.run_on(document)?)
    }
}

/// The event's time is its `@timestamp`, whichever processor wrote it.
pub(crate) fn settle_time(event: &mut Event) {
    if event.metadata.timestamp.is_none() {
        let text = event.fields.get("@timestamp").and_then(Value::as_str);
        event.metadata.timestamp = text.and_then(|text| text.parse::<Timestamp>().ok());
    }
}

/// Runs handlers with the failure described under `_ingest`.
fn handle(steps: &Steps, error: &PipelineError, document: &mut Document<'_>) -> Result<Flow, PipelineError> {
    const KEYS: [&str; 4] = [
        "on_failure_message",
        "on_failure_processor_type",
        "on_failure_processor_tag",
        "on_failure_pipeline",
    ];
    let tag = error.tag.as_deref().map_or(Value::Null, Value::from);
    let values =
        [json!(error.reason), json!(error.processor), tag, Value::String(error.pipeline.to_string())];
    let ingest = document.ingest_mut();
    for (key, value) in KEYS.into_iter().zip(values) {
        ingest.insert(key.to_owned(), value);
    }
    let result = steps.run(document);
    let ingest = document.ingest_mut();
    for key in KEYS {
        ingest.shift_remove(key);
    }
    result
}

impl Step {
    /// The field and the value, if all that it ever does is to write that.
    pub(crate) fn constant(&self) -> Option<(&Field, &Value)> {
        if self.condition.is_some() { None } else { self.processor.constant() }
    }

    pub(crate) fn run(&self, document: &mut Document<'_>) -> Result<Flow, PipelineError> {
        let noted = document.trace.as_ref().map_or(0, Vec::len);
        let result = match &self.condition {
            None => self.processor.apply(document),
            Some((condition, _)) => match condition.evaluate(document) {
                Ok(true) => self.processor.apply(document),
                Ok(false) => {
                    self.note(document, "skipped", None);
                    return Ok(Flow::Continue);
                }
                Err(e) => Err(Failure { kind: "script_exception", reason: e.to_string(), inner: None }),
            },
        };
        let called = self.note_call(&result, document, noted);
        match result {
            Ok(flow) if called => Ok(flow),
            Ok(flow) => {
                self.note(document, if flow == Flow::Drop { "dropped" } else { "success" }, None);
                Ok(flow)
            }
            Err(failure) if self.ignore_failure => {
                if !called {
                    self.note(document, "error_ignored", Some(&failure));
                }
                Ok(Flow::Continue)
            }
            Err(failure) => {
                if !called {
                    self.note(document, "error", Some(&failure));
                }
                let error = self.error(failure);
                if self.on_failure.is_empty() {
                    Err(error)
                } else {
                    handle(&self.on_failure, &error, document)
                }
            }
        }
    }

    fn error(&self, failure: Failure) -> PipelineError {
        match failure.inner {
            Some(inner) => *inner,
            None => PipelineError {
                pipeline: Arc::clone(&self.pipeline),
                position: Arc::clone(&self.position),
                processor: self.kind,
                tag: self.tag.clone(),
                kind: failure.kind,
                reason: failure.reason,
            },
        }
    }

    /// Adds what it did to the trace, in the shape of a verbose simulation.
    fn note(&self, document: &mut Document<'_>, status: &str, failure: Option<&Failure>) {
        if document.trace.is_none() {
            return;
        }
        let mut note = self.described(status);
        if let Some(failure) = failure {
            let key = if status == "error_ignored" { "ignored_error" } else { "error" };
            let error = super::simulate::error_body(failure.kind, &failure.reason);
            note.insert(key.to_owned(), if key == "error" { error } else { json!({"error": error}) });
        }
        if status == "success" || status == "error_ignored" {
            note.insert("doc".to_owned(), super::simulate::traced_body(document));
        }
        if let Some(trace) = &mut document.trace {
            trace.push(Value::Object(note));
        }
    }

    /// Adds to the trace, before what the processors of the other pipeline did (from `at` on), that it was called; whether
    /// this was a call that came about. As in Elasticsearch there is no document with it, and of a cycle only its error is
    /// told.
    fn note_call(&self, result: &Result<Flow, Failure>, document: &mut Document<'_>, at: usize) -> bool {
        let came_about = match result {
            Ok(_) => true,
            Err(failure) if failure.reason.starts_with(CYCLE) => {
                if let Some(trace) = &mut document.trace {
                    trace.truncate(at);
                }
                false
            }
            Err(failure) => failure.inner.is_some(),
        };
        let called = self.kind == "pipeline" && came_about;
        if let Some(trace) = document.trace.as_mut().filter(|_| called) {
            let at = at.min(trace.len());
            trace.insert(at, Value::Object(self.described("success")));
        }
        called
    }

    /// What the trace says of it, whatever it did.
    fn described(&self, status: &str) -> Object {
        let mut note = Object::new();
        note.insert("processor_type".to_owned(), self.kind.into());
        note.insert("status".to_owned(), status.into());
        if let Some(description) = &self.description {
            note.insert("description".to_owned(), description.as_str().into());
        }
        if let Some(tag) = &self.tag {
            note.insert("tag".to_owned(), (&**tag).into());
        }
        if let Some((_, text)) = &self.condition {
            note.insert("if".to_owned(), json!({"condition": text, "result": status != "skipped"}));
        }
        note
    }
}

/// Looks a pipeline up for a `pipeline` processor.
pub(crate) fn find_called(set: Option<&Arc<Set>>, name: &str) -> Option<Arc<Pipeline>> {
    set.and_then(|set| set.get(name)).cloned()
}
