//! The embedded blob store: encrypted files in one directory.

use super::{
    BlobStore, BlobWriter,
    stream::{BlobKey, CHUNK_BYTES, Sealer, Unsealer},
};
use crate::{ErrorKind, StoreError, files};
use async_trait::async_trait;
use bytes::Bytes;
use std::{
    fs::File,
    io::{self, Read},
    mem,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use zeroize::Zeroizing;

/// Longest id, in bytes: a file's name ends at 255.
const ID_MAX_BYTES: usize = 128;
/// End of the name of a finished blob.
const FINISHED: &str = ".blob";
/// End of the name of a blob that is being written.
const UNFINISHED: &str = ".part";
/// Bytes that a writer gathers before it hands them to a blocking thread.
const FLUSH_BYTES: usize = 256 << 10;

/// Blobs as encrypted files: the embedded default. Cheap to clone.
///
/// A blob is written to a file of another name, fsynced, renamed, and the directory fsynced: it is there whole or
/// not at all. A blob finished under an id that exists replaces the former one.
#[derive(Clone)]
pub struct FileBlobs(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    key: Zeroizing<BlobKey>,
}

impl FileBlobs {
    /// Opens the directory, which is made if it is missing, and removes what crashed writers left there. Blocks:
    /// for the start of the service. The caller makes sure that one process has the directory.
    ///
    /// # Errors
    /// `Full` or `Internal` if the directory cannot be made, read or changed.
    pub fn open(directory: &Path, key: [u8; 32]) -> Result<Self, StoreError> {
        let failed = |error| blob_error(format!("cannot open the directory of blobs {directory:?}"), error);
        files::create_private_directory(directory).map_err(failed)?;
        for entry in directory.read_dir().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_string_lossy().ends_with(UNFINISHED) {
                std::fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        Ok(Self(Arc::new(Inner { directory: directory.to_path_buf(), key: Zeroizing::new(key) })))
    }

    /// Runs file work off the async threads.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = self.0.clone();
        off_thread(move || work(&inner)).await
    }
}

#[async_trait]
impl BlobStore for FileBlobs {
    async fn create(&self, id: &str) -> Result<Box<dyn BlobWriter>, StoreError> {
        let id = checked_id(id)?;
        let unfinished = self.blocking(move |inner| inner.create(id)).await?;
        Ok(Box::new(FileWriter { state: State::Open(unfinished), gathered: Vec::new(), gathered_bytes: 0 }))
    }

    async fn open(&self, id: &str) -> Result<Box<dyn Read + Send>, StoreError> {
        let id = checked_id(id)?;
        self.blocking(move |inner| {
            let failed = |error| blob_error(format!("cannot open the blob {id:?}"), error);
            let file = File::open(inner.path(&id)).map_err(failed)?;
            Ok(Box::new(Unsealer::new(file, &inner.key, &id).map_err(failed)?) as Box<dyn Read + Send>)
        })
        .await
    }

    async fn delete(&self, id: &str) -> Result<bool, StoreError> {
        let id = checked_id(id)?;
        self.blocking(move |inner| {
            let failed = |error| blob_error(format!("cannot remove the blob {id:?}"), error);
            match std::fs::remove_file(inner.path(&id)) {
                Ok(()) => files::sync_directory(&inner.directory).map_err(failed).map(|()| true),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
                Err(error) => Err(failed(error)),
            }
        })
        .await
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        self.blocking(|inner| {
            let failed = |error| blob_error("cannot list the blobs", error);
            let mut ids = Vec::new();
            for entry in inner.directory.read_dir().map_err(failed)? {
                let name = entry.map_err(failed)?.file_name();
                let id = name.to_str().and_then(|name| name.strip_suffix(FINISHED));
                ids.extend(id.and_then(|id| checked_id(id).ok()));
            }
            ids.sort_unstable();
            Ok(ids)
        })
        .await
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.blocking(|inner| {
            // Dropped unfinished: nothing remains. The first chunk and its fsync show a full disk.
            let mut probe = inner.create("health".into())?;
            probe.write(&[Bytes::from_static(&[0; 2 * CHUNK_BYTES])])?;
            probe.sync()
        })
        .await
    }
}

impl Inner {
    fn path(&self, id: &str) -> PathBuf {
        self.directory.join(format!("{id}{FINISHED}"))
    }

    fn create(&self, id: String) -> Result<Unfinished, StoreError> {
        let failed = |error| blob_error(format!("cannot create the blob {id:?}"), error);
        let part = self.directory.join(format!("{id}.{}{UNFINISHED}", uuid::Uuid::new_v4().simple()));
        let file = files::create_private_file(&part).map_err(failed)?;
        let leftover = Leftover(Some(part));
        let sealer = Sealer::new(file, &self.key, &id).map_err(failed)?;
        Ok(Unfinished { path: self.path(&id), sealer, leftover, id })
    }
}

/// A blob on its way to the disk. Nothing remains of it if it is dropped.
struct Unfinished {
    id: String,
    sealer: Sealer<File>,
    path: PathBuf,
    leftover: Leftover,
}

/// Removes the file when dropped, unless it was taken.
struct Leftover(Option<PathBuf>);

impl Drop for Leftover {
    fn drop(&mut self) {
        if let Some(path) = self.0.take()
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::warn!(path = %path.display(), error = %error, "cannot remove an unfinished blob");
        }
    }
}

