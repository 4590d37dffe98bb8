//! The best documents of a segment by several keys, and the best of all segments.
//!
//! Within a segment each key is a `u128` that is compared ascending; [`encode`] says how. What survives a segment is
//! translated into typed values, which compare across segments and indices.

use super::super::{
    mapping::{DateFormats, Family, FieldType},
    schema::ResolvedField,
};
use super::column::{ColumnKind, SegmentColumn};
use super::dates::{DatePrinter, DateReader};
use super::fields::Fields;
use super::scalar::Scalar;
use crate::{
    StoreError,
    logs::dsl::{Missing, SortKey, SortMode, SortOrder, SortTarget},
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use std::{cmp::Ordering, collections::BinaryHeap, net::IpAddr, rc::Rc};
use tantivy::{
    DocId, Score, SegmentReader,
    columnar::{Column, MonotonicallyMappableToU64},
};

/// A sort value that compares across segments.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SortValue {
    /// No value, and those come first.
    First,
    Value(Scalar),
    /// No value, and those come last.
    Last,
}

/// A document that is among the best so far.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) values: Vec<SortValue>,
    pub(super) score: Option<Score>,
    /// Which of the searched generations holds it.
    pub(super) shard: usize,
    pub(super) segment: u32,
    pub(super) doc: DocId,
    /// Position of its write: the last tie-break, stable across merges.
    pub(super) seq_no: u64,
}

/// Order of two documents.
pub(super) fn compare(keys: &[SortKey], a: &Entry, b: &Entry) -> Ordering {
    for (position, key) in keys.iter().enumerate() {
        let order = match (&a.values[position], &b.values[position]) {
            (SortValue::First, SortValue::First) | (SortValue::Last, SortValue::Last) => Ordering::Equal,
            (SortValue::First, _) | (_, SortValue::Last) => Ordering::Less,
            (_, SortValue::First) | (SortValue::Last, _) => Ordering::Greater,
            (SortValue::Value(a), SortValue::Value(b)) if key.order == SortOrder::Asc => a.order(b),
            (SortValue::Value(a), SortValue::Value(b)) => b.order(a),
        };
        if order.is_ne() {
            return order;
        }
    }
    (a.shard, a.seq_no).cmp(&(b.shard, b.seq_no))
}

/// The sort values of a hit, as the answer gives them and `search_after` takes them.
pub(super) fn values_to_json(keys: &[SortKey], entry: &Entry) -> Result<Vec<Value>, StoreError> {
    keys.iter()
        .zip(&entry.values)
        .map(|(key, value)| {
            let printer = key
                .format
                .as_deref()
                .map(|format| DatePrinter::new(Some(format), TimeZone::UTC))
                .transpose()?;
            Ok(match value {
                SortValue::Value(value) => value.to_json(printer.as_ref()),
                SortValue::First | SortValue::Last => Value::Null,
            })
        })
        .collect()
}

const MISSING_FIRST: u128 = 0;
const MISSING_LAST: u128 = u128::MAX;

/// Keys leave room below (for "first") and between any two (for values that no document of the segment has).
fn encode(key: u64) -> u128 {
    u128::from(key) * 2 + 2
}

/// Between the key and the one before it.
fn just_before(key: u64) -> u128 {
    u128::from(key) * 2 + 1
}

fn directed(key: u128, order: SortOrder) -> u128 {
    match order {
        SortOrder::Asc => key,
        SortOrder::Desc => u128::MAX - key,
    }
}

enum Source {
    Score,
    Document,
    Column(Box<SegmentColumn>),
    /// No document of the segment has the field.
    Nothing,
}

struct Level<'k> {
    key: &'k SortKey,
    source: Source,
    field: Option<ResolvedField>,
    missing: u128,
    after: Option<u128>,
}

/// Finds the best documents of one segment.
pub(super) struct SegmentTop<'k> {
    levels: Rc<Vec<Level<'k>>>,
    seq_no: Option<Column<u64>>,
    limit: usize,
    heap: BinaryHeap<Candidate>,
    scratch: Vec<u128>,
    shard: usize,
    segment: u32,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    keys: Box<[u128]>,
    seq_no: u64,
    doc: DocId,
    /// Bits of the score, not compared before the document id.
    score: Option<u32>,
}

/// What a segment's best documents are found with.
pub(super) struct TopRequest<'k> {
    pub(super) keys: &'k [SortKey],
    pub(super) after: Option<&'k [Value]>,
    pub(super) limit: usize,
    pub(super) now: Timestamp,
}

impl<'k> SegmentTop<'k> {
    pub(super) fn new(
        request: &TopRequest<'k>,
        fields: &Fields<'_>,
        reader: &SegmentReader,
        shard: usize,
        segment: u32,
    ) -> Result<Self, StoreError> {
        let mut levels = Vec::with_capacity(request.keys.len());
        for (position, key) in request.keys.iter().enumerate() {
            let after = request.after.map(|after| &after[position]);
            levels.push(Level::new(key, after, fields, reader, request.now)?);
        }
        let seq_no = reader.fast_fields().u64("_seq_no").ok();
        Ok(Self {
            levels: Rc::new(levels),
            seq_no,
            limit: request.limit,
            heap: BinaryHeap::with_capacity(request.limit.min(1_024) + 1),
            scratch: Vec::new(),
            shard,
            segment,
        })
    }

