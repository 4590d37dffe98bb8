//! The binary: command line, configuration, wiring, shutdown. The only crate that knows all others.

mod adapters;
mod cli;
mod config;
mod local;
mod observability;
mod secrets;
mod service;

use clap::Parser;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            observability::print_error(&error);
            ExitCode::FAILURE
        }
    }
}
