//! From the request to the nodes that collect one segment.

use super::super::super::Search;
use super::super::super::column::{Points, SegmentColumn, engine_error};
use super::super::super::compile::Compiler;
use super::super::super::fields::Fields;
use super::super::super::nested::source_of;
use super::super::super::profile::identity;
use super::super::super::script::{DocScript, ScriptType};
use super::super::super::sorting::{SegmentTop, TopRequest, by_score, sortable, with_column};
use super::super::super::source::values_of;
use super::super::Key;
use super::super::keys::{
    AddressRanges, AutoDates, DateKeys, DistanceRanges, GridKeys, KeySource, NumberRanges, TermKeys,
    address_ends, missing_key, range_ends,
};
use super::super::metrics::{Gathered, SegmentPoints};
use super::nested::Above;
use super::sampler::SamplerNode;
use super::timed::TimedNode;
use super::{Buckets, CompositeNode, FilterKeys, Node, TopNode};
use crate::{
    StoreError,
    logs::{
        dsl::{
            Query, SortKey,
            aggregations::{
                Aggregation, CompositeKind, CompositeSource, Kind, RangeKind, Ranges, SignificantTerms,
                TermSelection, TermsBuckets, ValuesSource,
            },
        },
        embedded::{
            mapping::{Family, FieldType},
            schema::ResolvedField,
        },
    },
};
use std::{net::Ipv6Addr, time::Instant};
use tantivy::{
    SegmentReader,
    query::{EnableScoring, Scorer},
};

pub(in super::super) struct Context<'r, 'c, 'f> {
    pub(in super::super) search: &'r Search<'r>,
    pub(in super::super) fields: &'c Fields<'f>,
    pub(in super::super) reader: &'c SegmentReader,
    /// Rank of the shard, ordinal of the segment.
    pub(in super::super) place: (usize, u32),
    /// Whether there is no parent, so only one bucket of it.
    pub(in super::super) is_top: bool,
    /// At least the documents that will be collected.
    pub(in super::super) matching: &'c dyn Fn() -> Result<Vec<u32>, StoreError>,
    /// What nested objects stand in.
    pub(in super::super) above: Option<&'c Above>,
}

type Selections<'r> = (Option<&'r TermSelection>, Option<&'r TermSelection>);

