//! Small steps with files that must survive a crash and be read by nobody else.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write},
    path::Path,
};

/// Makes a directory, with those above it, that only its owner may enter. One that exists stays as it is.
pub(crate) fn create_private_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)?;
    sync_parent(directory)
}

/// Makes a new file that only its owner may read. One that exists is an error.
pub(crate) fn create_private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Writes a small private file, replacing one of that name: after a crash there is the old or the new content.
/// One writer at a time.
pub(crate) fn write_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = Path::new(&part);
    match std::fs::remove_file(part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = create_private_file(part)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(part, path)?;
    sync_parent(path)
}

/// Makes a created, renamed or removed name durable: fsync of the directory that holds it.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        // The parent of a bare file name is the empty path.
        Some(parent) if parent.as_os_str().is_empty() => sync_directory(Path::new(".")),
        Some(parent) => sync_directory(parent),
        None => Ok(()),
    }
}

/// Makes the names in a directory durable. (Nothing to do where directories cannot be opened as files.)
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// Whether the device or the quota is full.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
