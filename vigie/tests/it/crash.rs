//! The process is killed in the middle of its work; nothing is lost and nothing doubled.

use crate::harness::{Vigie, all_ids};
use serde_json::json;
use std::{collections::HashSet, fmt::Write, path::Path, time::Duration};

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

#[tokio::test]
async fn acknowledged_events_survive_kills() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut acknowledged = 0_u64;
    for round in 0..4_u64 {
        let vigie = Vigie::start(&data);
        let admin = vigie.login(crate::harness::ADMIN).await;
        for batch in 0..5 {
            let events: Vec<_> = (0..200)
                .map(|n| json!({"@timestamp": "2026-11-10T10:00:00Z", "message": format!("{round}-{batch}-{n}")}))
                .collect();
            let (status, report) = admin.post("/logs/events", json!(events)).await;
            assert!(status.is_success(), "{report}");
            acknowledged += report["indexed"].as_u64().unwrap();
        }
        vigie.kill();
    }
    assert_eq!(acknowledged, 4 * 5 * 200);
    let vigie = Vigie::start(&data);
    let admin = vigie.login(crate::harness::ADMIN).await;
    admin.search_until(json!({"query": "*", "size": 0}), acknowledged).await;
}
