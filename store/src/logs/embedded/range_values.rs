//! Values of range fields: `integer_range`, `long_range`, `float_range`, `double_range`, `date_range`, `ip_range`.
//!
//! A range is kept as its two ends, both included, each as a number of 128 bits that orders as the values do, whatever
//! these are. Open ends are the smallest and largest value of the type.
//!
//! Source: Elasticsearch reference 7.10, "Range field types".

use super::{
    mapping::{FieldMapping, FieldType},
    values::read_date,
};
use serde_json::Value;
use std::net::{IpAddr, Ipv6Addr};
use tantivy::columnar::MonotonicallyMappableToU64;

/// An end of a range, in the order of its type.
pub(super) type End = u128;

/// A value of the type that a range field is of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Element {
    Whole(i64),
    Float(f64),
    Address(Ipv6Addr),
}

impl Element {
    pub(super) fn end(self) -> End {
        match self {
            Self::Whole(value) => u128::from(value.to_u64()),
            Self::Float(value) => u128::from((value + 0.0).to_u64()),
            Self::Address(address) => u128::from(address),
        }
    }
}

/// The value that an end of a field of numbers or dates (milliseconds) stands for.
pub(super) fn number_of(field_type: FieldType, end: End) -> Option<f64> {
    let key = u64::try_from(end).ok()?;
    match field_type {
        FieldType::IntegerRange | FieldType::LongRange | FieldType::DateRange => {
            Some(i64::from_u64(key) as f64)
        }
        FieldType::FloatRange | FieldType::DoubleRange => Some(f64::from_u64(key)),
        _ => None,
    }
}

/// Smallest and largest value of a range type.
pub(super) fn limits(field_type: FieldType) -> (End, End) {
    let (least, most) = match field_type {
        FieldType::IntegerRange => (Element::Whole(i64::from(i32::MIN)), Element::Whole(i64::from(i32::MAX))),
        FieldType::FloatRange | FieldType::DoubleRange => {
            (Element::Float(f64::NEG_INFINITY), Element::Float(f64::INFINITY))
        }
        FieldType::IpRange => {
            (Element::Address(Ipv6Addr::UNSPECIFIED), Element::Address(Ipv6Addr::from(u128::MAX)))
        }
        _ => (Element::Whole(i64::MIN), Element::Whole(i64::MAX)),
    };
    (least.end(), most.end())
}

/// The next value of a type above an end, or below it.
pub(super) fn beside(field_type: FieldType, end: End, above: bool) -> Option<End> {
    let narrow = |value: f64| {
        let value = value as f32;
        f64::from(if above { value.next_up() } else { value.next_down() })
    };
    match (field_type, number_of(field_type, end)) {
        (FieldType::FloatRange, Some(value)) => Some(Element::Float(narrow(value)).end()),
        _ if above => end.checked_add(1),
        _ => end.checked_sub(1),
    }
}

/// Reads a value of the type that a range is of; `round_up`: a date as the last moment that it names.
fn read_element(field: &FieldMapping, value: &Value) -> Option<Element> {
    let text = || value.as_str().map(str::trim);
    Some(match field.field_type {
        FieldType::IntegerRange | FieldType::LongRange => {
            let whole = value.as_i64().or_else(|| text()?.parse().ok());
            // A fraction is cut, as for numbers.
            let whole = whole.or_else(|| {
                let number = value.as_f64().or_else(|| text()?.parse().ok())?;
                (number.abs() < 9e18).then_some(number as i64)
            })?;
            let fits = field.field_type == FieldType::LongRange || i32::try_from(whole).is_ok();
            return fits.then_some(Element::Whole(whole));
        }
        FieldType::FloatRange => {
            Element::Float(f64::from(value.as_f64().or_else(|| text()?.parse().ok())? as f32))
        }
        FieldType::DoubleRange => Element::Float(value.as_f64().or_else(|| text()?.parse().ok())?),
        FieldType::DateRange => Element::Whole(read_date(field.date_formats(), value)?.as_millisecond()),
        FieldType::IpRange => Element::Address(match text()?.parse().ok()? {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        }),
        _ => return None,
    })
}

