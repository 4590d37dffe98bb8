//! Blocks of documents one after the other, compressed as one.

use super::{
    bytes::{Damaged, Input, put_number},
    record::Record,
};

/// What the documents of a block can take.
const TEXT_MAX_BYTES: usize = 1 << 30;

/// A block of rows: how long they are, how long compressed (0: they are not), and they.
pub(super) fn pack(rows: &[u8], compressed: Option<&[u8]>) -> Vec<u8> {
    let content = compressed.unwrap_or(rows);
    let mut block = Vec::with_capacity(content.len() + 16);
    put_number(&mut block, rows.len() as u64);
    put_number(&mut block, compressed.map_or(0, |compressed| compressed.len() as u64));
    block.extend_from_slice(content);
    block
}

/// Documents that are read.
#[derive(Debug)]
pub(super) struct Rows {
    rows: Vec<u8>,
    /// Where each begins.
    starts: Vec<u32>,
}

impl Rows {
    /// Reads what [`pack`] has written.
    pub(super) fn unpack(block: &[u8]) -> Result<Self, Damaged> {
        let mut input = Input(block);
        let length = input.length(TEXT_MAX_BYTES)?;
        let rows = match input.length(input.0.len())? {
            0 => input.take(length)?.to_vec(),
            packed => zstd::bulk::decompress(input.take(packed)?, length).map_err(|_| Damaged)?,
        };
        if !input.0.is_empty() || rows.len() != length {
            return Err(Damaged);
        }
        let (mut starts, mut rest) = (Vec::new(), Input(&rows));
        while !rest.0.is_empty() {
            starts.push((length - rest.0.len()) as u32);
            Record::take(&mut rest)?;
        }
        Ok(Self { rows, starts })
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    pub(super) fn record(&self, at: usize) -> Result<Record<'_>, Damaged> {
        let start = *self.starts.get(at).ok_or(Damaged)? as usize;
        Record::take(&mut Input(self.rows.get(start..).ok_or(Damaged)?))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.rows.len() + self.starts.len() * size_of::<u32>()
    }
}
