//! Cache: answers that can be computed again, and counters that may be lost.

mod memory;

pub use memory::MemoryCache;

use crate::StoreError;
use async_trait::async_trait;
use bytes::Bytes;
use std::time::Duration;

/// Values with a time to live, shared by all parts of the service. Nothing here is authoritative.
#[async_trait]
pub trait Cache: Send + Sync {
    /// The value, if it is there and has not expired.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError>;

    /// Keeps a value for so long (or shorter, when room is needed).
    async fn set(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), StoreError>;

    /// Forgets a value.
    async fn remove(&self, key: &str) -> Result<(), StoreError>;

    /// Adds to a counter and answers with the sum. The counter starts at 0 and disappears `ttl` after its
    /// *first* addition: a fixed window.
    async fn increment(&self, key: &str, by: u64, ttl: Duration) -> Result<u64, StoreError>;

    /// What remains of the life of a key.
    async fn ttl(&self, key: &str) -> Result<Option<Duration>, StoreError>;

    /// Lookups that found something and lookups in all, since the start.
    fn hits(&self) -> (u64, u64);

    /// Whether the cache answers now; the error says why not.
    async fn health(&self) -> Result<(), StoreError>;
}
