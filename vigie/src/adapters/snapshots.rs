use async_trait::async_trait;
use detect::fraud::{PortError, PortErrorKind, SnapshotStore};
use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// The snapshot of the fraud features, in a file of the data directory.
pub(crate) struct SnapshotAdapter {
    path: PathBuf,
}

impl SnapshotAdapter {
    /// Keeps the snapshot in this file.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

#[async_trait]
impl SnapshotStore for SnapshotAdapter {
    async fn load(&self) -> Result<Option<Vec<u8>>, PortError> {
        match tokio::fs::read(&self.path).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(port_error("read", &self.path, error)),
        }
    }

    async fn save(&self, bytes: Vec<u8>) -> Result<(), PortError> {
        let path = self.path.clone();
        let saved = tokio::task::spawn_blocking(move || replace(&path, &bytes)).await;
        saved.map_err(io::Error::other).flatten().map_err(|error| port_error("write", &self.path, error))
    }
}

/// Writes beside the file and renames: a crash leaves the old snapshot or the new one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

fn port_error(verb: &str, path: &Path, error: io::Error) -> PortError {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull => PortErrorKind::Unavailable,
        _ => PortErrorKind::Internal,
    };
    let message = format!("cannot {verb} the snapshot of fraud features {}", path.display());
    PortError { kind, message, source: Some(Box::new(error)) }
}
