use super::super::super::{mapping::Family, schema::ResolvedField};
use super::super::dates::DatePrinter;
use super::super::scalar::Scalar;
use crate::{
    StoreError,
    logs::dsl::{Missing, SortKey, SortMode, SortOrder, SortTarget},
};
use jiff::tz::TimeZone;
use serde_json::Value;
use std::{cmp::Ordering, sync::LazyLock};
use tantivy::{DocId, Score};

/// A sort value that compares across segments.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum SortValue {
    /// No value nor a number for that, and those come first.
    First,
    Value(Scalar),
    /// No value nor a number for that, and those come last.
    Last,
}

/// What a document without a value sorts as, and what an answer says of it: the least or the largest of the type. So a
/// document that has just that value ties with it, and `search_after` tells the two apart by the keys that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum NoValue {
    /// Texts and addresses, and dates as texts: null, before or behind all values.
    Null,
    /// Whole numbers, dates and booleans: of 64 bits.
    Integer,
    /// Whole numbers from 0 on: of 64 bits.
    Unsigned,
    /// Fractions: an infinity, as a text.
    Float,
}

impl NoValue {
    /// That of a field, or of one that an index does not map and that counts as of that type.
    pub(super) fn of_field(field: Option<&ResolvedField>, unmapped_type: Option<&str>) -> Self {
        match (field.map(ResolvedField::family), unmapped_type) {
            (Some(Family::Integer | Family::Boolean | Family::Date), _) => Self::Integer,
            (Some(Family::Unsigned), _) => Self::Unsigned,
            (Some(Family::Float), _) => Self::Float,
            (Some(_), _) | (None, None) => Self::Null,
            (None, Some(name)) => match name {
                "long" | "integer" | "short" | "byte" | "boolean" | "date" | "date_nanos" => Self::Integer,
                "unsigned_long" => Self::Unsigned,
                "double" | "float" | "half_float" | "scaled_float" => Self::Float,
                _ => Self::Null,
            },
        }
    }

    /// The number that stands for it; `None`: none does.
    pub(super) fn number(self, is_first: bool, order: SortOrder) -> Option<Scalar> {
        Some(match (self, is_largest(is_first, order)) {
            (Self::Null, _) => return None,
            (Self::Integer, true) => Scalar::Integer(i64::MAX),
            (Self::Integer, false) => Scalar::Integer(i64::MIN),
            (Self::Unsigned, true) => Scalar::Unsigned(u64::MAX),
            (Self::Unsigned, false) => Scalar::Unsigned(0),
            (Self::Float, true) => Scalar::Float(f64::INFINITY),
            (Self::Float, false) => Scalar::Float(f64::NEG_INFINITY),
        })
    }
}

/// What has no value counts as larger than all that have one.
fn is_largest(is_first: bool, order: SortOrder) -> bool {
    is_first == (order == SortOrder::Desc)
}

/// A number, or the name of what JSON has no number for.
pub(super) fn float(value: f64) -> Value {
    let name = match value {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ if value.is_nan() => "NaN",
        _ => return Value::from(value),
    };
    Value::from(name)
}

/// A document that is among the best so far.
#[derive(Debug, Clone)]
pub(in super::super) struct Entry {
    pub(in super::super) values: Vec<SortValue>,
    pub(in super::super) score: Option<Score>,
    /// Which of the searched generations holds it.
    pub(in super::super) shard: usize,
    pub(in super::super) segment: u32,
    pub(in super::super) doc: DocId,
    /// Position of its write: the last tie-break, stable across merges.
    pub(in super::super) seq_no: u64,
}

impl Entry {
    /// Memory that it takes, in bytes, about.
    pub(in super::super) fn bytes(&self) -> usize {
        let text = |value: &SortValue| match value {
            SortValue::Value(Scalar::Text(text)) => text.capacity(),
            _ => 0,
        };
        size_of::<Self>()
            + self.values.iter().map(|value| size_of::<SortValue>() + text(value)).sum::<usize>()
    }
}

/// Order of two documents.
pub(in super::super) fn compare(keys: &[SortKey], a: &Entry, b: &Entry) -> Ordering {
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
pub(in super::super) fn values_to_json(keys: &[SortKey], entry: &Entry) -> Result<Vec<Value>, StoreError> {
    keys.iter()
        .zip(&entry.values)
        .map(|(key, value)| {
            let printer = key
                .format
                .as_deref()
                .map(|format| DatePrinter::new(Some(format), TimeZone::UTC))
                .transpose()?;
            Ok(match value {
                SortValue::Value(Scalar::Date(nanos)) if key.nanos && printer.is_none() => {
                    Value::from(*nanos)
                }
                SortValue::Value(Scalar::Float(number)) => float(*number),
                SortValue::Value(value) => value.to_json(printer.as_ref()),
                SortValue::First | SortValue::Last => Value::Null,
            })
        })
        .collect()
}

/// The sort of a search that names none: the best score first.
pub(in super::super) fn by_score() -> &'static [SortKey] {
    static KEYS: LazyLock<Vec<SortKey>> = LazyLock::new(|| {
        vec![SortKey {
            target: SortTarget::Score,
            order: SortOrder::Desc,
            missing: Missing::Last,
            mode: SortMode::Max,
            format: None,
            nanos: false,
            unmapped_type: None,
            nested: None,
        }]
    });
    &KEYS
}
