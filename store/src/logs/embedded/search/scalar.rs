//! Typed values as they leave a column: for sort values, bucket keys and their order.

use super::dates::DatePrinter;
use serde_json::{Number, Value};
use std::{cmp::Ordering, net::Ipv6Addr};

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Bool(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    /// Nanoseconds since 1970.
    Date(i64),
    Ip(Ipv6Addr),
    Text(String),
}

impl Scalar {
    fn rank(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Integer(_) | Self::Unsigned(_) | Self::Float(_) => 1,
            Self::Date(_) => 2,
            Self::Ip(_) => 3,
            Self::Text(_) => 4,
        }
    }

    /// The value as a number; dates in milliseconds, booleans as 0 and 1.
    pub(super) fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Bool(value) => Some(f64::from(u8::from(*value))),
            Self::Integer(value) => Some(*value as f64),
            Self::Unsigned(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Date(nanos) => Some(nanos.div_euclid(1_000_000) as f64),
            Self::Ip(_) | Self::Text(_) => None,
        }
    }

    /// A total order; numbers of different types compare by value. Values of different kinds (an index where the
    /// field is a number, one where it is text) are grouped by kind.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Integer(a), Self::Integer(b)) | (Self::Date(a), Self::Date(b)) => a.cmp(b),
            (Self::Unsigned(a), Self::Unsigned(b)) => a.cmp(b),
            (Self::Integer(a), Self::Unsigned(b)) => i128::from(*a).cmp(&i128::from(*b)),
            (Self::Unsigned(a), Self::Integer(b)) => i128::from(*a).cmp(&i128::from(*b)),
            (Self::Ip(a), Self::Ip(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => match (self.rank(), other.rank()) {
                // Nanoseconds of one index and milliseconds of another are numbers to Elasticsearch.
                (1, 1 | 2) | (2, 1) => {
                    let (a, b) = (self.as_f64().unwrap_or(f64::NAN), other.as_f64().unwrap_or(f64::NAN));
                    a.total_cmp(&b)
                }
                (a, b) => a.cmp(&b),
            },
        }
    }

    /// As in sort values and bucket keys: dates as milliseconds, or as text if a printer is given.
    pub(super) fn to_json(&self, dates: Option<&DatePrinter>) -> Value {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Integer(value) => Value::from(*value),
            Self::Unsigned(value) => Value::from(*value),
            Self::Float(value) => number(*value),
            Self::Date(nanos) => match dates {
                Some(printer) => Value::String(printer.print(*nanos)),
                None => Value::from(nanos.div_euclid(1_000_000)),
            },
            Self::Ip(address) => Value::String(print_ip(*address)),
            Self::Text(text) => Value::String(text.clone()),
        }
    }
}

/// A float as JSON; what JSON cannot say is null.
pub(super) fn number(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// IPv4 addresses are kept mapped into IPv6 and printed as themselves.
pub(super) fn print_ip(address: Ipv6Addr) -> String {
    address.to_ipv4_mapped().map_or_else(|| address.to_string(), |v4| v4.to_string())
}
