//! The process is killed in the middle of its work; nothing is lost and nothing doubled.

use crate::harness::{Session, Vigie, all_ids};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    fmt::Write,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

const LINES: usize = 30_000;
const KILLS: u64 = 6;

fn access_log(lines: usize) -> Vec<u8> {
    let mut text = String::new();
    for n in 0..lines {
        let (hour, minute, second) = (n / 3600 % 24, n / 60 % 60, n % 60);
        writeln!(
            text,
            "198.51.100.{} - - [1{}/Nov/2026:{hour:02}:{minute:02}:{second:02} +0000] \"GET /product/{n} HTTP/1.1\" 200 {} \"-\" \"Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0\"",
            n % 250,
            n % 5,
            n * 7 % 9000,
        )
        .unwrap();
    }
    text.into_bytes()
}

/// Kills the service `after` its start, unless the upload is done by then.
async fn run_and_kill(data: &Path, id: &str, after: Duration) -> bool {
    let vigie = Vigie::start(data);
    let admin = vigie.login(crate::harness::ADMIN).await;
    tokio::time::sleep(after).await;
    let (_, upload) = admin.get(&format!("/logs/uploads/{id}")).await;
    vigie.kill();
    upload["state"] == "done"
}

#[tokio::test]
async fn an_upload_survives_kills() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let vigie = Vigie::start(&data);
    let admin = vigie.login(crate::harness::ADMIN).await;
    let (_, upload) = admin.send("access.log", access_log(LINES)).await;
    let id = upload["id"].as_str().unwrap().to_owned();
    vigie.kill();
    for kill in 0..KILLS {
        // Moments that differ from kill to kill, and cover the start, the reading and the writing.
        if run_and_kill(&data, &id, Duration::from_millis(30 + 170 * kill)).await {
            break;
        }
    }
    let vigie = Vigie::start(&data);
    let admin = vigie.login(crate::harness::ADMIN).await;
    let upload = admin.finished(&id).await;
    assert_eq!(upload["state"], "done", "{upload}");
    assert_eq!(upload["lines"], LINES);
    assert_eq!(
        (&upload["indexed"], &upload["duplicates"], &upload["dead"]),
        (&json!(LINES), &json!(0), &json!(0)),
        "{upload}"
    );
    admin.search_until(json!({"query": "*", "size": 0}), LINES as u64).await;
    let ids = all_ids(&admin, json!({"query": "*", "size": 1000})).await;
    assert_eq!(ids.len(), LINES);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), LINES);
}

/// Kills during load, and kills during the start that follows.
const KILLS_UNDER_LOAD: u64 = 60;
const KILLS_AT_START: u64 = 40;
const WRITERS: usize = 4;
const BATCH: u64 = 10;

/// What the writers know: the events sent and those acknowledged, by their number.
#[derive(Default)]
struct Ledger {
    sent: AtomicU64,
    acknowledged: Mutex<HashSet<u64>>,
}

impl Ledger {
    /// Sends batches until the process is gone.
    async fn write_until_killed(&self, session: &Session<'_>) {
        loop {
            let first = self.sent.fetch_add(BATCH, Ordering::Relaxed);
            let events: Vec<_> = (first..first + BATCH)
                .map(|n| json!({"@timestamp": format!("2026-11-1{}T10:00:00Z", n % 3), "labels": {"number": n.to_string()}}))
                .collect();
            let Ok(response) = session.request(Method::POST, "/logs/events").json(&events).send().await
            else {
                return;
            };
            if !response.status().is_success() {
                continue;
            }
            let Ok(report) = response.json::<Value>().await else { return };
            assert_eq!(report["indexed"], BATCH, "{report}");
            self.acknowledged.lock().unwrap().extend(first..first + BATCH);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_events_survive_a_hundred_kills() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let ledger = Ledger::default();
    let vigie = Vigie::start(&data);
    let token = vigie.login(crate::harness::ADMIN).await.token;
    vigie.kill();
    // Pseudo-random moments, the same in every run (Knuth's multiplier).
    let mut state = 20_261_121_u64;
    let mut moment = |below_ms: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((state >> 33) % below_ms)
    };
    for kill in 0..KILLS_UNDER_LOAD + KILLS_AT_START {
        if kill < KILLS_AT_START * 2 && kill % 2 == 1 {
            Vigie::start_and_kill(&data, moment(300));
            continue;
        }
        let vigie = Vigie::start(&data);
        let session = Session { vigie: &vigie, token: token.clone(), refresh_token: String::new() };
        let writers = futures::future::join_all((0..WRITERS).map(|_| ledger.write_until_killed(&session)));
        let killer = async {
            tokio::time::sleep(moment(250)).await;
            vigie.kill_now();
        };
        tokio::join!(writers, killer);
    }
    let vigie = Vigie::start(&data);
    let admin = vigie.login(crate::harness::ADMIN).await;
    let found = all_numbers(&admin).await;
    let distinct: HashSet<_> = found.iter().copied().collect();
    assert_eq!(found.len(), distinct.len(), "some are doubled");
    let acknowledged = ledger.acknowledged.into_inner().unwrap();
    assert!(
        acknowledged.len() as u64 > KILLS_UNDER_LOAD * BATCH,
        "only {} were acknowledged",
        acknowledged.len()
    );
    let lost: Vec<_> = acknowledged.difference(&distinct).take(10).collect();
    assert!(lost.is_empty(), "lost: {lost:?} of {}", acknowledged.len());
    let sent = ledger.sent.into_inner();
    assert!(distinct.iter().all(|number| *number < sent));
}

/// The numbers of all events, page after page.
async fn all_numbers(session: &Session<'_>) -> Vec<u64> {
    let mut body = json!({"query": "*", "size": 1000});
    let mut numbers = Vec::new();
    loop {
        let page = session.search(body.clone()).await;
        let number =
            |hit: &Value| hit["source"]["labels"]["number"].as_str().and_then(|n| n.parse::<u64>().ok());
        numbers.extend(
            page["hits"].as_array().unwrap().iter().map(|hit| number(hit).unwrap_or_else(|| panic!("{hit}"))),
        );
        match page["next_cursor"].as_str() {
            Some(cursor) => body["cursor"] = json!(cursor),
            None => return numbers,
        }
    }
}

const KILLS_IN_COMPACTION: u64 = 20;
/// Documents that are there from the start: two blocks of columns and some.
const COMPACTED: u64 = 9_000;

/// A document whose text is told by its number, byte for byte.
fn compacted(n: u64) -> String {
    let random = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (bytes, path) = (random >> 48, random >> 40 & 0x3f);
    format!(
        r#"{{"n": {n}, "at":"2026-11-0{}T10:00:00.{:03}Z","url":{{"path":"/shop/kettle-{path}"}},"bytes":{bytes},"odd":["1.50","é \"{n}\""],"message":"GET /shop/kettle-{path} with {bytes} bytes, session {random:016x}"}}"#,
        n % 9 + 1,
        n % 1_000,
    )
}

async fn add_compacted(vigie: &Vigie, numbers: std::ops::Range<u64>) {
    let mut body = String::new();
    for n in numbers {
        writeln!(body, "{{\"create\":{{\"_id\":\"{n}\"}}}}\n{}", compacted(n)).unwrap();
    }
    let (status, answer) = vigie.ask("POST", "/old/_bulk", body).await;
    assert_eq!((status, &answer["errors"]), (200, &json!(false)), "{answer}");
}

/// The files of that name or ending below a directory.
fn files_below(directory: &Path, ending: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.to_string_lossy().ends_with(ending) {
            found.push(path.clone());
        }
        found.extend(files_below(&path, ending));
    }
    found
}

