//! What becomes of indices as they grow old.

use super::{DAY_MS, event, first_round, moved_clock, names, scope};
use crate::logs::{
    IndexAdmin, IndicesOptions, LogStore, Refresh, TemplateKind, WriteResult,
    embedded::{EmbeddedLogs, EmbeddedOptions},
};
use event::Operation;
use serde_json::json;
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

#[tokio::test]
async fn daily_indices_are_merged_and_removed_as_they_grow_old() {
    let directory = tempfile::tempdir().unwrap();
    let (now_ms, options) = moved_clock();
    let logs = EmbeddedLogs::open(directory.path(), options).unwrap();
    for n in 0..3 {
        for index in ["shop-2026.11.20", "config"] {
            logs.write_one(event(index, &n.to_string(), json!({"n": n}))).await;
        }
    }
    let segments = || {
        let state = logs.engine.state(&logs.engine.registry.get("shop-2026.11.20").unwrap()).unwrap();
        let snapshot = state.snapshot();
        snapshot.generations.iter().map(|g| g.searcher.segment_readers().len()).sum::<usize>()
    };
    now_ms.fetch_add(6 * DAY_MS, Ordering::SeqCst);
    logs.engine.age_indices();
    assert_eq!(segments(), 3);
    now_ms.fetch_add(DAY_MS, Ordering::SeqCst);
    let start = Instant::now();
    while segments() > 1 {
        assert!(start.elapsed() < Duration::from_secs(20));
        logs.engine.age_indices();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(logs.indices(&scope(), &["shop-*".to_owned()]).await.unwrap()[0].documents, 3);
    now_ms.fetch_add(82 * DAY_MS, Ordering::SeqCst);
    logs.engine.age_indices();
    assert_eq!(names(&logs), ["config", "shop-2026.11.20"]);
    now_ms.fetch_add(DAY_MS, Ordering::SeqCst);
    logs.engine.age_indices();
    assert_eq!(names(&logs), ["config"]);
}

#[tokio::test]
async fn policies_roll_over_and_remove() {
    let directory = tempfile::tempdir().unwrap();
    let (now_ms, options) = moved_clock();
    let logs = EmbeddedLogs::open(directory.path(), options).unwrap();
    first_round(&logs).await;
    let policy = json!({"policy": {"phases": {"hot": {"actions": {"rollover": {"max_docs": 2}}},
        "delete": {"min_age": "5d", "actions": {"delete": {}}}}}});
    let brief = json!({"policy": {"phases": {"delete": {"min_age": "1d", "actions": {"delete": {}}}}}});
    for (name, policy) in [("rolling", policy), ("brief", brief)] {
        logs.put_template(&scope(), TemplateKind::Lifecycle, name, policy, false).await.unwrap();
    }
    let template = json!({"index_patterns": ["logs-*"], "template": {"settings":
        {"index.lifecycle.name": "rolling", "index.lifecycle.rollover_alias": "logs"}}});
    logs.put_template(&scope(), TemplateKind::Index, "t", template, false).await.unwrap();
    let first = json!({"aliases": {"logs": {"is_write_index": true}}});
    logs.create_index(&scope(), "logs-000001", first).await.unwrap();
    let settings = |name: &str| json!({"settings": {"index.lifecycle.name": name}});
    logs.create_index(&scope(), "short-lived", settings("brief")).await.unwrap();
    // A policy that is not there does nothing.
    logs.create_index(&scope(), "kept-2026.11.20", settings("unknown")).await.unwrap();

    logs.write_one(event("logs", "1", json!({"n": 1}))).await;
    logs.engine.age_indices();
    assert_eq!(names(&logs), ["kept-2026.11.20", "logs-000001", "short-lived"]);
    logs.write_one(event("logs", "2", json!({"n": 2}))).await;
    logs.engine.age_indices();
    assert_eq!(names(&logs), ["kept-2026.11.20", "logs-000001", "logs-000002", "short-lived"]);
    logs.write_one(event("logs", "3", json!({"n": 3}))).await;
    assert!(logs.get(&scope(), "logs-000002", "3").await.unwrap().is_some(), "writes go to the new index");

    now_ms.fetch_add(DAY_MS, Ordering::SeqCst);
    logs.engine.age_indices();
    assert_eq!(names(&logs), ["kept-2026.11.20", "logs-000001", "logs-000002"]);
    now_ms.fetch_add(4 * DAY_MS, Ordering::SeqCst);
    logs.engine.age_indices();
    // What is still written to is rolled over first.
    assert_eq!(names(&logs), ["kept-2026.11.20", "logs-000002"]);
    now_ms.fetch_add(100 * DAY_MS, Ordering::SeqCst);
    logs.engine.age_indices();
    assert_eq!(names(&logs), ["kept-2026.11.20", "logs-000002"]);
}

#[tokio::test]
async fn the_oldest_days_go_when_there_is_too_much() {
    let directory = tempfile::tempdir().unwrap();
    let (_, options) = moved_clock();
    let options = EmbeddedOptions { disk_max_bytes: Some(1), ..options };
    let logs = EmbeddedLogs::open(directory.path(), options).unwrap();
    first_round(&logs).await;
    for day in ["21", "19", "20"] {
        let fields = json!({"@timestamp": format!("2026-11-{day}T00:00:00Z")});
        logs.write_one(event(&format!("shop-2026.11.{day}"), "1", fields)).await;
    }
    logs.engine.age_indices();
    assert_eq!(names(&logs), ["shop-2026.11.21"]);
}

/// The error code of a write to that index; `None`: it is taken.
async fn refusal(logs: &EmbeddedLogs, index: &str) -> Option<&'static str> {
    let mut late = event(index, "late", json!({"n": 1}));
    late.metadata.operation = Operation::Index;
    match logs.write(&scope(), vec![late], Refresh::Background).await.unwrap().remove(0) {
        WriteResult::Written { .. } => None,
        WriteResult::Refused { code, .. } => code,
    }
}

