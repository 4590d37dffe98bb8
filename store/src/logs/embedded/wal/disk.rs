//! The few file operations of the log, behind a trait so that tests can make them fail.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

/// Where segments are made.
pub(in crate::logs::embedded) trait Disk: Send + Sync {
    /// Makes a new, empty file; an error if it exists.
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>>;
}

/// A file that only grows, but for repairs.
pub(in crate::logs::embedded) trait SegmentFile: Send {
    /// Adds bytes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns when all that was appended is on the disk.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
}

/// The real disk.
#[derive(Debug)]
pub(in crate::logs::embedded) struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        let file = OpenOptions::new().append(true).create_new(true).open(path)?;
        Ok(Box::new(RealFile(file)))
    }
}

struct RealFile(File);

impl SegmentFile for RealFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)?;
        self.0.sync_all()
    }
}

/// Makes the entries of a directory durable.
pub(in crate::logs::embedded) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Writes a whole file so that after a crash either the old or the new content is there.
pub(in crate::logs::embedded) fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), sync_directory)
}
