//! A JSON value as a value of a field's type, as leniently as Elasticsearch reads it.

use super::{
    document::{IndexValue, Part},
    mapping::{DateFormats, Family, FieldMapping, FieldType},
};
use jiff::Timestamp;
use serde_json::{Number, Value};
use std::net::{IpAddr, Ipv6Addr};
use tantivy::DateTime;

/// Longest keyword, in bytes: Lucene's longest term.
const KEYWORD_MAX_BYTES: usize = 32_766;

/// A scalar of a document.
#[derive(Debug, Clone)]
pub(super) enum Leaf<'v> {
    Null,
    Bool(bool),
    Number(Number),
    Text(&'v str),
    /// A string that stands in the document's text as it is.
    Part(&'v str, Part),
    /// An object or array, which only some fields take.
    Other,
}

impl<'v> From<&'v Value> for Leaf<'v> {
    fn from(value: &'v Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Number(number) => Self::Number(number.clone()),
            Value::String(text) => Self::Text(text),
            Value::Array(_) | Value::Object(_) => Self::Other,
        }
    }
}

impl Leaf<'_> {
    /// The same as JSON; `null` of what is no scalar.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Null | Self::Other => Value::Null,
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) | Self::Part(text, _) => Value::String((*text).to_owned()),
        }
    }
}

/// Reads one leaf (no array, no null) as that field's type; `None` if it does not fit. A `geo_point` is read by
/// [`read_geo_point`], a range by `read_range`.
pub(super) fn read_value(field: &FieldMapping, value: &Leaf<'_>) -> Option<IndexValue> {
    match field.field_type.family() {
        Family::Keyword => read_keyword(field, value),
        Family::Text => read_string(value),
        Family::Integer => {
            let (min, max) = field.field_type.integer_range();
            read_integer(value).filter(|number| (min..=max).contains(number)).map(IndexValue::I64)
        }
        Family::Unsigned => read_unsigned(value).map(IndexValue::U64),
        Family::Float => {
            let number = read_float(field, value).map(|number| field.field_type.rounded(number));
            number.filter(|number| number.is_finite()).map(IndexValue::F64)
        }
        Family::Boolean => read_boolean(value).map(IndexValue::Bool),
        Family::Date => read_date_leaf(field.date_formats(), value)
            .and_then(|at| to_tantivy(at, field.field_type))
            .map(IndexValue::Date),
        Family::Ip => read_ip(value).map(IndexValue::Ip),
        Family::Geo | Family::Range => None,
    }
}

fn read_string(value: &Leaf<'_>) -> Option<IndexValue> {
    match value {
        Leaf::Text(text) => Some(IndexValue::Str((*text).to_owned())),
        Leaf::Part(_, part) => Some(IndexValue::Part(*part)),
        Leaf::Number(number) => Some(IndexValue::Str(number.to_string())),
        Leaf::Bool(truth) => Some(IndexValue::Str(truth.to_string())),
        Leaf::Null | Leaf::Other => None,
    }
}

fn read_keyword(field: &FieldMapping, value: &Leaf<'_>) -> Option<IndexValue> {
    let fits = |text: &str| {
        text.len() <= KEYWORD_MAX_BYTES
            && field.ignore_above.is_none_or(|limit| text.len() <= limit || text.chars().count() <= limit)
    };
    match value {
        Leaf::Text(text) | Leaf::Part(text, _) if !fits(text) => None,
        Leaf::Text(_) | Leaf::Part(..) => read_string(value),
        _ => read_string(value).filter(|read| matches!(read, IndexValue::Str(text) if fits(text))),
    }
}

/// As Elasticsearch's `coerce`: fractions are cut, numbers in strings are read.
fn read_integer(value: &Leaf<'_>) -> Option<i64> {
    match value {
        Leaf::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Leaf::Text(text) | Leaf::Part(text, _) => {
            let text = text.trim();
            text.parse().ok().or_else(|| whole(text.parse().ok()?))
        }
        _ => None,
    }
}

/// The integer part, where `i64` can hold it.
fn whole(number: f64) -> Option<i64> {
    // 2^63 itself is representable as f64 but not as i64.
    (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number).then_some(number as i64)
}

