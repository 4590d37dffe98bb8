//! The service under measurement: started from its binary, spoken to over HTTP.

use crate::services::Vigie;
use anyhow::{Context, ensure};
use reqwest::{
    Client,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use std::{
    path::Path,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(1800);

/// A running service; ended when dropped.
pub(crate) struct Service {
    running: Vigie,
    client: Client,
    base: String,
    token: String,
}

impl Service {
    /// Starts the binary on a fresh data directory and logs in.
    pub(crate) async fn start(binary: &Path, data: &Path) -> anyhow::Result<Self> {
        let running = Vigie::start(binary, data)?;
        let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let base = format!("{}/api/v1", running.http);
        let mut service = Self { running, client, base, token: String::new() };
        let login =
            service.post("/auth/login", &json!({"email": Vigie::EMAIL, "password": Vigie::PASSWORD})).await?;
        service.token = login["access_token"].as_str().context("no token")?.to_owned();
        Ok(service)
    }

    /// Id of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.running.process.id()
    }

    /// Uploads a file and waits until its job is done.
    pub(crate) async fn upload(&self, name: &str, bytes: Vec<u8>) -> anyhow::Result<()> {
        let form = Form::new().part("file", Part::bytes(bytes).file_name(name.to_owned()));
        let response = self
            .client
            .post(format!("{}/logs/uploads", self.base))
            .bearer_auth(&self.token)
            .multipart(form)
            .send()
            .await?;
        let answer: Value = response.error_for_status()?.json().await?;
        let id = answer["uploads"][0]["id"].as_str().context("no upload id")?.to_owned();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let url = format!("{}/logs/uploads/{id}", self.base);
            let upload: Value = self.client.get(url).bearer_auth(&self.token).send().await?.json().await?;
            match upload["state"].as_str() {
                Some("done") => return Ok(()),
                Some("queued" | "running") => tokio::time::sleep(Duration::from_millis(20)).await,
                _ => anyhow::bail!("the upload failed: {upload}"),
            }
            ensure!(Instant::now() < deadline, "the upload does not end: {upload}");
        }
    }

    /// Waits until so many events are found.
    pub(crate) async fn wait_until_searchable(&self, events: usize) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.post("/search", &json!({"query": "*", "size": 0})).await?;
            if answer["total"]["value"] == json!(events) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "only {} of {events} are found", answer["total"]);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Calls the API.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.client.post(format!("{}{path}", self.base)).bearer_auth(&self.token).json(body);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }
}
