//! What only the inside can test: faults of the disk, the index's own state.

mod lifecycle;

use super::{EmbeddedLogs, EmbeddedOptions, wal::tests::FaultyDisk};
use crate::{
    ErrorKind, StoreError,
    logs::{IndexAdmin, LogStore, Refresh, TemplateKind, WriteResult},
    scope::Scope,
};
use event::{Event, Operation, Origin};
use serde_json::{Value, json};
use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

fn event(index: &str, id: &str, fields: Value) -> Event {
    let Value::Object(fields) = fields else { unreachable!("tests write objects") };
    let mut event = Event::new(fields, Origin::Request);
    event.metadata.index = Some(Arc::from(index));
    event.metadata.id = Some(id.to_owned());
    event
}

fn scope() -> Scope {
    Scope::internal("test")
}

async fn create(logs: &EmbeddedLogs, id: &str) -> Result<WriteResult, StoreError> {
    let batch = vec![event("logs", id, json!({"n": 1, "text": "hello"}))];
    logs.write(&scope(), batch, Refresh::Background).await.map(|mut results| results.remove(0))
}

/// Tries until the store takes writes again.
async fn create_when_possible(logs: &EmbeddedLogs, id: &str) -> WriteResult {
    let start = Instant::now();
    loop {
        match create(logs, id).await {
            Ok(result @ WriteResult::Written { .. }) => return result,
            other => assert!(start.elapsed() < Duration::from_secs(20), "{other:?}"),
        }
        tokio::task::yield_now().await;
    }
}

async fn exists(logs: &EmbeddedLogs, id: &str) -> bool {
    logs.get(&scope(), "logs", id).await.unwrap().is_some()
}

fn faulty(directory: &Path) -> (EmbeddedLogs, FaultyDisk) {
    let disk = FaultyDisk::default();
    let handle = disk.clone();
    (EmbeddedLogs::open_on(directory, EmbeddedOptions::default(), Arc::new(disk)).unwrap(), handle)
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (logs, disk) = faulty(directory.path());
    assert!(matches!(create(&logs, "before").await, Ok(WriteResult::Written { .. })));
    disk.full.store(true, Ordering::SeqCst);
    let error = create(&logs, "refused").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Full);
    assert!(error.retry_after.is_some());
    assert_eq!(logs.health().await.unwrap_err().kind, ErrorKind::Full);
    disk.full.store(false, Ordering::SeqCst);
    create_when_possible(&logs, "after").await;
    logs.health().await.unwrap();
    assert!(exists(&logs, "before").await && exists(&logs, "after").await && !exists(&logs, "refused").await);
    // The id was never taken.
    create_when_possible(&logs, "refused").await;
    drop(logs);
    let logs = EmbeddedLogs::open(directory.path(), EmbeddedOptions::default()).unwrap();
    for id in ["before", "after", "refused"] {
        assert!(exists(&logs, id).await, "{id}");
    }
    assert_eq!(logs.indices(&scope(), &[]).await.unwrap()[0].documents, 3);
}

#[tokio::test]
async fn a_failed_fsync_is_never_an_acknowledgement() {
    let directory = tempfile::tempdir().unwrap();
    let (logs, disk) = faulty(directory.path());
    create(&logs, "before").await.unwrap();
    disk.sync_fails.store(true, Ordering::SeqCst);
    assert_eq!(create(&logs, "lost").await.unwrap_err().kind, ErrorKind::Internal);
    disk.sync_fails.store(false, Ordering::SeqCst);
    create_when_possible(&logs, "after").await;
    drop(logs);
    let logs = EmbeddedLogs::open(directory.path(), EmbeddedOptions::default()).unwrap();
    assert!(exists(&logs, "before").await && exists(&logs, "after").await && !exists(&logs, "lost").await);
}

