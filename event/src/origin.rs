use std::sync::Arc;

/// Where an event came from: enough to derive a stable id and to point a person at the line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origin {
    /// A call of the HTTP API or a command, one request at a time.
    #[default]
    Request,
    /// A line (or array element) of an uploaded file.
    Upload {
        /// Id of the upload.
        upload: Arc<str>,
        /// BLAKE3 of the decompressed file (of the one member, in an archive).
        digest: [u8; 32],
        /// Byte in the decompressed file at which the record starts.
        offset: u64,
        /// Number of the line at which the record starts, from 1.
        line: u64,
    },
    /// A connection of a network input.
    Connection {
        /// Name of the input.
        input: Arc<str>,
        /// Id of the connection: a UUID of version 7, so that ids made of it sort by time.
        connection: u128,
        /// Counts the records of the connection, from 0.
        sequence: u64,
    },
}
