//! All pipelines by name: built in, from a directory, user-defined.

use super::compiled::Pipeline;
use super::definition::{DefinitionError, Place};
use super::detect::{self, Detection};
use super::simulate::{self, SimulateTarget};
use super::stored_scripts::StoredScripts;
use crate::enrich::Enrichment;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::Path,
    sync::{Arc, OnceLock},
};

/// The definitions of `/pipelines`, put in by the build script.
const BUILT_IN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/pipelines.rs"));
/// Largest definition.
const DEFINITION_MAX_BYTES: u64 = 1024 * 1024;
/// Most pipelines in one registry.
const PIPELINES_MAX: usize = 10_000;
/// Longest name of a pipeline.
const NAME_MAX_BYTES: usize = 255;

/// Where a pipeline's definition came from. The later ones win over the earlier of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PipelineSource {
    /// Compiled into the binary.
    BuiltIn,
    /// A file of the configured directory.
    Directory,
    /// Put through the API.
    User,
}

const SOURCES: [PipelineSource; 3] =
    [PipelineSource::BuiltIn, PipelineSource::Directory, PipelineSource::User];

/// What a listing tells of a pipeline.
#[derive(Debug, Clone, serde::Serialize)]
pub struct PipelineInfo {
    /// Name.
    pub name: String,
    /// `description` of the definition.
    pub description: Option<String>,
    /// `version` of the definition.
    pub version: Option<i64>,
    /// Where it came from.
    pub source: PipelineSource,
    /// `event.dataset` that it gives, if it says so (`_meta.vigie.dataset`).
    pub dataset: Option<String>,
    /// Processors at its top level.
    pub processors: usize,
    /// The whole definition.
    pub definition: Value,
}

/// An immutable snapshot of all pipelines, one layer per source.
#[derive(Default)]
pub(crate) struct Set {
    layers: [BTreeMap<Arc<str>, Arc<Pipeline>>; 3],
    /// Those in force that recognise records, by name: network inputs ask for each record.
    recognising: OnceLock<Vec<Arc<Pipeline>>>,
}

/// The snapshot in force.
pub(crate) type SetCell = ArcSwap<Set>;

impl Set {
    /// A copy to be changed.
    fn copied(&self) -> Self {
        Self { layers: self.layers.clone(), recognising: OnceLock::new() }
    }

    fn recognising(&self) -> &[Arc<Pipeline>] {
        self.recognising.get_or_init(|| {
            let pipelines = self.all().into_values().map(|(_, pipeline)| pipeline);
            pipelines.filter(|pipeline| pipeline.detector().is_some()).cloned().collect()
        })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Pipeline>> {
        self.layers.iter().rev().find_map(|layer| layer.get(name))
    }

    /// All pipelines in force, by name.
    fn all(&self) -> BTreeMap<&str, (PipelineSource, &Arc<Pipeline>)> {
        let layers = SOURCES.iter().zip(&self.layers);
        layers.flat_map(|(source, layer)| layer.iter().map(|(n, p)| (&**n, (*source, p)))).collect()
    }

    /// Refuses pipelines that call themselves, through however many others.
    fn check_cycles(&self, from: &str) -> Result<(), DefinitionError> {
        let mut way = vec![from.to_owned()];
        let mut done = std::collections::HashSet::new();
        self.visit(from, &mut way, &mut done)
    }

    fn visit(
        &self,
        name: &str,
        way: &mut Vec<String>,
        done: &mut std::collections::HashSet<String>,
    ) -> Result<(), DefinitionError> {
        let Some(pipeline) = self.get(name) else { return Ok(()) };
        for called in pipeline.calls() {
            way.push(called.clone());
            if way[..way.len() - 1].contains(called) {
                let place = Place { pipeline: way[0].clone(), ..Place::default() };
                return Err(
                    place.error(None, format!("pipelines call each other in a cycle: {}", way.join(" → ")))
                );
            }
            if done.insert(called.clone()) {
                self.visit(called, way, done)?;
            }
            way.pop();
        }
        Ok(())
    }
}

/// The registry. Reading never waits; a change is compiled and checked first and then swapped in as a whole, so a
/// running event sees either the old set or the new one.
pub struct Pipelines {
    set: Arc<SetCell>,
    enrichment: Arc<Enrichment>,
    scripts: Arc<StoredScripts>,
    /// Held while a change is made.
    changing: Mutex<()>,
}

impl Pipelines {
    /// The built-in pipelines.
    ///
    /// # Errors
    /// A built-in definition that does not compile (which the tests exclude).
    pub fn new(enrichment: Arc<Enrichment>) -> Result<Self, DefinitionError> {
        let pipelines =
            Self { set: Arc::default(), enrichment, scripts: Arc::default(), changing: Mutex::new(()) };
        let definitions =
            BUILT_IN.iter().map(|(name, text)| Ok(((*name).to_owned(), read_json(name, text)?)));
        pipelines.replace(PipelineSource::BuiltIn, definitions.collect::<Result<_, _>>()?)?;
        Ok(pipelines)
    }

