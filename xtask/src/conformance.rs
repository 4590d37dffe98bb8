//! `cargo xtask conformance`: Elasticsearch's own YAML REST tests against the built binary.
//!
//! The runner and the tests are not part of the project: the command takes their paths. The service is started on a fresh
//! directory and free ports, as the runner empties what it is pointed at.

use crate::services::Vigie;
use anyhow::{Context, ensure};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// What to run.
#[derive(clap::Args)]
pub(crate) struct ConformanceArgs {
    /// The runner, a Python script (needs PyYAML).
    #[arg(long)]
    runner: PathBuf,
    /// The artifact `org.elasticsearch:rest-api-spec`, which holds tests and API definitions.
    #[arg(long)]
    jar: PathBuf,
    /// The service's binary, instead of the one built here.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Further options of the runner, after `--`: `--selected`, `--only 'bulk/*'`, `--json FILE` …
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Starts the service, runs the tests, prints the runner's counts per directory.
pub(crate) fn run(root: &Path, args: &ConformanceArgs) -> anyhow::Result<()> {
    let binary = match &args.binary {
        Some(binary) => binary.clone(),
        None => build(root)?,
    };
    let directory = tempfile::tempdir()?;
    let service = Vigie::start(&binary, directory.path())?;
    let status = Command::new("python3")
        .arg(&args.runner)
        .args([
            "--url",
            &service.elastic,
            "--auth",
            &format!("{}:{}", Vigie::EMAIL, Vigie::PASSWORD),
            "--jar",
        ])
        .arg(&args.jar)
        .args(&args.rest)
        .status()
        .with_context(|| format!("cannot run {}", args.runner.display()))?;
    // The runner ends with 1 where a test failed; the counts are what this is for.
    ensure!(matches!(status.code(), Some(0 | 1)), "the runner ended with {status}");
    Ok(())
}

fn build(root: &Path) -> anyhow::Result<PathBuf> {
    let status = Command::new("cargo").args(["build", "--workspace"]).current_dir(root).status()?;
    ensure!(status.success(), "the service does not build");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("debug").join("vigie"))
}
