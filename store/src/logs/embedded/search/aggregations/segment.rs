//! The tree of aggregations over one segment.

use super::super::column::{SegmentColumn, engine_error};
use super::super::compile::Compiler;
use super::super::fields::Fields;
use super::super::sorting::{SegmentTop, TopRequest, sortable, with_column};
use super::keys::{DateKeys, KeySource, LocalKey, TermKeys, range_ends};
use super::metrics::SegmentMetric;
use super::{Bucket, COLLECTED_BUCKETS_MAX, Found, Key, Partial, too_many_buckets};
use crate::{
    StoreError,
    logs::{
        dsl::{
            Query, SortKey,
            aggregations::{Aggregation, CompositeKind, CompositeSource, Kind, MetricKind, TopHits},
        },
        embedded::mapping::Family,
    },
};
use jiff::Timestamp;
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};
use tantivy::{DocSet, SegmentReader, TERMINATED, query::EnableScoring, query::Scorer};

/// Hashes the small fixed keys of buckets: multiply and fold. Keys come from the data, not from the requester, and a
/// segment bounds their number.
#[derive(Default)]
pub(super) struct FastHasher(u64);

impl Hasher for FastHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        // The constant is 2^64 divided by the golden ratio (Knuth, vol. 3, 6.4).
        self.0 = (self.0.rotate_left(23) ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<FastHasher>>;

/// The aggregations of a search, collecting one segment.
pub(in super::super) struct SegmentAggregations<'r> {
    nodes: Vec<Node<'r>>,
    parents: Vec<u32>,
}

impl<'r> SegmentAggregations<'r> {
    pub(super) fn new(
        request: &'r [Aggregation],
        fields: &Fields<'_>,
        reader: &SegmentReader,
        now: Timestamp,
        place: (usize, u32),
    ) -> Result<Self, StoreError> {
        let context = Context { fields, reader, now, place };
        Ok(Self { nodes: context.nodes(request)?, parents: Vec::new() })
    }

    /// Adds documents, in ascending order over all calls.
    pub(in super::super) fn collect(&mut self, docs: &[u32]) -> Result<(), StoreError> {
        self.parents.clear();
        self.parents.resize(docs.len(), 0);
        self.nodes.iter_mut().try_for_each(|node| node.collect(&self.parents, docs))
    }

    /// What was found.
    pub(in super::super) fn finish(self) -> Result<Found, StoreError> {
        let mut partials = Vec::with_capacity(self.nodes.len());
        for node in self.nodes {
            partials.extend(node.finish(1)?);
        }
        Ok(Found(partials))
    }
}

struct Context<'c, 'f> {
    fields: &'c Fields<'f>,
    reader: &'c SegmentReader,
    now: Timestamp,
    /// Rank of the shard, ordinal of the segment.
    place: (usize, u32),
}

