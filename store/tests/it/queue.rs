//! The suite of [`Queue`], and what is particular to SQLite.

use jiff::Timestamp;
use serde_json::{Value, json};
use std::{collections::HashSet, path::Path, sync::Arc, time::Duration};
use store::{
    Clock, ErrorKind,
    documents::SqliteDocuments,
    queue::{Backlog, Job, Queue, SqliteQueue},
};

const NOW: Duration = Duration::ZERO;
const LEASE: Duration = Duration::from_secs(30);
/// Longer than a test may take: a wait that returns earlier was woken.
const LONG: Duration = Duration::from_secs(600);

/// What every queue must do. The queue is empty and tells the time by `clock`.
pub(crate) async fn suite(queue: Arc<dyn Queue>, clock: &Clock) {
    jobs_come_in_order(&*queue, clock).await;
    a_job_is_pushed_once(&*queue).await;
    a_lease_runs_out(&*queue, clock).await;
    a_lease_is_extended(&*queue, clock).await;
    failures_end_in_death(&*queue, clock).await;
    a_released_job_was_not_attempted(&*queue, clock).await;
    jobs_are_cancelled(&*queue, clock).await;
    a_push_wakes_who_waits(queue.clone()).await;
    waiting_ends(&*queue, clock).await;
    nothing_is_handed_out_twice(queue.clone()).await;
    senseless_jobs_are_refused(&*queue).await;
    queue.health().await.unwrap();
}

async fn push(queue: &dyn Queue, topic: &str, id: &str, delay: Duration) {
    queue.push(topic, id, json!({"id": id}), delay).await.unwrap();
}

async fn claim(queue: &dyn Queue, topic: &str) -> Option<Job> {
    queue.claim(topic, LEASE).await.unwrap()
}

async fn backlog(queue: &dyn Queue, topic: &str) -> (u64, u64, u64) {
    let Backlog { waiting, running, dead } = queue.backlog(topic).await.unwrap();
    (waiting, running, dead)
}

fn kind<T: std::fmt::Debug>(outcome: Result<T, store::StoreError>) -> ErrorKind {
    outcome.unwrap_err().kind
}

async fn jobs_come_in_order(queue: &dyn Queue, clock: &Clock) {
    push(queue, "order", "late", Duration::from_secs(2)).await;
    for id in ["b", "a", "c"] {
        push(queue, "order", id, NOW).await;
    }
    push(queue, "other", "x", NOW).await;
    for id in ["b", "a", "c"] {
        let job = claim(queue, "order").await.unwrap();
        assert_eq!((job.id.as_str(), job.topic.as_str(), job.attempt), (id, "order", 1));
        assert_eq!(job.payload, json!({"id": id}));
        queue.complete(&job).await.unwrap();
    }
    assert_eq!(claim(queue, "order").await, None);
    clock.advance(Duration::from_secs(2));
    let job = claim(queue, "order").await.unwrap();
    assert_eq!(job.id, "late");
    queue.complete(&job).await.unwrap();
    assert_eq!(backlog(queue, "order").await, (0, 0, 0));
    assert_eq!(backlog(queue, "other").await, (1, 0, 0));
    assert!(queue.cancel("x").await.unwrap());
}

async fn a_job_is_pushed_once(queue: &dyn Queue) {
    push(queue, "once", "1", NOW).await;
    queue.push("once", "1", json!("other"), NOW).await.unwrap();
    let job = claim(queue, "once").await.unwrap();
    assert_eq!(job.payload, json!({"id": "1"}));
    push(queue, "once", "1", NOW).await;
    assert_eq!(claim(queue, "once").await, None, "running jobs stay as they are");
    queue.complete(&job).await.unwrap();
    push(queue, "once", "1", NOW).await;
    let job = claim(queue, "once").await.unwrap();
    assert_eq!(job.attempt, 1, "a done job is forgotten");
    queue.complete(&job).await.unwrap();
}

