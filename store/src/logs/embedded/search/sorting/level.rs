//! One level of a sort within one segment.

use super::super::super::{
    mapping::{Family, FieldType},
    schema::ResolvedField,
};
use super::super::column::{ColumnKind, Points, SegmentColumn, engine_error};
use super::super::dates::DateReader;
use super::super::fields::{Fields, Within};
use super::super::geography::distance_m;
use super::super::scalar::Scalar;
use super::super::script::{DocScript, ScriptType, Scripted};
use super::entry::{NoValue, SortValue, float};
use super::sortable::not_sortable;
use crate::{
    StoreError,
    logs::{
        dsl::{DistanceSort, Missing, SortKey, SortMode, SortOrder, SortTarget},
        embedded::mapping::DateFormats,
    },
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use std::{cmp::Ordering, net::IpAddr};
use tantivy::{
    DocId, SegmentReader,
    columnar::{Column, MonotonicallyMappableToU64},
};

const MISSING_FIRST: u128 = 0;
const MISSING_LAST: u128 = u128::MAX;
/// Beyond the keys of all values.
const BEYOND: u128 = encode(u64::MAX) + 1;

/// Keys leave room below (for "first") and between any two (for values that no document of the segment has).
pub(super) const fn encode(key: u64) -> u128 {
    (key as u128) * 2 + 2
}

/// Between the key and the one before it.
fn just_before(key: u64) -> u128 {
    u128::from(key) * 2 + 1
}

pub(super) fn directed(key: u128, order: SortOrder) -> u128 {
    match order {
        SortOrder::Asc => key,
        SortOrder::Desc => u128::MAX - key,
    }
}

pub(super) enum Source {
    Score,
    Document,
    Column(Box<SegmentColumn>),
    /// No document of the segment has the field.
    Nothing,
}

pub(super) struct Level<'k> {
    pub(super) key: &'k SortKey,
    pub(super) source: Source,
    pub(super) field: Option<ResolvedField>,
    pub(super) missing: u128,
    /// What those sort as.
    none: NoValue,
    pub(super) after: Option<u128>,
}

impl<'k> Level<'k> {
    pub(super) fn new(
        key: &'k SortKey,
        after: Option<&Value>,
        fields: &Fields<'_>,
        reader: &SegmentReader,
        now: Timestamp,
        scripted: Scripted<'_>,
    ) -> Result<Self, StoreError> {
        let nested = key.nested.as_deref().filter(|path| fields.index.mapping.objects.contains_key(*path));
        let fields = &fields.within(nested.map_or(fields.within, Within::Nested));
        let (source, field) = match &key.target {
            SortTarget::Score => (Source::Score, None),
            SortTarget::Document => (Source::Document, None),
            SortTarget::Script(sort) => {
                let script = DocScript::new(&sort.call, fields.owned(), reader);
                let kind = if sort.is_number { ScriptType::Double } else { ScriptType::Text };
                (made(scripted.column(script, None, kind, reader.max_doc())?), None)
            }
            SortTarget::Distance(sort) => (made(distances(sort, fields, reader, scripted)?), None),
            SortTarget::Field(path) => match fields.resolve(path) {
                None => (Source::Nothing, None),
                Some(field) if field.column.is_none() => return Err(not_sortable(&field)),
                Some(field) => match SegmentColumn::open(reader, &field).map_err(engine_error)? {
                    Some(column) => match key.mode {
                        SortMode::Min | SortMode::Max => (Source::Column(Box::new(column)), Some(field)),
                        mode => {
                            (made(of_all_values(&column, mode, reader.max_doc(), scripted)?), Some(field))
                        }
                    },
                    None => (Source::Nothing, Some(field)),
                },
            },
        };
        let none = match &key.target {
            // There is no text for it in the format of a date.
            _ if key.format.is_some() => NoValue::Null,
            SortTarget::Field(_) => NoValue::of_field(field.as_ref(), key.unmapped_type.as_deref()),
            SortTarget::Distance(_) => NoValue::Float,
            SortTarget::Script(sort) if sort.is_number => NoValue::Float,
            SortTarget::Script(_) | SortTarget::Score | SortTarget::Document => NoValue::Null,
        };
        let mut level = Self { key, source, field, missing: MISSING_LAST, none, after: None };
        level.missing = match (level.none_number(), &key.missing) {
            (_, Missing::Value(value)) => level.position(value, now)?,
            (Some(number), _) => level.position(&number_to_json(&number), now)?,
            (None, _) => level.end(),
        };
        level.after = match after {
            None => None,
            Some(Value::Null) => Some(level.end()),
            Some(value) => Some(level.position(value, now)?),
        };
        Ok(level)
    }

