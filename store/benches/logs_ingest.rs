//! How fast the embedded engine takes access-log events, acknowledged after fsync: `cargo bench -p store --bench
//! logs_ingest`. Prints events/s and processor time, for ids given by the sender and for ids made by the store.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a benchmark prints, and fails by panicking"
)]

use event::{Event, Operation, Origin};
use serde_json::{Value, json};
use std::{fs, path::Path, sync::Arc, time::Instant};
use store::{
    logs::{
        LogStore, Refresh, SearchRequest, TemplateKind,
        embedded::{EmbeddedLogs, EmbeddedOptions},
    },
    scope::Scope,
};

const EVENTS: usize = 200_000;
const BATCH: usize = 1_000;
const WRITERS: usize = 4;
const INDEX: &str = "ecommerce-logs-2026.11.21";

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (name, with_ids) in [("ids of the sender", true), ("ids of the store", false)] {
        runtime.block_on(run(name, with_ids));
    }
}

async fn run(name: &str, with_ids: bool) {
    let directory = tempfile::tempdir().unwrap();
    let start: jiff::Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
    let clock = Arc::new(move || start);
    let options = EmbeddedOptions { clock, ..EmbeddedOptions::default() };
    let logs = Arc::new(EmbeddedLogs::open(directory.path(), options).unwrap());
    install_templates(&logs).await;
    let batches: Vec<Vec<Event>> = (0..EVENTS / BATCH)
        .map(|batch| (0..BATCH).map(|n| access_event(batch * BATCH + n, with_ids)).collect())
        .collect();
    let bytes: usize = batches[0].iter().map(|event| serde_json::to_vec(&event.fields).unwrap().len()).sum();
    let queue = Arc::new(std::sync::Mutex::new(batches));
    let (began, cpu_before) = (Instant::now(), cpu_secs());
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (logs, queue) = (logs.clone(), queue.clone());
            tokio::spawn(async move {
                loop {
                    let Some(batch) = queue.lock().unwrap().pop() else { return };
                    let results = logs.write(&Scope::internal("bench"), batch, Refresh::Background).await;
                    assert_eq!(results.unwrap().len(), BATCH);
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let acknowledged = began.elapsed().as_secs_f64();
    let scope = Scope::internal("bench");
    logs.refresh(&scope, &[]).await.unwrap();
    let visible = began.elapsed().as_secs_f64();
    let cpu = cpu_secs() - cpu_before;
    println!("{name}: {EVENTS} events of {} bytes of JSON", bytes / BATCH);
    println!("  acknowledged {:.0} events/s, visible after {visible:.2} s", EVENTS as f64 / acknowledged);
    println!("  {:.1} s of processor time per million events", cpu * 1e6 / EVENTS as f64);
    query(&logs, "newest 50", json!({"size": 50, "sort": [{"@timestamp": "desc"}]})).await;
    let status = json!({"size": 50, "sort": [{"@timestamp": "desc"}],
        "query": {"term": {"http.response.status_code": 404}}});
    query(&logs, "newest 50 of a status", status).await;
    query(&logs, "top paths", json!({"size": 0, "aggs": {"p": {"terms": {"field": "url.path"}}}})).await;
    let info = logs.indices(&scope, &[]).await.unwrap().remove(0);
    assert_eq!(info.documents, EVENTS as u64);
    println!("  {:.1} MB on disk", info.size_bytes as f64 / 1e6);
    logs.close().await.unwrap();
}

async fn query(logs: &EmbeddedLogs, name: &str, body: Value) {
    let Value::Object(body) = body else { panic!("a body is an object") };
    let mut times = Vec::new();
    for _ in 0..9 {
        let request =
            SearchRequest { indices: vec![INDEX.to_owned()], body: body.clone(), ..SearchRequest::default() };
        let began = Instant::now();
        logs.search(&Scope::internal("bench"), request).await.unwrap();
        times.push(began.elapsed());
    }
    times.sort();
    println!("  {name}: {:.1} ms", times[4].as_secs_f64() * 1e3);
}

async fn install_templates(logs: &EmbeddedLogs) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../index-templates");
    for (folder, kind) in
        [("component-templates", TemplateKind::Component), ("index-templates", TemplateKind::Index)]
    {
        let Ok(entries) = fs::read_dir(root.join(folder)) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let body = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap();
            logs.put_template(&Scope::internal("bench"), kind, name, body).await.unwrap();
        }
    }
}

/// A made-up access-log event, the same for the same number.
fn access_event(n: usize, with_id: bool) -> Event {
    let random =
        |salt: usize, below: usize| (n.wrapping_add(salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % below;
    let status = [200, 200, 200, 200, 200, 301, 304, 404, 500][random(1, 9)];
    let browser = ["Chrome", "Firefox", "Safari"][random(9, 3)];
    let path = format!("/products/{}/{}", random(2, 50), random(3, 40));
    let at = 1_795_219_200_000_i64 + (n as i64) / 3;
    let fields = json!({
        "@timestamp": jiff::Timestamp::from_millisecond(at).unwrap().to_string(),
        "event": {"kind": "event", "category": ["web"], "dataset": "ecommerce.access", "outcome": "success"},
        "source": {"ip": format!("10.{}.{}.{}", random(4, 4), random(5, 256), random(6, 256))},
        "http": {"request": {"method": "GET"}, "response": {"status_code": status, "body": {"bytes": random(7, 90_000)}}},
        "url": {"original": format!("{path}?ref={}", random(8, 1000)), "path": path},
        "user_agent": {"name": browser, "os": {"name": "Linux"}}
    });
    let Value::Object(fields) = fields else { panic!("an event is an object") };
    let mut event = Event::new(fields, Origin::Request);
    event.metadata.index = Some(Arc::from(INDEX));
    event.metadata.id = with_id.then(|| format!("{:016x}{:016x}", random(10, usize::MAX), n));
    event.metadata.operation = Operation::Create;
    event
}

/// Processor time of this process so far, in seconds (Linux: 100 ticks a second).
fn cpu_secs() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum();
    ticks / 100.0
}
