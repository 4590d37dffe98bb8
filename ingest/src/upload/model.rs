use crate::ports::PortError;
use event::Timestamp;
use serde::{Deserialize, Serialize};

/// What an uploader asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUpload {
    /// Name of the file as the client gave it: display text, never a path. Control characters are removed and
    /// it is cut to 255 characters.
    pub name: String,
    /// Who uploads, for display.
    pub uploader: String,
    /// Name of the pipeline, or `auto` to recognise it from the first lines.
    pub pipeline: String,
    /// `event.dataset` for records that bring none.
    pub dataset: Option<String>,
}

/// Where an upload is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadState {
    /// Waits for a worker.
    Queued,
    /// A worker reads it (or did until the service stopped; it goes on after the next start).
    Running,
    /// Read to the end.
    Done,
    /// Cannot be read to the end; what was read before is kept.
    Failed,
}

impl UploadState {
    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

/// How many records became what. `lines = indexed + duplicates + dead + dropped`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Records read: lines that are not blank, or elements of a JSON array.
    pub lines: u64,
    /// Stored by this upload.
    pub indexed: u64,
    /// Stored before.
    pub duplicates: u64,
    /// Became dead letters.
    pub dead: u64,
    /// Dropped by the pipeline on purpose.
    #[serde(default)]
    pub dropped: u64,
}

impl Counts {
    /// Adds another count to this.
    pub fn add(&mut self, other: Counts) {
        self.lines += other.lines;
        self.indexed += other.indexed;
        self.duplicates += other.duplicates;
        self.dead += other.dead;
        self.dropped += other.dropped;
    }
}

/// One of the first records that became dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorSample {
    /// Number of its line, from 1.
    pub line: u64,
    /// Why.
    pub reason: String,
}

/// An upload as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Upload {
    /// Its id.
    pub id: String,
    /// Display name of the file.
    pub name: String,
    /// Size as uploaded, in bytes.
    pub size: u64,
    /// SHA-256 of the file as uploaded, in hex.
    pub sha256: String,
    /// Where it is on its way.
    pub state: UploadState,
    /// Pipeline that reads it; `auto` until recognised, then that of the first file in an archive.
    pub pipeline: String,
    /// `event.dataset` for records that bring none.
    pub dataset: Option<String>,
    /// Who uploaded it.
    pub uploader: String,
    /// What became of the records so far.
    #[serde(flatten)]
    pub counts: Counts,
    /// Bytes read so far, decompressed.
    pub bytes_read: u64,
    /// Size decompressed; absent until known.
    pub bytes_total: Option<u64>,
    /// Share of the work done, 0 to 1.
    pub progress: f64,
    /// When it was received (UTC).
    pub created_at: Timestamp,
    /// When it became done or failed.
    pub finished_at: Option<Timestamp>,
    /// Why it failed or waits, or what of it could not be read.
    pub error: Option<String>,
    /// The first records that became dead letters, at most 10.
    pub error_sample: Vec<ErrorSample>,
}

/// An upload as it is stored: what clients see and what a worker needs to go on after a crash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UploadRecord {
    /// What clients see.
    #[serde(flatten)]
    pub upload: Upload,
    /// The pipeline that the uploader asked for: a name or `auto`.
    pub requested_pipeline: String,
    /// The files inside (one, unless it is an archive), once the first pass is over; with what became of each.
    #[serde(default)]
    pub members: Vec<MemberProgress>,
    /// Why the file could not be read to its end in the first pass; the members found before are processed.
    #[serde(default)]
    pub damage: Option<String>,
    /// Whether the first pass is over.
    #[serde(default)]
    pub scanned: bool,
    /// Attempts since the job last got on.
    #[serde(default)]
    pub idle_attempts: u32,
}

impl UploadRecord {
    /// An upload that was just received.
    pub(crate) fn new(upload: Upload, requested_pipeline: String) -> Self {
        Self {
            upload,
            requested_pipeline,
            members: Vec::new(),
            damage: None,
            scanned: false,
            idle_attempts: 0,
        }
    }
}