    /// Reads every `<name>.json` of a directory (not the `<name>.cases.json` beside them) in place of what an
    /// earlier call read. Answers with how many there are. Blocks on files.
    ///
    /// # Errors
    /// The first file that cannot be read or compiled; then nothing has changed.
    pub fn load_directory(&self, directory: &Path) -> Result<usize, DefinitionError> {
        let fail = |name: &str, reason: String| {
            Place { pipeline: name.to_owned(), ..Place::default() }.error(None, reason)
        };
        let shown = directory.display().to_string();
        let entries =
            fs::read_dir(directory).map_err(|e| fail(&shown, format!("cannot read directory: {e}")))?;
        let mut definitions = Vec::new();
        for entry in entries {
            let path = entry.map_err(|e| fail(&shown, format!("cannot read directory: {e}")))?.path();
            let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(name) = file.strip_suffix(".json").filter(|name| !name.ends_with(".cases")) else {
                continue;
            };
            let mut text = String::new();
            fs::File::open(&path)
                .and_then(|file| file.take(DEFINITION_MAX_BYTES + 1).read_to_string(&mut text))
                .map_err(|e| fail(name, format!("cannot read \"{}\": {e}", path.display())))?;
            definitions.push((name.to_owned(), read_json(name, &text)?));
        }
        let count = definitions.len();
        self.replace(PipelineSource::Directory, definitions)?;
        Ok(count)
    }

    /// Puts user-defined pipelines in place of all former ones: what is kept elsewhere is given at start.
    ///
    /// # Errors
    /// The first that does not compile; then nothing has changed.
    pub fn restore(&self, definitions: Vec<(String, Value)>) -> Result<(), DefinitionError> {
        self.replace(PipelineSource::User, definitions)
    }

    fn replace(
        &self,
        source: PipelineSource,
        definitions: Vec<(String, Value)>,
    ) -> Result<(), DefinitionError> {
        let _changing = self.changing.lock();
        let mut set = self.set.load().copied();
        let mut layer = BTreeMap::new();
        for (name, definition) in definitions {
            let pipeline = self.compile(&name, definition)?;
            layer.insert(Arc::clone(pipeline.name()), Arc::new(pipeline));
        }
        let names: Vec<Arc<str>> = layer.keys().cloned().collect();
        set.layers[source as usize] = layer;
        // Those of clients are taken as Elasticsearch takes them: in whatever order they come, a cycle fails when it runs.
        for name in names.iter().filter(|_| source != PipelineSource::User) {
            set.check_cycles(name)?;
        }
        self.set.store(Arc::new(set));
        Ok(())
    }

    fn compile(&self, name: &str, definition: Value) -> Result<Pipeline, DefinitionError> {
        let surroundings = (&self.enrichment, &self.scripts);
        Pipeline::compile(name, definition, surroundings, Arc::downgrade(&self.set))
    }

    /// The pipeline of that name.
    pub fn get(&self, name: &str) -> Option<Arc<Pipeline>> {
        self.set.load().get(name).cloned()
    }

    /// The first by name whose events are of that dataset (`_meta.vigie.dataset`).
    pub fn for_dataset(&self, dataset: &str) -> Option<String> {
        let set = self.set.load();
        let of = |pipeline: &Pipeline| pipeline.meta("dataset").and_then(Value::as_str) == Some(dataset);
        set.all().into_iter().find(|(_, (_, pipeline))| of(pipeline)).map(|(name, _)| name.to_owned())
    }

    /// All pipelines in force, ordered by name.
    pub fn list(&self) -> Vec<PipelineInfo> {
        let set = self.set.load();
        set.all().into_values().map(|(source, pipeline)| info(source, pipeline)).collect()
    }

