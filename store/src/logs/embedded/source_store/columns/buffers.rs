//! The two parts of a packed block: a head of small things, compressed as one, and large buffers, each compressed alone
//! so that it has statistics of its own.

use super::super::bytes::{Damaged, Input, put_number};
use zstd::bulk::{Compressor, Decompressor};

/// What is smaller is put into the head.
const BUFFER_MIN_BYTES: usize = 256;
/// Of zstd, for text.
const TEXT_LEVEL: i32 = 12;
/// Of zstd, for numbers: these hardly repeat themselves.
const NUMBER_LEVEL: i32 = 5;

/// What is read of a block takes no more memory than so many times its documents: each value of them takes a byte at least
/// and, in the widest form, sixteen.
const ROOM_FACTOR: usize = 16;
/// And this for what does not grow with them.
const ROOM_MIN_BYTES: usize = 1 << 20;

/// What a buffer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Text,
    Numbers,
}

/// What compresses; made once for many blocks.
pub(super) struct Press {
    text: Compressor<'static>,
    numbers: Compressor<'static>,
}

impl Press {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self { text: Compressor::new(TEXT_LEVEL)?, numbers: Compressor::new(NUMBER_LEVEL)? })
    }

    /// `None`: it does not get smaller.
    pub(super) fn compress(&mut self, bytes: &[u8], content: Content) -> Option<Vec<u8>> {
        let compressor = match content {
            Content::Text => &mut self.text,
            Content::Numbers => &mut self.numbers,
        };
        // A buffer that cannot be compressed is kept as it is.
        compressor.compress(bytes).ok().filter(|packed| packed.len() < bytes.len())
    }
}

/// Something packed: what describes it, and its large buffers.
#[derive(Debug, Default, Clone)]
pub(super) struct Packed {
    pub(super) head: Vec<u8>,
    pub(super) body: Vec<u8>,
}

impl Packed {
    /// What it comes to, about: a head is compressed later, with others.
    pub(super) fn cost(&self) -> usize {
        self.head.len() * 2 / 3 + self.body.len()
    }

    pub(super) fn number(&mut self, number: u64) {
        put_number(&mut self.head, number);
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.head.push(byte);
    }

    pub(super) fn append(&mut self, other: &Packed) {
        self.head.extend_from_slice(&other.head);
        self.body.extend_from_slice(&other.body);
    }

    /// A buffer, compressed where that makes it smaller.
    pub(super) fn buffer(&mut self, bytes: &[u8], content: Content, press: &mut Press) {
        self.number(bytes.len() as u64);
        if bytes.len() < BUFFER_MIN_BYTES {
            self.head.extend_from_slice(bytes);
            return;
        }
        let packed = press.compress(bytes, content);
        self.number(packed.as_ref().map_or(0, |packed| packed.len() as u64));
        self.body.extend_from_slice(packed.as_deref().unwrap_or(bytes));
    }
}

/// A packed block that is read.
pub(super) struct Unpacker<'a> {
    pub(super) head: Input<'a>,
    body: Input<'a>,
    zstd: Decompressor<'static>,
    /// What it may still take: no block takes more than some times its documents.
    room: usize,
    /// No text in it is longer.
    pub(super) text_max: usize,
}

impl<'a> Unpacker<'a> {
    /// `text_max`: the bytes of all documents of the block.
    pub(super) fn new(head: &'a [u8], body: &'a [u8], text_max: usize) -> Result<Self, Damaged> {
        let zstd = Decompressor::new().map_err(|_| Damaged)?;
        let room = text_max.saturating_mul(ROOM_FACTOR).saturating_add(ROOM_MIN_BYTES);
        Ok(Self { head: Input(head), body: Input(body), zstd, room, text_max })
    }

    /// Says that so many bytes are about to be taken.
    pub(super) fn claim(&mut self, bytes: usize) -> Result<(), Damaged> {
        self.room = self.room.checked_sub(bytes).ok_or(Damaged)?;
        Ok(())
    }

    /// What `Packed::buffer` has written.
    pub(super) fn buffer(&mut self) -> Result<Vec<u8>, Damaged> {
        let length = self.head.length(self.room)?;
        self.claim(length)?;
        if length < BUFFER_MIN_BYTES {
            return Ok(self.head.take(length)?.to_vec());
        }
        let packed = self.head.length(self.body.0.len())?;
        if packed == 0 {
            return Ok(self.body.take(length)?.to_vec());
        }
        let bytes = self.zstd.decompress(self.body.take(packed)?, length).map_err(|_| Damaged)?;
        if bytes.len() == length { Ok(bytes) } else { Err(Damaged) }
    }

    /// Whether all of it was read.
    pub(super) fn is_done(&self) -> bool {
        self.head.0.is_empty() && self.body.0.is_empty()
    }
}