/// One file of an upload.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MemberProgress {
    /// Its position in the archive, from 0.
    pub position: u32,
    /// Its display name inside an archive; empty for a file on its own.
    pub name: String,
    /// BLAKE3 of its decompressed bytes, in hex.
    pub digest: String,
    /// Its size decompressed, in bytes.
    pub bytes: u64,
    /// Why it was refused as a whole (binary, an archive in an archive); none of its bytes are read then.
    #[serde(default)]
    pub refused: Option<String>,
    /// Pipeline that reads it, once recognised.
    #[serde(default)]
    pub pipeline: Option<String>,
    /// Whether it is finished; `counts` are then final.
    #[serde(default)]
    pub finished: bool,
    /// What became of its records, as of the last checkpoint.
    #[serde(default)]
    pub counts: Counts,
    /// Where its text breaks off (a JSON array without end), if it does.
    #[serde(default)]
    pub damage: Option<String>,
}

/// What is known about one content (a decompressed file) by its digest: the memory that makes a repeated upload add nothing
/// and an interrupted one go on where it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// BLAKE3 of the content, in hex: the key.
    pub digest: String,
    /// The upload whose job reads it, or did.
    pub owner: String,
    /// When the first upload of it was received: the time of its records that have none.
    pub created_at: Timestamp,
    /// Whether all of it is stored.
    pub complete: bool,
    /// All records that start before this byte are stored.
    pub committed_offset: u64,
    /// Lines before that byte.
    pub committed_line: u64,
    /// No record that starts at or after this byte was ever sent to the store.
    pub reserved_offset: u64,
    /// What became of the records before `committed_offset`, as their first upload counted them.
    pub counts: Counts,
    /// The part of `counts` that is due to uploads which were deleted or failed before the owner took over.
    #[serde(default)]
    pub inherited: Counts,
    /// Where the text breaks off, if it does.
    #[serde(default)]
    pub damage: Option<String>,
}

impl Content {
    /// Content that nobody has read yet.
    pub(crate) fn new(digest: &str, owner: &Upload) -> Self {
        Self {
            digest: digest.to_owned(),
            owner: owner.id.clone(),
            created_at: owner.created_at,
            complete: false,
            committed_offset: 0,
            committed_line: 0,
            reserved_offset: 0,
            counts: Counts::default(),
            inherited: Counts::default(),
            damage: None,
        }
    }

    /// What became of the records before `committed_offset` as the owner sees it: what it inherited was stored before.
    pub(crate) fn owners_counts(&self) -> Counts {
        let mut counts = self.counts;
        counts.indexed -= self.inherited.indexed.min(counts.indexed);
        counts.duplicates += self.inherited.indexed;
        counts
    }

    /// What became of the records as another upload of the same content sees it.
    pub(crate) fn others_counts(&self) -> Counts {
        let Counts { lines, indexed, duplicates, dead, dropped } = self.counts;
        Counts { lines, indexed: 0, duplicates: indexed + duplicates, dead, dropped }
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Pass this to get the next page; absent on the last.
    pub next_cursor: Option<String>,
}

/// Why an upload cannot be received, read or changed.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// No upload of that id. (HTTP 404)
    #[error("there is no upload {0:?}")]
    NotFound(String),
    /// No pipeline of that name. (HTTP 400)
    #[error("there is no pipeline {0:?}; name one of the listed pipelines or `auto`")]
    UnknownPipeline(String),
    /// The dataset is no dataset name. (HTTP 400)
    #[error("cannot take dataset {0:?}: use 1 to 100 characters of a-z, 0-9, `.`, `_` and `-`")]
    InvalidDataset(String),
    /// The cursor was not made by this list. (HTTP 400)
    #[error("cannot read cursor {0:?}: pass `next_cursor` of the page before, unchanged")]
    InvalidCursor(String),
    /// The file is larger than allowed. (HTTP 413)
    #[error("the file is larger than {limit_bytes} bytes, the most that one upload may have")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// Too many at once. (HTTP 400)
    #[error("{given} ids given; at most {limit} at once")]
    TooManyIds {
        /// How many were given.
        given: usize,
        /// How many may be.
        limit: usize,
    },
    /// A store failed. (HTTP by its kind)
    #[error(transparent)]
    Port(#[from] PortError),
}
