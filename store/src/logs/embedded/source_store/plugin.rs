//! Makes the file of the documents a part of tantivy's segments.

use super::{EXTENSION, component, reader::SourceReader, record::Record, writer::RowsWriter};
use crate::logs::embedded::{
    document::{IndexDocument, IndexValue},
    schema::IndexSchema,
};
use std::any::Any;
use tantivy::{
    Directory, DocId, PluginMergeContext, PluginWriter, PluginWriterContext, Segment, SegmentPlugin,
    TantivyError,
    directory::{TerminatingWrite, WritePtr},
    index::SegmentComponent,
    indexer::doc_id_mapping::MappingType,
    schema::{Schema, document::ErasedDocument},
    store::{Compressor, StoreWriter},
};

/// Fewer documents are written with others: blocks would be too small.
const STACKED_MIN_DOCUMENTS: u32 = 1_000;

/// Writes and merges the documents of segments.
pub(in crate::logs::embedded) struct SourcePlugin;

fn foreign() -> TantivyError {
    TantivyError::InternalError("a segment of a foreign schema, or in a foreign order".to_owned())
}

impl SegmentPlugin for SourcePlugin {
    fn extensions(&self) -> &[&str] {
        &[EXTENSION]
    }

    fn create_writer(&self, context: &PluginWriterContext<'_>) -> tantivy::Result<Box<dyn PluginWriter>> {
        let schema = IndexSchema::locate(context.segment.schema()).ok_or_else(foreign)?;
        let rows = RowsWriter::new(context.segment.open_write(component())?)?;
        Ok(Box::new(SourceWriter { schema, rows }))
    }

    fn merge(&self, context: PluginMergeContext<'_>) -> tantivy::Result<()> {
        if matches!(context.doc_id_mapping.mapping_type(), MappingType::Shuffled) {
            return Err(foreign());
        }
        let mut rows = RowsWriter::new(context.target_segment.open_write(component())?)?;
        for segment in context.readers {
            let documents = SourceReader::open(segment)?;
            let is_whole = !segment.has_deletes() && segment.max_doc() >= STACKED_MIN_DOCUMENTS;
            if is_whole && documents.is_stackable() {
                rows.stack(&documents)?;
            } else {
                documents.visit::<TantivyError>(segment.doc_ids_alive(), |record| Ok(rows.push(record)?))?;
            }
        }
        Ok(rows.finish()?.terminate()?)
    }
}

struct SourceWriter {
    schema: IndexSchema,
    rows: RowsWriter<WritePtr>,
}

impl PluginWriter for SourceWriter {
    fn add_document(&mut self, _: DocId, document: &dyn ErasedDocument, _: &Schema) -> tantivy::Result<()> {
        let document = document.as_any().downcast_ref::<IndexDocument>().ok_or_else(foreign)?;
        let mut record = Record::default();
        for (field, value) in &document.values {
            if *field == self.schema.source {
                record.source = match value {
                    IndexValue::Source => Some(&document.text),
                    IndexValue::Bytes(bytes) => Some(bytes),
                    _ => None,
                };
            } else if let IndexValue::Str(text) = value {
                if *field == self.schema.id {
                    record.id = text.as_bytes();
                } else if Some(*field) == self.schema.routing {
                    record.routing = Some(text.as_bytes());
                }
            }
        }
        Ok(self.rows.push(&record)?)
    }

    fn serialize(
        self: Box<Self>,
        segment: &Segment,
        order: Option<&tantivy::indexer::DocIdMapping>,
    ) -> tantivy::Result<()> {
        if order.is_some() {
            return Err(foreign());
        }
        self.rows.finish()?.terminate()?;
        // tantivy's store holds nothing, but takes two bytes a document to say so. It was written just before this.
        let path = segment.relative_path(SegmentComponent::Store);
        let deleted = segment.index().directory().delete(&path);
        deleted.map_err(|error| TantivyError::InternalError(error.to_string()))?;
        let store = segment.open_write(SegmentComponent::Store)?;
        Ok(StoreWriter::new(store, Compressor::None, 0, false)?.close()?)
    }

    fn mem_usage(&self) -> usize {
        self.rows.memory_bytes()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
