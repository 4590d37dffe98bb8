//! What is answered about a file.

use crate::decode::DecodeError;
use event::Object;
use serde::Serialize;
use serde_json::Value;

/// What a file is.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    /// How its records stand in it: `lines`, `ndjson`, `json_array`, `json_sequence`, `csv`, `tsv`, `delimited`, `w3c`;
    /// or, for lines that a pipeline calls its own, the name of that pipeline.
    pub format: String,
    /// How sure that is, 0 to 1: for what a pipeline calls its own the share of such records, else the share that parses.
    pub confidence: f64,
    /// `utf-8`, `utf-16le` or `utf-16be`.
    pub encoding: &'static str,
    /// `gzip`, `zstd` or `zip`; absent if it is plain.
    pub compression: Option<&'static str>,
    /// Name of the file inside, if it is a zip: only the first is looked at.
    pub member: Option<String>,
    /// Columns, if it is a table.
    pub table: Option<TableShape>,
    /// Where the time of a record is.
    pub time: Option<TimeField>,
    /// The pipeline for it.
    pub pipeline: ProposedPipeline,
    /// The mapping for its events: a component template as Elasticsearch has them.
    pub mapping: Value,
    /// Decompressed bytes looked at.
    pub bytes: u64,
    /// Whether that is all of it.
    pub complete: bool,
    /// Records tried.
    pub records: u64,
    /// Records that became events, or were dropped by the pipeline on purpose.
    pub parsed: u64,
    /// Share of the records that parse, 0 to 1; 1 without records.
    pub parse_rate: f64,
    /// The first events as they would be stored, redacted; at most 10.
    pub samples: Vec<Object>,
    /// The first records that do not parse, redacted; at most 10.
    pub failures: Vec<InspectFailure>,
}

/// The columns of a table.
#[derive(Debug, Clone, Serialize)]
pub struct TableShape {
    /// What parts the cells.
    pub delimiter: String,
    /// Whether the first row names the columns.
    pub has_header: bool,
    /// The columns, as fields.
    pub columns: Vec<TableColumn>,
}

/// A column of a table.
#[derive(Debug, Clone, Serialize)]
pub struct TableColumn {
    /// Name of the field.
    pub name: String,
    /// `long`, `double`, `boolean`, `ip`, `date` or `text`.
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// The time of records.
#[derive(Debug, Clone, Serialize)]
pub struct TimeField {
    /// The field or column that it is read from.
    pub field: String,
    /// Formats of the `date` processor that read it.
    pub formats: Vec<String>,
}

/// A pipeline that exists, or one to be created.
#[derive(Debug, Clone, Serialize)]
pub struct ProposedPipeline {
    /// The pipeline that `auto` takes now.
    pub name: String,
    /// Whether it calls records like these its own, rather than taking what no other does.
    pub recognised: bool,
    /// A better one, to be put under a name of its own; absent if there is none to propose.
    pub definition: Option<Value>,
}

/// A record that does not parse.
#[derive(Debug, Clone, Serialize)]
pub struct InspectFailure {
    /// Number of the line at which it starts, from 1.
    pub line: u64,
    /// Why.
    pub reason: String,
    /// Its start.
    pub record: String,
}

/// Why a file cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// It is no text that uploads take. (HTTP 400)
    #[error("{0}")]
    Unreadable(String),
    /// There is no pipeline where one must be. (HTTP 500)
    #[error("{0}")]
    Internal(String),
}

impl From<DecodeError> for InspectError {
    fn from(error: DecodeError) -> Self {
        Self::Unreadable(error.to_string())
    }
}
