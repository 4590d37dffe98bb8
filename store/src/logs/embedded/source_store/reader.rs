//! Reads the documents of a segment.

use super::{
    COLUMNS, FOOTER_BYTES, HEADER_BYTES, INDEX_ENTRY_BYTES, MAGIC, ROWS, VERSION,
    bytes::Damaged,
    cache::{BLOCKS, Block},
    columns, component,
    record::{Record, StoredDocument},
    rows::Rows,
};
use crate::logs::embedded::schema::IndexSchema;
use bytes::Bytes;
use std::{fs::File, io::Read, path::Path, sync::Arc};
use tantivy::{
    DocId, HasLen, SegmentReader, TantivyDocument, TantivyError,
    directory::{FileSlice, OwnedBytes},
    error::DataCorruption,
    index::SegmentId,
    schema::Value,
    store::StoreReader,
};

/// Decompressed blocks of tantivy's own store that are kept.
const STORED_BLOCKS_CACHED: usize = 8;

impl From<Damaged> for TantivyError {
    fn from(damaged: Damaged) -> Self {
        DataCorruption::comment_only(damaged.to_string()).into()
    }
}

/// The documents of a segment.
pub(in crate::logs::embedded) struct SourceReader(Kind);

enum Kind {
    Blocks(Blocks),
    /// In tantivy's store: of a generation that was made before there was a file for them.
    Stored(StoreReader, IndexSchema),
}

struct Blocks {
    segment: SegmentId,
    data: FileSlice,
    form: u8,
    index: OwnedBytes,
    documents: u32,
}

impl SourceReader {
    pub(in crate::logs::embedded) fn open(segment: &SegmentReader) -> tantivy::Result<Self> {
        // Told by the schema: a file that is not there although it should be is an error.
        let schema = IndexSchema::locate(segment.schema().clone()).ok_or(Damaged)?;
        if schema.stores_source() {
            return Ok(Self(Kind::Stored(segment.get_store_reader(STORED_BLOCKS_CACHED)?, schema)));
        }
        let blocks = Blocks::open(segment.segment_id(), segment.open_read(component())?)?;
        if blocks.documents == segment.max_doc() {
            Ok(Self(Kind::Blocks(blocks)))
        } else {
            Err(Damaged.into())
        }
    }

    /// A document. Blocks that were read lately are kept.
    pub(in crate::logs::embedded) fn get(&self, document: DocId) -> tantivy::Result<StoredDocument> {
        match &self.0 {
            Kind::Blocks(blocks) => {
                let (number, at) = blocks.find(document)?;
                let key = (blocks.segment, blocks.form == COLUMNS, number as u32);
                let block = match BLOCKS.get(&key) {
                    Some(block) => block,
                    None => {
                        let block = Arc::new(blocks.read(number)?);
                        BLOCKS.insert(key, block.clone());
                        block
                    }
                };
                Ok(block.record(at, &mut Vec::new())?.to_document()?)
            }
            Kind::Stored(store, schema) => stored(store, schema, document),
        }
    }

    /// Calls `visit` with these documents, in ascending order. No block is kept.
    pub(in crate::logs::embedded) fn visit<E: From<TantivyError>>(
        &self,
        documents: impl Iterator<Item = DocId>,
        mut visit: impl FnMut(&Record<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut current = None;
        let mut text = Vec::new();
        for document in documents {
            let blocks = match &self.0 {
                Kind::Blocks(blocks) => blocks,
                Kind::Stored(store, schema) => {
                    let StoredDocument { id, routing, source } = stored(store, schema, document)?;
                    let (id, routing) = (id.as_bytes(), routing.as_deref().map(str::as_bytes));
                    visit(&Record { id, routing, source: source.as_deref() })?;
                    continue;
                }
            };
            let (number, at) = blocks.find(document).map_err(TantivyError::from)?;
            let block = match current.take() {
                Some((last, block)) if last == number => block,
                _ => blocks.read(number)?,
            };
            let record = block.record(at, &mut text).map_err(TantivyError::from)?;
            visit(&record)?;
            current = Some((number, block));
        }
        Ok(())
    }

    /// Whether its blocks can be put behind others as they are.
    pub(super) fn is_stackable(&self) -> bool {
        matches!(&self.0, Kind::Blocks(blocks) if blocks.form == ROWS)
    }

    /// The blocks as they are in the file, and the documents in each.
    pub(super) fn blocks(&self) -> impl Iterator<Item = tantivy::Result<(OwnedBytes, usize)>> + '_ {
        let blocks = match &self.0 {
            Kind::Blocks(blocks) => Some(blocks),
            Kind::Stored(..) => None,
        };
        blocks.into_iter().flat_map(|blocks| (0..blocks.count()).map(|number| blocks.raw(number)))
    }
}

