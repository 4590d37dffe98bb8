//! Where one record ends and the next begins: lines, and syslog over a stream, which is counted or delimited (RFC 6587),
//! each message as its sender likes it.
//!
//! *Invariant*: what comes out does not depend on how the bytes were cut into reads; what is held of a record that is too
//! long is bounded.

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memchr2};

/// Most digits of a count.
const COUNT_DIGITS_MAX: usize = 9;

/// One record without its frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// Its bytes; only the first few if it is longer than allowed.
    pub(super) bytes: Bytes,
    /// Its whole length in bytes.
    pub(super) length: u64,
    /// Why it is not whole, if so.
    pub(super) fault: Option<String>,
}

/// How records are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// By line ends.
    Lines,
    /// By counts (`57 <13>1 …`), line ends or NUL.
    Syslog,
}

/// Cuts a stream into records.
pub(super) struct Framing {
    style: Style,
    max_bytes: usize,
    kept_bytes: usize,
    /// Bytes of the buffer in which no record ends.
    searched: usize,
    skipping: Option<Skipping>,
}

/// The rest of a record that is too long.
struct Skipping {
    head: BytesMut,
    length: u64,
    /// Bytes that follow; `None`: up to its end.
    counted: Option<u64>,
}

/// What a stream begins with.
enum Count {
    /// No count.
    None,
    /// Perhaps a count: more bytes will tell.
    Open,
    /// Bytes of the count, bytes of the message.
    Of(usize, u64),
}

impl Framing {
    /// Records have at most `max_bytes`; of a longer one the first `kept_bytes` are kept.
    pub(super) fn new(style: Style, max_bytes: usize, kept_bytes: usize) -> Self {
        Self { style, max_bytes, kept_bytes: kept_bytes.min(max_bytes), searched: 0, skipping: None }
    }

    /// Whether the stream stands inside of a record, given what is left in the buffer.
    pub(super) fn is_inside(&self, buffer: &BytesMut) -> bool {
        self.skipping.is_some() || !buffer.is_empty()
    }

    /// Takes the next record out of the buffer; `None`: more bytes are needed. `ended` says that there are none.
    pub(super) fn next(&mut self, buffer: &mut BytesMut, ended: bool) -> Option<Frame> {
        loop {
            let frame = match self.skipping.take() {
                Some(skipping) => self.skip(skipping, buffer, ended)?,
                None => self.whole(buffer, ended)?,
            };
            if frame.fault.is_some() || !frame.bytes.iter().all(u8::is_ascii_whitespace) {
                return Some(frame);
            }
        }
    }

    /// What is there of a record that will not be finished.
    pub(super) fn cut_off(&mut self, buffer: &mut BytesMut, reason: &str) -> Option<Frame> {
        let mut frame = self.next(buffer, true)?;
        frame.fault.get_or_insert_with(|| reason.to_owned());
        Some(frame)
    }

    fn whole(&mut self, buffer: &mut BytesMut, ended: bool) -> Option<Frame> {
        if self.style == Style::Syslog {
            match count(buffer) {
                Count::Of(digits, length) => return self.counted(buffer, digits, length, ended),
                Count::Open if !ended => return None,
                Count::Open | Count::None => {}
            }
        }
        match self.find_end(&buffer[self.searched..]).map(|at| self.searched + at) {
            Some(end) if end > self.max_bytes => {
                let skipping = Skipping { head: BytesMut::new(), length: 0, counted: None };
                self.skip(skipping, buffer, ended)
            }
            Some(end) => {
                self.searched = 0;
                let mut line = buffer.split_to(end + 1);
                line.truncate(end);
                Some(frame(line))
            }
            None if buffer.len() > self.max_bytes => {
                let skipping = Skipping { head: BytesMut::new(), length: 0, counted: None };
                self.skip(skipping, buffer, ended)
            }
            None if ended && !buffer.is_empty() => {
                self.searched = 0;
                Some(frame(buffer.split()))
            }
            None => {
                self.searched = buffer.len();
                None
            }
        }
    }

    fn counted(&mut self, buffer: &mut BytesMut, digits: usize, length: u64, ended: bool) -> Option<Frame> {
        self.searched = 0;
        if length > self.max_bytes as u64 {
            buffer.advance(digits);
            let skipping = Skipping { head: BytesMut::new(), length: 0, counted: Some(length) };
            return self.skip(skipping, buffer, ended);
        }
        let end = digits + usize::try_from(length).ok()?;
        if buffer.len() >= end {
            buffer.advance(digits);
            return Some(frame(buffer.split_to(end - digits)));
        }
        if !ended {
            return None;
        }
        buffer.advance(digits);
        let fault = Some(format!("the connection ended inside of a message of {length} bytes"));
        Some(Frame { fault, length, ..frame(buffer.split()) })
    }

    /// Consumes a record that is too long, keeping its start.
    fn skip(&mut self, mut skipping: Skipping, buffer: &mut BytesMut, ended: bool) -> Option<Frame> {
        self.searched = 0;
        let (part, complete) = match skipping.counted {
            Some(left) => {
                let part = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
                skipping.counted = Some(left - part as u64);
                (part, left == part as u64)
            }
            None => match self.find_end(buffer) {
                Some(end) => (end, true),
                None => (buffer.len(), false),
            },
        };
        let kept = part.min(self.kept_bytes - skipping.head.len());
        skipping.head.extend_from_slice(&buffer[..kept]);
        skipping.length += part as u64;
        buffer.advance(part);
        if complete && skipping.counted.is_none() {
            // The line end itself.
            buffer.advance(1);
        }
        if !complete && !ended {
            self.skipping = Some(skipping);
            return None;
        }
        let length = skipping.length + skipping.counted.unwrap_or(0);
        Some(Frame { bytes: skipping.head.freeze(), length, fault: None })
    }

    fn find_end(&self, bytes: &[u8]) -> Option<usize> {
        match self.style {
            Style::Lines => memchr(b'\n', bytes),
            Style::Syslog => memchr2(b'\n', b'\0', bytes),
        }
    }
}

/// A whole record, without the line end that may stand inside of the frame.
fn frame(mut bytes: BytesMut) -> Frame {
    let end =
        bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r' | b'\0')).map_or(0, |last| last + 1);
    bytes.truncate(end);
    Frame { length: bytes.len() as u64, bytes: bytes.freeze(), fault: None }
}

/// A count stands before a message that begins with its priority; anything else with digits is text.
fn count(buffer: &[u8]) -> Count {
    let digits = buffer.iter().take(COUNT_DIGITS_MAX + 1).take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > COUNT_DIGITS_MAX || buffer[0] == b'0' {
        return if buffer.is_empty() { Count::Open } else { Count::None };
    }
    match (buffer.get(digits), buffer.get(digits + 1)) {
        (None, _) | (Some(b' '), None) => Count::Open,
        (Some(b' '), Some(b'<')) => {
            let length = buffer[..digits].iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
            Count::Of(digits + 1, length)
        }
        _ => Count::None,
    }
}

#[cfg(test)]
mod tests;
