//! A server that speaks Elasticsearch's API: loaded and asked in the same way, whoever made it.

use super::{
    events::{Shape, template},
    questions::{QUESTIONS, agreed, distinct, one_id},
    report::{Answer, Cost, Report, median},
};
use crate::{
    bench::process::{cpu_secs, directory_bytes, memory_mib, peak_memory_mib},
    services::{Kind, SearchNode, Vigie},
};
use anyhow::{Context, ensure};
use bytes::Bytes;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// Events of one request.
const BULK_EVENTS: usize = 5_000;
/// Requests at the same time.
const CONNECTIONS: usize = 2;
/// So many events are made ready before the clock runs.
const READY_EVENTS: usize = 1_000_000;
const PATIENCE: Duration = Duration::from_secs(1800);
/// Processor time that a server uses in rest, in seconds per second: less means that it is done.
const REST: f64 = 0.05;

/// A running server.
pub(crate) struct Server {
    title: String,
    url: String,
    login: Option<(&'static str, &'static str)>,
    data: PathBuf,
    pid: u32,
    client: Client,
    /// Ends the process when dropped.
    _running: Box<dyn std::any::Any>,
}

impl Server {
    /// The service, from that binary, with default settings.
    pub(crate) fn vigie(binary: &Path, home: &Path) -> anyhow::Result<Self> {
        let service = Vigie::start(binary, home)?;
        Ok(Self {
            title: "vigie".to_owned(),
            url: service.elastic.clone(),
            login: Some((Vigie::EMAIL, Vigie::PASSWORD)),
            data: home.join("logs"),
            pid: service.process.id(),
            client: client()?,
            _running: Box::new(service),
        })
    }

    /// A real search server with a heap of 1 GiB.
    pub(crate) fn peer(kind: Kind, home: &Path) -> anyhow::Result<Self> {
        let node = SearchNode::start(kind, home, "1g")?;
        Ok(Self {
            title: kind.title().to_owned(),
            url: node.url.clone(),
            login: None,
            data: node.data(),
            pid: node.process.id(),
            client: client()?,
            _running: Box::new(node),
        })
    }

    /// Loads the events, merges them into one segment per index unless told not to, and asks the questions.
    pub(crate) async fn measure(&self, shape: &Shape, runs: usize, merged: bool) -> anyhow::Result<Report> {
        self.call(Method::PUT, "/_index_template/bench", Some(&template())).await?;
        let mut cost = self.load(shape).await?;
        let unmerged = cost.cpu_secs;
        let before = cpu_secs(self.pid)?;
        if merged {
            self.call(Method::POST, "/bench*/_forcemerge?max_num_segments=1", None).await?;
        }
        self.rest().await?;
        // The log of what is committed goes.
        self.call(Method::POST, "/bench*/_flush", None).await?;
        self.rest().await?;
        cost.cpu_merged_secs = unmerged + cpu_secs(self.pid)? - before;
        cost.peak_mib = Some(peak_memory_mib(self.pid)?);
        cost.disk_bytes = directory_bytes(&self.data)?;
        let answers = self.ask(shape, runs).await?;
        Ok(Report {
            title: self.title.clone(),
            cost: Some(cost),
            answers,
            resting_mib: Some(memory_mib(self.pid)?),
        })
    }

    async fn load(&self, shape: &Shape) -> anyhow::Result<Cost> {
        let (mut wall, mut bytes) = (Duration::ZERO, 0);
        let cpu = cpu_secs(self.pid)?;
        for first in (0..shape.events).step_by(READY_EVENTS) {
            let end = shape.events.min(first + READY_EVENTS);
            let bodies: VecDeque<Bytes> = (first..end)
                .step_by(BULK_EVENTS)
                .map(|first| Bytes::from(shape.bulk(first..end.min(first + BULK_EVENTS))))
                .collect();
            bytes += bodies.iter().map(Bytes::len).sum::<usize>();
            let bodies = Arc::new(Mutex::new(bodies));
            let started = Instant::now();
            let senders = (0..CONNECTIONS).map(|_| self.send(bodies.clone()));
            futures::future::try_join_all(senders).await?;
            wall += started.elapsed();
        }
        let started = Instant::now();
        self.call(Method::POST, "/bench*/_refresh", None).await?;
        let count = self.call(Method::GET, "/bench*/_count", None).await?;
        ensure!(count["count"] == json!(shape.events), "{} of {} events: {count}", self.title, shape.events);
        let searchable_secs = (wall + started.elapsed()).as_secs_f64();
        Ok(Cost {
            cpu_secs: cpu_secs(self.pid)? - cpu,
            wall_secs: wall.as_secs_f64(),
            searchable_secs: Some(searchable_secs),
            json_bytes: Some(bytes),
            ..Cost::default()
        })
    }

