//! Fields whose values are ranges: their ends in a segment, and the queries on them.

use super::super::{
    mapping::FieldType,
    range_values::{Element, End, beside, limits},
    schema::ResolvedField,
};
use super::column_query::Number;
use super::compile::{BoxQuery, Compiler, misfit, nothing, read_number};
use crate::{
    StoreError,
    logs::{
        dsl::{Bound, Range, RangeRelation},
        embedded::mapping::DateFormats,
    },
};
use serde_json::Value;
use std::net::{IpAddr, Ipv6Addr};
use tantivy::{
    BitSet, DocId, Score, SegmentReader,
    columnar::Column,
    query::{BitSetDocSet, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight},
};

/// The ranges of a field in one segment.
pub(super) struct Ranges {
    from: Column<Ipv6Addr>,
    to: Column<Ipv6Addr>,
}

impl Ranges {
    /// Opens the columns of a range field; `None` if no document of the segment has a range.
    pub(super) fn open(reader: &SegmentReader, field: &ResolvedField) -> tantivy::Result<Option<Self>> {
        let Some(path) = field.column.as_ref().and_then(|name| name.strip_suffix("#from")) else {
            return Ok(None);
        };
        let fast = reader.fast_fields();
        let from = fast.column_opt::<Ipv6Addr>(&format!("{path}#from"))?;
        let to = fast.column_opt::<Ipv6Addr>(&format!("{path}#to"))?;
        Ok(from.zip(to).map(|(from, to)| Self { from, to }))
    }

    /// The ranges of a document, both ends included.
    pub(super) fn of(&self, doc: DocId) -> impl Iterator<Item = (End, End)> + '_ {
        let ends = self.from.values_for_doc(doc).zip(self.to.values_for_doc(doc));
        ends.map(|(from, to)| (u128::from(from), u128::from(to)))
    }
}

/// Documents with a range that stands in a relation to another.
#[derive(Debug, Clone)]
struct RangesQuery {
    field: ResolvedField,
    low: End,
    high: End,
    relation: RangeRelation,
}

impl RangesQuery {
    fn holds(&self, (from, to): (End, End)) -> bool {
        match self.relation {
            RangeRelation::Intersects => from <= self.high && to >= self.low,
            RangeRelation::Contains => from <= self.low && to >= self.high,
            RangeRelation::Within => from >= self.low && to <= self.high,
        }
    }
}

impl Query for RangesQuery {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for RangesQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let Some(ranges) = Ranges::open(reader, &self.field)? else { return Ok(Box::new(EmptyScorer)) };
        let mut docs = BitSet::with_max_value(reader.max_doc());
        for doc in 0..reader.max_doc() {
            if ranges.of(doc).any(|range| self.holds(range)) {
                docs.insert(doc);
            }
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(docs), boost)))
    }

    fn explain(&self, _reader: &SegmentReader, _doc: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("a range in a relation to another", 1.0))
    }
}

impl Compiler<'_> {
    /// Documents with a range that holds a value.
    pub(super) fn ranges_with(&self, field: ResolvedField, value: &Value) -> Result<BoxQuery, StoreError> {
        let end = self.range_end(&field, value, None, false)?;
        Ok(Box::new(RangesQuery { field, low: end, high: end, relation: RangeRelation::Contains }))
    }

    /// Documents with a range that stands in a relation to another.
    pub(super) fn ranges(&self, field: ResolvedField, query: &Range) -> Result<BoxQuery, StoreError> {
        let (least, most) = limits(field.field_type);
        let lower = |end: &Bound| {
            // As for dates: what `gt` leaves out is all that its date names.
            let read = self.range_end(&field, &end.value, Some(query), !end.inclusive)?;
            Ok::<_, StoreError>(if end.inclusive { Some(read) } else { beside(field.field_type, read, true) })
        };
        let upper = |end: &Bound| {
            let read = self.range_end(&field, &end.value, Some(query), end.inclusive)?;
            Ok::<_, StoreError>(if end.inclusive {
                Some(read)
            } else {
                beside(field.field_type, read, false)
            })
        };
        let low = query.lower.as_ref().map_or(Ok(Some(least)), lower)?;
        let high = query.upper.as_ref().map_or(Ok(Some(most)), upper)?;
        let Some((low, high)) = low.zip(high).filter(|(low, high)| low <= high) else { return Ok(nothing()) };
        Ok(Box::new(RangesQuery { field, low, high, relation: query.relation }))
    }

    fn range_end(
        &self,
        field: &ResolvedField,
        value: &Value,
        query: Option<&Range>,
        round_up: bool,
    ) -> Result<End, StoreError> {
        let number = || read_number(value).ok_or_else(|| misfit(field, value));
        Ok(match field.field_type {
            FieldType::DateRange => {
                let format = query.and_then(|query| query.format.as_deref());
                let format = format.map(DateFormats::parse).transpose().map_err(StoreError::invalid)?;
                let zone = query.and_then(|query| query.time_zone.as_deref());
                let nanos = self.date_reader(field, format.as_ref(), zone)?.read(value, round_up)?;
                Element::Whole(nanos.div_euclid(1_000_000)).end()
            }
            FieldType::IpRange => {
                let address = value.as_str().and_then(|text| text.parse().ok());
                match address.ok_or_else(|| misfit(field, value))? {
                    IpAddr::V4(v4) => Element::Address(v4.to_ipv6_mapped()).end(),
                    IpAddr::V6(v6) => Element::Address(v6).end(),
                }
            }
            FieldType::FloatRange => Element::Float(f64::from(number()?.as_f64() as f32)).end(),
            FieldType::DoubleRange => Element::Float(number()?.as_f64()).end(),
            _ => match number()? {
                Number::Whole(whole) => {
                    let whole = whole.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
                    Element::Whole(i64::try_from(whole).unwrap_or_default()).end()
                }
                Number::Fraction(fraction) => Element::Whole(fraction as i64).end(),
            },
        })
    }
}
