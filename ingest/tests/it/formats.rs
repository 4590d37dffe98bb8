//! Files that are more than lines: tables, W3C logs, records over several lines, through the built-in pipelines.

use crate::world::{Fault, Workers, World, process, send};
use ingest::{
    decode::Limits,
    enrich::Enrichment,
    inspect::Inspection,
    pipeline::Pipelines,
    redact::Redactor,
    upload::{Upload, UploadState},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{Cursor, Write},
    path::Path,
    sync::{Arc, LazyLock, atomic::Ordering},
    time::Duration,
};

static PIPELINES: LazyLock<Arc<Pipelines>> =
    LazyLock::new(|| Arc::new(Pipelines::new(Arc::new(Enrichment::embedded())).unwrap()));

fn redactor() -> Arc<Redactor> {
    Arc::new(Redactor::new(b"key of the test"))
}

async fn upload(text: &str) -> (Upload, Vec<Value>) {
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(directory.path());
    let (service, _) = world.service_with(PIPELINES.clone(), redactor(), Limits::default());
    let workers = Workers::start(&service, 1);
    let upload = process(&service, "a.log", "auto", text.as_bytes()).await;
    workers.stop().await;
    (upload, world.events().into_iter().map(|event| event["_source"].clone()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_read_as_what_they_are() {
    let check = async |text: &str, pipeline: &str, lines: u64| {
        let (upload, events) = upload(text).await;
        assert_eq!((upload.pipeline.as_str(), upload.counts.lines), (pipeline, lines), "{text}: {upload:?}");
        assert_eq!(upload.counts.dead, 0, "{:?}", upload.error_sample);
        events
    };
    let payments = "transaction_id;amount;currency;status;timestamp\nt1;12,50;EUR;approved;21.11.2026 10:00\nt2;3;EUR;declined;21.11.2026 10:01\n";
    let events = check(payments, "transaction", 2).await;
    assert_eq!(events[0]["ecommerce"]["transaction"]["amount"], json!(12.5));
    assert_eq!(events[0]["@timestamp"], "2026-11-21T10:00:00.000Z");

    let stock = "sku,left,checked at\na-1,5,2026-11-20 08:00:00\nb-2,\"1\",2026-11-20 09:00:00\n";
    let events = check(stock, "json", 2).await;
    assert_eq!((&events[1]["sku"], &events[1]["left"]), (&json!("b-2"), &json!(1)));
    assert_eq!(events[1]["@timestamp"], "2026-11-20T09:00:00.000Z");

    let iis = "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time cs-method cs-uri-stem c-ip sc-status\n2026-11-20 10:00:00 GET /a 192.0.2.1 200\n";
    let events = check(iis, "w3c", 1).await;
    assert_eq!(events[0]["http"]["response"]["status_code"], 200);
    assert_eq!(events[0]["log"]["offset"], json!(iis.find("2026").unwrap()));

    let java = "2026-11-20 10:00:00,123 ERROR Cart - failed\njava.lang.IllegalStateException: no stock\n\tat shop.Cart.add(Cart.java:12)\n2026-11-20 10:00:01,000 INFO Cart - next\n";
    let events = check(java, "text", 2).await;
    assert_eq!(events[0]["error"]["type"], "java.lang.IllegalStateException");
    assert_eq!(events[1]["message"], "2026-11-20 10:00:01,000 INFO Cart - next");

    let trace = "\n#0 /srv/a.php(3): f()\n#1 {main}\n  thrown in /srv/b.php on line 2".repeat(3);
    let nginx = format!(
        "2026/11/20 10:00:00 [error] 1#1: *2 PHP message: Uncaught Error: x\nStack trace:{trace}\n2026/11/20 10:00:01 [warn] 1#1: *3 y, client: 192.0.2.1, server: s\n"
    );
    let events = check(&nginx, "nginx-error", 2).await;
    assert!(events[0]["message"].as_str().unwrap().ends_with("on line 2"));
}

/// A file of which each record spans lines, with what its records are told apart by.
fn long_files() -> Vec<(String, usize)> {
    let mut csv = String::from("id,note,at\n");
    let mut w3c = String::from("#Fields: date time c-ip cs-method sc-status\n");
    let mut java = String::new();
    for number in 0..95 {
        csv.push_str(&format!("{number},\"a\n\n\"\"b\"\" {number}\",2026-11-20 10:00:00\n"));
        if number == 40 {
            w3c.push_str("#Fields: date time cs-method sc-status c-ip\n");
        }
        w3c.push_str(&match number {
            0..40 => format!("2026-11-20 10:00:00 192.0.2.{number} GET 200\n"),
            _ => format!("2026-11-20 10:00:00 GET 200 192.0.2.{number}\n"),
        });
        java.push_str(&format!(
            "2026-11-20 10:00:00,000 ERROR {number}\nx.Y: z\n\n\tat a.B.c(D.java:{number})\n"
        ));
    }
    vec![(csv, 95), (w3c, 95), (java, 95)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_batch_changes_no_record() {
    let limits = Limits { batch_max_events: 10, ..Limits::default() };
    for (text, records) in long_files() {
        let mut whole: BTreeMap<String, Value> = BTreeMap::new();
        for crash_at in [None, Some(0), Some(1), Some(5), Some(9)] {
            let directory = tempfile::tempdir().unwrap();
            let world = World::open(directory.path());
            world.with_patterns.store(true, Ordering::SeqCst);
            if let Some(batch) = crash_at {
                world.fail_at(batch, Fault::Hang);
                let (service, _) = world.service_with(PIPELINES.clone(), redactor(), limits);
                let workers = Workers::start(&service, 1);
                send(&service, "a.log", "auto", text.as_bytes()).await;
                tokio::time::timeout(Duration::from_secs(20), world.hung.notified()).await.unwrap();
                workers.crash().await;
            }
            drop(world);
            let world = World::open(directory.path());
            world.with_patterns.store(true, Ordering::SeqCst);
            let (service, _) = world.service_with(PIPELINES.clone(), redactor(), limits);
            let workers = Workers::start(&service, 1);
            let upload = process(&service, "a.log", "auto", text.as_bytes()).await;
            assert_eq!(upload.state, UploadState::Done, "{upload:?}");
            workers.stop().await;
            let events = world.events().into_iter().map(|event| {
                let mut source = event["_source"].clone();
                source["event"]["ingested"] = Value::Null;
                (event["_id"].as_str().unwrap().to_owned(), source)
            });
            let events: BTreeMap<String, Value> = events.collect();
            assert_eq!(events.len(), records, "{upload:?}");
            if whole.is_empty() {
                whole = events;
            } else {
                assert_eq!(events, whole, "after a crash at batch {crash_at:?}");
            }
        }
    }
}

fn inspect(bytes: impl Into<Vec<u8>>, whole: bool) -> Inspection {
    let directory = tempfile::tempdir().unwrap();
    let (_, intake) =
        World::open(directory.path()).service_with(PIPELINES.clone(), redactor(), Limits::default());
    intake.inspect(&PIPELINES, Box::new(Cursor::new(bytes.into())), whole).unwrap()
}

#[test]
fn files_are_inspected() {
    let check = |text: &str, format: &str, pipeline: &str, recognised: bool, proposed: bool| {
        let found = inspect(text, true);
        let shown = (found.format.as_str(), found.pipeline.name.as_str(), found.pipeline.recognised);
        assert_eq!(shown, (format, pipeline, recognised), "{text}: {found:?}");
        assert_eq!(found.pipeline.definition.is_some(), proposed, "{found:?}");
        assert!(found.complete && found.bytes == text.len() as u64);
        found
    };
    let access =
        "192.0.2.1 - - [20/Nov/2026:10:05:03 +0000] \"GET /?card=4111111111111111 HTTP/1.1\" 200 20\nnoise\n";
    let found = check(access, "access", "access", true, false);
    assert_eq!((found.records, found.parsed, found.parse_rate, found.confidence), (2, 1, 0.5, 0.5));
    assert_eq!((found.failures[0].line, found.failures[0].record.as_str()), (2, "noise"));
    assert!(!serde_json::to_string(&found).unwrap().contains("4111111111111111"), "{found:?}");
    assert_eq!(
        found.mapping["template"]["mappings"]["properties"]["source"]["properties"]["ip"]["type"],
        "ip"
    );

    let found = check(
        "id\tprice\tat\n1\t9.5\t2026-11-20 10:00\n2\t3\t2026-11-20 10:01\n",
        "tsv",
        "json",
        false,
        true,
    );
    let table = found.table.unwrap();
    let columns: Vec<(&str, &str)> = table.columns.iter().map(|c| (c.name.as_str(), c.kind)).collect();
    assert_eq!(columns, [("id", "long"), ("price", "double"), ("at", "date")]);
    assert_eq!((found.time.unwrap().field.as_str(), table.has_header), ("at", true));
    assert_eq!(found.samples[0]["@timestamp"], "2026-11-20T10:00:00.000Z");

    let found = check(
        "{\"a\": 1, \"when\": \"2026/11/20 10:00:00\"}\n{\"a\": 2, \"when\": \"2026/11/20 10:00:01\"}\n",
        "ndjson",
        "json",
        false,
        true,
    );
    assert_eq!(found.samples[1]["@timestamp"], "2026-11-20T10:00:01.000Z");
    check(
        "[{\"transaction_id\": \"t\", \"amount\": 1, \"currency\": \"EUR\"}]",
        "json_array",
        "transaction",
        true,
        false,
    );
    check("nothing\nin common at all\n", "lines", "text", false, false);
    check("", "lines", "text", false, false);
}

/// Lines of a program of somebody's own.
const OWN: &str = "20.11.2026 10:00:00 [http-exec-1] <WARN> shop.Cart (192.0.2.7) total=129.90 took 12 ms\n\
    20.11.2026 10:00:01 [http-exec-2] <ERROR> shop.Pay (192.0.2.8) total=5 refused by bank\nx.Y: trace\n\tat a.B(C.java:1)\n\
    20.11.2026 10:00:02 [http-exec-1] <INFO> shop.Cart (192.0.2.9) total=7.25 took 9 ms\n\
    20.11.2026 10:00:03 [http-exec-1] <INFO> shop.Cart (192.0.2.9) total=8.25 took 9 ms\n";

#[tokio::test]
async fn an_unknown_format_gets_a_pipeline_that_then_recognises_it() {
    let found = inspect(OWN, true);
    assert_eq!((found.format.as_str(), found.pipeline.recognised), ("lines", false), "{found:?}");
    assert_eq!((found.records, found.parsed), (4, 4), "{found:?}");
    let first = &found.samples[0];
    assert_eq!(first["@timestamp"], "2026-11-20T10:00:00.000Z", "{first:?}");
    assert_eq!(first["log"]["level"], "warn");
    assert_eq!(first["process"]["thread"]["name"], "http-exec-1");
    assert_eq!((&first["source"]["ip"], &first["total"]), (&json!("192.0.2.7"), &json!(129.9)));
    assert!(found.samples[1]["message"].as_str().unwrap().ends_with("(C.java:1)"));
    let definition = found.pipeline.definition.unwrap();

    let pipelines = Pipelines::new(Arc::new(Enrichment::embedded())).unwrap();
    pipelines.put("own", definition).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(directory.path());
    let (service, _) = world.service_with(Arc::new(pipelines), redactor(), Limits::default());
    let workers = Workers::start(&service, 1);
    let upload = process(&service, "a.log", "auto", OWN.as_bytes()).await;
    workers.stop().await;
    assert_eq!(
        (upload.pipeline.as_str(), upload.counts.lines, upload.counts.dead),
        ("own", 4, 0),
        "{upload:?}"
    );
}

#[test]
fn only_the_start_of_a_file_is_looked_at() {
    let line = "ts=2026-11-20T10:00:00Z level=info msg=\"hello there\"\n";
    let text = line.repeat(60_000);
    let found = inspect(text.as_str(), true);
    assert_eq!((found.format.as_str(), found.complete, found.parse_rate), ("logfmt", false, 1.0));
    assert!(
        found.bytes <= 2 << 20 && found.records <= 2_000,
        "{} bytes, {} records",
        found.bytes,
        found.records
    );
    let mut zipped = flate2_gzip(text.as_bytes());
    zipped.truncate(zipped.len() / 2);
    let found = inspect(zipped, false);
    assert_eq!((found.compression, found.complete, found.parse_rate), (Some("gzip"), false, 1.0));
    let cut = inspect(&text.as_bytes()[..line.len() * 3 + 10], false);
    assert_eq!((cut.records, cut.parsed), (3, 3));
    let refused = || {
        let directory = tempfile::tempdir().unwrap();
        let (_, intake) =
            World::open(directory.path()).service_with(PIPELINES.clone(), redactor(), Limits::default());
        intake.inspect(&PIPELINES, Box::new(Cursor::new(vec![0; 4096])), true)
    };
    assert!(refused().unwrap_err().to_string().contains("binary"));
}

fn flate2_gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_fixtures_of_the_repository_are_inspected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    for (name, pipeline) in [("access.log", "access"), ("transactions.ndjson", "transaction")] {
        let found = inspect(std::fs::read(folder.join(name)).unwrap(), true);
        assert_eq!((found.pipeline.name.as_str(), found.parse_rate), (pipeline, 1.0), "{:?}", found.failures);
        assert_eq!(found.samples.len(), 10);
    }
}
