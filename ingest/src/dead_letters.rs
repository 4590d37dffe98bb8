//! Dead letters: records that could not be indexed, kept with the reason until a person mends the pipeline.

use crate::envelope::Envelope;
use event::Timestamp;
use serde::{Deserialize, Serialize};

/// The most bytes of the original that a dead letter keeps.
///
/// A longer one keeps its start and is marked [`DeadLetter::truncated`]: it can be read, not replayed.
pub const ORIGINAL_MAX_BYTES: usize = 64 * 1024;

/// Where on its way a record failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It could not be cut out of the input or is not what the pipeline takes (too long, not JSON).
    Decode,
    /// A processor of the pipeline failed.
    Pipeline,
    /// Its time is missing or out of bounds, or no index fits.
    Route,
    /// The store refused it.
    Store,
}

/// A record that could not be indexed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The `_id` that the event would have had; a replay keeps it.
    pub id: String,
    /// Id of the upload it came with; absent for records that came by a request or over the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
    /// Display name of the uploaded file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// BLAKE3 of the decompressed file, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Name of the network input that it came by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// What the record is wrapped in, as `original` shows it.
    #[serde(default, skip_serializing_if = "Envelope::is_bare")]
    pub envelope: Envelope,
    /// Number of the line (or position in the request or connection) at which the record starts, from 1.
    pub line: u64,
    /// Byte in the decompressed file at which the record starts; over the network the number of the record, from 0.
    pub offset: u64,
    /// Why it failed, for people.
    pub reason: String,
    /// Where it failed.
    pub stage: Stage,
    /// Type of the processor that failed, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processor: Option<String>,
    /// Tag of the processor that failed, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Name of the pipeline.
    pub pipeline: String,
    /// The record as it arrived, after redaction, at most [`ORIGINAL_MAX_BYTES`].
    pub original: String,
    /// Length of the record in bytes as it arrived.
    pub length_bytes: u64,
    /// Whether `original` is only the start of the record.
    #[serde(default)]
    pub truncated: bool,
    /// Dataset that the uploader gave, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// The time that the event takes if it has none of its own.
    pub received_at: Timestamp,
    /// When it became a dead letter (again).
    pub at: Timestamp,
}

/// Which dead letters are meant; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct DeadLetterFilter {
    /// Those of this upload.
    pub upload: Option<String>,
    /// Those of this pipeline.
    pub pipeline: Option<String>,
}

/// Which dead letters to send through their pipeline again.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayTarget {
    /// All of an upload.
    Upload(String),
    /// These.
    Ids(Vec<String>),
}

/// What became of replayed dead letters. Those that made it are dead letters no more; the others stay, with
/// the new reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReplayReport {
    /// How many were tried.
    pub replayed: u64,
    /// Now stored.
    pub indexed: u64,
    /// Were stored already.
    pub duplicates: u64,
    /// Dropped by the pipeline on purpose.
    pub dropped: u64,
    /// Still dead.
    pub dead: u64,
}
