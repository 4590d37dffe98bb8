//! What open indices hold.

use crate::{
    logs::{
        IndexAdmin, LogStore, Refresh, SearchRequest,
        embedded::{EmbeddedLogs, EmbeddedOptions},
    },
    scope::Scope,
};
use event::{Event, Origin};
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

fn scope() -> Scope {
    Scope::internal("test")
}

fn event(index: &str, id: &str, number: usize) -> Event {
    let mut event = Event::new(event::Object::from_iter([("n".to_owned(), json!(number))]), Origin::Request);
    event.metadata.index = Some(Arc::from(index));
    event.metadata.id = Some(id.to_owned());
    event
}

/// One document in each of so many indices.
async fn write_to_each(logs: &EmbeddedLogs, indices: usize) {
    for number in 0..indices {
        let batch = vec![event(&format!("logs-{number}"), "a", number)];
        logs.write(&scope(), batch, Refresh::Background).await.unwrap();
    }
}

/// Asks until that is so.
async fn until(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn open(logs: &EmbeddedLogs) -> usize {
    logs.engine.registry.open_states().len()
}

#[tokio::test]
async fn indices_beyond_the_limit_give_back_their_writers_and_files() {
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions {
        open_writers_max: 2,
        open_segments_max: 3,
        commit_after: Duration::ZERO,
        ..EmbeddedOptions::default()
    };
    let logs = EmbeddedLogs::open(directory.path(), options).unwrap();
    write_to_each(&logs, 8).await;
    until(|| open(&logs) <= 3).await;
    for number in 0..8 {
        let found = logs.get(&scope(), &format!("logs-{number}"), "a").await.unwrap().unwrap();
        assert_eq!(found.source.unwrap()["n"], json!(number));
    }
    logs.refresh(&scope(), &[]).await.unwrap();
    assert!(logs.indices(&scope(), &[]).await.unwrap().iter().all(|index| index.documents == 1));
}

#[tokio::test]
async fn indices_that_nobody_uses_are_closed() {
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions {
        close_idle_after: Duration::ZERO,
        commit_after: Duration::ZERO,
        ..EmbeddedOptions::default()
    };
    let logs = EmbeddedLogs::open(directory.path(), options).unwrap();
    write_to_each(&logs, 3).await;
    until(|| open(&logs) == 0).await;
    assert!(logs.get(&scope(), "logs-1", "a").await.unwrap().is_some());
}

#[tokio::test]
async fn small_writes_to_many_indices_take_little_memory() {
    let directory = tempfile::tempdir().unwrap();
    let never = Duration::from_secs(3_600);
    let options = EmbeddedOptions { commit_after: never, refresh_after: never, ..EmbeddedOptions::default() };
    let logs = EmbeddedLogs::open(directory.path(), options).unwrap();
    write_to_each(&logs, 40).await;
    let holding = || logs.engine.registry.by_uncommitted_bytes();
    until(|| holding().len() == 40).await;
    let bytes: usize = holding().iter().map(|(bytes, _)| bytes).sum();
    assert!(bytes < 40 * 4_096, "{bytes} bytes for 40 small documents");
}

#[tokio::test]
async fn who_writes_while_memory_is_exhausted_makes_room_first() {
    let directory = tempfile::tempdir().unwrap();
    let never = Duration::from_secs(3_600);
    let budget = 8_192;
    let options = EmbeddedOptions {
        commit_after: never,
        refresh_after: never,
        indexing_memory_bytes: budget,
        ..EmbeddedOptions::default()
    };
    let logs = EmbeddedLogs::open(directory.path(), options).unwrap();
    write_to_each(&logs, 60).await;
    // What is over the budget is committed with time, too; at no time is there much more than half as much again.
    let bytes: usize = logs.engine.registry.by_uncommitted_bytes().iter().map(|(bytes, _)| bytes).sum();
    assert!(bytes < 3 * budget, "{bytes} bytes");
    logs.refresh(&scope(), &[]).await.unwrap();
    assert!(logs.indices(&scope(), &[]).await.unwrap().iter().all(|index| index.documents == 1));
}

#[tokio::test]
async fn an_alias_shows_its_part_also_while_the_index_waits_to_be_recovered() {
    let directory = tempfile::tempdir().unwrap();
    let logs = EmbeddedLogs::open(directory.path(), EmbeddedOptions::default()).unwrap();
    let batch = (0..5).map(|number| event("logs-0", &number.to_string(), number)).collect();
    logs.write(&scope(), batch, Refresh::Now).await.unwrap();
    let filtered = json!({"add": {"index": "logs-0", "alias": "part", "filter": {"term": {"n": 3}}}});
    logs.update_aliases(&scope(), json!({"actions": [filtered]})).await.unwrap();
    let slot = logs.engine.registry.get("logs-0").unwrap();
    {
        let mut state = slot.state.lock();
        state.view = state.open.take().map(|open| open.snapshot());
        state.must_replay = true;
        state.retry_at = Some(Instant::now() + Duration::from_secs(3_600));
    }
    let request = SearchRequest { indices: vec!["part".to_owned()], ..SearchRequest::default() };
    let found = logs.search(&scope(), request).await.unwrap();
    assert_eq!(found.hits.len(), 1);
    assert_eq!(found.hits[0].id, "3");
}