    /// Where documents are that have neither a value nor a number for that.
    fn end(&self) -> u128 {
        if self.key.missing == Missing::First { MISSING_FIRST } else { MISSING_LAST }
    }

    /// What a document without a value sorts as; `None`: the request says, or there is no number for it.
    fn none_number(&self) -> Option<Scalar> {
        match self.key.missing {
            Missing::Value(_) => None,
            Missing::First => self.none.number(true, self.key.order),
            Missing::Last => self.none.number(false, self.key.order),
        }
    }

    pub(super) fn column_key(&self, column: &SegmentColumn, doc: DocId) -> u128 {
        let values = column.keys.values_for_doc(doc);
        let key = match self.key.mode {
            SortMode::Min => values.min(),
            SortMode::Max => values.max(),
            // Columns for these hold what becomes of the values already.
            SortMode::Sum | SortMode::Avg | SortMode::Median => column.keys.first(doc),
        };
        key.map_or(self.missing, |key| directed(encode(key), self.key.order))
    }

    /// Where a value of the request lies among the keys of this segment.
    fn position(&self, value: &Value, now: Timestamp) -> Result<u128, StoreError> {
        let misfit =
            || StoreError::invalid(format!("{value} does not fit the sort on {}", name_of(self.key)));
        let undirected = match &self.source {
            Source::Score => {
                let score = value.as_f64().ok_or_else(misfit)? as f32;
                encode(u64::from(score.max(0.0).to_bits()))
            }
            Source::Document => encode(value.as_u64().ok_or_else(misfit)?),
            // All documents here are "missing": what counts is on which side of these the value lies.
            Source::Nothing => match &self.key.missing {
                Missing::Value(missing) => match json_order(value, missing) {
                    Ordering::Less => encode(0) - 1,
                    Ordering::Equal => encode(0),
                    Ordering::Greater => encode(0) + 1,
                },
                Missing::First | Missing::Last => self.none_position(value),
            },
            Source::Column(column) => self.column_position(column, value, now)?.ok_or_else(misfit)?,
        };
        Ok(directed(undirected, self.key.order))
    }

    /// Where a value lies beside the number that all documents of the segment sort as.
    fn none_position(&self, value: &Value) -> u128 {
        let position = match self.none {
            NoValue::Null => None,
            NoValue::Integer => integer_position(value),
            NoValue::Unsigned => unsigned_position(value),
            NoValue::Float => float_of(value).map(|float| encode(float.to_u64())),
        };
        // A date, say, is not at either end.
        position.unwrap_or(encode(1 << 63))
    }

    fn column_position(
        &self,
        column: &SegmentColumn,
        value: &Value,
        now: Timestamp,
    ) -> Result<Option<u128>, StoreError> {
        Ok(match &column.kind {
            ColumnKind::Integer => integer_position(value),
            ColumnKind::Unsigned => unsigned_position(value),
            ColumnKind::Float => float_of(value).map(|float| encode(float.to_u64())),
            ColumnKind::Boolean => match truth_of(value) {
                Some(truth) => Some(encode(u64::from(truth))),
                None => integer_of(value)
                    .or_else(|| float_of(value).map(|float| float as i64))
                    .map(|whole| u64::try_from(whole).map_or(just_before(0), encode)),
            },
            // What a document without a date has in an answer.
            ColumnKind::Date if is_at_end(value) => integer_position(value),
            ColumnKind::Date => Some(encode(self.date(value, now)?.to_u64())),
            ColumnKind::Text(text) => match value.as_str() {
                None => None,
                Some(term) => {
                    let found = text.dictionary().term_ord(term.as_bytes()).map_err(engine_error)?;
                    Some(match found {
                        Some(ord) => encode(ord),
                        None => just_before(first_ord_after(text, term)?),
                    })
                }
            },
            ColumnKind::Ip(addresses) => {
                let Some(address) = value.as_str().and_then(|text| text.parse::<IpAddr>().ok()) else {
                    return Ok(None);
                };
                let address = match address {
                    IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                    IpAddr::V6(v6) => v6,
                };
                Some(ip_position(column, addresses, address))
            }
        })
    }

