//! Values of a request in the terms of a field's type.

use super::super::super::{mapping::Family, schema::ResolvedField};
use super::super::column_query::{Interval, Number};
use super::super::dates::{DateReader, time_zone};
use super::Compiler;
use crate::{
    StoreError,
    logs::embedded::mapping::{DateFormats, FieldType},
};
use jiff::tz::TimeZone;
use serde_json::Value;
use std::{
    net::{IpAddr, Ipv6Addr},
    ops::Bound,
};

/// A value that does not fit a field, in the words of Elasticsearch where it has some.
pub(in super::super) fn misfit(field: &ResolvedField, value: &Value) -> StoreError {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let is_number = match field.family() {
        Family::Integer | Family::Unsigned | Family::Float => true,
        Family::Range => !matches!(field.field_type, FieldType::DateRange | FieldType::IpRange),
        _ => false,
    };
    match field.family() {
        _ if is_number => {
            let error = StoreError::invalid(format!("For input string: \"{text}\""));
            match field.field_type {
                FieldType::Long | FieldType::UnsignedLong | FieldType::LongRange => error,
                _ => error.with_code("number_format_exception"),
            }
        }
        Family::Ip => StoreError::invalid(format!("'{text}' is not an IP string literal.")),
        Family::Boolean => {
            StoreError::invalid(format!("Can't parse boolean value [{text}], expected [true] or [false]"))
        }
        _ => StoreError::invalid(format!(
            "failed to parse {value} for field \"{}\" of type [{}]",
            field.path,
            field.field_type.name()
        )),
    }
}

/// A number, also as text.
pub(in super::super) fn read_number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => {
            let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
            whole.map(Number::Whole).or_else(|| number.as_f64().map(Number::Fraction))
        }
        Value::String(text) => {
            let text = text.trim();
            if let Ok(whole) = text.parse::<i64>() {
                return Some(Number::Whole(i128::from(whole)));
            }
            text.parse::<u64>().ok().map(|whole| Number::Whole(i128::from(whole))).or_else(|| {
                // `inf`, `nan` and `infinity` are words to a reader, not numbers.
                let looks_like_number = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
                looks_like_number.then(|| text.parse().ok()).flatten().map(Number::Fraction)
            })
        }
        _ => None,
    }
}

fn read_boolean(value: &Value) -> Option<Number> {
    let truth = match value {
        Value::Bool(truth) => *truth,
        Value::String(text) if text == "true" => true,
        Value::String(text) if text == "false" || text.is_empty() => false,
        _ => return None,
    };
    Some(Number::Whole(i128::from(truth)))
}

pub(super) fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

/// An address, or all of a network (`10.0.0.0/8`).
pub(crate) fn read_network(text: &str) -> Option<(Ipv6Addr, Ipv6Addr)> {
    let Some((address, length)) = text.split_once('/') else {
        let address = mapped(text.parse().ok()?);
        return Some((address, address));
    };
    let address: IpAddr = address.parse().ok()?;
    let length: u32 = length.parse().ok()?;
    let length = match address {
        IpAddr::V4(_) if length <= 32 => length + 96,
        IpAddr::V6(_) if length <= 128 => length,
        _ => return None,
    };
    let host = u128::MAX.checked_shr(length).unwrap_or(0);
    let base = u128::from(mapped(address)) & !host;
    Some((Ipv6Addr::from(base), Ipv6Addr::from(base | host)))
}

impl Compiler<'_> {
    /// The interval of exactly this value; for a date the whole of what it names (a day, an hour); for an address
    /// with a length the network. `Ok(None)`: no document can have it. Not for strings.
    pub(super) fn exact(&self, field: &ResolvedField, value: &Value) -> Result<Option<Interval>, StoreError> {
        let number = match field.family() {
            Family::Integer | Family::Unsigned => {
                let number = read_number(value).ok_or_else(|| misfit(field, value))?;
                if matches!(number, Number::Fraction(fraction) if fraction.fract() != 0.0) {
                    return Ok(None);
                }
                number
            }
            Family::Float => {
                let number = read_number(value).ok_or_else(|| misfit(field, value))?;
                match field.mapping.scaling_factor {
                    Some(factor) if field.field_type == FieldType::ScaledFloat => {
                        Number::Fraction((number.as_f64() * factor).round() / factor)
                    }
                    _ if matches!(field.field_type, FieldType::Float | FieldType::HalfFloat) => {
                        Number::Fraction(field.field_type.rounded(number.as_f64()))
                    }
                    _ => number,
                }
            }
            Family::Boolean => read_boolean(value).ok_or_else(|| misfit(field, value))?,
            Family::Date => {
                let reader = self.date_reader(field, None, None)?;
                let (low, high) = (reader.read(value, false)?, reader.read(value, true)?);
                return Ok(Some(Interval::Date(low, high)));
            }
            Family::Ip => {
                let network = value.as_str().and_then(read_network);
                let (low, high) = network.ok_or_else(|| misfit(field, value))?;
                return Ok(Some(Interval::Ip(low, high)));
            }
            Family::Keyword | Family::Text | Family::Geo | Family::Range => return Err(misfit(field, value)),
        };
        Ok(Some(Interval::Number(Bound::Included(number), Bound::Included(number))))
    }

    /// How dates for this field are read, with the clause's own format and zone.
    pub(in super::super) fn date_reader<'f>(
        &self,
        field: &'f ResolvedField,
        format: Option<&'f DateFormats>,
        zone: Option<&str>,
    ) -> Result<DateReader<'f>, StoreError> {
        Ok(DateReader {
            formats: format.unwrap_or_else(|| field.mapping.date_formats()),
            zone: zone.map_or(Ok(TimeZone::UTC), time_zone)?,
            now: self.now,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let expected =
                expected.map(|(low, high)| (mapped(low.parse().unwrap()), mapped(high.parse().unwrap())));
            assert_eq!(read_network(text), expected, "{text}");
        };
        check("10.1.2.3", Some(("10.1.2.3", "10.1.2.3")));
        check("10.1.2.3/8", Some(("10.0.0.0", "10.255.255.255")));
        check("2001:db8::/32", Some(("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")));
        check("0.0.0.0/0", Some(("0.0.0.0", "255.255.255.255")));
        check("::/0", Some(("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")));
        check("10.0.0.0/33", None);
        check("x", None);
    }

    #[test]
    fn numbers_keep_their_digits() {
        let check =
            |value: Value, expected: Option<Number>| assert_eq!(read_number(&value), expected, "{value}");
        check(serde_json::json!(u64::MAX), Some(Number::Whole(i128::from(u64::MAX))));
        check(serde_json::json!("9007199254740993"), Some(Number::Whole(9_007_199_254_740_993)));
        check(serde_json::json!("1.5"), Some(Number::Fraction(1.5)));
        check(serde_json::json!("1e3"), Some(Number::Fraction(1_000.0)));
        check(serde_json::json!("nan"), None);
        check(serde_json::json!("abc"), None);
        check(serde_json::json!(true), None);
    }
}
