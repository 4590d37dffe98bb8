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
    /// No value, and those come first.
    First(NoValue),
    Value(Scalar),
    /// No value, and those come last.
    Last(NoValue),
}

/// How an answer says that a document has no value to sort by: as what comes before or behind all values of the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum NoValue {
    /// Texts and addresses: null.
    Null,
    /// Whole numbers, dates and booleans: the least or the largest of 64 bits.
    Integer,
    /// Fractions: an infinity, as a text.
    Float,
}

impl NoValue {
    /// That of a field, or of one that an index does not map and that counts as of that type.
    pub(super) fn of_field(field: Option<&ResolvedField>, unmapped_type: Option<&str>) -> Self {
        match (field.map(ResolvedField::family), unmapped_type) {
            (Some(Family::Integer | Family::Unsigned | Family::Boolean | Family::Date), _) => Self::Integer,
            (Some(Family::Float), _) => Self::Float,
            (Some(_), _) | (None, None) => Self::Null,
            (None, Some(name)) => match name {
                "long" | "integer" | "short" | "byte" | "unsigned_long" | "boolean" | "date"
                | "date_nanos" => Self::Integer,
                "double" | "float" | "half_float" | "scaled_float" => Self::Float,
                _ => Self::Null,
            },
        }
    }

    fn to_json(self, is_first: bool, order: SortOrder) -> Value {
        match (self, is_largest(is_first, order)) {
            (Self::Null, _) => Value::Null,
            (Self::Integer, true) => Value::from(i64::MAX),
            (Self::Integer, false) => Value::from(i64::MIN),
            (Self::Float, is_largest) => float(if is_largest { f64::INFINITY } else { f64::NEG_INFINITY }),
        }
    }

    /// Whether a value that a client hands back is one of these, of whatever type.
    pub(super) fn is_meant(value: &Value, is_first: bool, order: SortOrder) -> bool {
        let number = match value {
            Value::Null => return true,
            Value::String(text) => text.parse().ok(),
            other => other.as_f64(),
        };
        // Clients whose numbers have 53 bits round it.
        let largest = i64::MAX as f64;
        number.is_some_and(|number| match is_largest(is_first, order) {
            true => number >= largest,
            false => number <= -largest,
        })
    }
}

/// What has no value counts as larger than all that have one.
fn is_largest(is_first: bool, order: SortOrder) -> bool {
    is_first == (order == SortOrder::Desc)
}

/// A number, or the name of what JSON has no number for.
fn float(value: f64) -> Value {
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
            (SortValue::First(_), SortValue::First(_)) | (SortValue::Last(_), SortValue::Last(_)) => {
                Ordering::Equal
            }
            (SortValue::First(_), _) | (_, SortValue::Last(_)) => Ordering::Less,
            (_, SortValue::First(_)) | (SortValue::Last(_), _) => Ordering::Greater,
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
                SortValue::Value(Scalar::Bool(truth)) => Value::from(u8::from(*truth)),
                SortValue::Value(Scalar::Float(number)) => float(*number),
                SortValue::Value(value) => value.to_json(printer.as_ref()),
                // There is no text for them in the format of a date.
                SortValue::First(_) | SortValue::Last(_) if printer.is_some() => Value::Null,
                SortValue::First(none) => none.to_json(true, key.order),
                SortValue::Last(none) => none.to_json(false, key.order),
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
