//! Frames of Lumberjack version 2: <https://github.com/elastic/go-lumber/blob/main/protocol/v2/protocol.go>.
//!
//! `2W` window size · `2J` sequence, length, JSON · `2C` length, zlib over more frames; all numbers are 32 bits, big endian.

use super::super::framing::Frame;
use bytes::{Buf, Bytes, BytesMut};
use flate2::{Decompress, FlushDecompress, Status};
use std::ops::RangeInclusive;

/// Most bytes that one compressed frame may become. Shippers send some megabytes; a bomb would keep a processor busy.
const INFLATED_MAX_BYTES: u64 = 256 << 20;
/// Largest compressed frame.
const COMPRESSED_MAX_BYTES: u32 = 64 << 20;
/// How much is inflated at once, at most and at least.
const INFLATE_BYTES: RangeInclusive<usize> = 1 << 10..=32 << 10;
/// Version, type and one number.
const HEAD_BYTES: usize = 6;
/// Version, type, sequence and length.
const EVENT_HEAD_BYTES: usize = 10;

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::input) enum Said {
    /// So many events follow; then an acknowledgement is awaited.
    Window(u32),
    /// An event with its number.
    Event(u32, Frame),
}

/// What is no Lumberjack version 2. The connection cannot go on: where the next frame begins is unknown.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::input) enum Violation {
    /// Version 1, of logstash-forwarder.
    #[error("the client speaks version 1 of Lumberjack; version 2 is needed (Filebeat, Logstash)")]
    VersionOne,
    /// Something else altogether, such as TLS or HTTP.
    #[error("{0:?} begins no frame of Lumberjack")]
    NoFrame([u8; 2]),
    /// Compressed frames inside of each other.
    #[error("a compressed frame holds a compressed frame")]
    Nested,
    /// Too large.
    #[error("a compressed frame holds more than {0} bytes")]
    TooLarge(u64),
    /// The compressed data are damaged, or end inside of a frame.
    #[error("a compressed frame is damaged: {0}")]
    Damaged(String),
}

/// Reads frames out of a stream that comes in pieces.
pub(in crate::input) struct Frames {
    plain: Level,
    inflating: Option<Box<Inflating>>,
}

/// What frames are read from: the stream itself, or what a compressed frame holds.
struct Level {
    max_bytes: usize,
    kept_bytes: usize,
    skipping: Option<Skipping>,
}

/// The rest of an event that is too long.
struct Skipping {
    sequence: u32,
    length: u64,
    left: u64,
    head: BytesMut,
}

struct Inflating {
    zlib: Decompress,
    /// Compressed bytes that were not read yet.
    left: u64,
    inflated: u64,
    /// Whether the compressed data have come to their end.
    done: bool,
    buffer: BytesMut,
    level: Level,
    /// It goes on as soon as it may hold more.
    starved: bool,
}

/// A frame, or the head of one that is read piece by piece.
enum Piece {
    Said(Said),
    Compressed(u32),
}

impl Frames {
    /// Events have at most `max_bytes`; of a longer one the first `kept_bytes` are kept.
    pub(in crate::input) fn new(max_bytes: usize, kept_bytes: usize) -> Self {
        Self { plain: Level::new(max_bytes, kept_bytes), inflating: None }
    }

    /// Whether the stream stands inside of a frame, given what is left in the buffer.
    pub(in crate::input) fn is_inside(&self, buffer: &BytesMut) -> bool {
        !buffer.is_empty() || self.plain.skipping.is_some() || self.inflating.is_some()
    }

    /// Bytes that it holds beside the buffer.
    pub(in crate::input) fn held(&self) -> usize {
        let levels = self.inflating.iter().map(|inflating| inflating.buffer.len() + inflating.level.held());
        levels.sum::<usize>() + self.plain.held()
    }

    /// Whether it could go on if it were allowed to hold more.
    pub(in crate::input) fn is_starved(&self) -> bool {
        self.inflating.as_ref().is_some_and(|inflating| inflating.starved)
    }

    /// Gives memory back that a long event took.
    pub(in crate::input) fn settle(&mut self) {
        if let Some(inflating) = &mut self.inflating
            && inflating.buffer.capacity() > 2 * inflating.buffer.len()
        {
            inflating.buffer = BytesMut::from(&inflating.buffer[..]);
        }
    }

    /// Takes the next frame out of the buffer; `None`: more bytes are needed, or leave to hold more than `leave` of what was
    /// inflated.
    pub(in crate::input) fn next(
        &mut self,
        buffer: &mut BytesMut,
        leave: usize,
    ) -> Result<Option<Said>, Violation> {
        loop {
            if let Some(inflating) = &mut self.inflating {
                if let Some(said) = inflating.next(buffer, leave)? {
                    return Ok(Some(said));
                }
                if inflating.left > 0 || inflating.starved {
                    return Ok(None);
                }
                self.inflating = None;
            }
            match self.plain.next(buffer)? {
                None => return Ok(None),
                Some(Piece::Said(said)) => return Ok(Some(said)),
                Some(Piece::Compressed(length)) if length > COMPRESSED_MAX_BYTES => {
                    return Err(Violation::TooLarge(COMPRESSED_MAX_BYTES.into()));
                }
                Some(Piece::Compressed(length)) => {
                    self.inflating = Some(Box::new(Inflating {
                        zlib: Decompress::new(true),
                        left: length.into(),
                        inflated: 0,
                        done: false,
                        buffer: BytesMut::new(),
                        level: Level::new(self.plain.max_bytes, self.plain.kept_bytes),
                        starved: false,
                    }));
                }
            }
        }
    }
}

