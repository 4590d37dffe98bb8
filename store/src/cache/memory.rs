//! The embedded cache: memory of this process.

use super::Cache;
use crate::{Clock, StoreError, clock::whole_ms};
use async_trait::async_trait;
use bytes::Bytes;
use moka::{Expiry, ops::compute::Op};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Longest key, in bytes.
const KEY_MAX_BYTES: usize = 1_024;
/// What an entry takes beside its key and value, about.
const ENTRY_OVERHEAD_BYTES: usize = 128;
/// Counters kept: rate limits of very many users and addresses. They have room of their own, so that large answers
/// do not push them out.
const COUNTERS_MAX_BYTES: u64 = 32 << 20;

/// Values and counters in memory, least useful ones pushed out first. A key names a value or a counter, not both.
pub struct MemoryCache {
    values: moka::sync::Cache<String, Entry<Bytes>>,
    counters: moka::sync::Cache<String, Entry<u64>>,
    clock: Clock,
    found: AtomicU64,
    looked_up: AtomicU64,
}

/// Something and the end of its life.
#[derive(Clone)]
struct Entry<T> {
    content: T,
    expires_ms: i64,
    /// Life that it had left when it was written.
    left: Duration,
}

impl<T> Entry<T> {
    fn new(content: T, now_ms: i64, ttl: Duration) -> Self {
        Self { content, expires_ms: now_ms.saturating_add(whole_ms(ttl)), left: ttl }
    }

    fn left(&self, now_ms: i64) -> Option<Duration> {
        let left = u64::try_from(self.expires_ms.saturating_sub(now_ms)).ok()?;
        (left > 0).then(|| Duration::from_millis(left))
    }
}

/// Frees the room of what has expired. That an expired entry is not shown does not depend on it.
struct EndOfLife;

impl<T> Expiry<String, Entry<T>> for EndOfLife {
    fn expire_after_create(&self, _: &String, entry: &Entry<T>, _: Instant) -> Option<Duration> {
        Some(entry.left)
    }

    fn expire_after_update(
        &self,
        _: &String,
        entry: &Entry<T>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.left)
    }
}

impl MemoryCache {
    /// A cache whose values, with their keys, take at most about so many bytes (beside 32 MiB for counters).
    pub fn new(max_bytes: u64, clock: Clock) -> Self {
        let weight = |bytes: usize| u32::try_from(bytes + ENTRY_OVERHEAD_BYTES).unwrap_or(u32::MAX);
        Self {
            values: moka::sync::Cache::builder()
                .max_capacity(max_bytes)
                .weigher(move |key: &String, entry: &Entry<Bytes>| weight(key.len() + entry.content.len()))
                .expire_after(EndOfLife)
                .build(),
            counters: moka::sync::Cache::builder()
                .max_capacity(COUNTERS_MAX_BYTES)
                .weigher(move |key: &String, _: &Entry<u64>| weight(key.len()))
                .expire_after(EndOfLife)
                .build(),
            clock,
            found: AtomicU64::new(0),
            looked_up: AtomicU64::new(0),
        }
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        let now_ms = self.clock.now_ms();
        let value = self.values.get(key).filter(|entry| entry.left(now_ms).is_some());
        self.looked_up.fetch_add(1, Ordering::Relaxed);
        self.found.fetch_add(u64::from(value.is_some()), Ordering::Relaxed);
        Ok(value.map(|entry| entry.content))
    }

    async fn set(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), StoreError> {
        check_key(key)?;
        self.values.insert(key.to_owned(), Entry::new(value, self.clock.now_ms(), ttl));
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.values.invalidate(key);
        self.counters.invalidate(key);
        Ok(())
    }

    async fn increment(&self, key: &str, by: u64, ttl: Duration) -> Result<u64, StoreError> {
        check_key(key)?;
        let now_ms = self.clock.now_ms();
        let mut sum = by;
        // Calls for one key run one after another.
        self.counters.entry_by_ref(key).and_compute_with(|counter| {
            let counter = counter.map(moka::Entry::into_value);
            let living = counter.and_then(|counter| counter.left(now_ms).map(|left| (counter, left)));
            Op::Put(match living {
                Some((counter, left)) => {
                    sum = counter.content.saturating_add(by);
                    Entry { content: sum, left, ..counter }
                }
                None => Entry::new(by, now_ms, ttl),
            })
        });
        Ok(sum)
    }

    async fn ttl(&self, key: &str) -> Result<Option<Duration>, StoreError> {
        let now_ms = self.clock.now_ms();
        let value = self.values.get(key).and_then(|entry| entry.left(now_ms));
        Ok(value.or_else(|| self.counters.get(key).and_then(|entry| entry.left(now_ms))))
    }

    fn hits(&self) -> (u64, u64) {
        (self.found.load(Ordering::Relaxed), self.looked_up.load(Ordering::Relaxed))
    }

    async fn health(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn check_key(key: &str) -> Result<(), StoreError> {
    if !key.is_empty() && key.len() <= KEY_MAX_BYTES {
        return Ok(());
    }
    Err(StoreError::invalid(format!(
        "the cache's key {:?} must have 1 to {KEY_MAX_BYTES} bytes",
        key.chars().take(64).collect::<String>()
    )))
}
