//! The suite of [`Cache`], and what is particular to memory.

use bytes::Bytes;
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use store::{
    Clock, ErrorKind,
    cache::{Cache, MemoryCache},
};

const MINUTE: Duration = Duration::from_secs(60);

/// What every cache must do. The cache is empty, has room, and tells the time by `clock`.
pub(crate) async fn suite(cache: Arc<dyn Cache>, clock: &Clock) {
    values_live_so_long(&*cache, clock).await;
    values_are_replaced_and_removed(&*cache).await;
    counters_have_a_fixed_window(&*cache, clock).await;
    additions_are_not_lost(cache.clone()).await;
    lookups_are_counted(&*cache).await;
    let refused = cache.set(&"x".repeat(1_025), Bytes::new(), MINUTE).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::InvalidRequest);
    cache.health().await.unwrap();
}

async fn get(cache: &dyn Cache, key: &str) -> Option<Bytes> {
    cache.get(key).await.unwrap()
}

async fn values_live_so_long(cache: &dyn Cache, clock: &Clock) {
    assert_eq!(get(cache, "a").await, None);
    assert_eq!(cache.ttl("a").await.unwrap(), None);
    cache.set("a", Bytes::from_static(b"1"), MINUTE).await.unwrap();
    assert_eq!(cache.ttl("a").await.unwrap(), Some(MINUTE));
    clock.advance(MINUTE - Duration::from_millis(1));
    assert_eq!(get(cache, "a").await.as_deref(), Some(b"1".as_slice()));
    assert_eq!(cache.ttl("a").await.unwrap(), Some(Duration::from_millis(1)));
    clock.advance(Duration::from_millis(1));
    assert_eq!(get(cache, "a").await, None);
    assert_eq!(cache.ttl("a").await.unwrap(), None);
}

async fn values_are_replaced_and_removed(cache: &dyn Cache) {
    cache.set("b", Bytes::from_static(b"1"), MINUTE).await.unwrap();
    cache.set("b", Bytes::from_static(b""), MINUTE * 2).await.unwrap();
    assert_eq!(get(cache, "b").await.as_deref(), Some(b"".as_slice()));
    assert_eq!(cache.ttl("b").await.unwrap(), Some(MINUTE * 2));
    cache.remove("b").await.unwrap();
    cache.remove("b").await.unwrap();
    assert_eq!(get(cache, "b").await, None);
}

async fn counters_have_a_fixed_window(cache: &dyn Cache, clock: &Clock) {
    assert_eq!(cache.increment("n", 1, MINUTE).await.unwrap(), 1);
    clock.advance(MINUTE / 2);
    assert_eq!(cache.increment("n", 4, MINUTE).await.unwrap(), 5);
    assert_eq!(cache.ttl("n").await.unwrap(), Some(MINUTE / 2), "later additions do not extend it");
    clock.advance(MINUTE / 2);
    assert_eq!(cache.ttl("n").await.unwrap(), None);
    assert_eq!(cache.increment("n", 2, MINUTE).await.unwrap(), 2);
    cache.remove("n").await.unwrap();
    assert_eq!(cache.increment("n", 3, MINUTE).await.unwrap(), 3);
}

async fn additions_are_not_lost(cache: Arc<dyn Cache>) {
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move {
                for _ in 0..250 {
                    cache.increment("many", 1, MINUTE).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(cache.increment("many", 0, MINUTE).await.unwrap(), 1_000);
}

async fn lookups_are_counted(cache: &dyn Cache) {
    let (found, looked_up) = cache.hits();
    cache.set("c", Bytes::from_static(b"1"), MINUTE).await.unwrap();
    get(cache, "c").await;
    get(cache, "c").await;
    get(cache, "missing").await;
    assert_eq!(cache.hits(), (found + 2, looked_up + 3));
}

// ---- memory ----

fn clock() -> Clock {
    Clock::manual("2026-11-21T12:00:00Z".parse::<Timestamp>().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_passes_the_suite() {
    let clock = clock();
    suite(Arc::new(MemoryCache::new(1 << 20, clock.clone())), &clock).await;
}

#[tokio::test]
async fn memory_is_bounded_and_counters_have_their_own() {
    let cache = MemoryCache::new(1 << 20, clock());
    cache.increment("n", 1, MINUTE).await.unwrap();
    for n in 0..2_000 {
        cache.set(&n.to_string(), Bytes::from(vec![0; 10_000]), MINUTE).await.unwrap();
    }
    let mut kept = 0;
    for n in 0..2_000 {
        kept += usize::from(get(&cache, &n.to_string()).await.is_some());
    }
    // The bound is enforced a moment later, in batches.
    assert!(kept > 0 && kept < 1_000, "{kept} values of 10 kB kept in 1 MiB");
    assert_eq!(cache.increment("n", 1, MINUTE).await.unwrap(), 2);
}
