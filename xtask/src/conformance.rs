//! `cargo xtask conformance`: Elasticsearch's own YAML REST tests against the built binary.
//!
//! The runner and the tests are not part of the project: the command takes their paths. The service is started on a fresh
//! directory and free ports, as the runner empties what it is pointed at.

use anyhow::{Context, ensure};
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

const EMAIL: &str = "conformance@localhost.example";
const PASSWORD: &str = "only-for-the-conformance-1";

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
    let service = Service::start(&binary, directory.path())?;
    let status = Command::new("python3")
        .arg(&args.runner)
        .args(["--url", &service.elastic, "--auth", &format!("{EMAIL}:{PASSWORD}"), "--jar"])
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

/// A running service; ended when dropped.
struct Service {
    child: Child,
    elastic: String,
}

impl Service {
    fn start(binary: &Path, data: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--elastic-listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .env("VIGIE_ADMIN_EMAIL", EMAIL)
            .env("VIGIE_ADMIN_PASSWORD", PASSWORD)
            .env("VIGIE_LOG_FILTER", "warn")
            .env("VIGIE_HTTP__USER_REQUESTS_PER_MIN", "100000000")
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let stdout = child.stdout.take().context("no standard output")?;
        let line =
            BufReader::new(stdout).lines().map_while(Result::ok).find(|line| line.starts_with("listening "));
        let address =
            line.as_deref().and_then(|line| line.split(' ').find_map(|part| part.strip_prefix("elastic=")));
        let elastic = address.map(str::to_owned);
        let mut service = Self { child, elastic: String::new() };
        service.elastic = elastic.context("the service did not start")?;
        Ok(service)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
