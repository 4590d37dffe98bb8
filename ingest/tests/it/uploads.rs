//! What an upload does for the people who send and watch it, and the other doors.

use crate::world::{MENDED, Workers, World, lines, messages, process, send};
use futures::StreamExt;
use ingest::{
    dead_letters::{DeadLetterFilter, ReplayTarget, Stage},
    decode::Limits,
    intake::{IntakeError, ItemOutcome, Record},
    upload::{NewUpload, UploadError, UploadState},
};
use serde_json::{Value, json};
use tempfile::TempDir;

fn fresh() -> (TempDir, std::sync::Arc<World>) {
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(directory.path());
    (directory, world)
}

fn object(value: Value) -> Record {
    Record::Object(serde_json::from_value(value).unwrap())
}

#[tokio::test]
async fn a_file_becomes_events() {
    let (_directory, world) = fresh();
    let (service, _) = world.service(Limits::default());
    let workers = Workers::start(&service, 1);
    let upload = process(&service, "day\n.log", "auto", b"one\ndrop me\ntwo 4111111111111111\n").await;
    assert_eq!(
        serde_json::to_value(&upload).unwrap(),
        json!({
            "id": upload.id, "name": "day.log", "size": 33,
            "sha256": "736039e88fef4e3f76628bc348ef71179f703ad8e678e3a46547582f6e09ceee", "state": "done",
            "pipeline": "text", "dataset": null, "uploader": "tester", "lines": 3, "indexed": 2, "duplicates": 0,
            "dead": 0, "dropped": 1, "bytes_read": 33, "bytes_total": 33, "progress": 1.0,
            "created_at": upload.created_at, "finished_at": upload.finished_at, "error": null, "error_sample": [],
        })
    );
    assert!(upload.finished_at > Some(upload.created_at));
    let event = &world.events()[1];
    let source = &event["_source"];
    assert_eq!(event["_index"], "ecommerce-logs-2026.11.21");
    assert_eq!(source["message"], "two card:****1111");
    assert_eq!(source["log"], json!({"file": {"path": "day.log"}, "offset": 12}));
    assert_eq!(source["event"]["id"], event["_id"]);
    assert!(source["event"]["ingested"].is_string());
    workers.stop().await;
}

#[tokio::test]
async fn the_same_file_again_adds_nothing() {
    let (_directory, world) = fresh();
    let (service, _) = world.service(Limits::default());
    let workers = Workers::start(&service, 1);
    let text = [lines(50), b"a bad line\n".to_vec()].concat();
    let first = process(&service, "a.log", "strict", &text).await;
    assert_eq!((first.counts.indexed, first.counts.dead), (50, 1));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &text).unwrap();
    for again in [text, packed.finish().unwrap()] {
        let again = process(&service, "b.log", "strict", &again).await;
        let counts = again.counts;
        assert_eq!(again.state, UploadState::Done);
        assert_eq!((counts.lines, counts.indexed, counts.duplicates, counts.dead), (51, 0, 50, 1));
    }
    assert_eq!(world.events().len(), 50);
    assert_eq!(service.count_dead_letters(&DeadLetterFilter::default()).await.unwrap(), 1);
    workers.stop().await;
}

#[tokio::test]
async fn progress_is_shown_until_the_end() {
    let (_directory, world) = fresh();
    let (service, _) = world.service(Limits { batch_max_events: 10, ..Limits::default() });
    let upload = send(&service, "a.log", "auto", &lines(200)).await;
    let watch = service.watch(&upload.id).await.unwrap();
    let workers = Workers::start(&service, 1);
    let states: Vec<_> = watch.collect().await;
    assert_eq!(states[0].state, UploadState::Queued);
    let last = states.last().unwrap();
    assert_eq!((last.state, last.counts.indexed, last.progress), (UploadState::Done, 200, 1.0));
    assert!(states.is_sorted_by(|a, b| a.progress <= b.progress));
    let again: Vec<_> = service.watch(&upload.id).await.unwrap().collect().await;
    assert_eq!(again.len(), 1);
    assert!(matches!(service.watch("nope").await.err(), Some(UploadError::NotFound(_))));
    workers.stop().await;
}