async fn a_lease_runs_out(queue: &dyn Queue, clock: &Clock) {
    push(queue, "lease", "1", NOW).await;
    let first = claim(queue, "lease").await.unwrap();
    assert_eq!(backlog(queue, "lease").await, (0, 1, 0));
    clock.advance(LEASE - Duration::from_millis(1));
    assert_eq!(claim(queue, "lease").await, None);
    clock.advance(Duration::from_millis(1));
    assert_eq!(backlog(queue, "lease").await, (1, 0, 0));
    let second = claim(queue, "lease").await.unwrap();
    assert_eq!((second.id.as_str(), second.attempt), ("1", 2));
    assert_ne!(first.lease, second.lease);
    assert_eq!(kind(queue.extend(&first, LEASE).await), ErrorKind::Conflict);
    assert_eq!(kind(queue.complete(&first).await), ErrorKind::Conflict);
    assert_eq!(kind(queue.fail(&first, "late", NOW, 9).await), ErrorKind::Conflict);
    assert_eq!(kind(queue.release(&first, NOW).await), ErrorKind::Conflict);
    queue.complete(&second).await.unwrap();
    assert_eq!(kind(queue.complete(&second).await), ErrorKind::Conflict);
}

async fn a_lease_is_extended(queue: &dyn Queue, clock: &Clock) {
    push(queue, "extend", "1", NOW).await;
    let job = claim(queue, "extend").await.unwrap();
    for _ in 0..3 {
        clock.advance(LEASE / 2);
        queue.extend(&job, LEASE).await.unwrap();
        assert_eq!(claim(queue, "extend").await, None);
    }
    queue.complete(&job).await.unwrap();
}

async fn failures_end_in_death(queue: &dyn Queue, clock: &Clock) {
    let delay = Duration::from_secs(5);
    push(queue, "fail", "1", NOW).await;
    let job = claim(queue, "fail").await.unwrap();
    assert!(queue.fail(&job, "first", delay, 2).await.unwrap());
    assert_eq!(claim(queue, "fail").await, None);
    assert_eq!(kind(queue.complete(&job).await), ErrorKind::Conflict);
    clock.advance(delay);
    let job = claim(queue, "fail").await.unwrap();
    assert_eq!(job.attempt, 2);
    assert!(!queue.fail(&job, &"é".repeat(5_000), delay, 2).await.unwrap());
    clock.advance(LONG);
    assert_eq!(claim(queue, "fail").await, None);
    assert_eq!(backlog(queue, "fail").await, (0, 0, 1));
    push(queue, "fail", "1", NOW).await;
    let job = claim(queue, "fail").await.unwrap();
    assert_eq!(job.attempt, 1, "a dead job may be pushed anew");
    queue.complete(&job).await.unwrap();
}

async fn a_released_job_was_not_attempted(queue: &dyn Queue, clock: &Clock) {
    push(queue, "release", "1", NOW).await;
    let job = claim(queue, "release").await.unwrap();
    queue.release(&job, Duration::from_secs(1)).await.unwrap();
    assert_eq!(claim(queue, "release").await, None);
    clock.advance(Duration::from_secs(1));
    let job = claim(queue, "release").await.unwrap();
    assert_eq!(job.attempt, 1);
    queue.complete(&job).await.unwrap();
}

async fn jobs_are_cancelled(queue: &dyn Queue, clock: &Clock) {
    assert!(!queue.cancel("1").await.unwrap());
    push(queue, "cancel", "1", NOW).await;
    assert!(queue.cancel("1").await.unwrap());
    assert_eq!(claim(queue, "cancel").await, None);
    push(queue, "cancel", "1", NOW).await;
    let job = claim(queue, "cancel").await.unwrap();
    assert!(!queue.cancel("1").await.unwrap(), "a running job is its worker's");
    assert!(!queue.fail(&job, "no", NOW, 1).await.unwrap());
    assert!(queue.cancel("1").await.unwrap(), "a dead job may be removed");
    clock.advance(LONG);
    assert_eq!(backlog(queue, "cancel").await, (0, 0, 0));
}