impl Blocks {
    fn open(segment: SegmentId, file: FileSlice) -> tantivy::Result<Self> {
        if file.len() < HEADER_BYTES + FOOTER_BYTES {
            return Err(Damaged.into());
        }
        let form = form_of(&file.slice_to(HEADER_BYTES).read_bytes()?)?;
        let (rest, footer) = file.split_from_end(FOOTER_BYTES);
        let footer = footer.read_bytes()?;
        let (count, documents, checksum) = (word(&footer, 0)?, word(&footer, 4)?, word(&footer, 8)?);
        let index_bytes = (count as usize).checked_mul(INDEX_ENTRY_BYTES).ok_or(Damaged)?;
        if index_bytes > rest.len() - HEADER_BYTES {
            return Err(Damaged.into());
        }
        let (data, index) = rest.split_from_end(index_bytes);
        let index = index.read_bytes()?;
        if crc32fast::hash(&index) != checksum {
            return Err(Damaged.into());
        }
        Ok(Self { segment, data, form, index, documents })
    }

    fn count(&self) -> usize {
        self.index.len() / INDEX_ENTRY_BYTES
    }

    /// The first document of a block, and where that is; behind the last: all documents, and where blocks end.
    fn entry(&self, number: usize) -> Result<(u32, usize), Damaged> {
        if number >= self.count() {
            return Ok((self.documents, self.data.len()));
        }
        let at = number * INDEX_ENTRY_BYTES;
        let (low, high) = (word(&self.index, at + 4)?, word(&self.index, at + 8)?);
        let offset = usize::try_from(u64::from(high) << 32 | u64::from(low)).map_err(|_| Damaged)?;
        Ok((word(&self.index, at)?, offset))
    }

    /// The block that a document is in, and its place there.
    fn find(&self, document: DocId) -> Result<(usize, usize), Damaged> {
        let (mut from, mut to) = (0, self.count());
        while to - from > 1 {
            let middle = from.midpoint(to);
            if self.entry(middle)?.0 <= document { from = middle } else { to = middle }
        }
        let (first, last) = (self.entry(from)?.0, self.entry(from + 1)?.0);
        if (first..last).contains(&document) { Ok((from, (document - first) as usize)) } else { Err(Damaged) }
    }

    fn raw(&self, number: usize) -> tantivy::Result<(OwnedBytes, usize)> {
        let ((first, start), (last, end)) = (self.entry(number)?, self.entry(number + 1)?);
        if start < HEADER_BYTES || start > end || end > self.data.len() || first > last {
            return Err(Damaged.into());
        }
        Ok((self.data.slice(start..end).read_bytes()?, (last - first) as usize))
    }

    fn read(&self, number: usize) -> tantivy::Result<Block> {
        let (bytes, documents) = self.raw(number)?;
        let checksum = word(&bytes, 0)?;
        let content = bytes.get(4..).ok_or(Damaged)?;
        if crc32fast::hash(content) != checksum {
            return Err(Damaged.into());
        }
        let block = match content.split_first() {
            Some((&ROWS, content)) => Block::Rows(Rows::unpack(content)?),
            Some((&COLUMNS, content)) => Block::Columns(columns::Block::unpack(content)?),
            _ => return Err(Damaged.into()),
        };
        if block.len() == documents { Ok(block) } else { Err(Damaged.into()) }
    }
}

fn word(bytes: &[u8], at: usize) -> Result<u32, Damaged> {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk());
    word.map(|word| u32::from_le_bytes(*word)).ok_or(Damaged)
}

fn form_of(header: &[u8]) -> Result<u8, Damaged> {
    match header.strip_prefix(&MAGIC) {
        Some([VERSION, form @ (ROWS | COLUMNS), ..]) => Ok(*form),
        _ => Err(Damaged),
    }
}

/// Whether the documents in that file are in columns: `None` if it can't be read, or is none.
pub(in crate::logs::embedded) fn is_in_columns(path: &Path) -> Option<bool> {
    let mut header = [0; HEADER_BYTES];
    File::open(path).and_then(|mut file| file.read_exact(&mut header)).ok()?;
    form_of(&header).ok().map(|form| form == COLUMNS)
}

