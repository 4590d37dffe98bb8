//! Zip (APPNOTE 6.3.10) read from front to back, entry by entry, without the central directory: an upload cannot be
//! seeked in, and what comes before a cut is worth keeping.

use super::{DecodeError, Source, input::Input};
use flate2::{Crc, bufread::DeflateDecoder};
use std::io::{self, BufRead, Read};

const LOCAL_HEADER: &[u8] = b"PK\x03\x04";
/// Central directory, end of it, zip64 end of it, archive extra data: no entry comes after any of these.
const TRAILERS: [&[u8]; 4] = [b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x08"];
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
const FLAG_ENCRYPTED: u16 = 1;
const FLAG_DESCRIPTOR: u16 = 1 << 3;
const ZIP64_EXTRA: u16 = 1;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// An entry of a zip, as its local header tells.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its name, as text for display.
    pub(super) name: String,
    /// Whether it is a file that somebody meant to send: not a directory, not what macOS adds to archives.
    pub(super) is_file: bool,
}

pub(super) struct ZipStream {
    body: Body,
    /// Of the entry that is being read.
    header: LocalHeader,
    crc: Crc,
    expanded: u64,
    /// Where the data of the entry begins.
    data_start: u64,
    /// How much was consumed when the body went.
    consumed: u64,
}

enum Body {
    /// Between entries.
    Idle(Input),
    Stored {
        input: Input,
        left: u64,
    },
    Deflated(Box<DeflateDecoder<Input>>),
    /// After an error, or for a moment while the input changes hands.
    Gone,
}

#[derive(Debug, Default)]
struct LocalHeader {
    flags: u16,
    method: u16,
    crc: u32,
    compressed: u64,
    expanded: u64,
}

impl ZipStream {
    pub(super) fn new(input: Input) -> Self {
        Self {
            body: Body::Idle(input),
            header: LocalHeader::default(),
            crc: Crc::new(),
            expanded: 0,
            data_start: 0,
            consumed: 0,
        }
    }

    pub(super) fn consumed(&self) -> u64 {
        match &self.body {
            Body::Idle(input) | Body::Stored { input, .. } => input.consumed(),
            Body::Deflated(decoder) => decoder.get_ref().consumed(),
            Body::Gone => self.consumed,
        }
    }

    fn take_body(&mut self) -> Body {
        self.consumed = self.consumed();
        std::mem::replace(&mut self.body, Body::Gone)
    }

    /// Comes to the next entry; the one before must have been read to its end.
    pub(super) fn next_entry(&mut self) -> Result<Option<Entry>, DecodeError> {
        let Body::Idle(mut input) = self.take_body() else { return Ok(None) };
        let head = input.peek(4).map_err(bad)?;
        if TRAILERS.iter().any(|signature| head.starts_with(signature)) {
            return Ok(None);
        }
        if !head.starts_with(LOCAL_HEADER) {
            return Err(if head.len() < 4 {
                DecodeError::Truncated("the zip ends before its directory".into())
            } else {
                DecodeError::Damaged(format!("no zip entry where one must be, at byte {}", input.consumed()))
            });
        }
        let (header, name) = read_local_header(&mut input).map_err(bad)?;
        let entry = Entry { is_file: is_meant(&name), name };
        self.data_start = input.consumed();
        self.crc = Crc::new();
        self.expanded = 0;
        self.body = open_body(input, &header, &entry.name)?;
        self.header = header;
        Ok(Some(entry))
    }

    /// The entry is read: checks it and makes ready for the next.
    fn end_entry(&mut self, mut input: Input) -> Result<(), DecodeError> {
        let compressed = input.consumed() - self.data_start;
        let crc = self.crc.sum();
        let sound = if self.header.flags & FLAG_DESCRIPTOR != 0 {
            let tail = input.peek(24).map_err(bad)?;
            let length = descriptor_length(tail, crc, compressed, self.expanded);
            if length.is_none() && tail.len() < 12 {
                return Err(DecodeError::Truncated("the zip ends inside an entry".into()));
            }
            input.consume(length.unwrap_or(0));
            length.is_some()
        } else {
            self.header.crc == crc
                && self.header.expanded == self.expanded
                && self.header.compressed == compressed
        };
        if !sound {
            let cut = input.peek(1).map_err(bad)?.is_empty();
            return Err(if cut {
                DecodeError::Truncated("the zip ends inside an entry".into())
            } else {
                DecodeError::Damaged("size or checksum of a zip entry does not fit its data".into())
            });
        }
        self.body = Body::Idle(input);
        Ok(())
    }
}