    fn date(&self, value: &Value, now: Timestamp) -> Result<i64, StoreError> {
        let is_nanos = self.field.as_ref().is_some_and(|field| field.field_type == FieldType::DateNanos);
        if let (true, Some(nanos)) = (is_nanos && self.key.format.is_none(), value.as_i64()) {
            return Ok(nanos);
        }
        if let (true, Some(nanos)) = (self.key.nanos, value.as_i64()) {
            return Ok(nanos);
        }
        let own =
            self.key.format.as_deref().map(DateFormats::parse).transpose().map_err(StoreError::invalid)?;
        let read =
            |formats: &DateFormats| DateReader { formats, zone: TimeZone::UTC, now }.read(value, false);
        match (&own, &self.field) {
            (Some(formats), _) => read(formats),
            // Milliseconds, as answers give them, or as the field's dates are written.
            (None, Some(field)) => {
                read(DateFormats::default_ref()).or_else(|_| read(field.mapping.date_formats()))
            }
            (None, None) => read(DateFormats::default_ref()),
        }
    }

    pub(super) fn value(&self, key: u128, doc: DocId) -> tantivy::Result<SortValue> {
        let undirected = directed(key, self.key.order);
        // Exact keys are even; what lies between stands for a `missing` value that the segment does not have.
        let raw =
            undirected.checked_sub(2).filter(|key| key % 2 == 0).and_then(|key| u64::try_from(key / 2).ok());
        let is_nanos = self.field.as_ref().is_some_and(|field| field.field_type == FieldType::DateNanos);
        let scalar = match (&self.source, raw) {
            (Source::Score, Some(raw)) => Scalar::Float(f64::from(f32::from_bits(raw as u32))),
            (Source::Document, Some(raw)) => Scalar::Unsigned(raw),
            (Source::Column(column), Some(raw)) if key != self.missing => match column.value(doc, raw)? {
                Scalar::Date(nanos) if is_nanos && self.key.format.is_none() => Scalar::Integer(nanos),
                // Sorted beside the number for no value.
                Scalar::Bool(truth) => Scalar::Integer(i64::from(truth)),
                other => other,
            },
            _ => return Ok(self.missing_value()),
        };
        Ok(SortValue::Value(scalar))
    }

    /// The typed value of documents without one.
    fn missing_value(&self) -> SortValue {
        match (&self.key.missing, self.none_number()) {
            (Missing::First | Missing::Last, Some(number)) => SortValue::Value(number),
            (Missing::First, None) => SortValue::First,
            (Missing::Last, None) => SortValue::Last,
            (Missing::Value(value), _) => match value {
                Value::Bool(truth) => SortValue::Value(Scalar::Integer(i64::from(*truth))),
                Value::Number(number) => SortValue::Value(match (number.as_i64(), &self.source) {
                    (Some(millis), Source::Column(column)) if matches!(column.kind, ColumnKind::Date) => {
                        Scalar::Date(millis.saturating_mul(1_000_000))
                    }
                    (Some(whole), _) => Scalar::Integer(whole),
                    (None, _) => Scalar::Float(number.as_f64().unwrap_or(0.0)),
                }),
                Value::String(text) => SortValue::Value(Scalar::Text(text.clone())),
                _ => SortValue::Last,
            },
        }
    }
}

/// A number as answers give it.
fn number_to_json(number: &Scalar) -> Value {
    match number {
        Scalar::Float(value) => float(*value),
        other => other.to_json(None),
    }
}

/// The number that a value is or that its text says.
fn float_of(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    }
}

/// The same of whole numbers, exact.
fn integer_of(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn truth_of(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| value.as_str()?.parse().ok())
}

/// An infinity is beyond all whole numbers, also beyond the one that stands for no value.
fn infinity_position(value: &Value) -> Option<u128> {
    let float = float_of(value).filter(|float| float.is_infinite())?;
    Some(if float > 0.0 { BEYOND } else { just_before(0) })
}

/// Whether a value is the least or the largest whole number, or what clients whose numbers have 53 bits make of it.
fn is_at_end(value: &Value) -> bool {
    match integer_of(value) {
        Some(whole) => matches!(whole, i64::MIN | i64::MAX),
        None => float_of(value).is_some_and(|float| float.abs() >= i64::MAX as f64),
    }
}

/// What is too large counts as the largest: clients whose numbers have 53 bits round it to that.
fn integer_position(value: &Value) -> Option<u128> {
    match integer_of(value) {
        Some(whole) => Some(encode(whole.to_u64())),
        None => rounded_position(value, &|whole| (whole as i64).to_u64()),
    }
}

/// The same of numbers without a sign.
fn unsigned_position(value: &Value) -> Option<u128> {
    match value.as_u64().or_else(|| value.as_str()?.parse().ok()) {
        Some(whole) => Some(encode(whole)),
        None => rounded_position(value, &|whole| whole as u64),
    }
}