/// One aggregation over one segment, for all buckets of its parent at once.
enum Node<'r> {
    Keyed(Buckets, Box<KeySource<'r>>, Vec<Node<'r>>),
    Filters(Buckets, FilterKeys, Vec<Node<'r>>),
    Composite(CompositeNode<'r>),
    Metric(SegmentMetric<'r>),
    TopHits(TopHitsNode<'r>),
    Pipeline,
}

impl Context<'_, '_> {
    fn nodes<'r>(&self, request: &'r [Aggregation]) -> Result<Vec<Node<'r>>, StoreError> {
        request.iter().map(|aggregation| self.node(aggregation)).collect()
    }

    fn node<'r>(&self, aggregation: &'r Aggregation) -> Result<Node<'r>, StoreError> {
        let inner = self.nodes(&aggregation.inner)?;
        let keyed = |source, inner| Node::Keyed(Buckets::default(), Box::new(source), inner);
        Ok(match &aggregation.kind {
            Kind::Terms(request) => {
                let (column, family) = self.column(&request.field)?;
                keyed(KeySource::Terms(TermKeys::new(request, column, family)?), inner)
            }
            Kind::Histogram(request) => {
                keyed(KeySource::Histogram { request, column: self.numbers(&request.field)? }, inner)
            }
            Kind::DateHistogram(request) => keyed(
                KeySource::Dates(DateKeys::new(request, self.numbers(&request.field)?, self.now)?),
                inner,
            ),
            Kind::Ranges(request) => keyed(
                KeySource::Ranges {
                    ranges: range_ends(request, self.now)?,
                    column: self.numbers(&request.field)?,
                    missing: request.missing.as_ref().and_then(serde_json::Value::as_f64),
                },
                inner,
            ),
            Kind::Missing(field) => self.missing(field, inner)?,
            Kind::Filter(query) => Node::Filters(Buckets::default(), self.filters([query], false)?, inner),
            Kind::Filters(request) => {
                let queries = request.filters.iter().map(|(_, query)| query);
                Node::Filters(
                    Buckets::default(),
                    self.filters(queries, request.other_bucket_key.is_some())?,
                    inner,
                )
            }
            Kind::Composite { sources, .. } => {
                let sources = sources
                    .iter()
                    .map(|source| self.composite_source(source))
                    .collect::<Result<Vec<_>, _>>()?;
                Node::Composite(CompositeNode {
                    sources,
                    ords: HashMap::new(),
                    buckets: Buckets::default(),
                    inner,
                })
            }
            Kind::Metric(request) => {
                let column = self.metric_column(&request.kind, &request.field)?;
                let missing = request.missing.as_ref().and_then(serde_json::Value::as_f64);
                Node::Metric(SegmentMetric::new(&request.kind, column, missing))
            }
            Kind::TopHits(request) => Node::TopHits(self.top_hits(request)?),
            Kind::Pipeline(_) => Node::Pipeline,
        })
    }

    /// The column of a field in this segment; none if the field is unknown or has no value.
    fn column(&self, path: &str) -> Result<(Option<SegmentColumn>, Option<Family>), StoreError> {
        let Some(field) = self.fields.resolve(path) else { return Ok((None, None)) };
        let field = sortable(field)?;
        let column = SegmentColumn::open(self.reader, &field).map_err(engine_error)?;
        Ok((column, Some(field.family())))
    }

    /// The column that tells whether a document has a value, of whatever kind.
    fn presence(&self, path: &str) -> Result<Option<SegmentColumn>, StoreError> {
        let Some(field) = self.fields.resolve(path) else { return Ok(None) };
        SegmentColumn::open(self.reader, &with_column(field)?).map_err(engine_error)
    }

    /// The column for a metric: counting takes any field, everything else needs numbers.
    fn metric_column(&self, kind: &MetricKind, path: &str) -> Result<Option<SegmentColumn>, StoreError> {
        match kind {
            MetricKind::ValueCount => self.presence(path),
            MetricKind::Cardinality { .. } => Ok(self.column(path)?.0),
            _ => self.numbers(path),
        }
    }

    fn numbers(&self, path: &str) -> Result<Option<SegmentColumn>, StoreError> {
        let (column, family) = self.column(path)?;
        match family {
            Some(family @ (Family::Keyword | Family::Text | Family::Ip)) => {
                Err(StoreError::invalid(format!(
                    "field \"{path}\" holds {}, this aggregation needs numbers or dates",
                    if family == Family::Ip { "addresses" } else { "strings" }
                )))
            }
            _ => Ok(column),
        }
    }

    fn missing<'r>(&self, path: &str, inner: Vec<Node<'r>>) -> Result<Node<'r>, StoreError> {
        match self.fields.resolve(path) {
            // Without a column, ask the index which documents have the field.
            Some(field) if field.column.is_none() => {
                let exists = Query::Exists(path.to_owned());
                let mut keys = self.filters([&exists], false)?;
                keys.inverted = true;
                Ok(Node::Filters(Buckets::default(), keys, inner))
            }
            _ => {
                Ok(Node::Keyed(Buckets::default(), Box::new(KeySource::Missing(self.presence(path)?)), inner))
            }
        }
    }

    fn filters<'q>(
        &self,
        queries: impl IntoIterator<Item = &'q Query>,
        other: bool,
    ) -> Result<FilterKeys, StoreError> {
        let fields =
            Fields { index: self.fields.index, generation: self.fields.generation, mask: self.fields.mask };
        let compiler = Compiler { fields, now: self.now };
        let searcher = &self.fields.generation.searcher;
        let scorers = queries
            .into_iter()
            .map(|query| {
                let weight = compiler
                    .compile(query)?
                    .weight(EnableScoring::disabled_from_searcher(searcher))
                    .map_err(engine_error)?;
                weight.scorer(self.reader, 1.0).map_err(engine_error)
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(FilterKeys { scorers, other, inverted: false })
    }

    fn composite_source<'r>(&self, source: &'r CompositeSource) -> Result<KeySource<'r>, StoreError> {
        Ok(match &source.kind {
            CompositeKind::Terms { field } => {
                let (column, family) = self.column(field)?;
                KeySource::Terms(TermKeys::plain(column, family, source.missing_bucket))
            }
            CompositeKind::Histogram(request) => {
                KeySource::Histogram { request, column: self.numbers(&request.field)? }
            }
            CompositeKind::DateHistogram(request) => {
                KeySource::Dates(DateKeys::new(request, self.numbers(&request.field)?, self.now)?)
            }
        })
    }

    fn top_hits<'r>(&self, request: &'r TopHits) -> Result<TopHitsNode<'r>, StoreError> {
        let sort: &'r [SortKey] = &request.sort;
        let top = TopRequest { keys: sort, after: None, limit: request.from + request.size, now: self.now };
        let template = SegmentTop::new(&top, self.fields, self.reader, self.place.0, self.place.1)?;
        Ok(TopHitsNode { tops: Vec::new(), template })
    }
}

