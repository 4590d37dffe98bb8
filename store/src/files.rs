//! Small steps with files that must survive a crash.

use std::{fs::File, io, path::Path};

/// Makes a created, renamed or removed name durable: fsync of the directory that holds it. (A no-op where
/// directories cannot be opened as files.)
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        // The parent of a bare file name is the empty path.
        Some(parent) if parent.as_os_str().is_empty() => sync_directory(Path::new(".")),
        Some(parent) => sync_directory(parent),
        None => Ok(()),
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}