fn read_unsigned(value: &Leaf<'_>) -> Option<u64> {
    match value {
        Leaf::Number(number) => number.as_u64(),
        Leaf::Text(text) | Leaf::Part(text, _) => text.trim().parse().ok(),
        _ => None,
    }
}

fn read_float(field: &FieldMapping, value: &Leaf<'_>) -> Option<f64> {
    let number = match value {
        Leaf::Number(number) => number.as_f64()?,
        Leaf::Text(text) | Leaf::Part(text, _) => text.trim().parse().ok()?,
        _ => return None,
    };
    let number = match field.scaling_factor {
        Some(factor) => (number * factor).round() / factor,
        None => number,
    };
    number.is_finite().then_some(number)
}

fn read_boolean(value: &Leaf<'_>) -> Option<bool> {
    match value {
        Leaf::Bool(truth) => Some(*truth),
        Leaf::Text(text) | Leaf::Part(text, _) => match *text {
            "true" => Some(true),
            "false" | "" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn read_date_number(formats: &DateFormats, number: &Number) -> Option<Timestamp> {
    match number.as_i64() {
        // Read as text to keep all digits of nanoseconds given as milliseconds.
        Some(whole) => formats.read(&whole.to_string()),
        None => formats.read_number(number.as_f64()?),
    }
}

/// A date written as text or as a number, in one of these formats.
pub(super) fn read_date(formats: &DateFormats, value: &Value) -> Option<Timestamp> {
    read_date_leaf(formats, &Leaf::from(value))
}

fn read_date_leaf(formats: &DateFormats, value: &Leaf<'_>) -> Option<Timestamp> {
    match value {
        Leaf::Text(text) | Leaf::Part(text, _) => formats.read(text),
        Leaf::Number(number) => read_date_number(formats, number),
        _ => None,
    }
}

/// Cut to the precision of the type; `None` outside tantivy's years 1678 to 2262.
pub(super) fn to_tantivy(at: Timestamp, field_type: FieldType) -> Option<DateTime> {
    let nanos = i64::try_from(at.as_nanosecond()).ok()?;
    Some(match field_type {
        // Nanoseconds are counted from 1970 on.
        FieldType::DateNanos if nanos < 0 => return None,
        FieldType::DateNanos => DateTime::from_timestamp_nanos(nanos),
        _ => DateTime::from_timestamp_millis(nanos.div_euclid(1_000_000)),
    })
}

fn read_ip(value: &Leaf<'_>) -> Option<Ipv6Addr> {
    let (Leaf::Text(text) | Leaf::Part(text, _)) = value else { return None };
    match text.parse().ok()? {
        IpAddr::V4(address) => Some(address.to_ipv6_mapped()),
        IpAddr::V6(address) => Some(address),
    }
}

/// A point: `{"lat":…,"lon":…}`, `"lat,lon"`, `"POINT (lon lat)"`, `[lon, lat]` or GeoJSON. Latitude first.
pub(super) fn read_geo_point(value: &Value) -> Option<(f64, f64)> {
    let number = |value: &Value| match value {
        Value::String(text) => text.trim().parse::<f64>().ok(),
        other => other.as_f64(),
    };
    let (lat, lon) = match value {
        Value::Object(point) => match (point.get("lat"), point.get("lon"), point.get("coordinates")) {
            (Some(lat), Some(lon), _) => (number(lat)?, number(lon)?),
            (_, _, Some(coordinates)) => {
                return read_geo_point(coordinates).filter(|_| coordinates.is_array());
            }
            _ => return None,
        },
        Value::Array(pair) if (2..=3).contains(&pair.len()) => (pair[1].as_f64()?, pair[0].as_f64()?),
        Value::String(text) => {
            if let Some(inside) = text.strip_prefix("POINT") {
                let inside = inside.trim().strip_prefix('(')?.strip_suffix(')')?;
                let (lon, lat) = inside.trim().split_once(' ')?;
                (lat.trim().parse().ok()?, lon.parse().ok()?)
            } else {
                let (lat, lon) = text.split_once(',')?;
                (lat.trim().parse().ok()?, lon.trim().parse().ok()?)
            }
        }
        _ => return None,
    };
    ((-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon)).then_some((lat, lon))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::embedded::mapping::FieldOrigin;
    use serde_json::json;

    #[test]
    fn values_are_read_as_leniently_as_in_elasticsearch() {
        let check = |name: &str, value: Value, expected: Option<IndexValue>| {
            let field = FieldMapping::new(FieldType::from_name(name).unwrap(), FieldOrigin::Explicit);
            assert_eq!(read_value(&field, &Leaf::from(&value)), expected, "{name} {value}");
        };
        let text = |text: &str| Some(IndexValue::Str(text.to_owned()));
        check("keyword", json!("a"), text("a"));
        check("keyword", json!(12), text("12"));
        check("keyword", json!(true), text("true"));
        check("keyword", json!({"a": 1}), None);
        check("keyword", json!("x".repeat(KEYWORD_MAX_BYTES + 1)), None);
        check("text", json!("a b"), text("a b"));
        check("long", json!(1), Some(IndexValue::I64(1)));
        check("long", json!("1"), Some(IndexValue::I64(1)));
        check("long", json!(1.9), Some(IndexValue::I64(1)));
        check("long", json!("1.9"), Some(IndexValue::I64(1)));
        check("long", json!("one"), None);
        check("long", json!(u64::MAX), None);
        check("byte", json!(200), None);
        check("short", json!(200), Some(IndexValue::I64(200)));
        check("unsigned_long", json!(u64::MAX), Some(IndexValue::U64(u64::MAX)));
        check("unsigned_long", json!(-1), None);
        check("double", json!(1), Some(IndexValue::F64(1.0)));
        check("double", json!("1e3"), Some(IndexValue::F64(1000.0)));
        check("double", json!("NaN"), None);
        check("float", json!(0.1), Some(IndexValue::F64(0.100_000_001_490_116_12)));
        check("float", json!(1e39), None);
        check("half_float", json!(41.98), Some(IndexValue::F64(41.96875)));
        check("half_float", json!(-0.1), Some(IndexValue::F64(-0.099_975_585_937_5)));
        check("half_float", json!(2049), Some(IndexValue::F64(2048.0)));
        check("half_float", json!(6e-8), Some(IndexValue::F64(5.960_464_477_539_063e-8)));
        check("half_float", json!(0), Some(IndexValue::F64(0.0)));
        check("half_float", json!(65_519), Some(IndexValue::F64(65_504.0)));
        check("half_float", json!(65_520), None);
        check("boolean", json!("true"), Some(IndexValue::Bool(true)));
        check("boolean", json!(1), None);
        check("ip", json!("10.0.0.1"), Some(IndexValue::Ip("::ffff:10.0.0.1".parse().unwrap())));
        check("ip", json!("::1"), Some(IndexValue::Ip("::1".parse().unwrap())));
        check("ip", json!("10.0.0"), None);
        check(
            "date",
            json!("2026-11-21T00:00:00.0015Z"),
            Some(IndexValue::Date(DateTime::from_timestamp_millis(1_795_219_200_001))),
        );
        check("date", json!(1), Some(IndexValue::Date(DateTime::from_timestamp_millis(1))));
        check("date", json!("soon"), None);
        check("date", json!(true), None);
    }

    #[test]
    fn geo_points_are_read_in_all_their_shapes() {
        let check = |value: Value, expected| assert_eq!(read_geo_point(&value), expected, "{value}");
        let paris = Some((48.8, 2.3));
        check(json!({"lat": 48.8, "lon": 2.3}), paris);
        check(json!({"lat": "48.8", "lon": "2.3"}), paris);
        check(json!("48.8, 2.3"), paris);
        check(json!("POINT (2.3 48.8)"), paris);
        check(json!([2.3, 48.8]), paris);
        check(json!({"type": "Point", "coordinates": [2.3, 48.8]}), paris);
        check(json!({"lat": 91, "lon": 0}), None);
        check(json!("Paris"), None);
        check(json!({"coordinates": {"coordinates": [1, 2]}}), None);
    }
}
