//! `convert`: a value as another type; each element of a list.

use super::super::document::Field;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use serde_json::{Number, Value};
use std::net::IpAddr;

#[derive(Clone, Copy)]
enum Type {
    Integer,
    Long,
    Float,
    Double,
    Boolean,
    Text,
    Ip,
    Auto,
}

struct Convert {
    field: Field,
    target: Option<Field>,
    to: Type,
    ignore_missing: bool,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let to = match options.text("type")?.as_str() {
        "integer" => Type::Integer,
        "long" => Type::Long,
        "float" => Type::Float,
        "double" => Type::Double,
        "boolean" => Type::Boolean,
        "string" => Type::Text,
        "ip" => Type::Ip,
        "auto" => Type::Auto,
        other => {
            return Err(options.error("type", format!("type [{other}] not supported, cannot convert field.")));
        }
    };
    Ok(Box::new(Convert {
        field: options.field("field")?,
        target: options.optional_field("target_field")?,
        to,
        ignore_missing: options.boolean("ignore_missing", false)?,
    }))
}

impl Processor for Convert {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let value = match document.get(&self.field) {
            None if self.ignore_missing => return Ok(Flow::Continue),
            None => document.require(&self.field)?,
            Some(value) => value,
        };
        let converted = match &*value {
            Value::Null if self.ignore_missing => return Ok(Flow::Continue),
            Value::Null => {
                let reason = format!("Field [{}] is null, cannot be converted to type", self.field.name());
                return Err(Failure::argument(reason));
            }
            Value::Array(items) => {
                items.iter().map(|item| convert(self.to, item)).collect::<Result<Vec<_>, _>>()?.into()
            }
            value => convert(self.to, value)?,
        };
        document.set(self.target.as_ref().unwrap_or(&self.field), converted)?;
        Ok(Flow::Continue)
    }
}

fn convert(to: Type, value: &Value) -> Result<Value, Failure> {
    let owned;
    let text = match value {
        Value::String(text) => text.as_str(),
        other => {
            owned = expression::display_text(other);
            &owned
        }
    };
    let fail = |name: &str| Failure::argument(format!("unable to convert [{text}] to {name}"));
    let whole = |number: i64| Value::Number(number.into());
    Ok(match to {
        Type::Text => Value::String(text.to_owned()),
        Type::Integer => {
            let number = parse_whole(text).filter(|number| i32::try_from(*number).is_ok());
            whole(number.ok_or_else(|| fail("integer"))?)
        }
        Type::Long => whole(parse_whole(text).ok_or_else(|| fail("long"))?),
        Type::Float => parse_fraction(text).map(float).ok_or_else(|| fail("float"))?.into(),
        Type::Double => parse_fraction(text).and_then(Number::from_f64).ok_or_else(|| fail("double"))?.into(),
        Type::Boolean => match text {
            _ if text.eq_ignore_ascii_case("true") => true.into(),
            _ if text.eq_ignore_ascii_case("false") => false.into(),
            _ => {
                return Err(Failure::argument(format!(
                    "[{text}] is not a boolean value, cannot convert to boolean"
                )));
            }
        },
        Type::Ip => match text.parse::<IpAddr>() {
            Ok(_) => Value::String(text.to_owned()),
            Err(_) => return Err(Failure::argument(format!("'{text}' is not an IP string literal."))),
        },
        Type::Auto if !value.is_string() => value.clone(),
        Type::Auto => match text {
            _ if text.eq_ignore_ascii_case("true") => true.into(),
            _ if text.eq_ignore_ascii_case("false") => false.into(),
            _ => match (parse_whole(text), parse_fraction(text).and_then(Number::from_f64)) {
                (Some(number), _) => whole(number),
                (None, Some(number)) => Value::Number(number),
                (None, None) => Value::String(text.to_owned()),
            },
        },
    })
}

/// Java's `parseLong`, and `decode` for `0x…`.
fn parse_whole(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        let number = i64::from_str_radix(hex, 16).ok().filter(|_| !hex.starts_with(['+', '-']))?;
        return Some(if negative { -number } else { number });
    }
    text.parse().ok()
}

/// JSON knows neither infinity nor "not a number".
fn parse_fraction(text: &str) -> Option<f64> {
    let number: f64 = text.trim().parse().ok()?;
    number.is_finite().then_some(number)
}

/// The nearest 32-bit number, printed as short as Java prints it.
fn float(number: f64) -> Number {
    let short = (number as f32).to_string().parse::<f64>().unwrap_or(number);
    Number::from_f64(short).unwrap_or_else(|| 0.into())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails};
    use serde_json::{Value, json};

    #[test]
    fn converts() {
        let to = |kind: &str, from: Value, expected: Value| {
            check("convert", json!({"field": "a", "type": kind}), json!({"a": from}), json!({"a": expected}));
        };
        to("integer", json!("12"), json!(12));
        to("integer", json!("-0x1f"), json!(-31));
        to("integer", json!(["1", "2"]), json!([1, 2]));
        to("long", json!("5000000000"), json!(5_000_000_000_i64));
        to("float", json!("1.1"), json!(1.1));
        to("double", json!("1e3"), json!(1000.0));
        to("boolean", json!("TRUE"), json!(true));
        to("string", json!(1.5), json!("1.5"));
        to("ip", json!("::1"), json!("::1"));
        to("auto", json!("true"), json!(true));
        to("auto", json!("7"), json!(7));
        to("auto", json!("7.5"), json!(7.5));
        to("auto", json!("x"), json!("x"));
        let other = json!({"field": "a", "target_field": "b", "type": "long"});
        check("convert", other, json!({"a": "1"}), json!({"a": "1", "b": 1}));
    }

    #[test]
    fn refuses() {
        let to = |kind: &str, from: Value, reason: &str| {
            check_fails("convert", json!({"field": "a", "type": kind}), json!({"a": from}), reason);
        };
        to("integer", json!("x"), "unable to convert [x] to integer");
        to("integer", json!("5000000000"), "unable to convert [5000000000] to integer");
        to("long", json!("1.5"), "unable to convert [1.5] to long");
        to("double", json!("NaN"), "unable to convert [NaN] to double");
        to("boolean", json!("yes"), "[yes] is not a boolean value, cannot convert to boolean");
        to("ip", json!("1.2.3"), "'1.2.3' is not an IP string literal.");
        to("integer", Value::Null, "Field [a] is null, cannot be converted to type");
        to(
            "blob",
            json!(1),
            "pipeline \"test\", processor 1 (convert), key \"type\": type [blob] not supported",
        );
    }
}