    async fn send(&self, bodies: Arc<Mutex<VecDeque<Bytes>>>) -> anyhow::Result<()> {
        let next = || bodies.lock().ok()?.pop_front();
        while let Some(body) = next() {
            let request =
                self.request(Method::POST, "/bench/_bulk").header("content-type", "application/x-ndjson");
            let answer = request.body(body).send().await?.error_for_status()?.bytes().await?;
            let head = answer.get(..200.min(answer.len())).unwrap_or_default();
            let is_good = String::from_utf8_lossy(head).contains("\"errors\":false");
            ensure!(is_good, "{} refuses events: {}", self.title, String::from_utf8_lossy(head));
        }
        Ok(())
    }

    async fn ask(&self, shape: &Shape, runs: usize) -> anyhow::Result<Vec<Answer>> {
        let mut answers = Vec::new();
        for question in &QUESTIONS {
            let mut exact = (question.body)(shape, 0);
            exact["track_total_hits"] = json!(true);
            let answer = self.search(&exact).await?;
            let mut times_ms = Vec::with_capacity(runs);
            for n in 0..runs {
                let (_, took_ms) = self.timed(&(question.body)(shape, n)).await?;
                times_ms.push(took_ms);
            }
            let (agreed, distinct) = (agreed(&answer), distinct(&answer));
            answers.push(Answer { name: question.name, median_ms: median(times_ms), agreed, distinct });
        }
        answers.push(self.ask_ids(runs).await?);
        Ok(answers)
    }

    async fn ask_ids(&self, runs: usize) -> anyhow::Result<Answer> {
        let found = self.search(&json!({"size": runs * 7, "_source": false})).await?;
        let hits = found["hits"]["hits"].as_array().context("no hits")?;
        let ids: Vec<&str> = hits.iter().step_by(7).filter_map(|hit| hit["_id"].as_str()).collect();
        let mut times_ms = Vec::with_capacity(runs);
        for id in &ids {
            let (answer, took_ms) = self.timed(&one_id(id)).await?;
            ensure!(answer["hits"]["total"]["value"] == json!(1), "{} does not find {id}", self.title);
            times_ms.push(took_ms);
        }
        Ok(Answer { name: "one id", median_ms: median(times_ms), agreed: json!(ids.len()), distinct: None })
    }

    async fn timed(&self, body: &Value) -> anyhow::Result<(Value, f64)> {
        let request = self.request(Method::POST, "/bench*/_search?request_cache=false").json(body);
        let started = Instant::now();
        let answer = request.send().await?.error_for_status()?.bytes().await?;
        let took_ms = started.elapsed().as_secs_f64() * 1e3;
        Ok((serde_json::from_slice(&answer)?, took_ms))
    }

    async fn search(&self, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, "/bench*/_search", Some(body)).await
    }

    /// Waits until it is at rest: merges are done.
    async fn rest(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let before = cpu_secs(self.pid)?;
            tokio::time::sleep(Duration::from_secs(1)).await;
            if cpu_secs(self.pid)? - before < REST {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{} does not come to rest", self.title);
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        match self.login {
            Some((user, password)) => request.basic_auth(user, Some(password)),
            None => request,
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        ensure!(status.is_success(), "{} answers {status} to {path}: {text}", self.title);
        Ok(serde_json::from_str(&text)?)
    }
}

fn client() -> anyhow::Result<Client> {
    Ok(Client::builder().no_proxy().timeout(PATIENCE).pool_max_idle_per_host(CONNECTIONS).build()?)
}