#[tokio::test]
async fn uploads_are_listed_newest_first_and_deleted() {
    let (_directory, world) = fresh();
    let (service, _) = world.service(Limits::default());
    for n in 0..5 {
        send(&service, &format!("{n}.log"), "strict", format!("bad {n}\n").as_bytes()).await;
    }
    let first = service.list(None, 3).await.unwrap();
    let second = service.list(first.next_cursor.as_deref(), 3).await.unwrap();
    let names: Vec<_> = first.items.iter().chain(&second.items).map(|upload| upload.name.as_str()).collect();
    assert_eq!(names, ["4.log", "3.log", "2.log", "1.log", "0.log"]);
    assert_eq!(second.next_cursor, None);
    // One that waits, and one that is done.
    service.delete(&first.items[0].id).await.unwrap();
    let workers = Workers::start(&service, 2);
    let done = service.wait(&second.items[1].id).await.unwrap();
    service.delete(&done.id).await.unwrap();
    for id in [&first.items[0].id, &done.id] {
        assert!(matches!(service.get(id).await, Err(UploadError::NotFound(_))));
        assert!(matches!(service.delete(id).await, Err(UploadError::NotFound(_))));
    }
    for upload in &first.items[1..] {
        service.wait(&upload.id).await.unwrap();
    }
    service.wait(&second.items[0].id).await.unwrap();
    workers.stop().await;
    assert_eq!(service.count_dead_letters(&DeadLetterFilter::default()).await.unwrap(), 3);
    assert_eq!((world.blob_count(), world.job_count()), (0, 0));
}

#[tokio::test]
async fn impossible_uploads_are_refused_at_once() {
    let (_directory, world) = fresh();
    let (service, _) = world.service(Limits::default());
    let new = |pipeline: &str, dataset: Option<&str>| NewUpload {
        name: "a".into(),
        uploader: "tester".into(),
        pipeline: pipeline.into(),
        dataset: dataset.map(Into::into),
    };
    let unknown = service.begin(new("nope", None)).await.err().unwrap();
    assert_eq!(
        unknown.to_string(),
        "there is no pipeline \"nope\"; name one of the listed pipelines or `auto`"
    );
    assert!(matches!(
        service.begin(new("text", Some("A B"))).await.err(),
        Some(UploadError::InvalidDataset(_))
    ));
    assert_eq!(world.blob_count(), 0);
}

#[tokio::test]
async fn the_dataset_chooses_the_pipeline_and_is_put_into_events() {
    let (_directory, world) = fresh();
    let (service, _) = world.service(Limits::default());
    let workers = Workers::start(&service, 1);
    let new = NewUpload {
        name: "a".into(),
        uploader: "tester".into(),
        pipeline: "auto".into(),
        dataset: Some("strict.dataset".into()),
    };
    let mut writer = service.begin(new).await.unwrap();
    writer.write(b"good\nbad\n".as_slice().into()).await.unwrap();
    let upload = writer.finish().await.unwrap();
    let upload = service.wait(&upload.id).await.unwrap();
    assert_eq!((upload.pipeline.as_str(), upload.counts.indexed, upload.counts.dead), ("strict", 1, 1));
    assert_eq!(world.events()[0]["_source"]["event"]["dataset"], "strict.dataset");
    workers.stop().await;
}

#[tokio::test]
async fn dead_letters_tell_why_and_are_replayed() {
    let (_directory, world) = fresh();
    let (service, _) = world.service(Limits::default());
    let workers = Workers::start(&service, 1);
    let text = b"good\nbad 4111111111111111\nbad again\n";
    let upload = process(&service, "a.log", "strict-replay", text).await;
    assert_eq!((upload.counts.indexed, upload.counts.dead), (1, 2));
    assert_eq!(upload.error_sample[0].line, 2);
    let filter = DeadLetterFilter { upload: Some(upload.id.clone()), pipeline: None };
    let page = service.dead_letters(&filter, None, 1).await.unwrap();
    assert!(page.next_cursor.is_some());
    let rest = service.dead_letters(&filter, page.next_cursor.as_deref(), 1).await.unwrap();
    let mut all = [page.items, rest.items].concat();
    all.sort_by_key(|letter| letter.line);
    let letter = &all[0];
    assert_eq!((letter.line, letter.offset, letter.stage), (2, 5, Stage::Pipeline));
    assert_eq!((letter.processor.as_deref(), letter.tag.as_deref()), (Some("grok"), Some("line")));
    assert_eq!(letter.original, "bad card:****1111");
    assert!(!letter.reason.contains("4111111111111111"), "{}", letter.reason);

    let report = service.replay(ReplayTarget::Upload(upload.id.clone())).await.unwrap();
    assert_eq!((report.replayed, report.indexed, report.dead), (2, 0, 2));
    MENDED.lock().get_or_insert_default().insert("strict-replay".into());
    let one = service.replay(ReplayTarget::Ids(vec![letter.id.clone(), "nope".into()])).await.unwrap();
    assert_eq!((one.replayed, one.indexed, one.dead), (1, 1, 0));
    let report = service.replay(ReplayTarget::Upload(upload.id.clone())).await.unwrap();
    assert_eq!((report.replayed, report.indexed, report.dead), (1, 1, 0));
    assert_eq!(service.count_dead_letters(&filter).await.unwrap(), 0);
    let counts = service.get(&upload.id).await.unwrap().counts;
    assert_eq!((counts.lines, counts.indexed, counts.dead), (3, 3, 0));
    assert_eq!(messages(&world), ["bad again", "bad card:****1111", "good"]);
    let ids: Vec<_> = world.events().iter().map(|event| event["_id"].clone()).collect();
    assert!(ids.contains(&json!(letter.id)));
    // Times of records without time do not change by a replay.
    let times: Vec<_> = world.events().iter().map(|event| event["_source"]["@timestamp"].clone()).collect();
    assert!(times.iter().all(|time| *time == times[0]), "{times:?}");
    workers.stop().await;
}