fn write_block(logs: &EmbeddedLogs, index: &str) -> bool {
    logs.engine.registry.get(index).unwrap().settings().settings.is_on("index.blocks.write")
}

#[tokio::test]
async fn old_days_take_no_more_writes_until_somebody_allows_them() {
    let directory = tempfile::tempdir().unwrap();
    let (now_ms, options) = moved_clock();
    let options = EmbeddedOptions { read_only_after: Some(Duration::from_secs(3 * 86_400)), ..options };
    let logs = EmbeddedLogs::open(directory.path(), options.clone()).unwrap();
    first_round(&logs).await;
    for index in ["shop-2026.11.20", "config"] {
        logs.write_one(event(index, "1", json!({"n": 1}))).await;
    }
    now_ms.fetch_add(2 * DAY_MS, Ordering::SeqCst);
    // Of a day long past, but made only now.
    logs.write_one(event("shop-2026.01.01", "1", json!({"n": 1}))).await;
    logs.engine.age_indices();
    assert_eq!(refusal(&logs, "shop-2026.11.20").await, None);
    now_ms.fetch_add(DAY_MS, Ordering::SeqCst);
    logs.engine.age_indices();
    assert_eq!(refusal(&logs, "shop-2026.11.20").await, Some("cluster_block_exception"));
    assert!(write_block(&logs, "shop-2026.11.20"), "it can be seen in the settings");
    for index in ["config", "shop-2026.01.01"] {
        assert_eq!(refusal(&logs, index).await, None, "{index}");
    }
    let allow = json!({"index.blocks.write": null});
    let (names, options_of) = (["shop-2026.11.20".to_owned()], IndicesOptions::default());
    logs.put_settings(&scope(), &names, options_of, allow, false).await.unwrap();
    logs.engine.age_indices();
    assert_eq!(refusal(&logs, "shop-2026.11.20").await, None, "who allows writes again is not overruled");
    logs.close().await.unwrap();
    drop(logs);
    let logs = EmbeddedLogs::open(directory.path(), options).unwrap();
    logs.engine.age_indices();
    assert_eq!(refusal(&logs, "shop-2026.11.20").await, None, "nor after a restart");
}

#[tokio::test]
async fn an_index_template_gives_its_days_ages_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let (now_ms, options) = moved_clock();
    let logs = EmbeddedLogs::open(directory.path(), options).unwrap();
    first_round(&logs).await;
    let policy = json!({"policy": {"phases": {
        "warm": {"min_age": "2d", "actions": {"readonly": {}}},
        "cold": {"min_age": "4d", "actions":
            {"forcemerge": {"max_num_segments": 1, "index_codec": "best_compression"}}},
        "delete": {"min_age": "100d", "actions": {"delete": {}}}}}});
    logs.put_template(&scope(), TemplateKind::Lifecycle, "long", policy, false).await.unwrap();
    let template = json!({"index_patterns": ["audit-*"], "template":
        {"settings": {"index.lifecycle.name": "long"}}});
    logs.put_template(&scope(), TemplateKind::Index, "audit", template, false).await.unwrap();
    for n in 0..3 {
        for index in ["audit-2026.11.20", "shop-2026.11.20"] {
            logs.write_one(event(index, &n.to_string(), json!({"n": n}))).await;
        }
    }
    now_ms.fetch_add(2 * DAY_MS, Ordering::SeqCst);
    logs.engine.age_indices();
    assert_eq!(refusal(&logs, "audit-2026.11.20").await, Some("cluster_block_exception"));
    assert_eq!(refusal(&logs, "shop-2026.11.20").await, None, "the service itself makes nothing read-only");
    let slot = logs.engine.registry.get("audit-2026.11.20").unwrap();
    assert!(!slot.is_one_segment());
    now_ms.fetch_add(2 * DAY_MS, Ordering::SeqCst);
    let start = Instant::now();
    while !slot.is_compact() {
        assert!(start.elapsed() < Duration::from_secs(20), "it is never compressed");
        logs.engine.age_indices();
        tokio::task::yield_now().await;
    }
    assert_eq!(logs.indices(&scope(), &["audit-*".to_owned()]).await.unwrap()[0].documents, 3);
    // Where all else goes after 90 days.
    now_ms.fetch_add(90 * DAY_MS, Ordering::SeqCst);
    logs.engine.age_indices();
    assert_eq!(names(&logs), ["audit-2026.11.20"]);
    now_ms.fetch_add(6 * DAY_MS, Ordering::SeqCst);
    logs.engine.age_indices();
    assert_eq!(names(&logs), Vec::<String>::new());
}

