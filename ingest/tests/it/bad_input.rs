//! Files that nobody should have sent: a clear error or dead letters, and the other lines kept.

use crate::world::{Workers, World, by_index, lines, messages, process, send};
use ingest::{
    decode::Limits,
    upload::{Upload, UploadState},
};
use std::{
    io::{Cursor, Write},
    sync::Arc,
};
use zip::write::SimpleFileOptions;

/// What is left after an upload; its files go when it is dropped.
struct Kept {
    world: Arc<World>,
    _directory: tempfile::TempDir,
}

impl std::ops::Deref for Kept {
    type Target = Arc<World>;

    fn deref(&self) -> &Arc<World> {
        &self.world
    }
}

/// Uploads one file to a fresh service.
async fn upload(pipeline: &str, bytes: &[u8], limits: Limits) -> (Upload, Kept) {
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(directory.path());
    let (service, _) = world.service(limits);
    let workers = Workers::start(&service, 1);
    let upload = process(&service, "a.log", pipeline, bytes).await;
    workers.stop().await;
    assert_eq!((world.blob_count(), world.job_count()), (0, 0));
    let counts = upload.counts;
    assert_eq!(counts.lines, counts.indexed + counts.duplicates + counts.dead + counts.dropped);
    (upload, Kept { world, _directory: directory })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn error(upload: &Upload) -> &str {
    upload.error.as_deref().unwrap_or_default()
}

#[tokio::test]
async fn a_truncated_gzip_keeps_what_came_before() {
    let packed = gzip(&lines(5_000));
    let (upload, world) = upload("auto", &packed[..packed.len() / 2], Limits::default()).await;
    assert_eq!(upload.state, UploadState::Failed);
    assert!(error(&upload).contains("cut off"), "{upload:?}");
    assert!(error(&upload).contains(&format!("{} events before that were kept", upload.counts.indexed)));
    assert!(upload.counts.indexed > 1_000, "{upload:?}");
    assert_eq!(messages(&world).len() as u64, upload.counts.indexed);
    assert!(upload.counts.dead <= 1, "only the line that is cut");
}

#[tokio::test]
async fn bombs_are_refused_whole() {
    let limits = Limits { expansion_grace_bytes: 1 << 20, ..Limits::default() };
    let line = vec![b'0'; 8 << 20];
    for packed in [gzip(&line), zstd::encode_all(line.as_slice(), 3).unwrap(), zip(&[("a", &line)])] {
        let (upload, world) = upload("auto", &packed, limits).await;
        assert_eq!(upload.state, UploadState::Failed);
        assert!(error(&upload).contains("bomb"), "{upload:?}");
        assert_eq!(world.events().len(), 0);
    }
}

#[tokio::test]
async fn binary_junk_and_other_formats_are_refused() {
    let junk: Vec<u8> = (0..50_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for (bytes, part) in [
        (junk.as_slice(), "binary"),
        (b"\xfd7zXZ\x00...".as_slice(), "xz"),
        (gzip(&gzip(b"x")).as_slice(), "gzip file inside"),
        (zip(&[("a.zip", &zip(&[("a", b"x")]))]).as_slice(), "\"a.zip\": a zip file inside"),
        (gzip(&junk).as_slice(), "binary"),
        (zip(&[]).as_slice(), "no files"),
    ] {
        let (upload, world) = upload("auto", bytes, Limits::default()).await;
        assert_eq!(upload.state, UploadState::Failed, "{upload:?}");
        assert!(error(&upload).contains(part), "{:?} has no {part:?}", error(&upload));
        assert_eq!(world.events().len(), 0);
    }
}

#[tokio::test]
async fn good_files_beside_a_binary_one_are_kept() {
    let packed = zip(&[("a.log", b"one\n"), ("b.png", b"\x89PNG\r\n\x1a\n\0\0\0\0"), ("c.log", b"two\n")]);
    let (upload, world) = upload("auto", &packed, Limits::default()).await;
    assert_eq!(upload.state, UploadState::Done);
    assert!(error(&upload).contains("\"b.png\": the file is binary"), "{upload:?}");
    assert_eq!(messages(&world), ["one", "two"]);
    let paths: Vec<_> =
        world.events().iter().map(|event| event["_source"]["log"]["file"]["path"].clone()).collect();
    assert_eq!(paths, ["a.log/a.log", "a.log/c.log"]);
}

#[tokio::test]
async fn a_line_that_is_too_long_becomes_a_dead_letter() {
    let text = [b"before\n".as_slice(), &vec![b'x'; 3 << 20], b"\nafter\n"].concat();
    let (upload, world) = upload("auto", &text, Limits::default()).await;
    assert_eq!(upload.state, UploadState::Done);
    assert_eq!((upload.counts.indexed, upload.counts.dead), (2, 1));
    assert_eq!(messages(&world), ["after", "before"]);
    let sample = &upload.error_sample[0];
    assert_eq!(sample.line, 2);
    assert!(sample.reason.contains("3145728 bytes long"), "{sample:?}");
    let (service, _) = world.service(Limits::default());
    let dead = service.dead_letters(&Default::default(), None, 10).await.unwrap().items.remove(0);
    assert_eq!(
        (dead.original.len(), dead.length_bytes, dead.truncated, dead.offset),
        (8 << 10, 3 << 20, true, 7)
    );
}

/// What is kept of a long line may end within a card number, whose first digits look like nothing that must go.
#[tokio::test]
async fn a_line_cut_within_a_card_number_keeps_none_of_it() {
    let card = "4111 1111 1111 1111";
    let cut = 8 << 10;
    for inside in 1..card.len() {
        let start = "x".repeat(cut - inside);
        let text = format!("{start}{card}{}\n", "y".repeat(3 << 20));
        let (upload, world) = upload("auto", text.as_bytes(), Limits::default()).await;
        assert_eq!(upload.counts.dead, 1);
        let (service, _) = world.service(Limits::default());
        let dead = service.dead_letters(&Default::default(), None, 10).await.unwrap().items.remove(0);
        assert!(dead.truncated && !dead.original.contains('4'), "{inside}: {:?}", &dead.original[8100..]);
    }
}

#[tokio::test]
async fn invalid_utf8_is_kept_and_flagged() {
    let (upload, world) = upload("auto", b"caf\xe9\nfine\n\xff\xff\n", Limits::default()).await;
    assert_eq!((upload.state, upload.counts.indexed), (UploadState::Done, 3));
    let tags = |at: usize| world.events()[at]["_source"]["tags"].clone();
    assert_eq!(messages(&world), ["caf\u{fffd}", "fine", "\u{fffd}\u{fffd}"]);
    assert_eq!((tags(0), tags(1)), (serde_json::json!(["_invalid_utf8"]), serde_json::Value::Null));
}

#[tokio::test]
async fn every_line_end_and_encoding_is_read() {
    for text in [
        b"a\nb\nc".to_vec(),
        b"a\r\nb\r\n\r\nc\r\n".to_vec(),
        b"a\rb\rc\r".to_vec(),
        b"\xef\xbb\xbfa\nb\nc\n".to_vec(),
    ] {
        let (upload, world) = upload("auto", &text, Limits::default()).await;
        assert_eq!((upload.state, upload.counts.lines), (UploadState::Done, 3), "{text:?}");
        assert_eq!(messages(&world), ["a", "b", "c"], "{text:?}");
    }
    let utf16: Vec<u8> = "\u{feff}größe\r\nb\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (_, world) = upload("auto", &utf16, Limits::default()).await;
    assert_eq!(messages(&world), ["b", "größe"]);
}

#[tokio::test]
async fn times_out_of_bounds_are_dead_and_missing_ones_are_the_uploads() {
    let text = br#"{"message":"own","@timestamp":"2026-11-20T10:00:00Z"}
{"message":"future","@timestamp":"2027-01-01T00:00:00Z"}
{"message":"past","@timestamp":"1970-01-01T00:00:00Z"}
{"message":"odd","@timestamp":"noon"}
{"message":"missing"}
"#;
    let (upload, world) = upload("json", text, Limits::default()).await;
    assert_eq!((upload.state, upload.counts.indexed, upload.counts.dead), (UploadState::Done, 2, 3));
    let reasons: Vec<_> =
        upload.error_sample.iter().map(|sample| (sample.line, sample.reason.as_str())).collect();
    assert!(reasons[0].1.contains("a day ahead") && reasons[0].0 == 2, "{reasons:?}");
    assert!(reasons[1].1.contains("20 years back"), "{reasons:?}");
    assert!(reasons[2].1.contains("cannot read the time \"noon\""), "{reasons:?}");
    let indices = by_index(&world);
    assert_eq!(
        indices.keys().collect::<Vec<_>>(),
        ["ecommerce-logs-2026.11.20", "ecommerce-logs-2026.11.21"]
    );
    assert_eq!(
        world.events()[1]["_source"]["@timestamp"],
        upload.created_at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
    );
}

#[tokio::test]
async fn json_that_breaks_off_keeps_what_came_before() {
    for (text, indexed, dead, part) in [
        ("[{\"message\":\"a\"},{\"message\":\"b\"},{\"mess", 2, 0, "no end"),
        ("[{\"message\":\"a\"} {\"message\":\"b\"}]", 1, 0, "expected `,` or `]`"),
    ] {
        let (upload, _) = upload("json", text.as_bytes(), Limits::default()).await;
        assert_eq!(
            (upload.state, upload.counts.indexed, upload.counts.dead),
            (UploadState::Failed, indexed, dead)
        );
        assert!(error(&upload).contains(part), "{upload:?}");
    }
    let text = b"{\"message\":\"a\"}\nnot json\n[1]\n{\"message\":\"b\"}\n{\"message\":";
    let (upload, world) = upload("json", text, Limits::default()).await;
    assert_eq!((upload.state, upload.counts.indexed, upload.counts.dead), (UploadState::Done, 2, 3));
    assert_eq!(messages(&world), ["a", "b"]);
}

#[tokio::test]
async fn deep_and_wide_json_is_survived() {
    let deep =
        format!("{{\"a\":{}1{}}}\n{{\"message\":\"fine\"}}\n", "[".repeat(100_000), "]".repeat(100_000));
    let (upload, world) = upload("json", deep.as_bytes(), Limits::default()).await;
    assert_eq!((upload.counts.indexed, upload.counts.dead), (1, 1));
    assert_eq!(messages(&world), ["fine"]);
}

#[tokio::test]
async fn an_empty_file_is_done() {
    for bytes in [b"".as_slice(), b"\n\n", &gzip(b""), b"[]"] {
        let (upload, _) = upload("auto", bytes, Limits::default()).await;
        assert_eq!(
            (upload.state, upload.counts.lines, upload.error),
            (UploadState::Done, 0, None),
            "{bytes:?}"
        );
        assert_eq!(upload.progress, 1.0);
    }
}

#[tokio::test]
async fn a_file_that_is_cut_while_it_is_sent_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(directory.path());
    let limits = Limits { upload_max_bytes: 1_000, ..Limits::default() };
    let (service, _) = world.service(limits);
    let new = ingest::upload::NewUpload {
        name: "a".into(),
        uploader: "tester".into(),
        pipeline: "auto".into(),
        dataset: None,
    };
    let mut writer = service.begin(new.clone()).await.unwrap();
    writer.write(vec![b'a'; 600].into()).await.unwrap();
    drop(writer);
    let mut writer = service.begin(new).await.unwrap();
    writer.write(vec![b'a'; 600].into()).await.unwrap();
    let refused = writer.write(vec![b'a'; 600].into()).await.unwrap_err();
    assert!(refused.to_string().contains("larger than 1000 bytes"), "{refused}");
    drop(writer);
    assert_eq!((world.blob_count(), world.job_count()), (0, 0));
    assert_eq!(service.list(None, 10).await.unwrap().items, []);
    let files =
        std::fs::read_dir(directory.path()).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_file());
    assert_eq!(files.count(), 0);
}

#[tokio::test]
async fn a_lost_file_fails_clearly() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(directory.path());
    let (service, _) = world.service(Limits::default());
    let upload = send(&service, "a.log", "auto", b"x\n").await;
    std::fs::remove_file(directory.path().join("blobs").join(&upload.id)).unwrap();
    let workers = Workers::start(&service, 1);
    let upload = service.wait(&upload.id).await.unwrap();
    assert_eq!(upload.state, UploadState::Failed);
    assert!(error(&upload).contains("the file is not there"), "{upload:?}");
    workers.stop().await;
}
