use super::super::super::{
    convert::{Content, convert},
    document::{IndexDocument, IndexValue},
    index::tokenizers,
    router::Router,
    schema::IndexSchema,
    snapshot::GenerationSnapshot,
    source_store::{SourcePlugin, StoredDocument},
};
use super::super::breaker::Reserved;
use super::super::column::engine_error;
use super::super::fields::Fields;
use super::super::source;
use super::super::watch::Watch;
use crate::{ErrorKind, StoreError};
use event::Object;
use serde_json::Value;
use std::sync::Arc;
use tantivy::{DocId, Index, IndexSettings, ReloadPolicy, SegmentReader, directory::RamDirectory};

/// Objects that one search may take out of one segment at a time.
const OBJECTS_MAX: usize = 1_000_000;
/// What the index of the objects is built with; it grows as it needs to.
const MEMORY_BYTES: usize = 200_000;
/// What an object takes beside its text: its places in the lists, its identifiers in the index.
const OBJECT_BYTES: usize = 64;
/// What the index of an object takes, as so many times its text: the text itself, its terms, its columns.
const INDEXED_FACTOR: usize = 3;
/// What an object takes that is kept as it was read, as so many times its text.
const PARSED_FACTOR: usize = 4;

/// The nested objects of some documents, as an index.
pub(in super::super) struct NestedObjects {
    /// One document per object, in one segment; none if there is no object.
    pub(in super::super) generation: Option<GenerationSnapshot>,
    /// The document that each object is of.
    pub(in super::super) parents: Vec<DocId>,
    /// Its place in the list of that document.
    pub(in super::super) offsets: Vec<u32>,
    /// The objects themselves, if they are wanted.
    pub(in super::super) sources: Vec<Object>,
    /// What all of it takes of all searches' memory.
    held: Reserved,
}

impl NestedObjects {
    /// Takes the objects at a path out of documents, given in ascending order. Masked fields are not in them.
    pub(in super::super) fn of(
        fields: &Fields<'_>,
        reader: &SegmentReader,
        path: &str,
        docs: impl IntoIterator<Item = DocId>,
        keep_sources: bool,
        watch: &Watch,
    ) -> Result<Self, StoreError> {
        let schema = Arc::new(IndexSchema::new(&fields.index.mapping));
        let router = Router::new(fields.index.mapping.clone(), schema.clone(), 0);
        let settings =
            IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() };
        let index = Index::builder()
            .schema(schema.tantivy.clone())
            .tokenizers(tokenizers())
            .settings(settings)
            .register_plugin(Arc::new(SourcePlugin));
        let mut writer = index
            .single_segment_index_writer::<IndexDocument>(RamDirectory::create(), MEMORY_BYTES)
            .map_err(engine_error)?;
        let store = fields.generation.source(reader.segment_id()).map_err(engine_error)?;
        let mut found = Self {
            generation: None,
            parents: Vec::new(),
            offsets: Vec::new(),
            sources: Vec::new(),
            held: watch.reserve("nested objects"),
        };
        for doc in docs {
            watch.check()?;
            let document = source_of(&store.get(doc).map_err(engine_error)?, fields)?;
            let mut objects = Vec::new();
            source::objects_at(&document, path, &mut objects);
            for (offset, object) in objects.into_iter().enumerate() {
                let mut wrapped = Object::new();
                wrapped.insert(path.to_owned(), Value::Object(object.clone()));
                // What the index took with its document, it takes alone.
                let Ok(mut converted) = convert(&router, "", Content::Tree(&wrapped), true) else { continue };
                let bytes = serde_json::to_vec(&wrapped).unwrap_or_default();
                let text_bytes = bytes.len();
                converted.document.add(schema.source, IndexValue::Bytes(bytes.into()));
                converted.document.add(schema.seq_no, IndexValue::U64(found.parents.len() as u64));
                writer.add_document(converted.document).map_err(engine_error)?;
                found.parents.push(doc);
                found.offsets.push(u32::try_from(offset).unwrap_or(u32::MAX));
                if keep_sources {
                    found.held.add(text_bytes * PARSED_FACTOR)?;
                    found.sources.push(object.clone());
                }
                found.held.add(OBJECT_BYTES + text_bytes * INDEXED_FACTOR)?;
            }
            if found.parents.len() > OBJECTS_MAX {
                let message =
                    format!("more than {OBJECTS_MAX} nested objects under path [{path}]; narrow the query");
                return Err(StoreError::invalid(message).with_code("query_shard_exception"));
            }
        }
        if !found.parents.is_empty() {
            let index = writer.finalize().map_err(engine_error)?;
            let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into();
            let reader: tantivy::IndexReader = reader.map_err(engine_error)?;
            let generation = GenerationSnapshot::new(schema, reader.searcher(), None);
            found.generation = Some(generation.map_err(engine_error)?);
        }
        Ok(found)
    }

    /// The generation and its segment; `None` if there is no object.
    pub(in super::super) fn segment(&self) -> Option<(&GenerationSnapshot, &SegmentReader)> {
        let generation = self.generation.as_ref()?;
        Some((generation, generation.searcher.segment_readers().first()?))
    }
}

/// The stored document, without what is masked.
pub(in super::super) fn source_of(
    stored: &StoredDocument,
    fields: &Fields<'_>,
) -> Result<Object, StoreError> {
    let bytes = stored.source.as_deref();
    let mut document: Object = serde_json::from_slice(bytes.unwrap_or(b"{}")).map_err(|error| {
        StoreError::new(ErrorKind::Corrupt, "a document does not read back").because(error)
    })?;
    source::mask(&mut document, fields.mask);
    Ok(document)
}