/// The buckets of one aggregation over one segment.
#[derive(Default)]
struct Buckets {
    /// Bucket of the parent and key → own bucket.
    ords: FastMap<(u32, LocalKey), u32>,
    /// Per bucket: parent, key, documents, a document that has the key.
    list: Vec<(u32, LocalKey, u64, u32)>,
    // Scratch: the documents of a block by own bucket.
    out_parents: Vec<u32>,
    out_docs: Vec<u32>,
    scratch: Vec<LocalKey>,
}

impl Buckets {
    fn add(&mut self, parent: u32, key: LocalKey, doc: u32) -> Result<(), StoreError> {
        let next = self.list.len() as u32;
        let ord = *self.ords.entry((parent, key)).or_insert(next);
        if ord == next {
            if self.list.len() >= COLLECTED_BUCKETS_MAX {
                return Err(too_many_buckets(self.list.len() + 1, COLLECTED_BUCKETS_MAX));
            }
            self.list.push((parent, key, 0, doc));
        }
        self.list[ord as usize].2 += 1;
        self.out_parents.push(ord);
        self.out_docs.push(doc);
        Ok(())
    }

    fn flush(&mut self, inner: &mut [Node<'_>]) -> Result<(), StoreError> {
        for node in inner.iter_mut() {
            node.collect(&self.out_parents, &self.out_docs)?;
        }
        self.out_parents.clear();
        self.out_docs.clear();
        Ok(())
    }

    /// One set of buckets per bucket of the parent.
    fn finish(
        self,
        parents: usize,
        inner: Vec<Node<'_>>,
        typed: impl Fn(LocalKey, u32) -> tantivy::Result<Key>,
    ) -> Result<Vec<Partial>, StoreError> {
        let mut inner: Vec<_> = inner
            .into_iter()
            .map(|node| node.finish(self.list.len()).map(Vec::into_iter))
            .collect::<Result<_, _>>()?;
        let mut found: Vec<HashMap<Key, Bucket>> = vec![HashMap::new(); parents];
        for (parent, key, count, doc) in self.list {
            let inner = inner.iter_mut().filter_map(Iterator::next).collect();
            let key = typed(key, doc).map_err(engine_error)?;
            if let Some(buckets) = found.get_mut(parent as usize) {
                buckets.insert(key, Bucket { count, inner });
            }
        }
        Ok(found.into_iter().map(Partial::Buckets).collect())
    }
}

/// Which filters a document matches.
struct FilterKeys {
    scorers: Vec<Box<dyn Scorer>>,
    /// Whether there is a bucket for what matches none; its position is behind the others.
    other: bool,
    /// One bucket, of what does *not* match.
    inverted: bool,
}

impl FilterKeys {
    fn keys(&mut self, doc: u32, out: &mut Vec<LocalKey>) {
        out.clear();
        for (position, scorer) in self.scorers.iter_mut().enumerate() {
            let at = scorer.doc();
            let at = if at < doc && at != TERMINATED { scorer.seek(doc) } else { at };
            if (at == doc) != self.inverted {
                out.push(Some(position as u64));
            }
        }
        if self.other && out.is_empty() {
            out.push(Some(self.scorers.len() as u64));
        }
    }
}

struct CompositeNode<'r> {
    sources: Vec<KeySource<'r>>,
    ords: HashMap<Vec<LocalKey>, u64>,
    buckets: Buckets,
    inner: Vec<Node<'r>>,
}

