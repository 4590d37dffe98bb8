//! What Filebeat and Logstash send.

use super::{access, dead_letters_until, input, lumberjack_client::*, only};
use crate::harness::{ADMIN, PATIENCE, Vigie};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

const EVENTS: usize = 100_000;
/// What Filebeat sends at once by default.
const WINDOW: usize = 2_048;

fn shipped(n: usize) -> String {
    json!({"@timestamp": "2026-11-20T10:00:00.000Z", "@metadata": {"beat": "filebeat", "version": "8.15.0"},
        "agent": {"id": "a-1", "type": "filebeat"}, "log": {"offset": n * 60, "file": {"path": "/var/log/shop.log"}},
        "message": format!("order {n} was paid"), "number": n})
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_events_are_each_acknowledged_and_there_once() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let vigie = Vigie::start_configured(&data, &input("beats", "type = \"lumberjack\""));
    let address = vigie.input("beats");
    let send = move || {
        let mut client = Client::connect(address).unwrap();
        for first in (0..EVENTS).step_by(WINDOW) {
            let events: Vec<String> = (first..EVENTS.min(first + WINDOW)).map(shipped).collect();
            client.send(&events, (first / WINDOW).is_multiple_of(2)).unwrap();
        }
        // The last window again, as after a lost acknowledgement.
        let again: Vec<String> = (EVENTS - 100..EVENTS).map(shipped).collect();
        Client::connect(address).unwrap().send(&again, true).unwrap();
    };
    tokio::task::spawn_blocking(send).await.unwrap();
    assert_eq!(
        vigie.metric("ingest_input_events_total{input=\"beats\",outcome=\"indexed\"}").await,
        EVENTS as f64
    );
    assert_eq!(vigie.metric("ingest_input_events_total{input=\"beats\",outcome=\"duplicate\"}").await, 100.0);
    // Acknowledged is durable.
    vigie.kill();
    let vigie = Vigie::start(&data);
    let admin = vigie.login(ADMIN).await;
    let found = admin.search_until(json!({"query": "*", "size": 1, "aggs": {"numbers": {"cardinality": {"field": "number", "precision_threshold": 40000}}, "least": {"min": {"field": "number"}}, "most": {"max": {"field": "number"}}}}), EVENTS as u64).await;
    assert_eq!(
        (&found["aggs"]["least"]["value"], &found["aggs"]["most"]["value"]),
        (&json!(0.0), &json!((EVENTS - 1) as f64)),
        "{found}"
    );
    vigie.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_shippers_are_read_as_their_lines_are() {
    let dir = tempfile::tempdir().unwrap();
    let toml = [
        input("beats", "type = \"lumberjack\"\npipeline_by_event = true"),
        input("strict", "type = \"lumberjack\"\npipeline = \"text\""),
    ];
    let vigie = Vigie::start_configured(&dir.path().join("data"), &toml.concat());
    let admin = vigie.login(ADMIN).await;
    let line = |message: &str, more: Value| {
        let mut event = json!({"@timestamp": "2026-11-20T10:00:00.000Z", "@metadata": {"beat": "filebeat"},
            "host": {"name": "web1"}, "log": {"file": {"path": "/var/log/a.log"}}, "message": message});
        more.as_object().unwrap().iter().for_each(|(key, value)| event[key] = value.clone());
        event.to_string()
    };
    let error = r#"{"event":{"dataset":"ecommerce.error"},"error_type":"Timeout","level":"error","message":"no answer"}"#;
    let events = [
        line(&access(5), json!({})),
        line(error, json!({"@metadata": {"_id": "given"}})),
        line("2026-11-20T11:00:00Z WARN just words", json!({})),
        line("time=2026-11-20T12:00:00Z level=warn msg=paired n=1", json!({})),
        line("asks for it", json!({"@metadata": {"_id": "asked", "pipeline": "json"}})),
        r#"{"@timestamp":"2026-11-20T10:00:00Z","event":{"dataset":"ecommerce.behaviour"},"action":"view","session_id":"s-1"}"#.to_owned(),
        "no json".to_owned(),
    ];
    let (beats, strict) = (vigie.input("beats"), vigie.input("strict"));
    let send = move || {
        let mut client = Client::connect(beats).unwrap();
        client.send(&events, true).unwrap();
        // One after another on the same connection; sent again, what has an id of its own adds nothing.
        client.send(&events[1..2], false).unwrap();
        let events = [json!({"@metadata": {"pipeline": "access"}, "message": "not for access"}).to_string()];
        Client::connect(strict).unwrap().send(&events, false).unwrap();
    };
    tokio::task::spawn_blocking(send).await.unwrap();
    let event = only(&admin, "url.path:\"/item/5\"").await;
    assert_eq!(
        (&event["event"]["dataset"], &event["host"]["name"]),
        (&json!("ecommerce.access"), &json!("web1"))
    );
    assert_eq!(event["@timestamp"], "2026-11-21T10:00:00.000Z", "the line's time, not that of its reading");
    assert!(event.get("@metadata").is_none(), "{event}");
    let found = admin.search_until(json!({"query": "event.dataset:ecommerce.error"}), 1).await;
    assert_eq!(found["hits"][0]["id"], "given", "{found}");
    assert_eq!(found["hits"][0]["source"]["log"]["file"]["path"], "/var/log/a.log");
    let event = only(&admin, "message:words").await;
    assert_eq!(
        (&event["log"]["level"], &event["@timestamp"]),
        (&json!("warn"), &json!("2026-11-20T11:00:00.000Z"))
    );
    let event = only(&admin, "message:paired").await;
    assert_eq!(
        event["@timestamp"], "2026-11-20T12:00:00.000Z",
        "the line's time under another name: {event}"
    );
    only(&admin, "message:asks").await;
    only(&admin, "event.dataset:ecommerce.behaviour").await;
    only(&admin, "message:\"not for access\"").await;
    let letters = dead_letters_until(&admin, 0).await;
    assert!(letters.is_empty());
    vigie.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_refuses_is_a_dead_letter_and_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let toml = input("beats", "type = \"lumberjack\"\nmax_line_bytes = 2048");
    let vigie = Vigie::start_configured(&dir.path().join("data"), &toml);
    let admin = vigie.login(ADMIN).await;
    let address = vigie.input("beats");
    let events = [
        json!({"@timestamp": "2126-01-01T00:00:00Z", "kind": "too late"}).to_string(),
        json!({"@timestamp": "2026-11-20T10:00:00Z", "kind": "x".repeat(5_000)}).to_string(),
        json!({"@timestamp": "2026-11-20T10:00:00Z", "kind": "fine"}).to_string(),
    ];
    tokio::task::spawn_blocking(move || Client::connect(address).unwrap().send(&events, true).unwrap())
        .await
        .unwrap();
    let letters = dead_letters_until(&admin, 2).await;
    assert!(letters.iter().all(|letter| letter["input"] == "beats"), "{letters:?}");
    only(&admin, "kind:fine").await;
    vigie.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_window_is_acknowledged_by_half_and_what_is_no_lumberjack_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start_configured(
        &dir.path().join("data"),
        &input("beats", "type = \"lumberjack\"\nframe_timeout_secs = 2"),
    );
    let address = vigie.input("beats");
    let talk = move || {
        let events: Vec<String> = (0..10).map(shipped).collect();
        let whole = window(&events, false);
        let mut client = Client::connect(address).unwrap();
        // Six events and a part of the seventh: the client hesitates, and hears of the six.
        let end = whole.len() - 3 * (whole.len() - 6) / 10 - 20;
        client.0.write_all(&whole[..end]).unwrap();
        assert_eq!(client.acknowledgement().unwrap(), 6);
        client.0.write_all(&whole[end..]).unwrap();
        while client.acknowledgement().unwrap() < 10 {}
        // What comes before a violation is stored; then the connection is over.
        client.0.write_all(&[window(&events[..1], false), b"1D\0\0".to_vec()].concat()).unwrap();
        assert_eq!(client.acknowledgement().unwrap(), 1);
        assert_eq!(client.0.read(&mut [0; 1]).unwrap_or(0), 0);
        for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01\x02\0", b"2C\0\0\0\x04abcd", b"2J\0\0"]
        {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(garbage).unwrap();
            assert_eq!(stream.read(&mut [0; 1]).unwrap_or(0), 0, "{garbage:?}");
        }
    };
    tokio::task::spawn_blocking(talk).await.unwrap();
    let admin = vigie.login(ADMIN).await;
    admin.search_until(json!({"query": "message:order"}), 10).await;
    vigie.stop();
}

/// A client that stays silent in the middle of a window when the service stops loses nothing that it was told is stored.
#[tokio::test(flavor = "multi_thread")]
async fn a_window_under_way_is_finished_when_the_service_stops() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let vigie = Vigie::start_configured(&data, &input("beats", "type = \"lumberjack\""));
    let address = vigie.input("beats");
    let mut client = Client::connect(address).unwrap();
    let events: Vec<String> = (0..WINDOW).map(shipped).collect();
    client.send(&[shipped(WINDOW)], false).unwrap();
    client.0.write_all(&window(&events, true)).unwrap();
    let stopped = tokio::task::spawn_blocking(move || vigie.stop());
    let acknowledged = tokio::task::spawn_blocking(move || {
        let mut last = 0;
        while let Ok(next) = client.acknowledgement() {
            last = next;
        }
        last
    });
    let acknowledged = tokio::time::timeout(Duration::from_secs(60), acknowledged).await.unwrap().unwrap();
    stopped.await.unwrap();
    assert_eq!(acknowledged, u32::try_from(WINDOW).unwrap());
    let vigie = Vigie::start(&data);
    let admin = vigie.login(ADMIN).await;
    admin.search_until(json!({"query": "message:order", "size": 0}), WINDOW as u64 + 1).await;
    vigie.stop();
}
