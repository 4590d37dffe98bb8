use super::super::scalar::Scalar;
use std::{cmp::Ordering, net::Ipv6Addr};
use tantivy::columnar::MonotonicallyMappableToU64;

/// A bucket's key, comparable across segments.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in super::super) enum Key {
    /// No value (composite's `missing_bucket`).
    Null,
    Boolean(bool),
    Integer(i64),
    /// Larger than any `i64`.
    Unsigned(u64),
    /// In the order of the numbers ([`float_key`]).
    Float(u64),
    /// Milliseconds since 1970.
    Date(i64),
    Ip(Ipv6Addr),
    Text(String),
    /// A cell of a grid.
    Cell(u64),
    /// Position of a range or filter in the request.
    Position(usize),
    Composite(Vec<Key>),
}

/// A float as a key: equal numbers have equal keys, larger numbers larger ones.
pub(super) fn float_key(value: f64) -> Key {
    Key::Float(if value == 0.0 { 0.0_f64.to_u64() } else { value.to_u64() })
}

impl Key {
    pub(in super::super) fn from_scalar(value: Scalar) -> Self {
        match value {
            Scalar::Bool(value) => Self::Boolean(value),
            Scalar::Integer(value) => Self::Integer(value),
            Scalar::Unsigned(value) => i64::try_from(value).map_or(Self::Unsigned(value), Self::Integer),
            Scalar::Float(value) => float_key(value),
            Scalar::Date(nanos) => Self::Date(nanos.div_euclid(1_000_000)),
            Scalar::Ip(address) => Self::Ip(address),
            Scalar::Text(text) => Self::Text(text),
        }
    }

    /// The typed value of a simple key.
    pub(super) fn to_scalar(&self) -> Option<Scalar> {
        Some(match self {
            Self::Boolean(value) => Scalar::Bool(*value),
            Self::Integer(value) => Scalar::Integer(*value),
            Self::Unsigned(value) | Self::Cell(value) => Scalar::Unsigned(*value),
            Self::Float(value) => Scalar::Float(f64::from_u64(*value)),
            Self::Date(millis) => Scalar::Date(millis.saturating_mul(1_000_000)),
            Self::Ip(address) => Scalar::Ip(*address),
            Self::Text(text) => Scalar::Text(text.clone()),
            Self::Null | Self::Position(_) | Self::Composite(_) => return None,
        })
    }

    /// The key as a number; dates in milliseconds.
    pub(super) fn as_f64(&self) -> Option<f64> {
        self.to_scalar()?.as_f64()
    }

    /// Whole numbers as floats: where an index has one and another the other, they are the same.
    pub(in super::super) fn into_float(self) -> Self {
        match &self {
            Self::Integer(_) | Self::Unsigned(_) => self.as_f64().map_or(self, float_key),
            _ => self,
        }
    }

    /// A total order by value; nulls first.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Composite(a), Self::Composite(b)) => a
                .iter()
                .zip(b)
                .map(|(a, b)| a.order(b))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal),
            (a, b) => match (a.to_scalar(), b.to_scalar()) {
                (Some(a), Some(b)) => a.order(&b),
                _ => a.cmp(b),
            },
        }
    }

    /// Memory on the heap, in bytes.
    pub(in super::super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Composite(parts) => parts.iter().map(|part| size_of::<Self>() + part.bytes()).sum(),
            _ => 0,
        }
    }
}
