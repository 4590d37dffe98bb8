//! How well messages are grouped into patterns: the benchmark of the room of ingestion, on labelled logs.

use super::pipeline::room;
use anyhow::Context;
use std::path::{Path, PathBuf};

/// Options of the patterns' benchmark.
#[derive(Debug, clap::Args)]
pub(crate) struct PatternsArgs {
    /// Labelled logs as LogHub publishes them (`*_structured.csv`)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Runs it on these files.
pub(super) fn run(root: &Path, args: &PatternsArgs) -> anyhow::Result<()> {
    let found = args
        .files
        .iter()
        .map(|file| file.canonicalize().with_context(|| format!("no file {}", file.display())));
    room(root, "patterns", found.collect::<anyhow::Result<Vec<_>>>()?)
}