fn stored(store: &StoreReader, schema: &IndexSchema, document: DocId) -> tantivy::Result<StoredDocument> {
    let stored: TantivyDocument = store.get(document)?;
    let text = |field| Some(stored.get_first(field)?.as_str()?.to_owned());
    let source = stored.get_first(schema.source).and_then(|source| source.as_bytes());
    Ok(StoredDocument {
        id: text(schema.id).unwrap_or_default(),
        routing: schema.routing.and_then(text),
        source: source.map(Bytes::copy_from_slice),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{SourcePlugin, writer::ColumnsWriter, writer::RowsWriter};
    use super::*;
    use crate::logs::embedded::{
        document::{IndexDocument, IndexValue},
        index::tokenizers,
        mapping::Mapping,
    };
    use serde_json::json;
    use tantivy::{Index, IndexWriter, Term, indexer::NoMergePolicy, schema::Schema};

    fn text_of(n: u32) -> String {
        json!({"n": n, "message": format!("GET /shop/{} took {} ms", n % 7, n * 31 % 900)}).to_string()
    }

    /// A file with these documents, in rows or columns.
    fn file_of(documents: u32, form: u8) -> Vec<u8> {
        let (mut rows, mut columns) =
            (RowsWriter::new(Vec::new()).unwrap(), ColumnsWriter::new(Vec::new()).unwrap());
        for n in 0..documents {
            let (id, source) = (n.to_string(), text_of(n));
            let record = Record { id: id.as_bytes(), routing: None, source: Some(source.as_bytes()) };
            rows.push(&record).unwrap();
            columns.push(&record).unwrap();
        }
        if form == ROWS { rows.finish().unwrap() } else { columns.finish().unwrap() }
    }

    fn read_file(file: Vec<u8>) -> tantivy::Result<Vec<String>> {
        let segment = SegmentId::from_uuid_string("00000000000000000000000000000001").unwrap();
        let blocks = Blocks::open(segment, FileSlice::from(file))?;
        let (documents, mut texts) = (blocks.documents, Vec::new());
        SourceReader(Kind::Blocks(blocks)).visit::<TantivyError>(0..documents, |record| {
            texts.push(String::from_utf8_lossy(record.source.unwrap_or_default()).into_owned());
            Ok(())
        })?;
        Ok(texts)
    }

    #[test]
    fn damaged_files_are_errors() {
        for form in [ROWS, COLUMNS] {
            let file = file_of(1_500, form);
            let expected: Vec<String> = (0..1_500).map(text_of).collect();
            assert_eq!(read_file(file.clone()).unwrap(), expected);
            for at in (0..file.len()).filter(|at| *at < 64 || at % 97 == 0 || file.len() - at < 64) {
                let mut flipped = file.clone();
                flipped[at] ^= 0x10;
                // What the header keeps free says nothing.
                assert!(read_file(flipped).is_err() || at == 6 || at == 7, "byte {at} of form {form}");
                assert!(read_file(file[..at].to_vec()).is_err(), "{at} bytes of form {form}");
            }
        }
    }

    fn add(writer: &mut IndexWriter<IndexDocument>, schema: &IndexSchema, numbers: std::ops::Range<u32>) {
        for n in numbers {
            let mut document = IndexDocument { values: Vec::new(), text: text_of(n).into() };
            document.add(schema.id, IndexValue::Str(n.to_string()));
            document.add(schema.source, IndexValue::Source);
            document.add(schema.routing.unwrap(), IndexValue::Str(format!("user {}", n % 3)));
            writer.add_document(document).unwrap();
        }
        writer.commit().unwrap();
    }

    /// Writes, deletes and merges, then reads everything there is.
    fn check_life(index: Index) {
        let schema = IndexSchema::locate(index.schema()).unwrap();
        let mut writer: IndexWriter<IndexDocument> = index.writer_with_num_threads(1, 15_000_000).unwrap();
        writer.set_merge_policy(Box::new(NoMergePolicy));
        add(&mut writer, &schema, 0..2_000);
        add(&mut writer, &schema, 2_000..2_100);
        add(&mut writer, &schema, 2_100..4_000);
        writer.delete_term(Term::from_field_text(schema.id, "2111"));
        writer.commit().unwrap();
        for _ in 0..2 {
            let searcher = index.reader().unwrap().searcher();
            let mut found = Vec::new();
            for segment in searcher.segment_readers() {
                let documents = SourceReader::open(segment).unwrap();
                for document in segment.doc_ids_alive() {
                    let StoredDocument { id, routing, source } = documents.get(document).unwrap();
                    let n: u32 = id.parse().unwrap();
                    assert_eq!(source.unwrap(), text_of(n));
                    assert_eq!(routing.unwrap(), format!("user {}", n % 3));
                    found.push(n);
                }
                assert!(documents.get(segment.max_doc()).is_err());
            }
            found.sort_unstable();
            assert_eq!(found, (0..4_000).filter(|n| *n != 2_111).collect::<Vec<u32>>());
            writer.merge(&index.searchable_segment_ids().unwrap()).wait().unwrap();
        }
        assert!(index.validate_checksum().unwrap().is_empty());
    }

    #[test]
    fn documents_live_with_their_segments() {
        let schema = IndexSchema::new(&Mapping::default()).tantivy;
        let builder = Index::builder().schema(schema).tokenizers(tokenizers());
        check_life(builder.register_plugin(Arc::new(SourcePlugin)).create_in_ram().unwrap());
    }

    #[test]
    fn documents_in_the_store_of_tantivy_are_read_as_well() {
        let mut fields = serde_json::to_value(IndexSchema::new(&Mapping::default()).tantivy).unwrap();
        for field in fields.as_array_mut().unwrap() {
            if ["_id", "_source", "_routing"].iter().any(|name| field["name"] == *name) {
                field["options"]["stored"] = json!(true);
            }
        }
        let schema: Schema = serde_json::from_value(fields).unwrap();
        check_life(Index::builder().schema(schema).tokenizers(tokenizers()).create_in_ram().unwrap());
    }
}
