//! Writes the file of a segment's documents.

use super::{
    COLUMNS, INDEX_ENTRY_BYTES, MAGIC, ROWS, VERSION,
    columns::{Block, Packer},
    reader::SourceReader,
    record::{Record, Records},
    rows,
};
use std::io::{self, Write};

/// Of zstd, for documents as they come.
const ROWS_LEVEL: i32 = 1;
/// Rows of a block: what a search for one document reads.
const ROWS_BYTES: usize = 32 << 10;
/// The same where columns do not pay.
const DENSE_ROWS_BYTES: usize = 128 << 10;
/// Documents of a block of columns. Of an access log a block of 1,024 takes 17.1 bytes a document, of 4,096 16.1, of
/// 8,192 15.9, and it takes 0.3 ms to get at one of 4,096.
const COLUMNS_DOCUMENTS: usize = 4_096;
/// And their texts.
const COLUMNS_BYTES: usize = 2 << 20;
/// Larger documents are better off as rows.
const COLUMNS_MAX_BYTES: usize = 64 << 20;

/// The blocks of a file, and their index.
struct BlockWriter<W> {
    out: W,
    offset: u64,
    index: Vec<u8>,
    documents: u32,
}

impl<W: Write> BlockWriter<W> {
    fn new(mut out: W, form: u8) -> io::Result<Self> {
        let [m, a, g, i] = MAGIC;
        let header = [m, a, g, i, VERSION, form, 0, 0];
        out.write_all(&header)?;
        Ok(Self { out, offset: header.len() as u64, index: Vec::new(), documents: 0 })
    }

    fn entry(&mut self, documents: usize) -> io::Result<()> {
        self.index.extend_from_slice(&self.documents.to_le_bytes());
        self.index.extend_from_slice(&self.offset.to_le_bytes());
        let sum = u32::try_from(documents).ok().and_then(|documents| self.documents.checked_add(documents));
        self.documents = sum.ok_or_else(|| io::Error::other("a segment of too many documents"))?;
        Ok(())
    }

    fn block(&mut self, form: u8, content: &[u8], documents: usize) -> io::Result<()> {
        self.entry(documents)?;
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&[form]);
        checksum.update(content);
        self.out.write_all(&checksum.finalize().to_le_bytes())?;
        self.out.write_all(&[form])?;
        self.out.write_all(content)?;
        self.offset += content.len() as u64 + 5;
        Ok(())
    }

    fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&self.index)?;
        self.out.write_all(&((self.index.len() / INDEX_ENTRY_BYTES) as u32).to_le_bytes())?;
        self.out.write_all(&self.documents.to_le_bytes())?;
        self.out.write_all(&crc32fast::hash(&self.index).to_le_bytes())?;
        Ok(self.out)
    }
}

/// Documents as they come, in rows.
pub(super) struct RowsWriter<W> {
    blocks: BlockWriter<W>,
    rows: Vec<u8>,
    documents: usize,
}

impl<W: Write> RowsWriter<W> {
    pub(super) fn new(out: W) -> io::Result<Self> {
        Ok(Self { blocks: BlockWriter::new(out, ROWS)?, rows: Vec::new(), documents: 0 })
    }

    pub(super) fn push(&mut self, record: &Record<'_>) -> io::Result<()> {
        record.put(&mut self.rows);
        self.documents += 1;
        if self.rows.len() >= ROWS_BYTES { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> io::Result<()> {
        if self.documents > 0 {
            let compressed = zstd::bulk::compress(&self.rows, ROWS_LEVEL)?;
            let compressed =
                Some(compressed.as_slice()).filter(|compressed| compressed.len() < self.rows.len());
            self.blocks.block(ROWS, &rows::pack(&self.rows, compressed), self.documents)?;
            self.rows.clear();
            self.documents = 0;
        }
        Ok(())
    }

    /// Adds the blocks of another file as they are.
    pub(super) fn stack(&mut self, other: &SourceReader) -> tantivy::Result<()> {
        self.end_block()?;
        for block in other.blocks() {
            let (block, documents) = block?;
            self.blocks.entry(documents)?;
            self.blocks.out.write_all(&block)?;
            self.blocks.offset += block.len() as u64;
        }
        Ok(())
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.rows.capacity() + self.blocks.index.capacity()
    }

    /// Writes what is left, and gives back what it was written to.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.end_block()?;
        self.blocks.finish()
    }
}

/// Documents that nothing is added to any more, in columns.
pub(in crate::logs::embedded) struct ColumnsWriter<W> {
    blocks: BlockWriter<W>,
    records: Records,
    packer: Packer,
}

impl<W: Write> ColumnsWriter<W> {
    pub(in crate::logs::embedded) fn new(out: W) -> io::Result<Self> {
        let blocks = BlockWriter::new(out, COLUMNS)?;
        Ok(Self { blocks, records: Records::default(), packer: Packer::new()? })
    }

    /// Adds a document.
    pub(in crate::logs::embedded) fn push(&mut self, record: &Record<'_>) -> io::Result<()> {
        self.records.push(record);
        let is_full = self.records.len() >= COLUMNS_DOCUMENTS || self.records.bytes() >= COLUMNS_BYTES;
        if is_full { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> io::Result<()> {
        if self.records.len() == 0 {
            return Ok(());
        }
        let small = self.records.bytes() <= COLUMNS_MAX_BYTES;
        let columns = if small { self.packer.pack(&self.records) } else { None };
        // What it takes the place of is about to be removed: it must read back.
        let columns = columns.filter(|block| reads_back(block, &self.records));
        // So little gained is hardly more than rows would.
        let is_poor = columns.as_ref().is_none_or(|block| block.len() > self.records.bytes() / 4);
        let rows = if is_poor { self.pack_rows()? } else { Vec::new() };
        let rows_bytes: usize = rows.iter().map(|(block, _)| block.len()).sum();
        match columns {
            Some(block) if !is_poor || block.len() < rows_bytes => {
                self.blocks.block(COLUMNS, &block, self.records.len())?;
            }
            _ => {
                for (block, documents) in rows {
                    self.blocks.block(ROWS, &block, documents)?;
                }
            }
        }
        self.records.clear();
        Ok(())
    }

    fn pack_rows(&mut self) -> io::Result<Vec<(Vec<u8>, usize)>> {
        let (mut blocks, mut rows, mut documents) = (Vec::new(), Vec::new(), 0);
        let mut left = self.records.len();
        for record in self.records.records() {
            record.map_err(io::Error::other)?.put(&mut rows);
            documents += 1;
            left -= 1;
            if rows.len() >= DENSE_ROWS_BYTES || left == 0 {
                let compressed = self.packer.compress(&rows);
                blocks.push((rows::pack(&rows, compressed.as_deref()), documents));
                rows.clear();
                documents = 0;
            }
        }
        Ok(blocks)
    }

    /// Writes what is left, and gives back what it was written to.
    pub(in crate::logs::embedded) fn finish(mut self) -> io::Result<W> {
        self.end_block()?;
        self.blocks.finish()
    }
}

fn reads_back(block: &[u8], records: &Records) -> bool {
    let Ok(block) = Block::unpack(block) else { return false };
    let mut text = Vec::new();
    let mut is_same = |(at, record)| matches!((block.record(at, &mut text), record), (Ok(read), Ok(record)) if read == record);
    block.len() == records.len() && records.records().enumerate().all(&mut is_same)
}
