use crate::config::{Config, Overrides};
use anyhow::{Context, bail};
use clap::Subcommand;
use ingest::{
    enrich::Enrichment,
    pipeline::{PipelineCases, PipelineSource, Pipelines, SimulateTarget},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Largest file of examples, and most bytes of lines to simulate.
const INPUT_MAX_BYTES: u64 = 16 << 20;
/// Most lines of one simulation.
const LINES_MAX: usize = 1_000;

#[derive(Debug, Subcommand)]
pub(super) enum PipelineCommand {
    /// Run the examples (NAME.cases.json) beside pipelines (NAME.json); fail if one does not hold or there are none
    Test {
        /// Directories of pipelines, or single ones [default: the configured directory, else ./pipelines]
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        overrides: Overrides,
    },
    /// List the pipelines that the service brings along and those of the configured directory
    List {
        #[command(flatten)]
        overrides: Overrides,
    },
    /// Print the definition of a pipeline
    Show {
        /// Its name, or a file with its definition
        pipeline: String,
        #[command(flatten)]
        overrides: Overrides,
    },
    /// Send lines through a pipeline and print what becomes of each, as JSON
    Simulate {
        /// Its name, or a file with its definition
        pipeline: String,
        /// File with the lines; a line that is a JSON object is taken as such [default: standard input]
        file: Option<PathBuf>,
        /// Show the document after each processor
        #[arg(long)]
        verbose: bool,
        #[command(flatten)]
        overrides: Overrides,
    },
}

pub(super) fn run(file: Option<&Path>, command: PipelineCommand) -> anyhow::Result<()> {
    match command {
        PipelineCommand::Test { paths, overrides } => {
            let paths = if paths.is_empty() { vec![default_directory(file, &overrides)?] } else { paths };
            test(&paths)
        }
        PipelineCommand::List { overrides } => list(&known(file, &overrides)?),
        PipelineCommand::Show { pipeline, overrides } => {
            let registry = known(file, &overrides)?;
            let definition = match named(&registry, &pipeline)? {
                Named::Known(definition) | Named::File(definition) => definition,
            };
            writeln!(io::stdout().lock(), "{definition:#}")?;
            Ok(())
        }
        PipelineCommand::Simulate { pipeline, file: lines, verbose, overrides } => {
            let registry = known(file, &overrides)?;
            simulate(&registry, &pipeline, lines.as_deref(), verbose)
        }
    }
}

fn default_directory(file: Option<&Path>, overrides: &Overrides) -> anyhow::Result<PathBuf> {
    let configured = Config::load(file, overrides)?.pipelines.directory;
    Ok(configured.unwrap_or_else(|| PathBuf::from("pipelines")))
}

/// What the service would know without its data directory.
fn known(file: Option<&Path>, overrides: &Overrides) -> anyhow::Result<Pipelines> {
    let registry = built_in()?;
    if let Some(directory) = Config::load(file, overrides)?.pipelines.directory {
        registry.load_directory(&directory)?;
    }
    Ok(registry)
}

fn built_in() -> anyhow::Result<Pipelines> {
    Ok(Pipelines::new(Arc::new(Enrichment::embedded()))?)
}

/// Which examples to run: those of a directory, or of some pipelines in it.
struct Selection {
    directory: PathBuf,
    names: BTreeSet<String>,
}

impl Selection {
    fn of(path: &Path) -> anyhow::Result<Self> {
        if path.is_dir() {
            let entries = path.read_dir().with_context(|| format!("cannot read {}", path.display()))?;
            let files: Vec<PathBuf> =
                entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
            let names: BTreeSet<String> = files.iter().filter_map(|file| stem(file)).collect();
            if names.is_empty() {
                bail!("there are no pipelines in {}", path.display());
            }
            return Ok(Self { directory: path.to_owned(), names });
        }
        let name = stem(path).with_context(|| format!("{} is no pipeline: NAME.json", path.display()))?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = parent.unwrap_or(Path::new(".")).to_owned();
        Ok(Self { directory, names: BTreeSet::from([name]) })
    }
}

/// Name of the pipeline that a file defines or has examples of.
fn stem(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?.strip_suffix(".json")?;
    Some(name.strip_suffix(".cases").unwrap_or(name).to_owned())
}

fn test(paths: &[PathBuf]) -> anyhow::Result<()> {
    let (mut passed, mut failed) = (0_usize, 0_usize);
    let mut out = io::stdout().lock();
    for path in paths {
        let selection = Selection::of(path)?;
        let registry = built_in()?;
        registry.load_directory(&selection.directory)?;
        for name in &selection.names {
            let (good, failures) = test_one(&registry, &selection.directory, name)?;
            passed += good;
            failed += failures.len();
            let verdict = if failures.is_empty() { "ok" } else { "FAILED" };
            writeln!(out, "{name}: {verdict}, {good} of {} cases hold", good + failures.len())?;
            for failure in failures {
                writeln!(out, "{failure}")?;
            }
        }
    }
    writeln!(out, "{passed} cases hold, {failed} fail")?;
    if failed > 0 {
        bail!("{failed} cases fail");
    }
    Ok(())
}

/// How many examples of a pipeline hold, and what is wrong with the others.
fn test_one(registry: &Pipelines, directory: &Path, name: &str) -> anyhow::Result<(usize, Vec<String>)> {
    if !directory.join(format!("{name}.json")).exists() {
        return Ok((0, vec![format!("  {name}.cases.json has no pipeline {name}.json beside it")]));
    }
    let file = directory.join(format!("{name}.cases.json"));
    if !file.exists() {
        return Ok((0, vec![format!("  it has no examples: write {name}.cases.json beside it")]));
    }
    let text = read(File::open(&file).with_context(|| file.display().to_string())?)?;
    let cases: PipelineCases = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
    if cases.cases.is_empty() {
        return Ok((0, vec![format!("  {name}.cases.json holds no examples")]));
    }
    let pipeline = registry.get(name).with_context(|| format!("there is no pipeline {name:?}"))?;
    let mut good = 0;
    let mut failures = Vec::new();
    for case in &cases.cases {
        let differences = case.check(&pipeline);
        if differences.is_empty() {
            good += 1;
            continue;
        }
        let shown: Vec<String> = differences.iter().map(ToString::to_string).collect();
        failures.push(format!("  {:?}\n    {}", case.name, shown.join("\n").replace('\n', "\n    ")));
    }
    Ok((good, failures))
}

fn list(registry: &Pipelines) -> anyhow::Result<()> {
    let pipelines = registry.list();
    let widest = pipelines.iter().map(|pipeline| pipeline.name.len()).max().unwrap_or(0);
    let mut out = io::stdout().lock();
    for pipeline in pipelines {
        let source = match pipeline.source {
            PipelineSource::BuiltIn => "built in",
            PipelineSource::Directory => "directory",
            PipelineSource::User => "user",
        };
        let description = pipeline.description.unwrap_or_default();
        writeln!(out, "{:widest$}  {source:9}  {description}", pipeline.name)?;
    }
    Ok(())
}

/// A pipeline by its name, or by a file with its definition.
enum Named {
    Known(Value),
    File(Value),
}

fn named(registry: &Pipelines, pipeline: &str) -> anyhow::Result<Named> {
    if let Some(found) = registry.get(pipeline) {
        return Ok(Named::Known(found.definition().clone()));
    }
    let file = File::open(pipeline)
        .with_context(|| format!("there is no pipeline {pipeline:?}, and no file of that name"))?;
    Ok(Named::File(serde_json::from_str(&read(file)?).with_context(|| pipeline.to_owned())?))
}

fn simulate(registry: &Pipelines, pipeline: &str, lines: Option<&Path>, verbose: bool) -> anyhow::Result<()> {
    let target = match named(registry, pipeline)? {
        Named::Known(_) => SimulateTarget::Name(pipeline),
        Named::File(definition) => SimulateTarget::Definition(definition),
    };
    let text = match lines {
        Some(path) => read(File::open(path).with_context(|| path.display().to_string())?)?,
        None => read(io::stdin().lock())?,
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let documents: Vec<Value> = lines.take(LINES_MAX).map(document).collect();
    let answer = registry.simulate(target, &documents, verbose, &|| true)?;
    writeln!(io::stdout().lock(), "{answer:#}")?;
    Ok(())
}

fn document(line: &str) -> Value {
    match serde_json::from_str(line) {
        Ok(Value::Object(object)) => json!({"_source": object}),
        _ => json!({"_source": {"message": line}}),
    }
}

fn read(from: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    from.take(INPUT_MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > INPUT_MAX_BYTES {
        bail!("longer than {INPUT_MAX_BYTES} bytes");
    }
    Ok(text)
}