async fn a_push_wakes_who_waits(queue: Arc<dyn Queue>) {
    let waiting = {
        let queue = queue.clone();
        tokio::spawn(async move {
            loop {
                queue.wait("wake", LONG).await.unwrap();
                if let Some(job) = queue.claim("wake", LEASE).await.unwrap() {
                    return job;
                }
            }
        })
    };
    push(&*queue, "else", "other", NOW).await;
    push(&*queue, "wake", "1", NOW).await;
    let job = tokio::time::timeout(LONG / 10, waiting).await.unwrap().unwrap();
    queue.complete(&job).await.unwrap();
    assert!(queue.cancel("other").await.unwrap());
}

async fn waiting_ends(queue: &dyn Queue, clock: &Clock) {
    queue.wait("idle", Duration::from_millis(5)).await.unwrap();
    push(queue, "idle", "1", NOW).await;
    queue.wait("idle", LONG).await.unwrap();
    let job = claim(queue, "idle").await.unwrap();
    queue.release(&job, Duration::from_secs(3)).await.unwrap();
    clock.advance(Duration::from_millis(2_990));
    queue.wait("idle", Duration::from_millis(30)).await.unwrap();
    clock.advance(Duration::from_millis(10));
    queue.wait("idle", LONG).await.unwrap();
    queue.complete(&claim(queue, "idle").await.unwrap()).await.unwrap();
}

async fn nothing_is_handed_out_twice(queue: Arc<dyn Queue>) {
    for n in 0..60 {
        push(&*queue, "many", &n.to_string(), NOW).await;
    }
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move {
                let mut done = Vec::new();
                while let Some(job) = claim(&*queue, "many").await {
                    queue.complete(&job).await.unwrap();
                    done.push(job.id);
                }
                done
            })
        })
        .collect();
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    assert_eq!(all.len(), 60);
    assert_eq!(all.into_iter().collect::<HashSet<_>>().len(), 60);
}

async fn senseless_jobs_are_refused(queue: &dyn Queue) {
    let check = async |topic: &str, id: &str, payload: Value| {
        assert_eq!(kind(queue.push(topic, id, payload, NOW).await), ErrorKind::InvalidRequest);
    };
    check("", "1", json!(1)).await;
    check("t", "", json!(1)).await;
    check("t", "a\0", json!(1)).await;
    check("t", &"x".repeat(257), json!(1)).await;
    check("t", "1", json!("x".repeat(300 << 10))).await;
}

// ---- SQLite ----

fn start() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn open(path: &Path, clock: &Clock) -> SqliteQueue {
    let documents = SqliteDocuments::open(path, &[], clock.clone()).unwrap();
    SqliteQueue::new(&documents, clock.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_passes_the_suite() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual(start());
    suite(Arc::new(open(&directory.path().join("db"), &clock)), &clock).await;
}

#[tokio::test]
async fn jobs_survive_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    let clock = Clock::manual(start());
    let queue = open(&path, &clock);
    push(&queue, "t", "held", NOW).await;
    push(&queue, "t", "waiting", NOW).await;
    push(&queue, "t", "dead", Duration::from_secs(1)).await;
    let held = claim(&queue, "t").await.unwrap();
    assert_eq!(held.id, "held");
    clock.advance(Duration::from_secs(1));
    queue.complete(&claim(&queue, "t").await.unwrap()).await.unwrap();
    let dead = claim(&queue, "t").await.unwrap();
    assert!(!queue.fail(&dead, "it cannot be done", NOW, 1).await.unwrap());
    drop(queue);
    let reason: String = rusqlite::Connection::open(&path)
        .unwrap()
        .query_row("SELECT reason FROM jobs WHERE id = 'dead'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(reason, "it cannot be done");
    let queue = open(&path, &clock);
    assert_eq!(backlog(&queue, "t").await, (0, 1, 1));
    queue.complete(&held).await.unwrap();
}