impl CompositeNode<'_> {
    fn collect(&mut self, parents: &[u32], docs: &[u32]) -> Result<(), StoreError> {
        let mut keys = Vec::new();
        for (parent, doc) in parents.iter().zip(docs) {
            // Every combination of the keys of the sources.
            let mut combined: Vec<Vec<LocalKey>> = vec![Vec::with_capacity(self.sources.len())];
            for source in &mut self.sources {
                source.keys(*doc, &mut keys)?;
                combined = combined
                    .iter()
                    .flat_map(|start| keys.iter().map(|key| [start.as_slice(), &[*key]].concat()))
                    .collect();
                if combined.len() > COLLECTED_BUCKETS_MAX {
                    return Err(too_many_buckets(combined.len(), COLLECTED_BUCKETS_MAX));
                }
            }
            for key in combined {
                let next = self.ords.len() as u64;
                let ord = *self.ords.entry(key).or_insert(next);
                self.buckets.add(*parent, Some(ord), *doc)?;
            }
        }
        self.buckets.flush(&mut self.inner)
    }

    fn finish(self, parents: usize) -> Result<Vec<Partial>, StoreError> {
        let mut by_ord = vec![Vec::new(); self.ords.len()];
        for (key, ord) in self.ords {
            by_ord[ord as usize] = key;
        }
        let mut sources = self.sources;
        for (position, source) in sources.iter_mut().enumerate() {
            source.decode_ahead(by_ord.iter().map(|key| key[position])).map_err(engine_error)?;
        }
        self.buckets.finish(parents, self.inner, |key, doc| {
            let ord = usize::try_from(key.unwrap_or_default()).unwrap_or_default();
            let parts = sources.iter().zip(&by_ord[ord]).map(|(source, key)| source.typed(*key, doc));
            parts.collect::<tantivy::Result<_>>().map(Key::Composite)
        })
    }
}

struct TopHitsNode<'r> {
    tops: Vec<SegmentTop<'r>>,
    template: SegmentTop<'r>,
}

impl TopHitsNode<'_> {
    fn collect(&mut self, parents: &[u32], docs: &[u32]) {
        for (parent, doc) in parents.iter().zip(docs) {
            while self.tops.len() <= *parent as usize {
                self.tops.push(self.template.empty());
            }
            self.tops[*parent as usize].offer(*doc, None);
        }
    }
}

impl Node<'_> {
    fn collect(&mut self, parents: &[u32], docs: &[u32]) -> Result<(), StoreError> {
        match self {
            Self::Keyed(buckets, source, inner) => {
                let mut keys = std::mem::take(&mut buckets.scratch);
                for (parent, doc) in parents.iter().zip(docs) {
                    source.keys(*doc, &mut keys)?;
                    keys.iter().try_for_each(|key| buckets.add(*parent, *key, *doc))?;
                }
                buckets.scratch = keys;
                buckets.flush(inner)
            }
            Self::Filters(buckets, source, inner) => {
                let mut keys = std::mem::take(&mut buckets.scratch);
                for (parent, doc) in parents.iter().zip(docs) {
                    source.keys(*doc, &mut keys);
                    keys.iter().try_for_each(|key| buckets.add(*parent, *key, *doc))?;
                }
                buckets.scratch = keys;
                buckets.flush(inner)
            }
            Self::Composite(node) => node.collect(parents, docs),
            Self::Metric(metric) => {
                metric.collect(parents, docs);
                Ok(())
            }
            Self::TopHits(node) => {
                node.collect(parents, docs);
                Ok(())
            }
            Self::Pipeline => Ok(()),
        }
    }

    /// What was found, one per bucket of the parent.
    fn finish(self, parents: usize) -> Result<Vec<Partial>, StoreError> {
        match self {
            Self::Keyed(buckets, mut source, inner) => {
                source.decode_ahead(buckets.list.iter().map(|(_, key, ..)| *key)).map_err(engine_error)?;
                buckets.finish(parents, inner, |key, doc| source.typed(key, doc))
            }
            Self::Filters(buckets, _, inner) => buckets.finish(parents, inner, |key, _| {
                Ok(Key::Position(usize::try_from(key.unwrap_or_default()).unwrap_or(usize::MAX)))
            }),
            Self::Composite(node) => node.finish(parents),
            Self::Metric(metric) => {
                Ok(metric.finish(parents).map_err(engine_error)?.into_iter().map(Partial::Metric).collect())
            }
            Self::TopHits(node) => {
                let mut found = Vec::with_capacity(parents);
                for top in node.tops {
                    found.push(Partial::TopHits(top.finish().map_err(engine_error)?));
                }
                found.resize(parents, Partial::TopHits(Vec::new()));
                Ok(found)
            }
            Self::Pipeline => Ok(vec![Partial::Pipeline; parents]),
        }
    }
}
