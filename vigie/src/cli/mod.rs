//! The command line: what `vigie --help` lists, one file per command.

mod config;
mod demo;
mod health;
mod ingest;
mod inspect;
mod patterns;
mod pipeline;
mod serve;
mod user;

use crate::config::{Config, Overrides};
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Log ingestion, search and fraud detection for web shops and their devices, in one binary.
///
/// Try it: `vigie demo` starts a service with sample data and says what to do next.
#[derive(Debug, Parser)]
#[command(name = "vigie", version, max_term_width = 100, propagate_version = true)]
pub(crate) struct Cli {
    /// Configuration file [default: vigie.toml in the working directory, if there is one]
    #[arg(long, value_name = "FILE", global = true, env = "VIGIE_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service in the foreground until SIGTERM or Ctrl-C
    Serve(Overrides),
    /// Run a service with sample data in a fresh directory, and say what to try
    Demo(demo::DemoArgs),
    /// Load log files, into the running service or, if none runs, straight into the data directory
    Ingest(ingest::IngestArgs),
    /// Say what a log file is, how it would be read and what of it would be stored; nothing is
    Inspect(inspect::InspectArgs),
    /// Say what kinds of messages a log file holds, and how many of each; needs no service and touches no data
    Patterns(patterns::PatternsArgs),
    /// Look at pipelines and run the examples beside them; needs no service and touches no data
    #[command(subcommand)]
    Pipeline(pipeline::PipelineCommand),
    /// Manage accounts
    #[command(subcommand)]
    User(user::UserCommand),
    /// Ask the running service how it is; fails unless it is well
    Health(health::HealthArgs),
    /// Look at the configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
}

impl Cli {
    /// Does what the command line asks for.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let file = self.config.as_deref();
        match self.command {
            Command::Serve(overrides) => serve::run(Config::load(file, &overrides)?),
            Command::Demo(args) => demo::run(file, args),
            Command::Ingest(args) => ingest::run(file, args),
            Command::Pipeline(command) => pipeline::run(file, command),
            Command::Inspect(args) => inspect::run(file, args),
            Command::Patterns(args) => patterns::run(&args),
            Command::Health(args) => health::run(file, &args),
            Command::User(command) => user::run(file, command),
            Command::Config(command) => config::run(file, command),
        }
    }
}