#[tokio::test]
async fn ages_count_from_where_the_settings_say_and_from_rolling_over() {
    let directory = tempfile::tempdir().unwrap();
    let (now_ms, options) = moved_clock();
    let logs = EmbeddedLogs::open(directory.path(), options).unwrap();
    first_round(&logs).await;
    let policy = json!({"policy": {"phases": {"hot": {"actions": {"rollover": {"max_age": "3d"}}},
        "delete": {"min_age": "5d", "actions": {"delete": {}}}}}});
    logs.put_template(&scope(), TemplateKind::Lifecycle, "p", policy, false).await.unwrap();
    let started_ms = now_ms.load(Ordering::SeqCst);
    for (index, settings, aliases) in [
        (
            "logs-000001",
            json!({"index.lifecycle.rollover_alias": "logs"}),
            json!({"logs": {"is_write_index": true}}),
        ),
        // The clock of these tests starts on 2026-11-21.
        (
            "named-2026.11.17",
            json!({"index.lifecycle.parse_origination_date": true, "index.lifecycle.indexing_complete": true}),
            json!({}),
        ),
        (
            "dated",
            json!({"index.lifecycle.origination_date": started_ms - 3 * DAY_MS, "index.lifecycle.indexing_complete": true}),
            json!({}),
        ),
        ("plain-2026.11.17", json!({"index.lifecycle.indexing_complete": true}), json!({})),
    ] {
        let mut settings = settings;
        settings["index.lifecycle.name"] = json!("p");
        let body = json!({"settings": settings, "aliases": aliases});
        logs.create_index(&scope(), index, body).await.unwrap();
    }
    let mut gone = Vec::new();
    let mut before = names(&logs);
    for day in 0..10 {
        logs.engine.age_indices();
        let now = names(&logs);
        gone.extend(before.iter().filter(|name| !now.contains(name)).map(|name| (day, name.clone())));
        before = now;
        now_ms.fetch_add(DAY_MS, Ordering::SeqCst);
    }
    let expected = [(1, "named-2026.11.17"), (2, "dated"), (5, "plain-2026.11.17"), (8, "logs-000001")];
    assert_eq!(gone, expected.map(|(day, name)| (day, name.to_owned())));
}

/// An index without an alias to roll over stays in its first phase, as Elasticsearch has it, and is not removed under its
/// writers.
#[tokio::test]
async fn what_is_to_be_rolled_over_first_does_not_age_before() {
    let directory = tempfile::tempdir().unwrap();
    let (now_ms, options) = moved_clock();
    let logs = EmbeddedLogs::open(directory.path(), options).unwrap();
    first_round(&logs).await;
    let old = json!({"warm": {"min_age": "1d", "actions": {"readonly": {}}},
        "delete": {"min_age": "5d", "actions": {"delete": {}}}});
    let mut rolling = old.clone();
    rolling["hot"] = json!({"actions": {"rollover": {"max_docs": 1}}});
    for (name, phases) in [("rolling", rolling), ("plain", old)] {
        let policy = json!({"policy": {"phases": phases}});
        logs.put_template(&scope(), TemplateKind::Lifecycle, name, policy, false).await.unwrap();
    }
    let alias = json!({"a": {"is_write_index": true}});
    let cases = [
        ("unrolled", json!({"name": "rolling"}), json!({}), false),
        ("complete", json!({"name": "rolling", "indexing_complete": true}), json!({}), true),
        (
            "aliased",
            json!({"name": "rolling", "rollover_alias": "a", "indexing_complete": true}),
            alias,
            true,
        ),
        ("not-complete", json!({"name": "rolling", "indexing_complete": false}), json!({}), false),
        ("without", json!({"name": "plain"}), json!({}), true),
    ];
    for (index, settings, aliases, _) in &cases {
        let body = json!({"settings": {"index.lifecycle": settings}, "aliases": aliases});
        logs.create_index(&scope(), index, body).await.unwrap();
        logs.write_one(event(index, "1", json!({"n": 1}))).await;
    }
    now_ms.fetch_add(DAY_MS, Ordering::SeqCst);
    logs.engine.age_indices();
    for (index, _, _, ages) in &cases {
        assert_eq!(write_block(&logs, index), *ages, "{index}");
        let slot = logs.engine.registry.get(index).unwrap();
        let phase = logs.engine.lifecycle_state(&slot).unwrap().phase.unwrap().0;
        assert_eq!(phase, if *ages { "warm" } else { "hot" }, "{index}");
    }
    now_ms.fetch_add(100 * DAY_MS, Ordering::SeqCst);
    logs.engine.age_indices();
    assert_eq!(names(&logs), ["not-complete", "unrolled"]);
    assert_eq!(refusal(&logs, "unrolled").await, None);
}