    /// Smallest and largest key of the first level's column, as nanoseconds, if that is a date.
    pub(super) fn first_date_range(&self) -> Option<(i64, i64)> {
        match &self.levels.first()?.source {
            Source::Column(column) if matches!(column.kind, ColumnKind::Date) => {
                Some((i64::from_u64(column.keys.min_value()), i64::from_u64(column.keys.max_value())))
            }
            _ => None,
        }
    }

    /// Another one over the same segment, with nothing in it.
    pub(super) fn empty(&self) -> Self {
        Self {
            levels: Rc::clone(&self.levels),
            seq_no: self.seq_no.clone(),
            limit: self.limit,
            heap: BinaryHeap::new(),
            scratch: Vec::new(),
            shard: self.shard,
            segment: self.segment,
        }
    }

    /// Considers a document.
    pub(super) fn offer(&mut self, doc: DocId, score: Option<Score>) {
        if self.limit == 0 {
            return;
        }
        let seq_no = |column: &Option<Column<u64>>| {
            column.as_ref().and_then(|c| c.first(doc)).unwrap_or(u64::from(doc))
        };
        let worst = if self.heap.len() >= self.limit { self.heap.peek() } else { None };
        self.scratch.clear();
        // Whether the keys so far equal those of the worst candidate, and those of `search_after`.
        let (mut ties_worst, mut ties_after) = (worst.is_some(), true);
        for (position, level) in self.levels.iter().enumerate() {
            let key = match &level.source {
                Source::Document => directed(encode(seq_no(&self.seq_no)), level.key.order),
                Source::Score => {
                    directed(encode(u64::from(score.unwrap_or(0.0).max(0.0).to_bits())), level.key.order)
                }
                Source::Column(column) => level.column_key(column, doc),
                Source::Nothing => level.missing,
            };
            if let (true, Some(after)) = (ties_after, level.after) {
                match key.cmp(&after) {
                    Ordering::Less => return,
                    Ordering::Equal => {}
                    Ordering::Greater => ties_after = false,
                }
            }
            if let (true, Some(worst)) = (ties_worst, worst) {
                match key.cmp(&worst.keys[position]) {
                    Ordering::Greater => return,
                    Ordering::Equal => {}
                    Ordering::Less => ties_worst = false,
                }
            }
            self.scratch.push(key);
        }
        if ties_after && self.levels.iter().any(|level| level.after.is_some()) {
            return;
        }
        let seq_no = seq_no(&self.seq_no);
        if ties_worst && worst.is_some_and(|worst| seq_no >= worst.seq_no) {
            return;
        }
        let candidate =
            Candidate { keys: self.scratch.as_slice().into(), seq_no, doc, score: score.map(f32::to_bits) };
        if self.heap.len() >= self.limit {
            self.heap.pop();
        }
        self.heap.push(candidate);
    }

    /// The best documents with their typed values, in no order.
    pub(super) fn finish(self) -> tantivy::Result<Vec<Entry>> {
        let Self { levels, heap, shard, segment, .. } = self;
        heap.into_iter()
            .map(|candidate| {
                let values = levels
                    .iter()
                    .zip(candidate.keys.iter())
                    .map(|(level, key)| level.value(*key, &candidate))
                    .collect::<tantivy::Result<_>>()?;
                let score = candidate.score.map(f32::from_bits);
                Ok(Entry { values, score, shard, segment, doc: candidate.doc, seq_no: candidate.seq_no })
            })
            .collect()
    }
}

impl<'k> Level<'k> {
    fn new(
        key: &'k SortKey,
        after: Option<&Value>,
        fields: &Fields<'_>,
        reader: &SegmentReader,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let (source, field) = match &key.target {
            SortTarget::Score => (Source::Score, None),
            SortTarget::Document => (Source::Document, None),
            SortTarget::Field(path) => match fields.resolve(path) {
                None => (Source::Nothing, None),
                Some(field) if field.column.is_none() => return Err(not_sortable(&field)),
                Some(field) => {
                    match SegmentColumn::open(reader, &field).map_err(super::column::engine_error)? {
                        Some(column) => (Source::Column(Box::new(column)), Some(field)),
                        None => (Source::Nothing, Some(field)),
                    }
                }
            },
        };
        let mut level = Self { key, source, field, missing: MISSING_LAST, after: None };
        level.missing = match &key.missing {
            Missing::Last => MISSING_LAST,
            Missing::First => MISSING_FIRST,
            Missing::Value(value) => level.position(value, now)?,
        };
        level.after = match after {
            None => None,
            Some(Value::Null) => {
                Some(if key.missing == Missing::First { MISSING_FIRST } else { MISSING_LAST })
            }
            Some(value) => Some(level.position(value, now)?),
        };
        Ok(level)
    }

