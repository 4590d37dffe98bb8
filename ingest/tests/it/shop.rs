//! The sample month of a shop, through the built-in pipelines.

use crate::world::{Workers, World, process};
use ingest::{
    decode::Limits, enrich::Enrichment, intake::PipelineSet, pipeline::Pipelines, redact::Redactor,
    upload::UploadState,
};
use serde_json::Value;
use std::{path::Path, sync::Arc};

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name)).unwrap()
}

fn pipelines() -> Arc<dyn PipelineSet> {
    Arc::new(Pipelines::new(Arc::new(Enrichment::embedded())).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_file_is_recognised_and_stored_once() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(directory.path());
    let (service, _) =
        world.service_with(pipelines(), Arc::new(Redactor::new(b"key of the test")), Limits::default());
    let workers = Workers::start(&service, 1);
    let mut stored = 0;
    for (name, pipeline, dataset) in [
        ("access.log", "access", "ecommerce.access"),
        ("transactions.ndjson", "transaction", "ecommerce.transaction"),
        ("errors.ndjson", "error", "ecommerce.error"),
        ("behaviour.ndjson", "behaviour", "ecommerce.behaviour"),
        ("performance.ndjson", "performance", "ecommerce.performance"),
        ("devices.ndjson", "device", "device.measurement"),
    ] {
        let text = fixture(name);
        let upload = process(&service, name, "auto", &text).await;
        assert_eq!(
            (upload.state, upload.pipeline.as_str()),
            (UploadState::Done, pipeline),
            "{name}: {upload:?}"
        );
        assert_eq!(upload.counts.dead, 0, "{name}: {:?}", upload.error_sample);
        let records = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count() as u64;
        assert_eq!(upload.counts.lines, records, "{name}");
        let events = world.events();
        let new = &events[stored..];
        assert_eq!(new.len() as u64, upload.counts.indexed, "{name}");
        stored = events.len();
        for event in new {
            let source = &event["_source"];
            assert_eq!(source["event"]["dataset"], dataset, "{event}");
            let day = source["@timestamp"].as_str().unwrap()[..10].replace('-', ".");
            let prefix = if dataset.starts_with("device") { "device-logs" } else { "ecommerce-logs" };
            assert_eq!(event["_index"], Value::from(format!("{prefix}-{day}")), "{event}");
        }
        let again = process(&service, name, "auto", &text).await;
        assert_eq!((again.counts.indexed, again.counts.duplicates), (0, records), "{name}");
    }
    assert_eq!(world.events().len(), stored);
    workers.stop().await;
}

#[tokio::test]
async fn mixed_and_unknown_records_find_a_pipeline() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(directory.path());
    let (_, intake) =
        world.service_with(pipelines(), Arc::new(Redactor::new(b"key of the test")), Limits::default());
    for (body, pipeline, indexed, dead) in [
        ("any text\nat all\n", "text", 2, 0),
        ("{\"hello\":1,\"time\":\"2026-11-20T10:00:00Z\"}\n{\"hello\":2}\n", "json", 2, 0),
        ("{\"hello\":1}\n{\"hello\":2}\n{\"hello\"\n", "json", 2, 1),
    ] {
        let report = intake.submit_body(body.into(), None).await.unwrap();
        assert_eq!(
            (report.pipeline.as_str(), report.indexed, report.dead),
            (pipeline, indexed, dead),
            "{report:?}"
        );
    }
}

/// Whether a text has a card number in any spelling, or a card's code.
fn has_secret(text: &str, number: &str) -> bool {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let compact: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.')).collect();
    compact.contains(&digits) || text.contains("\"cvc\":\"123\"")
}

#[tokio::test]
async fn card_numbers_reach_neither_the_events_nor_the_dead_letters() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(directory.path());
    let (service, intake) =
        world.service_with(pipelines(), Arc::new(Redactor::new(b"key of the test")), Limits::default());
    let text = String::from_utf8(fixture("transactions.ndjson")).unwrap();
    let with_card: Vec<(&str, String)> = text
        .lines()
        .filter_map(|line| {
            let payment: Value = serde_json::from_str(line).unwrap();
            Some((line, payment["card"]["number"].as_str()?.to_owned()))
        })
        .collect();
    assert!(with_card.len() > 10);
    for (line, number) in &with_card {
        assert!(has_secret(line, number));
        // As it is; spoilt so that the pipeline refuses it; and cut so that it is no JSON.
        let spoilt = line.replacen("\"currency\":\"", "\"currency\":\"x", 1);
        let cut = &line[..line.len() - 1];
        let body = format!("{line}\n{spoilt}\n{cut}\n");
        let report = intake.submit_body(body.into(), Some("transaction")).await.unwrap();
        assert_eq!(report.dead, 2, "{report:?}");
    }
    let stored = std::fs::read_to_string(directory.path().join("events.ndjson")).unwrap();
    let mut dead = Vec::new();
    let mut cursor = None;
    loop {
        let page = service.dead_letters(&Default::default(), cursor.as_deref(), 1_000).await.unwrap();
        dead.extend(page.items.iter().map(|letter| serde_json::to_string(letter).unwrap()));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(dead.len(), 2 * with_card.len());
    for (_, number) in &with_card {
        assert!(!has_secret(&stored, number), "{number} is stored");
        for letter in &dead {
            assert!(!has_secret(letter, number), "{number} is in {letter}");
            assert!(!letter.contains("cvc\\\":\\\"123"), "{letter}");
        }
    }
}
