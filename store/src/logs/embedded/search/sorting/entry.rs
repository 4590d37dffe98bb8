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
    First,
    Value(Scalar),
    /// No value, and those come last.
    Last,
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
            unmapped_ok: true,
            nested: None,
        }]
    });
    &KEYS
}
