//! What the room of ingestion costs alone: its own benchmark, on a log made for it.

use anyhow::{Context, ensure};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Options of the pipeline's benchmark.
#[derive(Debug, clap::Args)]
pub(crate) struct PipelineArgs {
    /// Lines of the generated access log
    #[arg(long, default_value_t = 200_000)]
    lines: usize,
    /// A combined access log of your own instead
    #[arg(long, conflicts_with = "lines")]
    file: Option<PathBuf>,
}

/// Runs the benchmark of the crate `ingest`, which knows the pipeline's types; this command knows the binary only.
pub(super) fn run(root: &Path, args: &PipelineArgs) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir().context("no temporary directory")?;
    let file = match &args.file {
        Some(file) => file.canonicalize().with_context(|| format!("no file {}", file.display()))?,
        None => {
            let log = crate::fixtures::access_log(args.lines, &scratch.path().join("shop"))?;
            let file = scratch.path().join("access.log");
            std::fs::write(&file, log)?;
            file
        }
    };
    room(root, "pipeline", [file])
}

/// Runs a benchmark of the crate `ingest` with these files.
pub(super) fn room(root: &Path, bench: &str, files: impl IntoIterator<Item = PathBuf>) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(root)
        .args(["bench", "--package", "ingest", "--bench", bench, "--"])
        .args(files)
        .status()?;
    ensure!(status.success(), "the benchmark failed");
    Ok(())
}