#[tokio::test]
async fn a_zip_is_read_file_by_file() {
    let (_directory, world) = fresh();
    let (service, _) = world.service(Limits::default());
    let workers = Workers::start(&service, 1);
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in [
        ("a.log", b"one\ntwo\n".as_slice()),
        ("b.json", b"[{\"message\":\"three\"},{\"message\":\"four\"}]"),
        ("copy of a.log", b"one\ntwo\n"),
    ] {
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut writer, bytes).unwrap();
    }
    let upload = process(&service, "a.zip", "auto", &writer.finish().unwrap().into_inner()).await;
    assert_eq!(upload.state, UploadState::Done);
    assert_eq!((upload.counts.lines, upload.counts.indexed, upload.counts.duplicates), (6, 4, 2));
    assert_eq!(messages(&world), ["four", "one", "three", "two"]);
    workers.stop().await;
}

#[tokio::test]
async fn requests_take_the_same_way() {
    let (_directory, world) = fresh();
    let (_, intake) = world.service(Limits::default());
    let payment = json!({
        "event": {"dataset": "ecommerce.transaction"}, "message": "paid",
        "ecommerce": {"transaction": {"id": "t1"}},
    });
    let records = vec![
        object(payment.clone()),
        object(payment),
        object(json!({"message": "drop me"})),
        object(json!({"message": "x", "refuse": true})),
        object(json!({"message": "late", "@timestamp": "2001-01-01T00:00:00Z"})),
        object(json!({"message": "mine", "event": {"id": "own"}})),
        Record::Line("no JSON".into()),
    ];
    let report = intake.submit(records, Some("json")).await.unwrap();
    assert_eq!((report.indexed, report.duplicates, report.dead, report.dropped), (2, 1, 3, 1));
    let outcomes: Vec<_> = report.items.iter().map(|item| item.outcome).collect();
    use ItemOutcome::*;
    assert_eq!(outcomes, [Indexed, Duplicate, Dropped, Dead, Dead, Indexed, Dead]);
    assert_eq!(report.items[0].id, report.items[1].id);
    assert_eq!(report.items[3].reason.as_deref(), Some("refused as asked"));
    assert_eq!(report.items[0].index.as_deref(), Some("ecommerce-logs-2026.11.21"));
    assert_eq!(world.events()[1]["_source"]["labels"]["event_id"], "own");
    assert_eq!(
        serde_json::to_value(&report).unwrap(),
        json!({"indexed": 2, "duplicates": 1, "dead": 3, "dropped": 1, "pipeline": "json"})
    );
}

#[tokio::test]
async fn bodies_are_read_as_files_are() {
    let (_directory, world) = fresh();
    let (_, intake) = world.service(Limits::default());
    for (body, pipeline, lines) in [
        (b"one\ntwo\r\n\n".to_vec(), "text", 2),
        (b"{\"message\":\"a\"}\n{\"message\":\"b\"}\n".to_vec(), "json", 2),
        (b"[{\"message\":\"a\"},\n{\"message\":\"b\"}]".to_vec(), "json", 2),
        (b"".to_vec(), "text", 0),
        (crate::world::lines(10_000), "text", 10_000),
    ] {
        let report = intake.submit_body(body.into(), None).await.unwrap();
        assert_eq!((report.pipeline.as_str(), report.indexed), (pipeline, lines));
    }
    let before = world.events().len();
    let broken = intake.submit_body(b"[{\"message\":\"a\"},".as_slice().into(), None).await.unwrap_err();
    assert!(matches!(&broken, IntakeError::Malformed(reason) if reason.contains("no end")), "{broken}");
    let binary = intake.submit_body(vec![0; 100].into(), Some("text")).await.unwrap_err();
    assert!(matches!(binary, IntakeError::Malformed(_)));
    let unknown = intake.submit_body(b"x".as_slice().into(), Some("nope")).await.unwrap_err();
    assert!(matches!(unknown, IntakeError::UnknownPipeline(_)));
    assert_eq!(world.events().len(), before);
}
