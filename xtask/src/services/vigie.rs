use super::Process;
use anyhow::Context;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

/// A running service on a data directory and free ports, with default settings but for the limits of requests and their time.
#[derive(Debug)]
pub(crate) struct Vigie {
    /// The process; ended when dropped.
    pub(crate) process: Process,
    /// Address of the HTTP API.
    pub(crate) http: String,
    /// Address of the Elasticsearch API.
    pub(crate) elastic: String,
}

impl Vigie {
    /// The first administrator of a fresh data directory.
    pub(crate) const EMAIL: &str = "xtask@localhost.example";
    /// Their password.
    pub(crate) const PASSWORD: &str = "only-for-developer-commands-1";

    /// Starts the binary and waits until it listens.
    pub(crate) fn start(binary: &Path, data: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--elastic-listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .env("VIGIE_ADMIN_EMAIL", Self::EMAIL)
            .env("VIGIE_ADMIN_PASSWORD", Self::PASSWORD)
            .env("VIGIE_LOG_FILTER", "warn")
            .env("VIGIE_HTTP__USER_REQUESTS_PER_MIN", "100000000")
            // Merging ten million events takes its time.
            .env("VIGIE_HTTP__TIMEOUT_SECS", "3600")
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let stdout = child.stdout.take();
        let process = Process(child);
        let line = BufReader::new(stdout.context("no standard output")?)
            .lines()
            .map_while(Result::ok)
            .find(|line| line.starts_with("listening "))
            .context("the service did not start")?;
        let address = |name: &str| {
            line.split(' ')
                .find_map(|part| part.strip_prefix(name))
                .map(str::to_owned)
                .context("no address printed")
        };
        Ok(Self { process, http: address("http=")?, elastic: address("elastic=")? })
    }
}
