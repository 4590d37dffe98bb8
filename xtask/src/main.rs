//! Developer commands: `cargo xtask …`.

mod bench;
mod clients;
mod conformance;
mod fixtures;
mod fuzz;
mod services;
mod test;

use clap::{Parser, Subcommand};

/// As in the product: what is measured here stands beside it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Developer commands of vigie.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks everything that CI checks: format, lints, licences, tests.
    Test,
    /// Measures upload, search, memory and disk beside tantivy alone.
    Bench(bench::BenchArgs),
    /// Runs Elasticsearch's own REST tests against the service; says how many pass in each directory.
    Conformance(conformance::ConformanceArgs),
    /// Installs the clients that tests drive, below `target/clients`.
    Clients,
    /// Writes the sample logs of a made-up shop, the same for the same seed.
    Fixtures(fixtures::Options),
    /// Runs the fuzz targets, each for a while, on seeds from fixtures and cases of pipelines.
    Fuzz(fuzz::FuzzArgs),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Test => test::run(&root()),
        Command::Bench(options) => bench::run(&root(), &options),
        Command::Conformance(options) => conformance::run(&root(), &options),
        Command::Clients => match clients::install(&root()).as_slice() {
            [] => Ok(()),
            problems => anyhow::bail!("not installed: {}", problems.join("; ")),
        },
        Command::Fixtures(options) => fixtures::run(&options),
        Command::Fuzz(options) => fuzz::run(&root(), &options),
    }
}

/// The repository: where the commands work, wherever they are called from.
fn root() -> std::path::PathBuf {
    let package = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}
