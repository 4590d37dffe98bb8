use super::port_error;
use async_trait::async_trait;
use bytes::Bytes;
use ingest::ports::{BlobWriter, Blobs, PortError};
use std::{io::Read, sync::Arc};
use store::blobs::{self, BlobStore};

/// Uploaded files, in the blob store.
pub(crate) struct BlobAdapter(pub(crate) Arc<dyn BlobStore>);

#[async_trait]
impl Blobs for BlobAdapter {
    async fn create(&self, id: &str) -> Result<Box<dyn BlobWriter>, PortError> {
        let writer = self.0.create(id).await.map_err(port_error)?;
        Ok(Box::new(WriterAdapter(writer)))
    }

    async fn open(&self, id: &str) -> Result<Box<dyn Read + Send>, PortError> {
        self.0.open(id).await.map_err(port_error)
    }

    async fn delete(&self, id: &str) -> Result<bool, PortError> {
        self.0.delete(id).await.map_err(port_error)
    }

    async fn list(&self) -> Result<Vec<String>, PortError> {
        self.0.list().await.map_err(port_error)
    }
}

struct WriterAdapter(Box<dyn blobs::BlobWriter>);

#[async_trait]
impl BlobWriter for WriterAdapter {
    async fn write(&mut self, chunk: Bytes) -> Result<(), PortError> {
        self.0.write(chunk).await.map_err(port_error)
    }

    async fn finish(self: Box<Self>) -> Result<(), PortError> {
        self.0.finish().await.map_err(port_error)
    }
}