impl Unfinished {
    fn write(&mut self, chunks: &[Bytes]) -> Result<(), StoreError> {
        chunks.iter().try_for_each(|chunk| self.sealer.write(chunk)).map_err(|error| self.failed(error))
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.sealer.get_ref().sync_all().map_err(|error| self.failed(error))
    }

    fn finish(mut self) -> Result<(), StoreError> {
        let id = mem::take(&mut self.id);
        let failed = |error| blob_error(format!("cannot finish the blob {id:?}"), error);
        let file = self.sealer.finish().map_err(failed)?;
        file.sync_all().map_err(failed)?;
        if let Some(part) = &self.leftover.0 {
            std::fs::rename(part, &self.path).map_err(failed)?;
        }
        self.leftover.0 = None;
        files::sync_parent(&self.path).map_err(failed)
    }

    fn failed(&self, error: io::Error) -> StoreError {
        blob_error(format!("cannot write the blob {:?}", self.id), error)
    }
}

/// Gathers bytes and hands them to a blocking thread in larger pieces; no thread is held in between.
struct FileWriter {
    state: State,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
}

enum State {
    Open(Unfinished),
    /// A write failed or its caller stopped waiting: the file is gone.
    Broken,
}

impl FileWriter {
    /// Runs `work` on the file and the gathered bytes.
    async fn hand_over<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(Unfinished, &[Bytes]) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let State::Open(unfinished) = mem::replace(&mut self.state, State::Broken) else {
            return Err(StoreError::new(ErrorKind::Unavailable, "the blob could not be written before"));
        };
        let gathered = mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        off_thread(move || work(unfinished, &gathered)).await
    }
}

#[async_trait]
impl BlobWriter for FileWriter {
    async fn write(&mut self, chunk: Bytes) -> Result<(), StoreError> {
        self.gathered_bytes += chunk.len();
        self.gathered.push(chunk);
        if self.gathered_bytes < FLUSH_BYTES {
            return Ok(());
        }
        let unfinished =
            self.hand_over(|mut unfinished, chunks| unfinished.write(chunks).map(|()| unfinished)).await?;
        self.state = State::Open(unfinished);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<(), StoreError> {
        self.hand_over(|mut unfinished, chunks| {
            unfinished.write(chunks)?;
            unfinished.finish()
        })
        .await
    }
}

/// An id that is also a file's name, and never a path.
fn checked_id(id: &str) -> Result<String, StoreError> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if !id.is_empty() && id.len() <= ID_MAX_BYTES && id.bytes().all(fits) {
        return Ok(id.to_owned());
    }
    Err(StoreError::invalid(format!(
        "the blob's id {:?} must have 1 to {ID_MAX_BYTES} letters, digits, `_` and `-`",
        id.chars().take(ID_MAX_BYTES).collect::<String>()
    )))
}

fn blob_error(doing: impl Into<String>, error: io::Error) -> StoreError {
    let doing = doing.into();
    if files::is_full(&error) {
        return StoreError::new(ErrorKind::Full, format!("{doing}: no space left on the device"))
            .because(error)
            .retry_after(Duration::from_secs(30));
    }
    match error.kind() {
        io::ErrorKind::NotFound => StoreError::new(ErrorKind::NotFound, format!("{doing}: there is none")),
        io::ErrorKind::InvalidData => StoreError::new(ErrorKind::Corrupt, format!("{doing}: {error}")),
        io::ErrorKind::FileTooLarge => StoreError::invalid(format!("{doing}: it is too large")),
        _ => StoreError::new(ErrorKind::Internal, doing),
    }
    .because(error)
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        StoreError::new(ErrorKind::Unavailable, "the store of blobs is closing").because(error)
    })?
}