/// A fraction lies between two whole numbers.
fn rounded_position(value: &Value, to_key: &dyn Fn(f64) -> u64) -> Option<u128> {
    infinity_position(value).or_else(|| {
        let float = float_of(value)?;
        Some(match float.fract() == 0.0 {
            true => encode(to_key(float)),
            false => just_before(to_key(float.ceil())),
        })
    })
}

fn made(column: Option<SegmentColumn>) -> Source {
    column.map_or(Source::Nothing, |column| Source::Column(Box::new(column)))
}

/// One number of the several that a document has.
fn of_all_values(
    column: &SegmentColumn,
    mode: SortMode,
    max_doc: DocId,
    scripted: Scripted<'_>,
) -> Result<Option<SegmentColumn>, StoreError> {
    if column.is_ordinal() {
        return Err(StoreError::invalid(format!("{mode:?} is no sort mode for values that are no numbers")));
    }
    scripted.numbers(max_doc, |doc| {
        one_of(mode, column.keys.values_for_doc(doc).filter_map(|key| column.number(key)).collect())
    })
}

/// Several numbers as one, after a `mode`.
pub(in super::super) fn one_of(mode: SortMode, mut values: Vec<f64>) -> Option<f64> {
    let (count, sum) = (values.len(), values.iter().sum::<f64>());
    values.sort_by(f64::total_cmp);
    let (first, last) = (*values.first()?, *values.last()?);
    Some(match mode {
        SortMode::Min => first,
        SortMode::Max => last,
        SortMode::Sum => sum,
        SortMode::Avg => sum / count as f64,
        SortMode::Median => f64::midpoint(values[(count - 1) / 2], values[count / 2]),
    })
}

/// How far the points of documents are, in the unit asked for.
fn distances(
    sort: &DistanceSort,
    fields: &Fields<'_>,
    reader: &SegmentReader,
    scripted: Scripted<'_>,
) -> Result<Option<SegmentColumn>, StoreError> {
    let path = &sort.field;
    let Some(field) = fields.resolve(path) else {
        if sort.ignore_unmapped || fields.mask.hides(path) {
            return Ok(None);
        }
        let message = format!("failed to find mapper for [{path}] for geo distance based sort");
        return Err(StoreError::invalid(message));
    };
    if field.family() != Family::Geo {
        return Err(StoreError::invalid(format!("field [{path}] is not a geo_point field")));
    }
    let Some(points) = Points::open(reader, &field).map_err(engine_error)? else { return Ok(None) };
    scripted.numbers(reader.max_doc(), |doc| {
        let nearest = points.of(doc).filter_map(|point| {
            let all = sort.origins.iter().map(|origin| distance_m(*origin, point));
            all.reduce(f64::min).map(|metres| metres / sort.unit_m)
        });
        one_of(sort.mode, nearest.collect())
    })
}

/// Order of two values of a request: numbers by value, all else as text.
fn json_order(a: &Value, b: &Value) -> Ordering {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.as_str().unwrap_or_default().cmp(b.as_str().unwrap_or_default()),
    }
}

/// The first ordinal whose term is greater.
fn first_ord_after(column: &tantivy::columnar::StrColumn, term: &str) -> Result<u64, StoreError> {
    use std::ops::Bound;
    let bounds = column
        .dictionary()
        .term_bounds_to_ord(Bound::Excluded(term.as_bytes()), Bound::Unbounded)
        .map_err(engine_error)?;
    Ok(match bounds.0 {
        Bound::Included(ord) => ord,
        Bound::Excluded(ord) => ord.saturating_add(1),
        Bound::Unbounded => 0,
    })
}

/// Where an address lies among the compact codes of a segment, found by looking at its documents.
fn ip_position(
    column: &SegmentColumn,
    addresses: &Column<std::net::Ipv6Addr>,
    address: std::net::Ipv6Addr,
) -> u128 {
    let mut next: Option<u64> = None;
    for doc in 0..column.keys.num_docs() {
        for (key, found) in column.keys.values_for_doc(doc).zip(addresses.values_for_doc(doc)) {
            if found == address {
                return encode(key);
            }
            if found > address && next.is_none_or(|next| key < next) {
                next = Some(key);
            }
        }
    }
    next.map_or(encode(u64::MAX), just_before)
}

fn name_of(key: &SortKey) -> String {
    match &key.target {
        SortTarget::Score => "\"_score\"".to_owned(),
        SortTarget::Document => "\"_doc\"".to_owned(),
        SortTarget::Field(path) => format!("\"{path}\""),
        SortTarget::Script(_) => "\"_script\"".to_owned(),
        SortTarget::Distance(sort) => format!("the distance of \"{}\"", sort.field),
    }
}
