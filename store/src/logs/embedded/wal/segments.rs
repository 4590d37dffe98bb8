//! The files of the log: found and checked at start, grown by the log's thread, removed when no longer needed.

use super::{
    disk::{Disk, SegmentFile, sync_directory},
    frame::{self, FrameReader},
};
use bytes::Bytes;
use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

/// First bytes of every segment; the last one counts the versions of the format.
const MAGIC: &[u8; 8] = b"vigiewl1";

/// So much of what is committed may stay in the segment that is written to, rather than starting another.
const KEPT_MAX_BYTES: u64 = 4 << 20;

/// A segment that is not written to any more.
#[derive(Debug, Clone)]
pub(super) struct Sealed {
    path: PathBuf,
    /// No frame in it has a smaller sequence number.
    pub(super) first_lsn: u64,
    /// The largest sequence number in it.
    pub(super) last_lsn: u64,
    bytes: u64,
}

/// The segment that is written to.
struct Active {
    file: Box<dyn SegmentFile>,
    segment: Sealed,
    /// How much of it is known to be on the disk.
    durable_bytes: u64,
}

/// All segments, in order.
pub(super) struct Segments {
    directory: PathBuf,
    disk: Arc<dyn Disk>,
    segment_max_bytes: u64,
    sealed: VecDeque<Sealed>,
    active: Option<Active>,
    /// A write failed: the active segment must be cut before anything else is written.
    damaged: bool,
}

impl Segments {
    /// Opens the directory, hands every whole frame to `visit` in order, and cuts what is damaged at the end.
    pub(super) fn open(
        directory: &Path,
        disk: Arc<dyn Disk>,
        segment_max_bytes: u64,
        visit: &mut dyn FnMut(u64, Bytes),
    ) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let mut files = list(directory)?;
        files.sort_unstable();
        let mut sealed = VecDeque::new();
        let count = files.len();
        for (at, (first_lsn, path)) in files.into_iter().enumerate() {
            let is_last = at + 1 == count;
            if let Some(segment) = check_segment(path, first_lsn, is_last, visit)? {
                sealed.push_back(segment);
            }
        }
        sync_directory(directory)?;
        Ok(Self {
            directory: directory.to_owned(),
            disk,
            segment_max_bytes,
            sealed,
            active: None,
            damaged: false,
        })
    }

    /// The largest sequence number on disk; 0 if there is none.
    pub(super) fn last_lsn(&self) -> u64 {
        self.sealed.iter().map(|segment| segment.last_lsn).max().unwrap_or(0)
    }

    /// Size of all files.
    pub(super) fn bytes(&self) -> u64 {
        let active = self.active.as_ref().map_or(0, |active| active.segment.bytes);
        self.sealed.iter().map(|segment| segment.bytes).sum::<u64>() + active
    }

    /// Appends the frames and returns when they are on the disk. After an error none of them counts.
    pub(super) fn write(&mut self, frames: &[(u64, &[Bytes])]) -> io::Result<()> {
        let Some((first_lsn, _)) = frames.first() else { return Ok(()) };
        self.repair()?;
        self.roll(*first_lsn)?;
        self.damaged = true;
        let Some(active) = self.active.as_mut() else { return Err(io::Error::other("no active segment")) };
        for (lsn, parts) in frames {
            let header = frame::header(*lsn, parts);
            active.file.append(&header)?;
            active.segment.bytes += header.len() as u64;
            for part in *parts {
                active.file.append(part)?;
                active.segment.bytes += part.len() as u64;
            }
        }
        active.file.sync()?;
        active.durable_bytes = active.segment.bytes;
        active.segment.last_lsn = frames.last().map_or(*first_lsn, |(lsn, _)| *lsn);
        self.damaged = false;
        Ok(())
    }

    /// After a failed write: cuts the active segment to what is known to be on the disk and seals it. What the
    /// kernel says about pages after a failed fsync is not to be trusted, so the file is never written again.
    pub(super) fn repair(&mut self) -> io::Result<()> {
        if !self.damaged {
            return Ok(());
        }
        if let Some(active) = self.active.as_mut() {
            active.file.truncate(active.durable_bytes)?;
            active.segment.bytes = active.durable_bytes;
        }
        self.seal();
        self.damaged = false;
        Ok(())
    }

    fn seal(&mut self) {
        if let Some(active) = self.active.take() {
            self.sealed.push_back(active.segment);
        }
    }

    fn roll(&mut self, first_lsn: u64) -> io::Result<()> {
        if self.active.as_ref().is_some_and(|active| active.segment.bytes < self.segment_max_bytes) {
            return Ok(());
        }
        self.seal();
        let path = self.directory.join(format!("{first_lsn:020}.log"));
        // Left over by an attempt that failed before it counted.
        if path.exists() {
            fs::remove_file(&path)?;
        }
        let mut file = self.disk.create(&path)?;
        file.append(MAGIC)?;
        sync_directory(&self.directory)?;
        let bytes = MAGIC.len() as u64;
        let segment = Sealed { path, first_lsn, last_lsn: first_lsn - 1, bytes };
        self.active = Some(Active { file, segment, durable_bytes: bytes });
        Ok(())
    }

    /// Removes the segments that hold nothing above `lsn`; the one that is written to if it is worth that.
    pub(super) fn release(&mut self, lsn: u64) -> io::Result<()> {
        let is_done = |active: &Active| {
            active.segment.last_lsn <= lsn
                && active.segment.bytes > KEPT_MAX_BYTES.min(self.segment_max_bytes)
        };
        if !self.damaged && self.active.as_ref().is_some_and(is_done) {
            self.seal();
        }
        while let Some(oldest) = self.sealed.front().filter(|segment| segment.last_lsn <= lsn) {
            match fs::remove_file(&oldest.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.sealed.pop_front(),
            };
        }
        Ok(())
    }

    /// Files to be read for what lies above `lsn`: path and how many bytes of it count.
    pub(super) fn above(&self, lsn: u64) -> Vec<(PathBuf, u64, u64)> {
        let active = self.active.as_ref().map(|active| {
            (
                active.segment.path.clone(),
                active.segment.first_lsn,
                active.durable_bytes,
                active.segment.last_lsn,
            )
        });
        let sealed = self.sealed.iter().map(|s| (s.path.clone(), s.first_lsn, s.bytes, s.last_lsn));
        sealed
            .chain(active)
            .filter(|(.., last_lsn)| *last_lsn > lsn)
            .map(|(path, first_lsn, bytes, _)| (path, first_lsn, bytes))
            .collect()
    }
}

