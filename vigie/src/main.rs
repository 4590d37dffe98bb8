//! The binary: command line, configuration, wiring, shutdown. The only crate that knows all others.
fn main() {}
