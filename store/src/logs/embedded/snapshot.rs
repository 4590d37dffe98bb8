//! What one search sees of one index.

use super::{
    mapping::Mapping,
    schema::{IndexSchema, ResolvedField},
    search::ZoneMaps,
    settings::Settings,
    shards::Shards,
    source_store::{SourceReader, StoredDocument},
};
use crate::logs::dsl::Query;
use std::sync::Arc;
use tantivy::{DocAddress, Searcher, TantivyError, index::SegmentId};

/// One index at one moment: its mapping and a searcher on each of its generations.
///
/// The engine has checked that the caller's scope reaches the index; filter and masks of the scope are applied by
/// the search.
#[derive(Clone)]
pub(crate) struct IndexSnapshot {
    /// Name of the index.
    pub(crate) name: Arc<str>,
    /// Its mapping. May know fields that no document in the snapshot has yet.
    pub(crate) mapping: Arc<Mapping>,
    /// Its generations, oldest first. A document is in exactly one.
    pub(crate) generations: Vec<GenerationSnapshot>,
    /// Smallest and largest `@timestamp` (milliseconds since 1970) in it, maybe wider; `None` if no document has one.
    pub(crate) range: Option<(i64, i64)>,
    /// What the alias that led here narrows it to.
    pub(crate) filter: Option<Query>,
    /// How much a search may ask of it.
    pub(crate) limits: SearchLimits,
}

/// How much a search may ask of an index: settings of Elasticsearch by the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SearchLimits {
    /// `index.max_result_window`.
    pub(crate) result_window: usize,
    /// `index.max_inner_result_window`.
    pub(crate) inner_result_window: usize,
    /// `index.max_rescore_window`.
    pub(crate) rescore_window: usize,
    /// `index.max_docvalue_fields_search`.
    pub(crate) docvalue_fields: usize,
    /// `index.max_script_fields`.
    pub(crate) script_fields: usize,
    /// `index.max_terms_count`.
    pub(crate) terms: usize,
    /// `index.max_regex_length`.
    pub(crate) regex: usize,
    /// `index.max_slices_per_scroll`.
    pub(crate) slices: u64,
    /// How many shards slices are made of.
    pub(crate) shards: Shards,
    /// `index.max_adjacency_matrix_filters`.
    pub(crate) matrix_filters: usize,
}

impl Default for SearchLimits {
    fn default() -> Self {
        Self::of(&Settings::default())
    }
}

impl SearchLimits {
    /// As the settings of an index say.
    pub(crate) fn of(settings: &Settings) -> Self {
        let limit =
            |name: &str, default: u32| settings.number(&format!("index.{name}")).unwrap_or(default) as usize;
        let result_window = limit("max_result_window", 10_000);
        Self {
            result_window,
            inner_result_window: limit("max_inner_result_window", 100),
            rescore_window: settings
                .number("index.max_rescore_window")
                .map_or(result_window, |limit| limit as usize),
            docvalue_fields: limit("max_docvalue_fields_search", 100),
            script_fields: limit("max_script_fields", 32),
            terms: limit("max_terms_count", 65_536),
            regex: limit("max_regex_length", 1_000),
            slices: limit("max_slices_per_scroll", 1_024) as u64,
            shards: Shards::of(settings),
            matrix_filters: limit("max_adjacency_matrix_filters", 100),
        }
    }
}

/// One generation of an index at one moment.
#[derive(Clone)]
pub(crate) struct GenerationSnapshot {
    /// Its schema.
    pub(crate) schema: Arc<IndexSchema>,
    /// What is searched.
    pub(crate) searcher: Searcher,
    /// The documents of each segment, open as the segments are: merges remove files that others still search.
    sources: Arc<[(SegmentId, Arc<SourceReader>)]>,
    /// Where in the segments which time is.
    pub(crate) zones: Arc<ZoneMaps>,
}

impl GenerationSnapshot {
    /// Opens the documents of segments that `before` does not hold.
    ///
    /// # Errors
    /// A merge may have removed a file of a segment since the searcher was made.
    pub(crate) fn new(
        schema: Arc<IndexSchema>,
        searcher: Searcher,
        before: Option<&Self>,
    ) -> tantivy::Result<Self> {
        let known = before.map(|before| before.sources.as_ref()).unwrap_or_default();
        let sources = searcher.segment_readers().iter().map(|segment| {
            let id = segment.segment_id();
            match known.iter().find(|(known, _)| *known == id) {
                Some((_, source)) => Ok((id, source.clone())),
                None => Ok((id, Arc::new(SourceReader::open(segment)?))),
            }
        });
        let sources = sources.collect::<tantivy::Result<_>>()?;
        let zones = before.map(|before| before.zones.clone()).unwrap_or_default();
        zones.retain(&searcher);
        Ok(Self { schema, searcher, sources, zones })
    }

    /// Reads a document.
    pub(crate) fn document(&self, address: DocAddress) -> tantivy::Result<StoredDocument> {
        let missing = || TantivyError::InvalidArgument(format!("no segment {}", address.segment_ord));
        let (_, source) = self.sources.get(address.segment_ord as usize).ok_or_else(missing)?;
        source.get(address.doc_id)
    }

    /// The documents of a segment.
    pub(crate) fn source(&self, segment: SegmentId) -> tantivy::Result<&SourceReader> {
        let source = self.sources.iter().find(|(id, _)| *id == segment).map(|(_, source)| source.as_ref());
        source.ok_or_else(|| TantivyError::InvalidArgument(format!("no segment {segment:?}")))
    }

    /// Finds a field of the mapping in this generation.
    pub(crate) fn resolve(&self, mapping: &Mapping, path: &str) -> Option<ResolvedField> {
        self.schema.resolve(mapping, path)
    }
}