impl Source for ZipStream {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = match &mut self.body {
            Body::Idle(_) | Body::Gone => return Ok(0),
            Body::Stored { input, left } => {
                let want = buffer.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                let count = input.read(&mut buffer[..want]).map_err(bad)?;
                *left -= count as u64;
                count
            }
            Body::Deflated(decoder) => decoder.read(buffer).map_err(bad)?,
        };
        if count > 0 {
            self.crc.update(&buffer[..count]);
            self.expanded += count as u64;
            return Ok(count);
        }
        match self.take_body() {
            Body::Stored { input, .. } => self.end_entry(input)?,
            Body::Deflated(decoder) => self.end_entry(decoder.into_inner())?,
            Body::Idle(_) | Body::Gone => {}
        }
        Ok(0)
    }
}

fn bad(error: io::Error) -> DecodeError {
    DecodeError::from_decompressor("zip", error)
}

fn open_body(input: Input, header: &LocalHeader, name: &str) -> Result<Body, DecodeError> {
    if header.flags & FLAG_ENCRYPTED != 0 {
        return Err(DecodeError::Unsupported(format!(
            "{name:?} in the zip is encrypted; upload it without password"
        )));
    }
    let deferred = header.flags & FLAG_DESCRIPTOR != 0;
    match header.method {
        STORED if deferred && !name.ends_with('/') => Err(DecodeError::Unsupported(format!(
            "{name:?} is in the zip neither compressed nor with its size told; zip it again with compression"
        ))),
        STORED => Ok(Body::Stored { input, left: header.compressed }),
        DEFLATED => Ok(Body::Deflated(Box::new(DeflateDecoder::new(input)))),
        other => Err(DecodeError::Unsupported(format!(
            "{name:?} is in the zip by method {other}; zip it with deflate (method 8)"
        ))),
    }
}

fn read_local_header(input: &mut Input) -> io::Result<(LocalHeader, String)> {
    let raw: [u8; 30] = input.take()?;
    let u16_at = |at: usize| u16::from_le_bytes([raw[at], raw[at + 1]]);
    let u32_at = |at: usize| u32::from_le_bytes([raw[at], raw[at + 1], raw[at + 2], raw[at + 3]]);
    let mut header = LocalHeader {
        flags: u16_at(6),
        method: u16_at(8),
        crc: u32_at(14),
        compressed: u32_at(18).into(),
        expanded: u32_at(22).into(),
    };
    // Both lengths are 16 bits: at most 64 KiB each.
    let mut name = vec![0; u16_at(26).into()];
    input.read_exact(&mut name)?;
    let mut extra = vec![0; u16_at(28).into()];
    input.read_exact(&mut extra)?;
    read_zip64(&extra, &mut header);
    Ok((header, String::from_utf8_lossy(&name).into_owned()))
}

/// Sizes of 4 GiB and more are in the zip64 extra field, in this order, each only if its 32 bits are all ones.
fn read_zip64(extra: &[u8], header: &mut LocalHeader) {
    let mut rest = extra;
    while let Some((head, tail)) = rest.split_at_checked(4) {
        let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
        let Some((data, next)) = tail.split_at_checked(length) else { return };
        if u16::from_le_bytes([head[0], head[1]]) == ZIP64_EXTRA {
            let mut sizes = data.chunks_exact(8).map(le_u64);
            for size in [&mut header.expanded, &mut header.compressed] {
                if *size == u64::from(u32::MAX) {
                    *size = sizes.next().unwrap_or(*size);
                }
            }
        }
        rest = next;
    }
}

/// Length of the data descriptor at the start of `tail` that tells exactly this; its signature is optional and its sizes
/// have 32 or 64 bits.
fn descriptor_length(tail: &[u8], crc: u32, compressed: u64, expanded: u64) -> Option<usize> {
    let signed = if tail.starts_with(DESCRIPTOR) { &[4, 0][..] } else { &[0][..] };
    for &skip in signed {
        let fields = tail.get(skip..)?;
        if fields.get(..4) != Some(&crc.to_le_bytes()[..]) {
            continue;
        }
        if let Some(wide) = fields.get(4..20)
            && le_u64(&wide[..8]) == compressed
            && le_u64(&wide[8..]) == expanded
        {
            return Some(skip + 20);
        }
        let narrow = fields.get(4..12)?;
        let truncated = |size: u64| (size & u64::from(u32::MAX)).to_le_bytes();
        if narrow[..4] == truncated(compressed)[..4] && narrow[4..] == truncated(expanded)[..4] {
            return Some(skip + 12);
        }
    }
    None
}

fn le_u64(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn is_meant(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or_default();
    !last.is_empty() && last != ".DS_Store" && !name.starts_with("__MACOSX/")
}
