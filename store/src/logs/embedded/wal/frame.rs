//! How one entry of the log lies on disk: length, checksum, sequence number, payload.

use bytes::Bytes;
use std::io::{self, Read};

/// Length (`u32`), CRC-32 of what follows (`u32`), sequence number (`u64`); little endian.
pub(super) const HEADER_BYTES: usize = 16;

/// Longest payload; a longer length on disk is damage.
pub(in crate::logs::embedded) const PAYLOAD_MAX_BYTES: usize = 512 << 20;

/// The header of a frame whose payload is the parts one after the other.
pub(super) fn header(lsn: u64, parts: &[Bytes]) -> [u8; HEADER_BYTES] {
    let length: usize = parts.iter().map(Bytes::len).sum();
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&lsn.to_le_bytes());
    parts.iter().for_each(|part| checksum.update(part));
    let mut header = [0; HEADER_BYTES];
    // Submission refuses longer payloads than PAYLOAD_MAX_BYTES, which fits.
    header[..4].copy_from_slice(&(length as u32).to_le_bytes());
    header[4..8].copy_from_slice(&checksum.finalize().to_le_bytes());
    header[8..].copy_from_slice(&lsn.to_le_bytes());
    header
}

/// Reads frames up to the end or to the first one that is damaged.
pub(super) struct FrameReader<R> {
    input: R,
    remaining: u64,
    valid: u64,
    last_lsn: u64,
}

impl<R: Read> FrameReader<R> {
    /// `start`: where in the file the input begins; `length`: how many bytes it has; `after`: all sequence numbers
    /// are above it.
    pub(super) fn new(input: R, start: u64, length: u64, after: u64) -> Self {
        Self { input, remaining: length, valid: start, last_lsn: after }
    }

    /// The next frame that is whole. Errors are those of reading, not damage.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Bytes)>> {
        if self.remaining < HEADER_BYTES as u64 {
            return Ok(None);
        }
        let mut header = [0; HEADER_BYTES];
        self.input.read_exact(&mut header)?;
        let [a, b, c, d, e, f, g, h, lsn @ ..] = header;
        let length = u32::from_le_bytes([a, b, c, d]);
        let checksum = u32::from_le_bytes([e, f, g, h]);
        let lsn = u64::from_le_bytes(lsn);
        let total = HEADER_BYTES as u64 + u64::from(length);
        if total > self.remaining || length as usize > PAYLOAD_MAX_BYTES || lsn <= self.last_lsn {
            return Ok(None);
        }
        let mut payload = vec![0; length as usize];
        self.input.read_exact(&mut payload)?;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&lsn.to_le_bytes());
        hasher.update(&payload);
        if hasher.finalize() != checksum {
            return Ok(None);
        }
        self.remaining -= total;
        self.valid += total;
        self.last_lsn = lsn;
        Ok(Some((lsn, Bytes::from(payload))))
    }

    /// Where in the file the last whole frame ends.
    pub(super) fn valid_bytes(&self) -> u64 {
        self.valid
    }

    /// Sequence number of the last whole frame (or `after`).
    pub(super) fn last_lsn(&self) -> u64 {
        self.last_lsn
    }
}
