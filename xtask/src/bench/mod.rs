//! `cargo xtask bench`: what the main job costs on this machine, beside a reference measured in the same run.

mod engine;
mod patterns;
mod pipeline;
mod process;
mod reference;
mod searches;
mod service;

use anyhow::Context;
use service::Service;
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

/// Options of the benchmark.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    part: Option<Part>,
    /// Lines of the generated access log
    #[arg(long, default_value_t = 300_000)]
    lines: usize,
    /// Searches of each kind
    #[arg(long, default_value_t = 200)]
    searches: usize,
}

#[derive(Debug, clap::Subcommand)]
enum Part {
    /// The log engine at its Elasticsearch API, beside tantivy alone and real search servers.
    Engine(engine::EngineArgs),
    /// The pipeline for access logs, beside a parser written by hand for nothing else.
    Pipeline(pipeline::PipelineArgs),
    /// How well labelled logs are grouped into patterns, and what that costs.
    Patterns(patterns::PatternsArgs),
}

/// Measures upload to searchable, cost per million events, memory, disk and search times.
pub(crate) fn run(root: &Path, args: &BenchArgs) -> anyhow::Result<()> {
    if let Some(Part::Pipeline(args)) = &args.part {
        return pipeline::run(root, args);
    }
    if let Some(Part::Patterns(args)) = &args.part {
        return patterns::run(root, args);
    }
    if cfg!(debug_assertions) {
        return in_release(root, args);
    }
    let binary = match &args.part {
        Some(Part::Engine(engine::EngineArgs { binary: Some(binary), .. })) => binary.clone(),
        _ => std::env::current_exe()?.with_file_name("vigie"),
    };
    anyhow::ensure!(binary.is_file(), "no {}: build it first", binary.display());
    if let Some(Part::Engine(args)) = &args.part {
        return engine::run(&binary, args);
    }
    let scratch = tempfile::tempdir().context("no temporary directory")?;
    let log = crate::fixtures::access_log(args.lines, &scratch.path().join("shop"))?;
    let reference_dir = scratch.path().join("reference");
    std::fs::create_dir(&reference_dir)?;
    let reference = reference::index(&log, &reference_dir)?;
    tokio::runtime::Runtime::new()?.block_on(measure(&binary, args, &log, &reference, scratch.path()))
}

/// The reference must be as optimised as the product: the benchmark runs in a release build of this command.
fn in_release(root: &Path, args: &BenchArgs) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(&cargo);
    build.current_dir(root).args(["build", "--release", "--package", "xtask"]);
    if !matches!(&args.part, Some(Part::Engine(engine::EngineArgs { binary: Some(_), .. }))) {
        build.args(["--package", "vigie"]);
    }
    anyhow::ensure!(build.status()?.success(), "the release build failed");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let status = Command::new(target.join("release/xtask")).args(std::env::args_os().skip(1)).status()?;
    anyhow::ensure!(status.success(), "the benchmark failed");
    Ok(())
}

async fn measure(
    binary: &Path,
    args: &BenchArgs,
    log: &str,
    reference: &reference::Cost,
    scratch: &Path,
) -> anyhow::Result<()> {
    let data = scratch.join("data");
    let service = Service::start(binary, &data).await?;
    let (cpu, started) = (process::cpu_secs(service.pid())?, Instant::now());
    service.upload("access.log", log.as_bytes().to_vec()).await?;
    let acknowledged_secs = started.elapsed().as_secs_f64();
    service.wait_until_searchable(args.lines).await?;
    let wall_secs = started.elapsed().as_secs_f64();
    let cpu_secs = process::cpu_secs(service.pid())? - cpu;
    let peak_mib = process::peak_memory_mib(service.pid())?;
    let disk_bytes = process::directory_bytes(&data.join("logs"))?;

    let events = f64::from(u32::try_from(args.lines)?);
    let per_million = 1e6 / events;
    say(&format!("access log: {} lines, {:.1} MB", args.lines, log.len() as f64 / 1e6));
    say("                              vigie   tantivy alone   ratio");
    row("events/s, upload to searchable", events / wall_secs, events / reference.wall_secs);
    row("events/s, upload to done", events / acknowledged_secs, events / reference.wall_secs);
    row("CPU s per million events", cpu_secs * per_million, reference.cpu_secs * per_million);
    row(
        "MB on disk per million events",
        disk_bytes as f64 / 1e6 * per_million,
        reference.disk_bytes as f64 / 1e6 * per_million,
    );
    say(&format!("peak memory: {peak_mib:.0} MiB"));
    searches::run(&service, args.searches).await
}

fn row(name: &str, ours: f64, reference: f64) {
    say(&format!("{name:30}{ours:>9.1}{reference:>14.1}{:>9.2}", ours / reference));
}

#[expect(clippy::print_stdout, reason = "this is what a developer command is for")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
