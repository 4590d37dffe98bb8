//! Where the documents themselves are: each segment has a file with the id, the routing and the text of its documents.
//!
//! tantivy writes, merges and removes it with the segment's other files ([`SourcePlugin`]). It begins with what it is and
//! consists of blocks, each with a checksum, and their index; a block is rows or columns. Segments are written in rows: texts
//! one after the other, compressed quickly. Compaction writes the file anew in columns, a block of rows where columns do
//! not pay. Whoever reads gets the same bytes, whatever the form. tantivy's own document store holds nothing, but in
//! generations that were made before there was this.
//!
//! | bytes | |
//! |---|---|
//! | 8 | `vsrc`, version, form (0: rows, 1: columns), 0, 0 |
//! | … | blocks: checksum (4, CRC-32 of what follows), 0: rows, 1: columns, content |
//! | 12 each | index: a block's first document (4), where it begins (8) |
//! | 12 | blocks, documents, checksum of the index |
//!
//! All numbers are little-endian; behind it is tantivy's footer.

mod bytes;
mod cache;
mod columns;
mod plugin;
mod reader;
mod record;
mod rows;
mod writer;

#[cfg(test)]
mod tests;

pub(super) use plugin::SourcePlugin;
pub(super) use reader::{SourceReader, is_in_columns};
pub(super) use record::StoredDocument;
pub(super) use writer::ColumnsWriter;

use tantivy::index::SegmentComponent;

/// What the file's name ends with.
pub(super) const EXTENSION: &str = "source";
const MAGIC: [u8; 4] = *b"vsrc";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 8;
const INDEX_ENTRY_BYTES: usize = 12;
const FOOTER_BYTES: usize = 12;
const ROWS: u8 = 0;
const COLUMNS: u8 = 1;

fn component() -> SegmentComponent {
    SegmentComponent::Custom(EXTENSION.to_owned())
}
