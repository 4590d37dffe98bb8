//! What the embedded engine promises beyond the suite: nothing acknowledged is lost.

use super::{event, internal, suite::logs_suite};
use event::Operation;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use store::{
    ErrorKind,
    logs::{
        LogStore, Refresh, WriteEffect, WriteResult,
        embedded::{EmbeddedLogs, EmbeddedOptions},
    },
};

/// Nothing is committed behind the test's back, so that everything must come from the log.
fn quiet() -> EmbeddedOptions {
    EmbeddedOptions { refresh_after: Duration::from_secs(3600), ..EmbeddedOptions::default() }
}

fn open(directory: &Path) -> EmbeddedLogs {
    EmbeddedLogs::open(directory, quiet()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn does_what_every_log_store_does() {
    let directory = tempfile::tempdir().unwrap();
    let logs = EmbeddedLogs::open(directory.path(), EmbeddedOptions::default()).unwrap();
    logs_suite(&logs, &logs).await;
    logs.health().await.unwrap();
    logs.close().await.unwrap();
    let refused = logs.health().await.map_err(|error| error.kind);
    assert_eq!(refused, Err(ErrorKind::Unavailable));
}

#[tokio::test]
async fn writes_become_visible_by_themselves() {
    let directory = tempfile::tempdir().unwrap();
    let logs = EmbeddedLogs::open(directory.path(), EmbeddedOptions::default()).unwrap();
    let batch = vec![event("logs", None, Operation::Create, json!({"a": 1}))];
    logs.write(&internal(), batch, Refresh::Background).await.unwrap();
    let written = std::time::Instant::now();
    while logs.indices(&internal(), &[]).await.unwrap()[0].documents == 0 {
        assert!(written.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// One operation of the model test.
#[derive(Debug, Clone)]
enum Step {
    Write(u8, u8, Operation, i64),
    Refresh,
    /// Close in good order and open.
    Restart,
    /// Leave without a commit, as kill -9 does, and open.
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let operation = prop_oneof![
        Just(Operation::Create),
        Just(Operation::Index),
        Just(Operation::Update),
        Just(Operation::Delete)
    ];
    prop_oneof![
        12 => (0..2_u8, 0..6_u8, operation, 0..100_i64).prop_map(|(i, d, o, v)| Step::Write(i, d, o, v)),
        2 => Just(Step::Refresh),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
    ]
}

/// What an index must hold: version and fields by id.
type Model = BTreeMap<(String, String), (u64, Value)>;

/// Applies a write to the model; what the store must answer.
fn expect(
    model: &mut Model,
    key: (String, String),
    operation: Operation,
    value: i64,
) -> Result<WriteEffect, ErrorKind> {
    let fields = json!({ "v": value });
    let there = model.get(&key).cloned();
    match (operation, there) {
        (Operation::Create, Some(_)) => Err(ErrorKind::Conflict),
        (Operation::Update, None) => Err(ErrorKind::NotFound),
        (Operation::Delete, None) => Ok(WriteEffect::NotFound),
        (Operation::Delete, Some(_)) => {
            model.remove(&key);
            Ok(WriteEffect::Deleted)
        }
        (Operation::Update, Some((_, old))) if old == fields => Ok(WriteEffect::Noop),
        (_, Some((version, _))) => {
            model.insert(key, (version + 1, fields));
            Ok(WriteEffect::Updated)
        }
        (_, None) => {
            model.insert(key, (1, fields));
            Ok(WriteEffect::Created)
        }
    }
}

async fn check_model(logs: &EmbeddedLogs, model: &Model) {
    for index in 0..2 {
        for id in 0..6 {
            let (index, id) = (format!("model-{index}"), id.to_string());
            let found = match logs.get(&internal(), &index, &id).await {
                Err(error) if error.kind == ErrorKind::NotFound => None,
                found => found.unwrap(),
            };
            let found = found.map(|document| Value::Object(document.source.unwrap()));
            let expected = model.get(&(index.clone(), id.clone())).map(|(_, fields)| fields.clone());
            assert_eq!(found, expected, "{index} {id}");
        }
    }
}

async fn run_model(steps: Vec<Step>) {
    let directory = tempfile::tempdir().unwrap();
    let mut logs = open(directory.path());
    let mut model = Model::new();
    // A delete does not make an index, and so the indices are there from the start.
    for index in ["model-0", "model-1"] {
        for operation in [Operation::Index, Operation::Delete] {
            super::write_one(&logs, event(index, Some("first"), operation, json!({}))).await;
        }
    }
    for step in steps {
        match step {
            Step::Write(index, id, operation, value) => {
                let (index, id) = (format!("model-{index}"), id.to_string());
                let event = event(&index, Some(&id), operation, json!({ "v": value }));
                let result = super::write_one(&logs, event).await;
                let got = match result {
                    WriteResult::Written { effect, .. } => Ok(effect),
                    WriteResult::Refused { kind, .. } => Err(kind),
                };
                assert_eq!(got, expect(&mut model, (index, id), operation, value));
            }
            Step::Refresh => logs.refresh(&internal(), &[]).await.unwrap(),
            Step::Restart => {
                logs.close().await.unwrap();
                drop(logs);
                logs = open(directory.path());
            }
            Step::Crash => {
                drop(logs);
                logs = open(directory.path());
            }
        }
        check_model(&logs, &model).await;
    }
    logs.refresh(&internal(), &[]).await.unwrap();
    check_model(&logs, &model).await;
    let documents: u64 =
        logs.indices(&internal(), &[]).await.unwrap().iter().map(|index| index.documents).sum();
    assert_eq!(documents, model.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_a_model_through_restarts_and_crashes(steps in prop::collection::vec(step(), 1..40)) {
        tokio::runtime::Runtime::new().unwrap().block_on(run_model(steps));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_lose_and_double_nothing() {
    const WRITERS: usize = 8;
    const BATCHES: usize = 20;
    const EVENTS: usize = 25;
    let directory = tempfile::tempdir().unwrap();
    let logs = Arc::new(EmbeddedLogs::open(directory.path(), EmbeddedOptions::default()).unwrap());
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let logs = logs.clone();
            tokio::spawn(async move {
                let mut seen = Vec::new();
                for batch in 0..BATCHES {
                    // Each document is offered by two writers; one of them gets it.
                    let id = |n: usize| format!("{}-{batch}-{n}", writer / 2);
                    let batch = (0..EVENTS)
                        .map(|n| {
                            event(
                                "shared",
                                Some(&id(n)),
                                Operation::Create,
                                json!({"writer": writer, "n": n}),
                            )
                        })
                        .collect();
                    seen.extend(logs.write(&internal(), batch, Refresh::Background).await.unwrap());
                }
                seen
            })
        })
        .collect();
    let mut sequence = Vec::new();
    for writer in writers {
        for result in writer.await.unwrap() {
            match result {
                WriteResult::Written { seq_no, .. } => sequence.push(seq_no.seq_no),
                WriteResult::Refused { kind, .. } => assert_eq!(kind, ErrorKind::Conflict),
            }
        }
    }
    let distinct = WRITERS / 2 * BATCHES * EVENTS;
    sequence.sort_unstable();
    assert_eq!(sequence, (0..distinct as u64).collect::<Vec<_>>());
    drop(logs);
    let logs = open(directory.path());
    assert_eq!(logs.indices(&internal(), &[]).await.unwrap()[0].documents, distinct as u64);
}

fn log_files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(directory.join("wal")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_damaged_tail_leaves_a_prefix_and_the_store_starts() {
    let directory = tempfile::tempdir().unwrap();
    let logs = open(directory.path());
    for n in 0..20 {
        super::write_one(&logs, event("logs", Some(&n.to_string()), Operation::Create, json!({ "n": n })))
            .await;
    }
    drop(logs);
    let file = log_files(directory.path()).pop().unwrap();
    let mut content = fs::read(&file).unwrap();
    let at = content.len() / 2;
    content[at] ^= 4;
    fs::write(&file, content).unwrap();
    let logs = open(directory.path());
    let mut kept = 0;
    for n in 0..20 {
        let there = logs.get(&internal(), "logs", &n.to_string()).await.unwrap().is_some();
        assert!(!there || kept == n, "a gap before {n}");
        kept += u32::from(there);
    }
    assert!((1..20).contains(&kept), "{kept}");
    super::write_one(&logs, event("logs", Some("new"), Operation::Create, json!({}))).await;
}

#[tokio::test]
async fn the_log_is_let_go_once_everything_is_committed() {
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions { log_segment_max_bytes: 1, ..EmbeddedOptions::default() };
    let logs = EmbeddedLogs::open(directory.path(), options).unwrap();
    for n in 0..10 {
        let index = if n == 0 { "other" } else { "logs" };
        super::write_one(&logs, event(index, None, Operation::Create, json!({ "n": n }))).await;
    }
    logs.close().await.unwrap();
    assert!(log_files(directory.path()).len() <= 1, "{:?}", log_files(directory.path()));
    drop(logs);
    let logs = open(directory.path());
    let documents: u64 =
        logs.indices(&internal(), &[]).await.unwrap().iter().map(|index| index.documents).sum();
    assert_eq!(documents, 10);
}

#[tokio::test]
async fn half_made_and_half_removed_indices_are_cleared_away() {
    let directory = tempfile::tempdir().unwrap();
    let logs = open(directory.path());
    super::write_one(&logs, event("kept", Some("1"), Operation::Create, json!({}))).await;
    super::write_one(&logs, event("removed", Some("1"), Operation::Create, json!({}))).await;
    logs.delete_index(&internal(), "removed").await.unwrap();
    drop(logs);
    let half = directory.path().join("indices").join("half");
    fs::create_dir_all(half.join("generation-0000")).unwrap();
    fs::write(half.join("mapping.json"), "{}").unwrap();
    let logs = open(directory.path());
    let names: Vec<_> =
        logs.indices(&internal(), &[]).await.unwrap().into_iter().map(|index| index.name).collect();
    assert_eq!(names, ["kept"]);
    assert!(!half.exists());
}
