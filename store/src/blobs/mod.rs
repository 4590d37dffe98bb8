//! Blobs: uploaded files while they wait and are read. Encrypted at rest.

mod files;
mod stream;

pub use files::FileBlobs;

use crate::StoreError;
use async_trait::async_trait;
use bytes::Bytes;
use std::io::Read;

/// Large values, written once, read from the start, removed.
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// Begins a blob. It exists under its id only after [`BlobWriter::finish`]; one that is dropped before
    /// leaves nothing behind (nor does one cut off by a crash, after the next start).
    async fn create(&self, id: &str) -> Result<Box<dyn BlobWriter>, StoreError>;

    /// Opens a blob for reading from the start. The reader blocks: use it off the async threads. A reader of a
    /// damaged blob ends in an error, never in wrong bytes.
    async fn open(&self, id: &str) -> Result<Box<dyn Read + Send>, StoreError>;

    /// Removes a blob; whether there was one.
    async fn delete(&self, id: &str) -> Result<bool, StoreError>;

    /// The ids of all finished blobs.
    async fn list(&self) -> Result<Vec<String>, StoreError>;

    /// Whether blobs can be written now; the error says why not.
    async fn health(&self) -> Result<(), StoreError>;
}

/// A blob being written.
#[async_trait]
pub trait BlobWriter: Send {
    /// Adds bytes. `Full` when the disk is full.
    async fn write(&mut self, chunk: Bytes) -> Result<(), StoreError>;

    /// Makes the blob durable and visible under its id.
    async fn finish(self: Box<Self>) -> Result<(), StoreError>;
}
