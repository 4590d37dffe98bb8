//! How fast the embedded engine searches a month of access logs in daily indices: `cargo bench -p store --bench
//! logs_search`. Prints the median and the worst of several runs of typical questions of a search page and a dashboard.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a benchmark prints, and fails by panicking"
)]

use event::{Event, Origin, daily_index};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc, time::Instant};
use store::{
    logs::{
        IndexAdmin, LogStore, Refresh, SearchRequest, TemplateKind,
        embedded::{EmbeddedLogs, EmbeddedOptions},
    },
    scope::Scope,
};

const DAYS: i64 = 30;
const EVENTS_PER_DAY: i64 = 20_000;
const BATCH: i64 = 1_000;
const RUNS: usize = 9;
/// 2026-11-01T00:00:00Z.
const START_MS: i64 = 1_793_491_200_000;

fn main() {
    tokio::runtime::Runtime::new().unwrap().block_on(run());
}

async fn run() {
    let directory = tempfile::tempdir().unwrap();
    let now = jiff::Timestamp::from_millisecond(START_MS + DAYS * 86_400_000).unwrap();
    let options = EmbeddedOptions { clock: Arc::new(move || now), ..EmbeddedOptions::default() };
    let logs = EmbeddedLogs::open(directory.path(), options).unwrap();
    install_templates(&logs).await;
    for start in (0..DAYS * EVENTS_PER_DAY).step_by(BATCH as usize) {
        let batch = (start..start + BATCH).map(access_event).collect();
        logs.write(&scope(), batch, Refresh::Background).await.unwrap();
    }
    logs.refresh(&scope(), &[]).await.unwrap();
    println!("{} events in {DAYS} daily indices", DAYS * EVENTS_PER_DAY);
    let newest = json!([{"@timestamp": "desc"}]);
    let week = json!({"range": {"@timestamp": {"gte": START_MS + (DAYS - 7) * 86_400_000}}});
    for (name, body) in [
        ("newest 50", json!({"size": 50, "sort": newest})),
        (
            "newest 50 of a status",
            json!({"size": 50, "sort": newest, "query": {"term": {"http.response.status_code": 404}}}),
        ),
        (
            "newest 50 of an address",
            json!({"size": 50, "sort": newest, "query": {"term": {"source.ip": "10.1.0.0/16"}}}),
        ),
        (
            "words in all fields",
            json!({"size": 50, "query": {"query_string": {"query": "firefox checkout"}}}),
        ),
        ("a wildcard on paths", json!({"size": 50, "query": {"wildcard": {"url.path": "*/7/*"}}})),
        (
            "events per hour, a week",
            json!({"size": 0, "query": week, "aggs": {"h": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1h"}}}}),
        ),
        ("top paths, all days", json!({"size": 0, "aggs": {"p": {"terms": {"field": "url.path"}}}})),
        (
            "bytes by status and day",
            json!({"size": 0, "aggs": {"d": {
            "date_histogram": {"field": "@timestamp", "calendar_interval": "day", "time_zone": "Europe/Berlin"},
            "aggs": {"s": {"terms": {"field": "http.response.status_code"}, "aggs": {"b": {"sum": {"field": "http.response.body.bytes"}}}}}}}}),
        ),
        (
            "percentiles of bytes",
            json!({"size": 0, "aggs": {"p": {"percentiles": {"field": "http.response.body.bytes"}}}}),
        ),
        ("different addresses", json!({"size": 0, "aggs": {"c": {"cardinality": {"field": "source.ip"}}}})),
    ] {
        query(&logs, name, body).await;
    }
    logs.close().await.unwrap();
}

fn scope() -> Scope {
    Scope::internal("bench")
}

async fn query(logs: &EmbeddedLogs, name: &str, body: Value) {
    let Value::Object(body) = body else { panic!("a body is an object") };
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let request = SearchRequest {
            indices: vec!["ecommerce-logs-*".to_owned()],
            body: body.clone(),
            ..SearchRequest::default()
        };
        let began = Instant::now();
        logs.search(&scope(), request).await.unwrap();
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!("  {name}: {:.1} ms, at worst {:.1} ms", times[RUNS / 2], times[RUNS - 1]);
}

async fn install_templates(logs: &EmbeddedLogs) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../index-templates");
    for (folder, kind) in
        [("component-templates", TemplateKind::Component), ("index-templates", TemplateKind::Index)]
    {
        for path in std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
            let body = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap();
            logs.put_template(&scope(), kind, name, body, false).await.unwrap();
        }
    }
}

/// A made-up access-log event, the same for the same number.
fn access_event(n: i64) -> Event {
    let random = |salt: i64, below: u64| {
        ((n.wrapping_add(salt) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % below
    };
    let status = [200, 200, 200, 200, 200, 301, 304, 404, 500][random(1, 9) as usize];
    let browser = ["Chrome", "Firefox", "Safari"][random(9, 3) as usize];
    let path = format!(
        "/{}/{}/{}",
        ["products", "cart", "checkout"][random(11, 3) as usize],
        random(2, 50),
        random(3, 40)
    );
    let at = jiff::Timestamp::from_millisecond(START_MS + n * (86_400_000 / EVENTS_PER_DAY)).unwrap();
    let fields = json!({
        "@timestamp": at.to_string(),
        "event": {"kind": "event", "category": ["web"], "dataset": "ecommerce.access", "outcome": "success"},
        "source": {"ip": format!("10.{}.{}.{}", random(4, 4), random(5, 256), random(6, 256))},
        "http": {"request": {"method": "GET"}, "response": {"status_code": status, "body": {"bytes": random(7, 90_000)}}},
        "url": {"original": format!("{path}?ref={}", random(8, 1000)), "path": path},
        "user_agent": {"name": browser, "os": {"name": "Linux"}},
        "message": format!("GET {path} answered with {status} in {} ms", random(10, 900)),
    });
    let Value::Object(fields) = fields else { panic!("an event is an object") };
    let mut event = Event::new(fields, Origin::Request);
    event.metadata.index = Some(Arc::from(daily_index("ecommerce-logs", at)));
    event
}