/// Reads a range: `{"gte", "gt", "lte", "lt"}`, or a network for addresses. `Err` says why it is none.
pub(super) fn read_range(field: &FieldMapping, value: &Value) -> Result<(End, End), String> {
    let field_type = field.field_type;
    if let (FieldType::IpRange, Some(text)) = (field_type, value.as_str()) {
        let network = super::search::read_network(text);
        return network
            .map(|(low, high)| (u128::from(low), u128::from(high)))
            .ok_or_else(|| format!("'{text}' is not an IP string literal."));
    }
    let Some(members) = value.as_object() else {
        return Err(format!("error parsing field, expected an object but got {value}"));
    };
    let (mut low, mut high) = limits(field_type);
    for (name, value) in members {
        let read = || {
            let element = read_element(field, value);
            element.map(Element::end).ok_or_else(|| format!("cannot read {value} as an end of the range"))
        };
        let past = || format!("no value lies beyond {value}");
        match name.as_str() {
            "gt" | "gte" | "lt" | "lte" | "from" | "to" if value.is_null() => {}
            "gte" | "from" => low = read()?,
            "lte" | "to" => high = read()?,
            "gt" => low = beside(field_type, read()?, true).ok_or_else(past)?,
            "lt" => high = beside(field_type, read()?, false).ok_or_else(past)?,
            other => return Err(format!("error parsing field, with unknown parameter [{other}]")),
        }
    }
    if low > high {
        return Err("min value of the range is greater than its max value".to_owned());
    }
    Ok((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::embedded::mapping::FieldOrigin;
    use serde_json::json;

    #[test]
    fn ranges_are_read_with_their_ends_inside() {
        let check = |name: &str, value: Value, expected: Option<(Element, Element)>| {
            let field = FieldMapping::new(FieldType::from_name(name).unwrap(), FieldOrigin::Explicit);
            let expected = expected.map(|(low, high)| (low.end(), high.end()));
            assert_eq!(read_range(&field, &value).ok(), expected, "{name} {value}");
        };
        let whole = |low: i64, high: i64| Some((Element::Whole(low), Element::Whole(high)));
        check("integer_range", json!({"gte": 1, "lt": 5}), whole(1, 4));
        check("integer_range", json!({"gt": "1", "lte": 5.9}), whole(2, 5));
        check("integer_range", json!({"gte": 1}), whole(1, i64::from(i32::MAX)));
        check("integer_range", json!({"gte": 1, "lte": null}), whole(1, i64::from(i32::MAX)));
        check("integer_range", json!({"gte": 3_000_000_000_i64}), None);
        check("long_range", json!({"lte": 3_000_000_000_i64}), whole(i64::MIN, 3_000_000_000));
        check("long_range", json!({"gte": 5, "lte": 4}), None);
        check("long_range", json!({"min": 5}), None);
        check("long_range", json!(5), None);
        check(
            "double_range",
            json!({"gt": 1.0, "lte": 2}),
            Some((Element::Float(1.0_f64.next_up()), Element::Float(2.0))),
        );
        let next = f64::from(1.0_f32.next_up());
        check("float_range", json!({"gt": 1.0, "lte": 2}), Some((Element::Float(next), Element::Float(2.0))));
        check("date_range", json!({"gte": "1970-01-01T00:00:01Z", "lt": 62_000}), whole(1_000, 61_999));
        let address = |text: &str| Element::Address(text.parse().unwrap());
        let network = Some((address("::ffff:10.0.0.0"), address("::ffff:10.0.0.255")));
        check("ip_range", json!("10.0.0.0/24"), network);
        check("ip_range", json!({"gte": "10.0.0.0", "lt": "10.0.1.0"}), network);
        check("ip_range", json!("x"), None);
    }

    #[test]
    fn ends_order_as_values_do() {
        let ordered = [-5.5, -0.0, 0.5, 7.0, f64::INFINITY].map(|value| Element::Float(value).end());
        assert!(ordered.is_sorted());
        assert_eq!(Element::Float(-0.0).end(), Element::Float(0.0).end());
        assert_eq!(number_of(FieldType::DoubleRange, Element::Float(-5.5).end()), Some(-5.5));
        assert_eq!(number_of(FieldType::DateRange, Element::Whole(-7).end()), Some(-7.0));
    }
}