#[tokio::test]
async fn an_update_after_a_failure_builds_on_what_is_durable() {
    let directory = tempfile::tempdir().unwrap();
    let (logs, disk) = faulty(directory.path());
    create(&logs, "a").await.unwrap();
    let update = |fields: Value| {
        let mut event = event("logs", "a", fields);
        event.metadata.operation = Operation::Update;
        vec![event]
    };
    disk.full.store(true, Ordering::SeqCst);
    assert!(logs.write(&scope(), update(json!({"lost": true})), Refresh::Background).await.is_err());
    disk.full.store(false, Ordering::SeqCst);
    let start = Instant::now();
    loop {
        let written = logs.write(&scope(), update(json!({"n": 2})), Refresh::Background).await;
        if matches!(written.as_deref(), Ok([WriteResult::Written { version: 2, .. }])) {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{written:?}");
    }
    let source = logs.get(&scope(), "logs", "a").await.unwrap().unwrap().source;
    assert_eq!(Value::Object(source.unwrap()), json!({"n": 2, "text": "hello"}));
}

#[tokio::test]
async fn a_new_field_that_needs_a_place_opens_a_generation() {
    let directory = tempfile::tempdir().unwrap();
    let logs = EmbeddedLogs::open(directory.path(), EmbeddedOptions::default()).unwrap();
    let template = json!({"index_patterns": ["logs"], "template": {"mappings": {"dynamic_templates": [
        {"ips": {"match": "*_ip", "mapping": {"type": "ip"}}}]}}});
    logs.put_template(&scope(), TemplateKind::Index, "t", template, false).await.unwrap();
    let write = |id: &str, fields: Value, operation| {
        let mut event = event("logs", id, fields);
        event.metadata.operation = operation;
        logs.write_one(event)
    };
    write("old", json!({"n": 1}), Operation::Index).await;
    write("new", json!({"n": 1, "client_ip": "10.0.0.1"}), Operation::Index).await;
    // Moves from the old generation to the new one.
    write("old", json!({"n": 2, "client_ip": "10.0.0.2"}), Operation::Index).await;
    let state = logs.engine.state(&logs.engine.registry.get("logs").unwrap()).unwrap();
    let snapshot = state.snapshot();
    let documents: Vec<_> = snapshot.generations.iter().map(|g| g.searcher.num_docs()).collect();
    assert_eq!(documents, [0, 2]);
    assert!(snapshot.generations[0].resolve(&snapshot.mapping, "client_ip").is_none());
    assert!(snapshot.generations[1].resolve(&snapshot.mapping, "client_ip").is_some());
    drop((state, snapshot));
    drop(logs);
    let logs = EmbeddedLogs::open(directory.path(), EmbeddedOptions::default()).unwrap();
    assert_eq!(logs.indices(&scope(), &[]).await.unwrap()[0].documents, 2);
    assert_eq!(logs.get(&scope(), "logs", "old").await.unwrap().unwrap().version, 2);
}

impl EmbeddedLogs {
    async fn write_one(&self, event: Event) {
        let results = self.write(&scope(), vec![event], Refresh::Now).await.unwrap();
        assert!(matches!(results[0], WriteResult::Written { .. }), "{results:?}");
    }
}

/// A clock that the test moves, in milliseconds.
fn moved_clock() -> (Arc<std::sync::atomic::AtomicI64>, EmbeddedOptions) {
    let now_ms = Arc::new(std::sync::atomic::AtomicI64::new(1_795_219_200_000));
    let clock = {
        let now_ms = now_ms.clone();
        move || event::Timestamp::from_millisecond(now_ms.load(Ordering::SeqCst)).unwrap()
    };
    (now_ms, EmbeddedOptions { clock: Arc::new(clock), ..EmbeddedOptions::default() })
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn names(logs: &EmbeddedLogs) -> Vec<String> {
    logs.engine.registry.all().iter().map(|slot| slot.identity.name.clone()).collect()
}

/// Waits until the background has looked for aged indices once, and found nothing: it must not come between.
async fn first_round(logs: &EmbeddedLogs) {
    while logs.engine.has_never_aged() {
        tokio::task::yield_now().await;
    }
}

/// Nothing that goes on with the indices behind an alias or data stream is a reason to refuse a write by its name.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_by_name_are_taken_while_their_indices_come_and_go() {
    const WRITES: usize = 60;
    let directory = tempfile::tempdir().unwrap();
    let (_, options) = moved_clock();
    let logs = Arc::new(EmbeddedLogs::open(directory.path(), options).unwrap());
    let template = json!({"index_patterns": ["rows-*"], "data_stream": {}});
    logs.put_template(&scope(), TemplateKind::Index, "rows", template, false).await.unwrap();
    for (index, alias) in [("explicit-000001", json!({"is_write_index": true})), ("only-000001", json!({}))] {
        let (name, _) = index.split_once('-').unwrap();
        logs.create_index(&scope(), index, json!({"aliases": {name: alias}})).await.unwrap();
    }
    logs.create_data_stream(&scope(), "rows-app").await.unwrap();
    let targets = ["explicit", "only", "rows-app"];
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let movers: Vec<_> = (0..2)
        .map(|_| {
            let (logs, done) = (logs.clone(), done.clone());
            std::thread::spawn(move || {
                let mut rounds = 0;
                while rounds < 8 && !done.load(Ordering::SeqCst) {
                    for target in targets {
                        let request =
                            crate::logs::Rollover { target: target.to_owned(), ..Default::default() };
                        logs.engine.rollover(&scope(), request).unwrap();
                    }
                    rounds += 1;
                    for slot in logs.engine.registry.all() {
                        if let Ok(state) = logs.engine.state(&slot) {
                            state.schedule_merge_into_one();
                        }
                    }
                    logs.engine.age_indices();
                }
                rounds
            })
        })
        .collect();
    let writers = targets.map(|target| {
        let logs = logs.clone();
        tokio::spawn(async move {
            for n in 0..WRITES {
                let fields = json!({"@timestamp": "2026-11-20T00:00:00Z", "n": n});
                logs.write_one(event(target, &format!("{target}-{n}"), fields)).await;
            }
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    let rounds: usize = movers.into_iter().map(|mover| mover.join().unwrap()).sum();
    assert!(rounds > 0);
    logs.refresh(&scope(), &["*".to_owned(), ".ds-*".to_owned()]).await.unwrap();
    let all = logs.indices(&scope(), &["*".to_owned(), ".ds-*".to_owned()]).await.unwrap();
    assert_eq!(all.iter().map(|index| index.documents).sum::<u64>(), 3 * WRITES as u64);
}

/// An alias whose only index is being removed leads to it or to nothing, never to nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_by_an_alias_is_taken_while_its_index_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let logs = Arc::new(EmbeddedLogs::open(directory.path(), EmbeddedOptions::default()).unwrap());
    for round in 0..20 {
        let (index, alias) = (format!("held-{round}"), format!("name-{round}"));
        logs.create_index(&scope(), &index, json!({"aliases": {alias.as_str(): {}}})).await.unwrap();
        let remover = {
            let logs = logs.clone();
            std::thread::spawn(move || logs.engine.remove_index(&index).unwrap())
        };
        for n in 0..10 {
            logs.write_one(event(&alias, &n.to_string(), json!({"n": n}))).await;
        }
        assert!(remover.join().unwrap());
    }
}

#[tokio::test]
async fn closed_indices_outside_of_the_span_of_a_search_stay_closed() {
    let directory = tempfile::tempdir().unwrap();
    let (_, options) = moved_clock();
    let logs = EmbeddedLogs::open(directory.path(), options.clone()).unwrap();
    let template = json!({"index_patterns": ["shop-*"], "template": {"mappings": {"properties": {
        "@timestamp": {"type": "date"}}}}});
    logs.put_template(&scope(), TemplateKind::Index, "t", template, false).await.unwrap();
    for day in 10..20 {
        let fields = json!({"@timestamp": format!("2026-11-{day}T10:00:00Z")});
        logs.write_one(event(&format!("shop-2026.11.{day}"), "1", fields)).await;
    }
    logs.close().await.unwrap();
    drop(logs);
    let logs = EmbeddedLogs::open(directory.path(), options).unwrap();
    let body =
        json!({"query": {"range": {"@timestamp": {"gte": "2026-11-12", "lte": "2026-11-13T12:00:00Z"}}}});
    let Value::Object(body) = body else { unreachable!("an object") };
    let request = crate::logs::SearchRequest { body, ..Default::default() };
    let response = logs.search(&scope(), request).await.unwrap();
    assert_eq!((response.hits.len(), response.indices), (2, 10));
    assert_eq!(logs.engine.registry.open_states().len(), 2);
}

#[tokio::test]
async fn old_documents_are_compressed_harder_once() {
    let directory = tempfile::tempdir().unwrap();
    let (now_ms, options) = moved_clock();
    let logs = EmbeddedLogs::open(directory.path(), options.clone()).unwrap();
    first_round(&logs).await;
    let name = "shop-2026.11.20";
    let fields = |n: u64| {
        let (article, page) = (n * 7_919 % 997, n * 104_729 % 61);
        json!({"@timestamp": "2026-11-20T10:00:00Z", "n": n,
            "text": format!("visit of /shop/kettle-{article} after /category/things?page={page} on a phone")})
    };
    for part in 0..4 {
        let batch =
            (part * 2_000..(part + 1) * 2_000).map(|n| event(name, &n.to_string(), fields(n))).collect();
        logs.write(&scope(), batch, Refresh::Now).await.unwrap();
    }
    logs.write_one(Event { metadata: deleting(name, "7"), ..Event::default() }).await;
    let slot = logs.engine.registry.get(name).unwrap();
    // A crash has left something of an earlier attempt.
    let home = directory.path().join("indices").join(slot.identity.uuid.simple().to_string());
    let scratch = home.join("compact.tmp");
    std::fs::create_dir_all(&scratch).unwrap();
    std::fs::write(scratch.join("torn.store"), b"torn").unwrap();
    let before = store_bytes(&home);
    now_ms.fetch_add(8 * DAY_MS, Ordering::SeqCst);
    let started = Instant::now();
    while !slot.is_compact() {
        assert!(started.elapsed() < Duration::from_secs(60), "it is never compressed");
        logs.engine.age_indices();
        tokio::task::yield_now().await;
    }
    let after = store_bytes(&home);
    assert!(after < before, "{after} of {before} bytes");
    assert!(!scratch.exists());
    let check = async |logs: &EmbeddedLogs| {
        for n in [0, 1, 4_321, 7_999] {
            let found = logs.get(&scope(), name, &n.to_string()).await.unwrap().unwrap();
            assert_eq!(found.source.map(Value::Object), Some(fields(n)));
        }
        assert!(logs.get(&scope(), name, "7").await.unwrap().is_none());
    };
    check(&logs).await;
    // What comes later is added, and found.
    logs.write_one(event(name, "late", fields(9))).await;
    logs.close().await.unwrap();
    drop((slot, logs));
    let logs = EmbeddedLogs::open(directory.path(), options).unwrap();
    check(&logs).await;
    assert!(logs.get(&scope(), name, "late").await.unwrap().is_some());
    let state = logs.engine.state(&logs.engine.registry.get(name).unwrap()).unwrap();
    for generation in &state.visible().generations {
        assert!(generation.searcher.index().validate_checksum().unwrap().is_empty());
    }
}

fn deleting(index: &str, id: &str) -> event::Metadata {
    event::Metadata { operation: Operation::Delete, ..event(index, id, json!({})).metadata }
}

fn store_bytes(directory: &Path) -> u64 {
    let files = std::fs::read_dir(directory.join("generation-0000")).unwrap();
    let stores =
        files.map(Result::unwrap).filter(|file| file.path().extension().is_some_and(|e| e == "source"));
    stores.map(|file| file.metadata().unwrap().len()).sum()
}

#[tokio::test]
async fn documents_that_were_never_read_are_kept_and_found_as_others_are() {
    let directory = tempfile::tempdir().unwrap();
    let logs = EmbeddedLogs::open(directory.path(), EmbeddedOptions::default()).unwrap();
    let text = r#"{"a": {"b": "é \n x"}, "n": 1.50, "words": "One two"}"#;
    let unread = |text: &'static str| {
        let mut event = event("logs", "", json!({}));
        event.metadata.id = None;
        event.keep_unread(text.as_bytes().into());
        event
    };
    let batch = vec![unread(text), unread("{\"@timestamp\": \"soon\"}"), unread(text)];
    let results = logs.write(&scope(), batch, Refresh::Background).await.unwrap();
    let id_of = |result| match result {
        WriteResult::Written { id, .. } => Some(id),
        WriteResult::Refused { .. } => None,
    };
    let ids: Vec<Option<String>> = results.into_iter().map(id_of).collect();
    let [Some(first), _, Some(last)] = ids.as_slice() else { panic!("{ids:?}") };
    let get = async |logs: &EmbeddedLogs| {
        for id in [first, last] {
            let found = logs.get(&scope(), "logs", id).await.unwrap().unwrap();
            assert_eq!(Value::Object(found.source.unwrap()), serde_json::from_str::<Value>(text).unwrap());
        }
    };
    let find = async |logs: &EmbeddedLogs| {
        let count = async |query: Value| {
            let Value::Object(body) = json!({"query": query}) else { unreachable!("an object") };
            let request = crate::logs::SearchRequest { body, ..Default::default() };
            logs.search(&scope(), request).await.unwrap().hits.len()
        };
        assert_eq!(count(json!({"match": {"words": "two"}})).await, 2);
        assert_eq!(count(json!({"term": {"a.b.keyword": "é \n x"}})).await, 2);
        assert_eq!(count(json!({"range": {"n": {"gt": 1, "lt": 2}}})).await, 2);
    };
    // As they wait for a commit; from the log; in a commit.
    get(&logs).await;
    drop(logs);
    let logs = EmbeddedLogs::open(directory.path(), EmbeddedOptions::default()).unwrap();
    get(&logs).await;
    find(&logs).await;
    get(&logs).await;
    // A change builds on what is there.
    let mut change = event("logs", first, json!({"n": 7}));
    change.metadata.operation = Operation::Update;
    logs.write_one(change).await;
    let found = logs.get(&scope(), "logs", first).await.unwrap().unwrap();
    assert_eq!((found.version, found.source.unwrap()["n"].clone()), (2, json!(7)));
}