/// Kills the service while it compresses documents, `after` it has begun to.
async fn kill_in_compaction(vigie: &Vigie, indices: &Path, after: Duration) {
    let compress = async {
        let request = vigie.client.post(format!("{}/old/_forcemerge", vigie.elastic));
        let _ = request.basic_auth(crate::harness::ADMIN, Some(crate::harness::PASSWORD)).send().await;
    };
    let killer = async {
        let deadline = Instant::now() + crate::harness::PATIENCE;
        while files_below(indices, "compact.tmp").is_empty() {
            assert!(Instant::now() < deadline, "nothing is compressed");
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(after).await;
        vigie.kill_now();
    };
    tokio::join!(compress, killer);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_document_survives_kills_in_the_middle_of_its_compaction() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let vigie = Vigie::start(&data);
    let settings = json!({"settings": {"index.codec": "best_compression", "number_of_shards": 1}});
    let (status, answer) = vigie.ask("PUT", "/old", settings.to_string()).await;
    assert_eq!(status, 200, "{answer}");
    add_compacted(&vigie, 0..COMPACTED).await;
    vigie.kill();
    let mut halfway = 0;
    for kill in 0..KILLS_IN_COMPACTION {
        let vigie = Vigie::start(&data);
        // Something new, so that there is one segment to be made of two, and that to be compressed.
        let first = COMPACTED + kill * BATCH;
        add_compacted(&vigie, first..first + BATCH).await;
        kill_in_compaction(&vigie, &data, Duration::from_millis(kill * 137 % 1_600)).await;
        drop(vigie);
        halfway += u64::from(!files_below(&data, "compact.tmp").is_empty());
    }
    assert!(halfway > KILLS_IN_COMPACTION / 4, "only {halfway} kills came in the middle");
    let vigie = Vigie::start(&data);
    let (status, answer) = vigie.ask("POST", "/old/_forcemerge", String::new()).await;
    assert_eq!((status, &answer["_shards"]["failed"]), (200, &json!(0)), "{answer}");
    assert!(files_below(&data, "compact.tmp").is_empty());
    check_compacted(&vigie, COMPACTED + KILLS_IN_COMPACTION * BATCH).await;
    // What is compressed is read again after a start, and is what is left of all of it.
    vigie.stop();
    let vigie = Vigie::start(&data);
    check_compacted(&vigie, COMPACTED + KILLS_IN_COMPACTION * BATCH).await;
    let forms = files_below(&data, ".source").into_iter().map(|path| std::fs::read(path).unwrap()[5]);
    assert!(forms.filter(|form| *form == 1).count() >= 1, "nothing is in columns");
}

/// Compares every document, as text, with what was sent.
async fn check_compacted(vigie: &Vigie, documents: u64) {
    let (_, count) = vigie.ask("GET", "/old/_count", String::new()).await;
    assert_eq!(count["count"], documents);
    for start in (0..documents).step_by(1_000) {
        let ids: Vec<String> = (start..documents.min(start + 1_000)).map(|n| n.to_string()).collect();
        let (_, found) = vigie.ask("POST", "/old/_mget", json!({"ids": ids}).to_string()).await;
        for (n, document) in (start..).zip(found["docs"].as_array().unwrap()) {
            let expected: Value = serde_json::from_str(&compacted(n)).unwrap();
            assert_eq!(document["_source"], expected, "document {n}");
        }
    }
}
