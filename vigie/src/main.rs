//! The binary: command line, configuration, wiring, shutdown. The only crate that knows all others.

mod adapters;
mod allocator;
mod cli;
mod config;
mod local;
mod observability;
mod secrets;
mod service;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    allocator::settle();
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            observability::print_error(&error);
            ExitCode::FAILURE
        }
    }
}
