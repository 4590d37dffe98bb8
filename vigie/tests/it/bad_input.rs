//! Files nobody should send: a clear error or dead letters, the service unharmed, the other lines kept.

use crate::harness::{Session, Vigie, data_beside};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::io::Write;

fn line(second: u32) -> String {
    format!(
        "203.0.113.9 - - [10/Nov/2026:10:00:{second:02} +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"curl/8.0\"\n"
    )
}

fn lines(count: u32) -> String {
    (0..count).map(line).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

async fn reasons(session: &Session<'_>, upload: &Value) -> Vec<String> {
    let (status, page) =
        session.get(&format!("/logs/dead-letters?upload={}", upload["id"].as_str().unwrap())).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let letters = page["items"].as_array().unwrap();
    letters.iter().map(|letter| letter["reason"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_can_be_kept_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let analyst = vigie.account("analyst").await;

    // A gzip file that was cut off.
    let mut text = String::new();
    for n in 0..5_000_u32 {
        text += &format!(
            "203.0.113.9 - - [10/Nov/2026:10:{:02}:{:02} +0000] \"GET /{} HTTP/1.1\" 200 1 \"-\" \"curl/8.0\"\n",
            n / 60 % 60,
            n % 60,
            n.wrapping_mul(2_654_435_761)
        );
    }
    let mut cut = gzip(text.as_bytes());
    cut.truncate(cut.len() / 2);
    let upload = analyst.upload("cut.log.gz", cut).await;
    assert_eq!(upload["state"], "failed", "{upload}");
    assert!(upload["indexed"].as_u64().unwrap() > 1_000, "{upload}");
    assert!(upload["error"].as_str().unwrap().contains("gzip"), "{upload}");

    // Invalid UTF-8 in one line of three.
    let mut bytes = line(1).into_bytes();
    bytes.extend_from_slice(
        b"203.0.113.9 - - [10/Nov/2026:10:01:00 +0000] \"GET /\xff\xfe HTTP/1.1\" 200 1 \"-\" \"x\"\n",
    );
    bytes.extend_from_slice(line(2).as_bytes());
    let upload = analyst.upload("latin.log", bytes).await;
    assert_eq!((&upload["state"], &upload["lines"]), (&json!("done"), &json!(3)), "{upload}");
    assert_eq!(upload["indexed"].as_u64().unwrap() + upload["dead"].as_u64().unwrap(), 3, "{upload}");
    assert!(upload["indexed"].as_u64().unwrap() >= 2);

    // Times that cannot be right, and none at all.
    let mixed = format!(
        "{}203.0.113.9 - - [10/Nov/2199:10:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"x\"\nno access log line at all\n",
        lines(20)
    );
    let upload = analyst.upload("times.log", mixed.into_bytes()).await;
    assert_eq!((&upload["indexed"], &upload["dead"]), (&json!(20), &json!(2)), "{upload}");
    let reasons = reasons(&analyst, &upload).await;
    assert!(reasons.iter().any(|reason| reason.contains("2199")), "{reasons:?}");
    assert_eq!(upload["error_sample"].as_array().unwrap().len(), 2, "{upload}");

    // A line that is longer than allowed, among others.
    let mut bytes = line(30).into_bytes();
    bytes.resize(bytes.len() + (3 << 20), b'a');
    bytes.push(b'\n');
    bytes.extend_from_slice(line(31).as_bytes());
    let upload = analyst.upload("long.log", bytes).await;
    assert_eq!((&upload["indexed"], &upload["dead"]), (&json!(2), &json!(1)), "{upload}");

    assert_eq!(vigie.anonymous().get("/health").await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start_with(
        &dir.path().join("data"),
        &[("VIGIE_UPLOAD__MAX_SIZE_BYTES", "30000000"), ("VIGIE_UPLOAD__MAX_EXPANDED_BYTES", "200000000")],
    );
    let analyst = vigie.account("analyst").await;
    let refused = async |name: &str, bytes: Vec<u8>, reason: &str| {
        let upload = analyst.upload(name, bytes).await;
        assert_eq!((&upload["state"], &upload["indexed"]), (&json!("failed"), &json!(0)), "{name}: {upload}");
        let error = upload["error"].as_str().unwrap().to_lowercase();
        assert!(error.contains(reason), "{name}: {error}");
    };
    let zeros = vec![b'\n'; 300_000_000];
    refused("bomb.gz", gzip(&zeros), "expand").await;
    refused("bomb.zip", zip(&[("a.log", &zeros)]), "expand").await;
    drop(zeros);
    let junk: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    refused("junk.bin", junk, "binary").await;

    // Too large a file is refused while it is sent.
    let (status, _) = analyst.send("large.log", vec![b'x'; 31_000_000]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);

    // An archive of two logs is read whole, whatever its members are called.
    let archive = zip(&[("../../etc/passwd", lines(3).as_bytes()), ("b/access.log", line(40).as_bytes())]);
    let upload = analyst.upload("two.zip", archive).await;
    assert_eq!((&upload["state"], &upload["indexed"]), (&json!("done"), &json!(4)), "{upload}");

    // An empty file is no error.
    let upload = analyst.upload("empty.log", Vec::new()).await;
    assert_eq!((&upload["state"], &upload["lines"]), (&json!("done"), &json!(0)), "{upload}");
    assert_eq!(vigie.anonymous().get("/health").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_broken_geo_database_harms_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir_all(data.join("geo")).unwrap();
    std::fs::write(data.join("geo/GeoLite2-City.mmdb"), b"this is no database").unwrap();
    if let Some(broken) = data_beside("mmdb") {
        for entry in std::fs::read_dir(broken).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.to_lowercase().contains("broken") || name.contains("Invalid") {
                std::fs::copy(&path, data.join("geo").join(name)).unwrap();
            }
        }
    }
    let vigie = Vigie::start(&data);
    let analyst = vigie.account("analyst").await;
    let upload = analyst.upload("access.log", lines(20).replace("203.0.113.9", "8.8.8.8").into_bytes()).await;
    assert_eq!(upload["indexed"], 20, "{upload}");
    analyst.search_until(json!({"query": "source.geo.country_iso_code:US"}), 20).await;
}

#[tokio::test]
async fn what_comes_for_a_day_that_takes_no_writes_is_a_dead_letter() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let analyst = vigie.account("analyst").await;
    let upload = analyst.upload("access.log", lines(20).into_bytes()).await;
    assert_eq!(upload["indexed"], 20, "{upload}");
    let found = analyst.search_until(json!({"query": "event.dataset:ecommerce.access"}), 20).await;
    let index = found["hits"][0]["index"].as_str().unwrap();
    let block = |on: Value| json!({"index.blocks.write": on}).to_string();
    let path = format!("/{index}/_settings");
    assert_eq!(vigie.ask("PUT", &path, block(json!(true))).await.0, 200);

    let upload = analyst.upload("more.log", lines(22).replace("/1.1", "/2").into_bytes()).await;
    assert_eq!((&upload["indexed"], &upload["dead"]), (&json!(0), &json!(22)), "{upload}");
    for reason in reasons(&analyst, &upload).await {
        assert!(
            reason.contains(&format!("index [{index}] blocked by: [FORBIDDEN/8/index write (api)]")),
            "{reason}"
        );
    }
    // They wait there until somebody allows writes.
    assert_eq!(vigie.ask("PUT", &path, block(Value::Null)).await.0, 200);
    let (status, report) = analyst.post("/logs/dead-letters/replay", json!({"upload": upload["id"]})).await;
    assert_eq!((status, &report["indexed"]), (StatusCode::OK, &json!(22)), "{report}");
    vigie.stop();
}
