//! How fast the embedded engine takes access-log events, acknowledged after fsync, and what memory it needs:
//! `cargo bench -p store --bench logs_ingest -- [events] [days]`. For a single index and for a month of daily ones, with
//! ids given by the sender and made by the store: events/s, processor time, peak memory, and how long after its
//! acknowledgement a write to every index is found.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a benchmark prints, and fails by panicking"
)]

use event::{Event, Operation, Origin};
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use store::{
    logs::{
        IndexAdmin, LogStore, Refresh, SearchRequest, TemplateKind,
        embedded::{EmbeddedLogs, EmbeddedOptions},
    },
    scope::Scope,
};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 1_000;
const WRITERS: usize = 4;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// 2026-10-21T00:00:00Z
const FIRST_DAY_MS: i64 = 1_792_540_800_000;

/// What is measured.
#[derive(Clone, Copy)]
struct Case {
    events: usize,
    days: usize,
    with_ids: bool,
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let events = numbers.next().unwrap_or(200_000);
    let days = numbers.next();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for days in days.map_or(vec![1, 31], |days| vec![days]) {
        for with_ids in [true, false] {
            runtime.block_on(run(Case { events, days, with_ids }));
        }
    }
}

async fn run(case: Case) {
    let directory = tempfile::tempdir().unwrap();
    let start: jiff::Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
    let clock = Arc::new(move || start);
    let options = EmbeddedOptions { clock, ..EmbeddedOptions::default() };
    let logs = Arc::new(EmbeddedLogs::open(directory.path(), options).unwrap());
    install_templates(&logs).await;
    let bytes = serde_json::to_vec(&access_event(0, case).fields).unwrap().len();
    let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    forget_peak();
    let (began, cpu_before) = (Instant::now(), cpu_secs());
    let made = Arc::new(std::sync::Mutex::new(Duration::ZERO));
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (logs, next, made) = (logs.clone(), next.clone(), made.clone());
            tokio::spawn(async move {
                loop {
                    let first = next.fetch_add(BATCH, std::sync::atomic::Ordering::Relaxed);
                    if first >= case.events {
                        return;
                    }
                    let began = thread_cpu();
                    let batch = (first..first + BATCH).map(|n| access_event(n, case)).collect();
                    *made.lock().unwrap() += thread_cpu().saturating_sub(began);
                    let results = logs.write(&Scope::internal("bench"), batch, Refresh::Background).await;
                    let is_written = |result: &_| matches!(result, store::logs::WriteResult::Written { .. });
                    assert!(results.unwrap().iter().all(is_written));
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let acknowledged = began.elapsed().as_secs_f64();
    await_count(&logs, case.events).await;
    let visible = began.elapsed().as_secs_f64();
    let made = made.lock().unwrap().as_secs_f64();
    let million = 1e6 / case.events as f64;
    let cpu = cpu_secs() - cpu_before;
    let ids = if case.with_ids { "ids of the sender" } else { "ids of the store" };
    println!("{} events of {bytes} bytes of JSON over {} indices, {ids}", case.events, case.days);
    println!(
        "  acknowledged {:.0} events/s, visible after {visible:.2} s",
        case.events as f64 / acknowledged
    );
    println!(
        "  {:.1} s of processor time per million events, besides {:.1} s to make them",
        (cpu - made) * million,
        made * million
    );
    println!("  peak memory {:.0} MiB", peak_mib());
    println!("  {:.2} s from acknowledgement to search over all indices", lag(&logs, case).await);
    query(&logs, "newest 50", json!({"size": 50, "sort": [{"@timestamp": "desc"}]})).await;
    let status = json!({"size": 50, "sort": [{"@timestamp": "desc"}],
        "query": {"term": {"http.response.status_code": 404}}});
    query(&logs, "newest 50 of a status", status).await;
    query(&logs, "top paths", json!({"size": 0, "aggs": {"p": {"terms": {"field": "url.path"}}}})).await;
    let indices = logs.indices(&Scope::internal("bench"), &[]).await.unwrap();
    let (documents, bytes) = indices.iter().fold((0, 0), |(d, b), i| (d + i.documents, b + i.size_bytes));
    assert_eq!(documents as usize, case.events + case.days);
    println!("  {:.1} MB on disk per million", bytes as f64 / 1e6 * million);
    logs.close().await.unwrap();
}

/// Writes one event to each index and answers how long it takes until a search finds the last of them, in seconds.
async fn lag(logs: &EmbeddedLogs, case: Case) -> f64 {
    let batch = (0..case.days)
        .map(|day| {
            let mut event = access_event(day * (case.events / case.days), Case { with_ids: true, ..case });
            event.metadata.id = Some(format!("late-{day}"));
            event
        })
        .collect();
    logs.write(&Scope::internal("bench"), batch, Refresh::Background).await.unwrap();
    let acknowledged = Instant::now();
    await_count(logs, case.events + case.days).await;
    acknowledged.elapsed().as_secs_f64()
}

async fn await_count(logs: &EmbeddedLogs, count: usize) {
    loop {
        let Value::Object(body) = json!({"size": 0, "track_total_hits": true}) else { return };
        let request = SearchRequest { indices: vec![], body, ..SearchRequest::default() };
        let response = logs.search(&Scope::internal("bench"), request).await.unwrap();
        if response.total.is_some_and(|total| total.value as usize == count) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn query(logs: &EmbeddedLogs, name: &str, body: Value) {
    let Value::Object(body) = body else { panic!("a body is an object") };
    let mut times = Vec::new();
    for _ in 0..9 {
        let request = SearchRequest { indices: vec![], body: body.clone(), ..SearchRequest::default() };
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
            logs.put_template(&Scope::internal("bench"), kind, name, body, false).await.unwrap();
        }
    }
}

/// A made-up access-log event, the same for the same number.
fn access_event(n: usize, case: Case) -> Event {
    let random =
        |salt: usize, below: usize| (n.wrapping_add(salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % below;
    let status = [200, 200, 200, 200, 200, 301, 304, 404, 500][random(1, 9)];
    let browser = ["Chrome", "Firefox", "Safari"][random(9, 3)];
    let path = format!("/products/{}/{}", random(2, 50), random(3, 40));
    // The lines of a log are in the order of time.
    let span_ms = case.days as i64 * DAY_MS;
    let at = FIRST_DAY_MS + (n as i128 * i128::from(span_ms) / case.events.max(1) as i128) as i64;
    let time = jiff::Timestamp::from_millisecond(at).unwrap();
    let index = format!("ecommerce-logs-{}", time.strftime("%Y.%m.%d"));
    let fields = json!({
        "@timestamp": time.to_string(),
        "event": {"kind": "event", "category": ["web"], "dataset": "ecommerce.access", "outcome": "success"},
        "source": {"ip": format!("10.{}.{}.{}", random(4, 4), random(5, 256), random(6, 256))},
        "http": {"request": {"method": "GET"}, "response": {"status_code": status, "body": {"bytes": random(7, 90_000)}}},
        "url": {"original": format!("{path}?ref={}", random(8, 1000)), "path": path},
        "user_agent": {"name": browser, "os": {"name": "Linux"}}
    });
    let Value::Object(fields) = fields else { panic!("an event is an object") };
    let mut event = Event::new(fields, Origin::Request);
    event.metadata.index = Some(Arc::from(index));
    event.metadata.id = case.with_ids.then(|| format!("{:016x}{:016x}", random(10, usize::MAX), n));
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

/// Processor time of this thread so far.
fn thread_cpu() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// Lets [`peak_mib`] count from now (proc(5), `clear_refs`).
fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Largest resident memory, in MiB.
fn peak_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}