impl<'r> Context<'r, '_, '_> {
    pub(super) fn node(&self, aggregation: &'r Aggregation) -> Result<Node<'r>, StoreError> {
        let Some(profiler) = &self.search.profiler else { return self.plain(aggregation) };
        let started = Instant::now();
        let node = self.plain(aggregation)?;
        let place = (self.place.0, identity(aggregation));
        Ok(Node::Timed(Box::new(TimedNode::new(node, profiler, place, started.elapsed()))))
    }

    fn plain(&self, aggregation: &'r Aggregation) -> Result<Node<'r>, StoreError> {
        match &aggregation.kind {
            // Their answers are read from the documents at the end, where objects are none.
            Kind::TopHits(_) | Kind::TopMetrics(_) | Kind::SignificantTerms(_) if self.above.is_some() => {
                let message = format!(
                    "[{}]: aggregations of this type are not supported over nested objects; put it below a [reverse_nested]",
                    aggregation.name
                );
                return Err(StoreError::invalid(message));
            }
            Kind::Nested(path) => return self.nested(path, &aggregation.inner),
            Kind::ReverseNested => return self.reverse(&aggregation.inner),
            _ => {}
        }
        if let Some(node) = self.leaf(&aggregation.kind)? {
            return Ok(node);
        }
        let below = Context { is_top: false, ..*self };
        let inner = aggregation.inner.iter().map(|inner| below.node(inner)).collect::<Result<Vec<_>, _>>()?;
        self.buckets(&aggregation.kind, inner)
    }

    /// What has no buckets.
    fn leaf(&self, kind: &'r Kind) -> Result<Option<Node<'r>>, StoreError> {
        Ok(Some(match kind {
            Kind::Metric(request) => self.metric(request)?,
            Kind::TTest(request) => self.t_test(request)?,
            Kind::MatrixStats(request) => self.matrix(request)?,
            Kind::Rate(request) => self.rate(request)?,
            Kind::WeightedAvg(request) => self.weighted(request)?,
            Kind::GeoBounds { field, .. } => {
                Node::Points(SegmentPoints::new(self.points(field)?, Gathered::Bounds))
            }
            Kind::GeoCentroid(field) => {
                Node::Points(SegmentPoints::new(self.points(field)?, Gathered::Centroid))
            }
            Kind::TopHits(request) => {
                let sort = if request.sort.is_empty() { by_score() } else { &request.sort };
                Node::Top(self.top(sort, request.from + request.size)?)
            }
            Kind::TopMetrics(request) => Node::Top(self.top(&request.sort, request.size)?),
            Kind::Pipeline(_) => Node::Pipeline,
            _ => return Ok(None),
        }))
    }

    fn buckets(&self, kind: &'r Kind, inner: Vec<Node<'r>>) -> Result<Node<'r>, StoreError> {
        Ok(match kind {
            Kind::Terms(request) => self.term_buckets(request, inner)?,
            Kind::RareTerms(request) => {
                let selections = (request.include.as_ref(), request.exclude.as_ref());
                self.keyed(self.terms(&request.source, selections)?, inner)
            }
            Kind::SignificantTerms(request) => self.significant(request, inner)?,
            Kind::MultiTerms(request) => {
                let sources = request.sources.iter().map(|source| self.terms(source, (None, None)));
                Node::Composite(CompositeNode::new(sources.collect::<Result<_, _>>()?, inner))
            }
            Kind::Composite { sources, .. } => {
                let sources = sources.iter().map(|source| self.composite_source(source));
                Node::Composite(CompositeNode::new(sources.collect::<Result<_, _>>()?, inner))
            }
            Kind::Filter(query) => self.filters([query], false, inner)?,
            Kind::Filters(request) => {
                let queries = request.filters.iter().map(|(_, query)| query);
                self.filters(queries, request.other_bucket_key.is_some(), inner)?
            }
            Kind::AdjacencyMatrix(request) => {
                let mut node = self.filters(request.filters.iter().map(|(_, query)| query), false, inner)?;
                if let Node::Filters(_, keys, _) = &mut node {
                    keys.pairs = true;
                }
                node
            }
            Kind::Sampler(request) => {
                let diversity = match &request.diversity {
                    Some((source, most)) => Some((self.terms(source, (None, None))?, *most)),
                    None => None,
                };
                Node::Sampler(Box::new(SamplerNode::new(request.shard_size, diversity, inner)))
            }
            Kind::Missing(source) => self.missing(source, inner)?,
            other => self.keyed(self.source(other)?, inner),
        })
    }

    fn term_buckets(&self, request: &'r TermsBuckets, inner: Vec<Node<'r>>) -> Result<Node<'r>, StoreError> {
        let source = self.terms(&request.source, (request.include.as_ref(), request.exclude.as_ref()))?;
        let mut node = self.keyed(source, inner);
        if let (Node::Keyed { all_below, .. }, 0) = (&mut node, request.min_doc_count) {
            *all_below = Some(self.reader.max_doc());
        }
        Ok(node)
    }

    fn significant(
        &self,
        request: &'r SignificantTerms,
        inner: Vec<Node<'r>>,
    ) -> Result<Node<'r>, StoreError> {
        let selections = (request.include.as_ref(), request.exclude.as_ref());
        if let Some(paths) = &request.words_of {
            let column = self.words(&request.source.field, paths)?;
            let keys = TermKeys::new(&request.source, selections, None, column, self.search.now)?;
            return Ok(self.keyed(KeySource::Terms(Box::new(keys)), inner));
        }
        Ok(self.keyed(self.terms(&request.source, selections)?, inner))
    }

