//! Developer commands: `cargo xtask …`.

mod fixtures;

use clap::{Parser, Subcommand};

/// Developer commands of vigie.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes the sample logs of a made-up shop, the same for the same seed.
    Fixtures(fixtures::Options),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Fixtures(options) => fixtures::run(&options),
    }
}
