//! How commands reach the service of a data directory: over its socket if it runs, else by running it themselves.

use crate::{config::Config, service::Service};
use anyhow::{Context, bail};
use reqwest::{Client, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use std::{path::Path, time::Duration};

/// Name of the socket in the data directory. Whoever may open it (mode 0600: the owner) acts as administrator.
pub(crate) const SOCKET: &str = "vigie.sock";

/// The service of a data directory, as a command sees it.
pub(crate) struct LocalService {
    client: Client,
    own: Option<Service>,
}

impl LocalService {
    /// Connects to the running service; with none running, opens the data directory and serves the socket itself.
    pub(crate) async fn connect(config: &Config) -> anyhow::Result<Self> {
        let socket = config.data.join(SOCKET);
        if let Some(client) = running(&socket).await? {
            return Ok(Self { client, own: None });
        }
        let service = Service::open(config).await?;
        service.serve_socket()?;
        let client = running(&socket).await?.context("the service's own socket does not answer")?;
        Ok(Self { client, own: Some(service) })
    }

    /// Connects to a service that is known to run in this process.
    pub(crate) async fn of(service: &Service) -> anyhow::Result<Self> {
        let client = running(&service.socket()).await?.context("the service's own socket does not answer")?;
        Ok(Self { client, own: None })
    }

    /// Starts a request to `path` (below `/api/v1`).
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(url(path))
    }

    /// Starts a request to `path` (below `/api/v1`).
    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(url(path))
    }

    /// Starts a request to `path` (below `/api/v1`).
    pub(crate) fn put(&self, path: &str) -> RequestBuilder {
        self.client.put(url(path))
    }

    /// Ends the service if it was started for this command.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        match self.own {
            Some(service) => service.shutdown().await,
            None => Ok(()),
        }
    }
}

/// Sends a request and reads the answer; what the service objects to becomes the error.
pub(crate) async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> anyhow::Result<T> {
    let response = request.send().await.context("the service does not answer")?;
    if response.status().is_success() {
        return response.json().await.context("the service's answer cannot be read");
    }
    bail!("{}", objection(response).await)
}

/// What the service objects to, from the problem document that it answered with.
async fn objection(response: Response) -> String {
    let status = response.status();
    let problem: serde_json::Value = response.json().await.unwrap_or_default();
    let detail = problem["detail"].as_str().or(problem["title"].as_str()).unwrap_or("no reason given");
    let fields: Vec<String> = problem["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|e| Some(format!("{}: {}", e["field"].as_str()?, e["message"].as_str()?)))
        .collect();
    if fields.is_empty() {
        format!("{detail} ({status})")
    } else {
        format!("{detail} ({status}): {}", fields.join("; "))
    }
}

fn url(path: &str) -> String {
    format!("http://vigie/api/v1{path}")
}

/// A client for the socket, if somebody answers there.
async fn running(socket: &Path) -> anyhow::Result<Option<Client>> {
    if !socket.exists() {
        return Ok(None);
    }
    let client = Client::builder()
        .unix_socket(socket)
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .build()
        .context("cannot set up the connection to the local service")?;
    // A socket file without a listener is what a killed service leaves behind.
    let answers = client.get("http://vigie/health").timeout(Duration::from_secs(10)).send().await.is_ok();
    Ok(answers.then_some(client))
}
