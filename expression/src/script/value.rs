//! Values while a script runs, and how Java writes them as text.

use super::environment::DocValues;
use super::names::Constant;
use event::{Object, Timestamp};
use jiff::{Zoned, tz::TimeZone};
use serde_json::Value;
use std::{borrow::Borrow, hash, ops::Deref, rc::Rc};

/// Text of the document or the script, or made by the script.
#[derive(Debug, Clone)]
pub(super) enum Text<'a> {
    Borrowed(&'a str),
    Shared(Rc<str>),
}

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl Text<'_> {
    /// Java's order of strings: by UTF-16 units.
    pub(super) fn cmp_units(&self, other: &Self) -> std::cmp::Ordering {
        self.encode_utf16().cmp(other.encode_utf16())
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self::Shared(text.into())
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text<'_> {}

impl hash::Hash for Text<'_> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        str::hash(self, state);
    }
}

impl Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        self
    }
}

/// A list or a map that the script has made or may change: its place in the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeId(pub(super) usize);

/// One value. Java's numbers keep their types; what only is read of the document stays borrowed.
#[derive(Clone)]
pub(super) enum Val<'a> {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    /// Java's char: a UTF-16 unit.
    Char(u16),
    Text(Text<'a>),
    /// A list of the document or of `params`, read as it is.
    List(&'a [Value]),
    /// A map of the document or of `params`, read as it is.
    Map(&'a Object),
    /// `ctx` where it can only be read.
    Ctx,
    /// `doc`.
    Doc,
    Node(NodeId),
    /// `doc['field']`.
    Field(&'a dyn DocValues),
    /// `values` of a moving function.
    Numbers(&'a [f64]),
    Date(Rc<Zoned>),
    Instant(Timestamp),
    Zone(Rc<TimeZone>),
    Point {
        latitude: f64,
        longitude: f64,
    },
    Constant(Constant),
}

impl<'a> Val<'a> {
    pub(super) fn from_json(value: &'a Value) -> Self {
        match value {
            Value::Null => Val::Null,
            Value::Bool(value) => Val::Bool(*value),
            // As Elasticsearch's JSON parser gives them: an Integer where it fits, else a Long.
            Value::Number(number) => match number.as_i64() {
                Some(value) => i32::try_from(value).map_or(Val::Long(value), Val::Int),
                None => Val::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Val::Text(Text::Borrowed(text)),
            Value::Array(items) => Val::List(items),
            Value::Object(object) => Val::Map(object),
        }
    }

    /// A count or a position.
    pub(super) fn count(count: usize) -> Self {
        Val::Int(i32::try_from(count).unwrap_or(i32::MAX))
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        Val::Text(Text::from(text.into()))
    }
}

/// As Java writes a double: `1.0`, `1.0E10`, `NaN`.
pub(super) fn double_text(value: f64) -> String {
    java_text(value, value.abs(), format!("{value}"), || format!("{value:e}"))
}

/// As Java writes a float.
pub(super) fn float_text(value: f32) -> String {
    java_text(f64::from(value), f64::from(value.abs()), format!("{value}"), || format!("{value:e}"))
}

fn java_text(value: f64, size: f64, plain: String, scientific: impl Fn() -> String) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if size == 0.0 || (1e-3..1e7).contains(&size) {
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let text = scientific();
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let point = if digits.contains('.') { "" } else { ".0" };
    format!("{digits}{point}E{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers_as_java_does() {
        let check = |value: f64, expected: &str| assert_eq!(double_text(value), expected);
        check(1.0, "1.0");
        check(-0.0, "-0.0");
        check(0.001, "0.001");
        check(0.0001, "1.0E-4");
        check(9_999_999.0, "9999999.0");
        check(1e7, "1.0E7");
        check(1.5e300, "1.5E300");
        check(f64::NAN, "NaN");
        check(f64::NEG_INFINITY, "-Infinity");
        assert_eq!(float_text(0.1), "0.1");
        assert_eq!(float_text(1e10), "1.0E10");
    }
}