impl Inflating {
    /// The next frame of a compressed one; `None`: more bytes are needed, or (`left` is 0) it is over.
    fn next(&mut self, buffer: &mut BytesMut, leave: usize) -> Result<Option<Said>, Violation> {
        self.starved = false;
        loop {
            match self.level.next(&mut self.buffer)? {
                Some(Piece::Said(said)) => return Ok(Some(said)),
                Some(Piece::Compressed(_)) => return Err(Violation::Nested),
                None => {}
            }
            if self.buffer.len() >= leave {
                self.starved = true;
                return Ok(None);
            }
            if !self.inflate(buffer, leave)? {
                let over = self.left == 0;
                if over && (!self.buffer.is_empty() || self.level.skipping.is_some()) {
                    return Err(Violation::Damaged("it ends inside of a frame".to_owned()));
                }
                return Ok(None);
            }
        }
    }

    /// Inflates some more, so that about `leave` is held; whether there was more.
    fn inflate(&mut self, buffer: &mut BytesMut, leave: usize) -> Result<bool, Violation> {
        if self.done {
            let rest = "bytes follow behind its end".to_owned();
            return if self.left == 0 { Ok(false) } else { Err(Violation::Damaged(rest)) };
        }
        let available = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let (read, made) = (self.zlib.total_in(), self.zlib.total_out());
        let start = self.buffer.len();
        let room = leave.saturating_sub(start).clamp(*INFLATE_BYTES.start(), *INFLATE_BYTES.end());
        self.buffer.resize(start + room, 0);
        let status =
            self.zlib.decompress(&buffer[..available], &mut self.buffer[start..], FlushDecompress::None);
        let read = self.zlib.total_in() - read;
        let made = self.zlib.total_out() - made;
        self.buffer.truncate(start + usize::try_from(made).unwrap_or(0));
        let status = status.map_err(|error| Violation::Damaged(error.to_string()))?;
        buffer.advance(usize::try_from(read).unwrap_or(0));
        self.left -= read;
        self.inflated += made;
        if self.inflated > INFLATED_MAX_BYTES {
            return Err(Violation::TooLarge(INFLATED_MAX_BYTES));
        }
        self.done = status == Status::StreamEnd;
        if !self.done && self.left == 0 && made == 0 {
            return Err(Violation::Damaged("it is cut off".to_owned()));
        }
        Ok(self.done || read > 0 || made > 0)
    }
}

impl Level {
    fn new(max_bytes: usize, kept_bytes: usize) -> Self {
        Self { max_bytes, kept_bytes: kept_bytes.min(max_bytes), skipping: None }
    }

    /// Bytes that it keeps of an event that is too long.
    fn held(&self) -> usize {
        self.skipping.as_ref().map_or(0, |skipping| skipping.head.len())
    }

    fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Piece>, Violation> {
        if self.skipping.is_some() {
            return Ok(self.skip(buffer));
        }
        let (Some(&version), kind) = (buffer.first(), buffer.get(1)) else { return Ok(None) };
        match (version, kind) {
            (b'1', _) => return Err(Violation::VersionOne),
            (b'2', None | Some(b'W' | b'J' | b'C')) => {}
            (b'2', Some(b'D')) => return Err(Violation::VersionOne),
            (first, second) => return Err(Violation::NoFrame([first, second.copied().unwrap_or(0)])),
        }
        if buffer.len() < HEAD_BYTES {
            return Ok(None);
        }
        let number = number_at(buffer, 2);
        match buffer[1] {
            b'W' => {
                buffer.advance(HEAD_BYTES);
                Ok(Some(Piece::Said(Said::Window(number))))
            }
            b'C' => {
                buffer.advance(HEAD_BYTES);
                Ok(Some(Piece::Compressed(number)))
            }
            _ => Ok(self.event(number, buffer)),
        }
    }

    fn event(&mut self, sequence: u32, buffer: &mut BytesMut) -> Option<Piece> {
        if buffer.len() < EVENT_HEAD_BYTES {
            return None;
        }
        let length = number_at(buffer, HEAD_BYTES) as usize;
        if length > self.max_bytes {
            buffer.advance(EVENT_HEAD_BYTES);
            let length = length as u64;
            self.skipping = Some(Skipping { sequence, length, left: length, head: BytesMut::new() });
            return self.skip(buffer);
        }
        if buffer.len() < EVENT_HEAD_BYTES + length {
            return None;
        }
        buffer.advance(EVENT_HEAD_BYTES);
        Some(event(sequence, buffer.split_to(length).freeze(), length as u64))
    }

    /// Consumes an event that is too long, keeping its start.
    fn skip(&mut self, buffer: &mut BytesMut) -> Option<Piece> {
        let mut skipping = self.skipping.take()?;
        let part = usize::try_from(skipping.left).unwrap_or(usize::MAX).min(buffer.len());
        let kept = part.min(self.kept_bytes - skipping.head.len());
        skipping.head.extend_from_slice(&buffer[..kept]);
        buffer.advance(part);
        skipping.left -= part as u64;
        if skipping.left > 0 {
            self.skipping = Some(skipping);
            return None;
        }
        Some(event(skipping.sequence, skipping.head.freeze(), skipping.length))
    }
}

fn event(sequence: u32, bytes: Bytes, length: u64) -> Piece {
    Piece::Said(Said::Event(sequence, Frame { bytes, length, fault: None }))
}

fn number_at(buffer: &[u8], at: usize) -> u32 {
    buffer.iter().skip(at).take(4).fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests;