    /// Adds or replaces a user-defined pipeline; one of the same name that is built in or from the directory is
    /// covered by it. Nothing is kept beyond this process: the caller stores the definition.
    ///
    /// # Errors
    /// The definition does not compile; then nothing has changed.
    pub fn put(&self, name: &str, definition: Value) -> Result<(), DefinitionError> {
        let place = Place { pipeline: name.to_owned(), ..Place::default() };
        let plain = |c: char| c.is_ascii_graphic() && !"/\\*?\"<>|,#".contains(c);
        if name.is_empty() || name.len() > NAME_MAX_BYTES || name == "auto" || !name.chars().all(plain) {
            let reason = "a pipeline's name is 1 to 255 letters, digits and signs other than / \\ * ? \" < > | , # \
                          and not \"auto\"";
            return Err(place.error(None, reason));
        }
        let pipeline = Arc::new(self.compile(name, definition)?);
        let _changing = self.changing.lock();
        let mut set = self.set.load().copied();
        let layer = &mut set.layers[PipelineSource::User as usize];
        layer.insert(Arc::clone(pipeline.name()), pipeline);
        if layer.len() > PIPELINES_MAX {
            return Err(place.error(None, format!("more than {PIPELINES_MAX} pipelines")));
        }
        self.set.store(Arc::new(set));
        Ok(())
    }

    /// Removes a user-defined pipeline; one that it covered is in force again. Answers whether there was one:
    /// built-in pipelines and those of the directory cannot be removed this way.
    pub fn delete(&self, name: &str) -> bool {
        let _changing = self.changing.lock();
        let mut set = self.set.load().copied();
        let removed = set.layers[PipelineSource::User as usize].remove(name).is_some();
        self.set.store(Arc::new(set));
        removed
    }

    /// Guesses the pipeline for a sample of records (lines, or the texts of array elements): see [`Detection`].
    pub fn detect(&self, sample: &[&str]) -> Detection {
        detect::detect(self.set.load().recognising(), sample)
    }

    /// Runs a pipeline over documents without storing anything, and answers as Elasticsearch's `_simulate` does:
    /// `{"docs": […]}`. The documents are `{"_index"?, "_id"?, "_source": {…}}`. After each of them `go_on` is asked.
    ///
    /// # Errors
    /// No such pipeline, a definition that does not compile, a document that is not of that shape, more to answer than
    /// 64 MiB, and `go_on` says no.
    pub fn simulate(
        &self,
        target: SimulateTarget<'_>,
        documents: &[Value],
        verbose: bool,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Value, DefinitionError> {
        let set = self.set.load_full();
        let pipeline = match target {
            SimulateTarget::Name(name) => set.get(name).cloned().ok_or_else(|| {
                let place = Place { pipeline: name.to_owned(), ..Place::default() };
                place.error(None, format!("pipeline with id [{name}] does not exist"))
            })?,
            SimulateTarget::Definition(definition) => {
                Arc::new(self.compile("_simulate_pipeline", definition)?)
            }
        };
        simulate::run(&pipeline, &set, documents, verbose, go_on)
    }

    /// A definition compiled, without registering it: for tests of definitions and checks before a change.
    ///
    /// # Errors
    /// The definition does not compile.
    pub fn check(&self, name: &str, definition: Value) -> Result<Arc<Pipeline>, DefinitionError> {
        self.compile(name, definition).map(Arc::new)
    }

    /// The scripts that `script` processors, and requests beside them, name by `id`.
    pub fn scripts(&self) -> &Arc<StoredScripts> {
        &self.scripts
    }

    /// Databases and patterns that enriching processors use.
    pub fn enrichment(&self) -> &Arc<Enrichment> {
        &self.enrichment
    }
}

fn read_json(name: &str, text: &str) -> Result<Value, DefinitionError> {
    let place = Place { pipeline: name.to_owned(), ..Place::default() };
    if text.len() as u64 > DEFINITION_MAX_BYTES {
        return Err(place.error(None, format!("definition is longer than {DEFINITION_MAX_BYTES} bytes")));
    }
    serde_json::from_str(text).map_err(|e| place.error(None, format!("not JSON: {e}")))
}

fn info(source: PipelineSource, pipeline: &Pipeline) -> PipelineInfo {
    let definition = pipeline.definition();
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    PipelineInfo {
        name: pipeline.name().to_string(),
        description: text(definition.get("description")),
        version: definition.get("version").and_then(Value::as_i64),
        source,
        dataset: text(pipeline.meta("dataset")),
        processors: definition.get("processors").and_then(Value::as_array).map_or(0, Vec::len),
        definition: definition.clone(),
    }
}