    fn column_key(&self, column: &SegmentColumn, doc: DocId) -> u128 {
        let values = column.keys.values_for_doc(doc);
        let key = match self.key.mode {
            SortMode::Min => values.min(),
            SortMode::Max => values.max(),
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
                Missing::First | Missing::Last => encode(0),
            },
            Source::Column(column) => self.column_position(column, value, now)?.ok_or_else(misfit)?,
        };
        Ok(directed(undirected, self.key.order))
    }

    fn column_position(
        &self,
        column: &SegmentColumn,
        value: &Value,
        now: Timestamp,
    ) -> Result<Option<u128>, StoreError> {
        let number = || match value {
            Value::String(text) => text.parse::<f64>().ok(),
            other => other.as_f64(),
        };
        // A fraction lies between two whole numbers.
        let between = |float: f64, to_key: &dyn Fn(f64) -> u64| match float.fract() == 0.0 {
            true => encode(to_key(float)),
            false => just_before(to_key(float.ceil())),
        };
        Ok(match &column.kind {
            ColumnKind::Integer => match value.as_i64() {
                Some(whole) => Some(encode(whole.to_u64())),
                None => number().map(|float| between(float, &|whole| (whole as i64).to_u64())),
            },
            ColumnKind::Unsigned => match value.as_u64() {
                Some(whole) => Some(encode(whole)),
                None => number().map(|float| between(float, &|whole| whole as u64)),
            },
            ColumnKind::Float => number().map(|float| encode(float.to_u64())),
            ColumnKind::Boolean => match value {
                Value::Bool(truth) => Some(encode(u64::from(*truth))),
                Value::String(text) => text.parse::<bool>().ok().map(|truth| encode(u64::from(truth))),
                other => other.as_u64().map(encode),
            },
            ColumnKind::Date => Some(encode(self.date(value, now)?.to_u64())),
            ColumnKind::Text(text) => match value.as_str() {
                None => None,
                Some(term) => {
                    let found =
                        text.dictionary().term_ord(term.as_bytes()).map_err(super::column::engine_error)?;
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
        let own =
            self.key.format.as_deref().map(DateFormats::parse).transpose().map_err(StoreError::invalid)?;
        let formats = own.as_ref().unwrap_or(DateFormats::default_ref());
        DateReader { formats, zone: TimeZone::UTC, now }.read(value, false)
    }

    fn value(&self, key: u128, candidate: &Candidate) -> tantivy::Result<SortValue> {
        if key == MISSING_FIRST && self.key.missing == Missing::First {
            return Ok(SortValue::First);
        }
        let undirected = directed(key, self.key.order);
        // Exact keys are even; what lies between stands for a `missing` value that the segment does not have.
        let raw =
            undirected.checked_sub(2).filter(|key| key % 2 == 0).and_then(|key| u64::try_from(key / 2).ok());
        let is_nanos = self.field.as_ref().is_some_and(|field| field.field_type == FieldType::DateNanos);
        let scalar = match (&self.source, raw) {
            (Source::Score, Some(raw)) => Scalar::Float(f64::from(f32::from_bits(raw as u32))),
            (Source::Document, Some(raw)) => Scalar::Unsigned(raw),
            (Source::Column(column), Some(raw)) if key != self.missing => {
                match column.value(candidate.doc, raw)? {
                    Scalar::Date(nanos) if is_nanos && self.key.format.is_none() => Scalar::Integer(nanos),
                    other => other,
                }
            }
            _ => return Ok(self.missing_value()),
        };
        Ok(SortValue::Value(scalar))
    }

    /// The typed value of documents without one.
    fn missing_value(&self) -> SortValue {
        match &self.key.missing {
            Missing::First => SortValue::First,
            Missing::Last => SortValue::Last,
            Missing::Value(value) => match value {
                Value::Bool(truth) => SortValue::Value(Scalar::Bool(*truth)),
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
        .map_err(super::column::engine_error)?;
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
    }
}

fn not_sortable(field: &ResolvedField) -> StoreError {
    let hint = match field.mapping.multi_fields.first() {
        Some(multi) => format!("; use \"{multi}\""),
        None => String::new(),
    };
    StoreError::invalid(format!(
        "cannot sort or aggregate by \"{}\" of type [{}]: it has no doc values{hint}",
        field.path,
        field.field_type.name()
    ))
}

/// The field, with the error of a sort if it has no column.
pub(super) fn with_column(field: ResolvedField) -> Result<ResolvedField, StoreError> {
    if field.column.is_none() { Err(not_sortable(&field)) } else { Ok(field) }
}

/// The field, with an error if its values have no order: its column alone would give half of a point.
pub(super) fn sortable(field: ResolvedField) -> Result<ResolvedField, StoreError> {
    if field.family() == Family::Geo {
        return Err(StoreError::invalid(format!(
            "cannot sort or aggregate by \"{}\": it holds points",
            field.path
        )));
    }
    with_column(field)
}
