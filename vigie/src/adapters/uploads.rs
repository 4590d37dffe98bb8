use super::{body, port_error, read};
use async_trait::async_trait;
use ingest::{
    ports::{ContentStore, PortError, Position, UploadStore},
    upload::{Content, UploadRecord},
};
use std::sync::Arc;
use store::{
    ErrorKind,
    documents::{Collection, DocumentIndex, DocumentStore, Expect, Find, FindCursor, NewDocument},
};

/// Uploaded files: what clients see of them and where their job is.
pub(crate) const UPLOADS: Collection =
    Collection { name: "uploads", indices: &[DocumentIndex { fields: &["created_at_ms"], unique: false }] };

/// Which content was stored already, by digest.
pub(crate) const CONTENTS: Collection = Collection { name: "upload_contents", indices: &[] };

/// Uploads, in the document store.
pub(crate) struct UploadAdapter(pub(crate) Arc<dyn DocumentStore>);

#[async_trait]
impl UploadStore for UploadAdapter {
    async fn create(&self, record: &UploadRecord) -> Result<(), PortError> {
        self.put(record, Expect::Absent).await.map(drop)
    }

    async fn get(&self, id: &str) -> Result<Option<UploadRecord>, PortError> {
        let found = self.0.get(&UPLOADS, id).await.map_err(port_error)?;
        found.map(read).transpose().map_err(port_error)
    }

    async fn list(&self, after: Option<&Position>, limit: usize) -> Result<Vec<UploadRecord>, PortError> {
        let find = Find {
            sort: Some("created_at_ms".to_owned()),
            descending: true,
            limit,
            after: after
                .map(|Position { at, id }| FindCursor { value: at.as_millisecond().into(), id: id.clone() }),
            ..Find::default()
        };
        let found = self.0.find(&UPLOADS, find).await.map_err(port_error)?;
        found.into_iter().map(read).collect::<Result<_, _>>().map_err(port_error)
    }

    async fn update(&self, record: &UploadRecord) -> Result<bool, PortError> {
        // A record that was deleted in the meantime must not come back.
        let Some(current) = self.0.get(&UPLOADS, &record.upload.id).await.map_err(port_error)? else {
            return Ok(false);
        };
        match self.put(record, Expect::Version(current.version)).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind == ingest::ports::PortErrorKind::Conflict => {
                let gone = self.0.get(&UPLOADS, &record.upload.id).await.map_err(port_error)?.is_none();
                if gone { Ok(false) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, id: &str) -> Result<bool, PortError> {
        self.0.delete(&UPLOADS, id).await.map_err(port_error)
    }
}

impl UploadAdapter {
    async fn put(&self, record: &UploadRecord, expect: Expect) -> Result<(), PortError> {
        let mut body = body(record).map_err(port_error)?;
        // Texts of times do not sort by time: the number of digits behind the seconds varies.
        body.insert("created_at_ms".to_owned(), record.upload.created_at.as_millisecond().into());
        let document = NewDocument { id: record.upload.id.clone(), body, expires_at: None };
        self.0.put(&UPLOADS, document, expect).await.map(drop).map_err(port_error)
    }
}

/// What is known about contents, in the document store.
pub(crate) struct ContentAdapter(pub(crate) Arc<dyn DocumentStore>);

#[async_trait]
impl ContentStore for ContentAdapter {
    async fn get(&self, digest: &str) -> Result<Option<(Content, u64)>, PortError> {
        let Some(found) = self.0.get(&CONTENTS, digest).await.map_err(port_error)? else { return Ok(None) };
        let version = found.version;
        Ok(Some((read(found).map_err(port_error)?, version)))
    }

    async fn put(&self, content: &Content, expected: Option<u64>) -> Result<Option<u64>, PortError> {
        let expect = expected.map_or(Expect::Absent, Expect::Version);
        let document = NewDocument {
            id: content.digest.clone(),
            body: body(content).map_err(port_error)?,
            expires_at: None,
        };
        match self.0.put(&CONTENTS, document, expect).await {
            Ok(version) => Ok(Some(version)),
            Err(error) if error.kind == ErrorKind::Conflict => Ok(None),
            Err(error) => Err(port_error(error)),
        }
    }
}
