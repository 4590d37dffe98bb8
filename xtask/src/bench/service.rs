//! The service under measurement: started from its binary, spoken to over HTTP.

use anyhow::{Context, ensure};
use reqwest::{
    Client,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const EMAIL: &str = "bench@localhost.example";
const PASSWORD: &str = "only-for-the-benchmark-1";
const PATIENCE: Duration = Duration::from_secs(1800);

/// A running service; ended when dropped.
pub(crate) struct Service {
    child: Child,
    client: Client,
    base: String,
    token: String,
}

impl Service {
    /// Starts the binary on a fresh data directory and logs in.
    pub(crate) async fn start(binary: &Path, data: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--elastic-listen", "off", "--data"])
            .arg(data)
            .env("VIGIE_ADMIN_EMAIL", EMAIL)
            .env("VIGIE_ADMIN_PASSWORD", PASSWORD)
            .env("VIGIE_LOG_FILTER", "warn")
            .env("VIGIE_HTTP__USER_REQUESTS_PER_MIN", "100000000")
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().context("no standard output")?;
        let line = BufReader::new(stdout)
            .lines()
            .map_while(Result::ok)
            .find(|line| line.starts_with("listening "))
            .context("the service did not start")?;
        let http =
            line.split(' ').find_map(|part| part.strip_prefix("http=")).context("no address printed")?;
        let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let mut service = Self { child, client, base: format!("{http}/api/v1"), token: String::new() };
        let login = service.post("/auth/login", &json!({"email": EMAIL, "password": PASSWORD})).await?;
        service.token = login["access_token"].as_str().context("no token")?.to_owned();
        Ok(service)
    }

    /// Id of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
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

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