fn list(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".log"));
        if let Some(first_lsn) = name.and_then(|name| name.parse().ok()) {
            files.push((first_lsn, path));
        }
    }
    Ok(files)
}

/// Reads the whole frames of a segment, from at most `length` bytes of it. Answers where they end and the last number.
pub(super) fn read_segment(
    path: &Path,
    first_lsn: u64,
    length: u64,
    visit: &mut dyn FnMut(u64, Bytes),
) -> io::Result<(u64, u64)> {
    let mut input = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut magic = [0; MAGIC.len()];
    let after = first_lsn.saturating_sub(1);
    if length < MAGIC.len() as u64 || input.read_exact(&mut magic).is_err() || magic != *MAGIC {
        return Ok((0, after));
    }
    let start = MAGIC.len() as u64;
    let mut frames = FrameReader::new(input, start, length - start, after);
    while let Some((lsn, payload)) = frames.next()? {
        visit(lsn, payload);
    }
    Ok((frames.valid_bytes(), frames.last_lsn()))
}

fn check_segment(
    path: PathBuf,
    first_lsn: u64,
    is_last: bool,
    visit: &mut dyn FnMut(u64, Bytes),
) -> io::Result<Option<Sealed>> {
    let length = fs::metadata(&path)?.len();
    let (valid, last_lsn) = read_segment(&path, first_lsn, length, visit)?;
    if valid < length {
        let (file, cut_bytes) = (path.display(), length - valid);
        if is_last {
            tracing::warn!(%file, cut_bytes, "write-ahead log ends in an incomplete entry; it was never acknowledged and is cut");
        } else {
            tracing::error!(%file, cut_bytes, "write-ahead log is damaged; the rest of this file cannot be read");
            set_aside(&path)?;
        }
        OpenOptions::new().write(true).open(&path)?.set_len(valid)?;
    }
    if valid <= MAGIC.len() as u64 {
        fs::remove_file(&path)?;
        return Ok(None);
    }
    Ok(Some(Sealed { path, first_lsn, last_lsn, bytes: valid }))
}

/// Keeps a copy of a damaged segment for whoever wants to look at it.
fn set_aside(path: &Path) -> io::Result<()> {
    fs::copy(path, path.with_extension("damaged")).map(|_| ())
}