    fn keyed(&self, source: KeySource<'r>, inner: Vec<Node<'r>>) -> Node<'r> {
        let bound = source.key_bound().filter(|_| self.is_top);
        Node::Keyed {
            buckets: Buckets::new(!inner.is_empty(), bound),
            source: Box::new(source),
            inner,
            all_below: None,
        }
    }

    /// The keys of what has one kind of them.
    fn source(&self, kind: &'r Kind) -> Result<KeySource<'r>, StoreError> {
        Ok(match kind {
            Kind::Histogram(request) => {
                if let Some(ranges) = self.number_ranges(&request.source, false)? {
                    return Ok(KeySource::RangeHistogram(request, ranges));
                }
                let (column, missing) = self.numbers(&request.source)?;
                KeySource::Histogram { request, column, missing }
            }
            Kind::VariableWidthHistogram(request) => {
                let (column, missing) = self.numbers(&request.source)?;
                KeySource::Numbers { column, missing, cut_bits: 0 }
            }
            Kind::DateHistogram(request) => {
                if let Some(ranges) = self.number_ranges(&request.source, true)? {
                    let dates = DateKeys::new(request, None, None, self.search.now)?;
                    return Ok(KeySource::RangeDates(dates, ranges));
                }
                let (column, missing) = self.numbers(&request.source)?;
                KeySource::Dates(DateKeys::new(request, column, missing, self.search.now)?)
            }
            Kind::AutoDateHistogram(request) => {
                let (column, missing) = self.numbers(&request.source)?;
                KeySource::AutoDates(AutoDates::new(request, column, missing)?)
            }
            Kind::Ranges(request) => self.ranges(request)?,
            Kind::GeoGrid(request) => {
                KeySource::Grid(GridKeys { request, points: self.points(&request.source.field)? })
            }
            _ => KeySource::Constant(Key::Position(0)),
        })
    }

    /// The ranges of a field, if it is one of ranges; of dates or of other numbers.
    fn number_ranges(&self, source: &ValuesSource, dates: bool) -> Result<Option<NumberRanges>, StoreError> {
        let field = self.fields.resolve(&source.field).filter(|field| field.family() == Family::Range);
        let Some(field) = field else { return Ok(None) };
        if (field.field_type == FieldType::DateRange) != dates || field.field_type == FieldType::IpRange {
            let by = if dates { "aggregation [date_histogram]" } else { "aggregation [histogram]" };
            return Err(unsupported(&field, by));
        }
        let ranges =
            super::super::super::range_field::Ranges::open(self.reader, &field).map_err(engine_error)?;
        Ok(Some(NumberRanges { ranges, field_type: field.field_type }))
    }

    fn ranges(&self, request: &'r Ranges) -> Result<KeySource<'r>, StoreError> {
        match request.kind {
            RangeKind::Number | RangeKind::Date => {
                let (column, missing) = self.numbers(&request.source)?;
                Ok(KeySource::Ranges { ranges: range_ends(request, self.search.now)?, column, missing })
            }
            RangeKind::Ip => {
                let field = self.fields.resolve(&request.source.field);
                let missing = match self.missing_value(&request.source, field.as_ref())? {
                    Some(Key::Ip(address)) => Some(address),
                    _ => None,
                };
                let column = self.addresses(&request.source.field)?;
                Ok(KeySource::Addresses(AddressRanges::new(address_ends(request)?, column, missing)))
            }
            RangeKind::Distance { origin, unit_m } => Ok(KeySource::Distances(DistanceRanges {
                ranges: range_ends(request, self.search.now)?,
                points: self.points(&request.source.field)?,
                origin,
                unit_m,
            })),
        }
    }

    fn terms(
        &self,
        source: &'r ValuesSource,
        selections: Selections<'r>,
    ) -> Result<KeySource<'r>, StoreError> {
        if source.field == "_index" {
            return Ok(KeySource::Constant(Key::Text(self.fields.index.name.to_string())));
        }
        let (field, column) = self.column(source, ScriptType::Text)?;
        let keys = TermKeys::new(source, selections, field.as_ref(), column, self.search.now)?;
        Ok(KeySource::Terms(Box::new(keys)))
    }

    fn composite_source(&self, source: &'r CompositeSource) -> Result<KeySource<'r>, StoreError> {
        Ok(match &source.kind {
            CompositeKind::Terms(values) => match self.terms(values, (None, None))? {
                KeySource::Terms(keys) if source.missing_bucket => {
                    KeySource::Terms(Box::new(keys.with_null_key()))
                }
                keys => keys,
            },
            CompositeKind::Histogram(request) => {
                let (column, missing) = self.numbers(&request.source)?;
                KeySource::Histogram { request, column, missing }
            }
            CompositeKind::DateHistogram(request) => {
                let (column, missing) = self.numbers(&request.source)?;
                KeySource::Dates(DateKeys::new(request, column, missing, self.search.now)?)
            }
            CompositeKind::GeoTile(request) => {
                KeySource::Grid(GridKeys { request, points: self.points(&request.source.field)? })
            }
        })
    }

    /// The field and its column in this segment; none if the field is unknown or has no value. What a script makes is of
    /// no field; `kind` is its type unless the request names one.
    pub(super) fn column(
        &self,
        source: &ValuesSource,
        kind: ScriptType,
    ) -> Result<(Option<ResolvedField>, Option<SegmentColumn>), StoreError> {
        let (mut field, mut column) = (None, None);
        if let Some(found) = self.fields.resolve(&source.field).filter(|_| !source.field.is_empty()) {
            let found = sortable(found)?;
            column = SegmentColumn::open(self.reader, &found).map_err(engine_error)?;
            field = Some(found);
        }
        let Some(call) = &source.script else { return Ok((field, column)) };
        if !source.field.is_empty() && column.is_none() {
            return Ok((None, None));
        }
        let is_float = field.is_some_and(|field| field.family() == Family::Float);
        let kind = source.value_type.as_deref().map_or(kind, ScriptType::named);
        let script = DocScript::new(call, self.fields.owned(), self.reader);
        let scripted = self.search.scripted(self.matching);
        let over = column.as_ref().map(|column| (column, is_float));
        Ok((None, scripted.column(script, over, kind, self.reader.max_doc())?))
    }

    /// The words of the texts of a field, each once per document, from the source of those documents that count.
    fn words(&self, field: &str, paths: &[String]) -> Result<Option<SegmentColumn>, StoreError> {
        let Some(field) = self.fields.resolve(field) else { return Ok(None) };
        if field.family() != Family::Text {
            return Err(unsupported(&field, "significant_text"));
        }
        let store = self.fields.generation.source(self.reader.segment_id()).map_err(engine_error)?;
        let compiler = Compiler {
            fields: self.fields.within(self.fields.within),
            now: self.search.now,
            watch: &self.search.watch,
        };
        self.search.scripted(self.matching).texts(self.reader.max_doc(), |doc| {
            let stored = store.get(doc).map_err(engine_error)?;
            let document = source_of(&stored, self.fields)?;
            let mut words: Vec<String> = Vec::new();
            for path in paths.iter().filter(|path| !self.fields.mask.hides(path)) {
                for text in values_of(&document, path).into_iter().filter_map(|value| value.as_str()) {
                    words.extend(compiler.tokens(text, None).into_iter().map(|token| token.text));
                }
            }
            words.sort_unstable();
            words.dedup();
            Ok(words)
        })
    }

    /// The column that tells whether a document has a value, of whatever kind.
    pub(super) fn presence(&self, path: &str) -> Result<Option<SegmentColumn>, StoreError> {
        let Some(field) = self.fields.resolve(path) else { return Ok(None) };
        SegmentColumn::open(self.reader, &with_column(field)?).map_err(engine_error)
    }

    fn points(&self, path: &str) -> Result<Option<Points>, StoreError> {
        match self.fields.resolve(path) {
            None => Ok(None),
            Some(field) if field.family() == Family::Geo => {
                Points::open(self.reader, &field).map_err(engine_error)
            }
            Some(field) => Err(StoreError::invalid(format!(
                "Expected geo_point type on field [{path}], but got [{}]",
                field.field_type.name()
            ))),
        }
    }

    fn addresses(&self, path: &str) -> Result<Option<tantivy::columnar::Column<Ipv6Addr>>, StoreError> {
        match self.fields.resolve(path) {
            None => Ok(None),
            Some(field) if field.family() == Family::Ip => {
                let name = with_column(field)?.column.unwrap_or_default();
                self.reader.fast_fields().column_opt::<Ipv6Addr>(&name).map_err(engine_error)
            }
            Some(field) => Err(unsupported(&field, "ip_range")),
        }
    }

    pub(super) fn missing_value(
        &self,
        source: &ValuesSource,
        field: Option<&ResolvedField>,
    ) -> Result<Option<Key>, StoreError> {
        let value = source.missing.as_ref();
        value.map(|value| missing_key(value, source, field, self.search.now)).transpose()
    }

    /// A column of numbers or dates, and the number that stands for missing ones.
    pub(super) fn numbers(
        &self,
        source: &ValuesSource,
    ) -> Result<(Option<SegmentColumn>, Option<f64>), StoreError> {
        let (field, column) = self.column(source, ScriptType::Double)?;
        if let Some(field) = &field
            && matches!(field.family(), Family::Keyword | Family::Text | Family::Ip)
        {
            return Err(unsupported(field, "a numeric aggregation"));
        }
        let missing = self.missing_value(source, field.as_ref())?;
        let number = missing.as_ref().and_then(|key| match key {
            Key::Text(text) => text.trim().parse().ok(),
            key => key.as_f64(),
        });
        Ok((column, number))
    }

    fn missing(&self, source: &ValuesSource, inner: Vec<Node<'r>>) -> Result<Node<'r>, StoreError> {
        if source.missing.is_some() {
            return Ok(self.keyed(KeySource::Nothing, inner));
        }
        if source.script.is_some() {
            let (_, column) = self.column(source, ScriptType::Any)?;
            return Ok(self.keyed(KeySource::Missing(column), inner));
        }
        match self.fields.resolve(&source.field) {
            Some(field) if field.family() == Family::Geo => {
                Ok(self.keyed(KeySource::MissingPoints(self.points(&source.field)?), inner))
            }
            // Without a column, ask the index which documents have the field.
            Some(field) if field.column.is_none() => {
                let mut node = self.filters([&Query::Exists(source.field.clone())], false, inner)?;
                if let Node::Filters(_, keys, _) = &mut node {
                    keys.inverted = true;
                }
                Ok(node)
            }
            _ => Ok(self.keyed(KeySource::Missing(self.presence(&source.field)?), inner)),
        }
    }

    fn filters<'q>(
        &self,
        queries: impl IntoIterator<Item = &'q Query>,
        other: bool,
        inner: Vec<Node<'r>>,
    ) -> Result<Node<'r>, StoreError> {
        let scorers = queries.into_iter().map(|query| self.scorer(query)).collect::<Result<_, _>>()?;
        let keys = FilterKeys { scorers, other, inverted: false, pairs: false };
        Ok(Node::Filters(Buckets::new(!inner.is_empty(), None), keys, inner))
    }

    /// What finds the documents of the segment that match a query.
    pub(super) fn scorer(&self, query: &Query) -> Result<Box<dyn Scorer>, StoreError> {
        let fields = self.fields.within(self.fields.within);
        let compiler = Compiler { fields, now: self.search.now, watch: &self.search.watch };
        let scoring = EnableScoring::disabled_from_searcher(&self.fields.generation.searcher);
        let weight = compiler.compile(query)?.weight(scoring).map_err(engine_error)?;
        weight.scorer(self.reader, 1.0).map_err(engine_error)
    }

    fn top(&self, keys: &'r [SortKey], limit: usize) -> Result<TopNode<'r>, StoreError> {
        let top = TopRequest { keys, after: None, limit, now: self.search.now };
        let scripted = self.search.scripted(self.matching);
        let template = SegmentTop::new(&top, self.fields, self.reader, self.place.0, self.place.1, scripted)?;
        Ok(TopNode::new(template))
    }
}

pub(super) fn unsupported(field: &ResolvedField, by: &str) -> StoreError {
    let message =
        format!("Field [{}] of type [{}] is not supported for {by}", field.path, field.field_type.name());
    StoreError::invalid(message)
}
