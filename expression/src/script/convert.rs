//! Types: what a value is called, casts, equality and text.

use super::error::RunError;
use super::heap::Node;
use super::machine::{Machine, Ran};
use super::names::{Class, TypeName};
use super::number::Num;
use super::value::{Text, Val, double_text, float_text};
use std::cmp::Ordering;
use std::fmt::Write as _;

/// Deepest nesting that is compared, printed or given back: a list that holds itself has no end.
pub(super) const DEPTH_MAX: usize = 64;

fn cannot_cast(found: &'static str, expected: &str, at: u32) -> Box<RunError> {
    RunError::boxed("class_cast_exception", at, format!("cannot cast {found} to {expected}"))
}

/// What a variable holds before something is assigned.
pub(super) fn initial<'a>(class: TypeName) -> Val<'a> {
    match class.class {
        _ if !class.primitive => Val::Null,
        Class::Boolean => Val::Bool(false),
        Class::Character => Val::Char(0),
        Class::Integer => Val::Int(0),
        Class::Long => Val::Long(0),
        Class::Float => Val::Float(0.0),
        Class::Double => Val::Double(0.0),
        _ => Val::Null,
    }
}

/// A value for a variable of that type: numbers may widen, nothing else changes.
pub(super) fn assigned<'a>(value: Val<'a>, class: TypeName, at: u32) -> Ran<Val<'a>> {
    let wrong = |value: &Val<'_>| cannot_cast(simple_kind(value), class.text, at);
    if matches!(value, Val::Null) {
        return if class.primitive { Err(wrong(&value)) } else { Ok(value) };
    }
    let fits = match class.class {
        Class::Any => true,
        Class::Text => matches!(value, Val::Text(_)),
        Class::Boolean => matches!(value, Val::Bool(_)),
        Class::Character => matches!(value, Val::Char(_)),
        Class::Number => Num::of(&value).is_some() && !matches!(value, Val::Char(_)),
        Class::Integer => match value {
            Val::Char(unit) => return Ok(Val::Int(i32::from(unit))),
            _ => matches!(value, Val::Int(_)),
        },
        Class::Long => match (Num::of(&value), &value) {
            (Some(Num::Int(number)), _) => return Ok(Val::Long(i64::from(number))),
            _ => matches!(value, Val::Long(_)),
        },
        Class::Float => match Num::of(&value) {
            Some(Num::Double(_)) | None => false,
            Some(number) => return Ok(Val::Float(number.float())),
        },
        Class::Double => match Num::of(&value) {
            Some(number) => return Ok(Val::Double(number.double())),
            None => false,
        },
        Class::List => matches!(value, Val::List(_) | Val::Numbers(_) | Val::Field(_) | Val::Node(_)),
        Class::Map => matches!(value, Val::Map(_) | Val::Ctx | Val::Doc | Val::Node(_)),
        Class::Date => matches!(value, Val::Date(_)),
        Class::Instant => matches!(value, Val::Instant(_)),
    };
    if fits { Ok(value) } else { Err(wrong(&value)) }
}

/// `(class) value`: numbers may narrow, as Java's casts do.
pub(super) fn cast<'a>(value: Val<'a>, class: TypeName, at: u32) -> Ran<Val<'a>> {
    match (class.class, Num::of(&value)) {
        (Class::Integer, Some(number)) => Ok(Val::Int(number.int())),
        (Class::Long, Some(number)) => Ok(Val::Long(number.long())),
        (Class::Float, Some(number)) => Ok(Val::Float(number.float())),
        (Class::Double, Some(number)) => Ok(Val::Double(number.double())),
        (Class::Character, Some(number)) => Ok(Val::Char(number.int() as u16)),
        (Class::Character, None) => match &value {
            Val::Text(text) if text.encode_utf16().count() == 1 => {
                Ok(text.encode_utf16().next().map_or(Val::Null, Val::Char))
            }
            other => Err(cannot_cast(simple_kind(other), class.text, at)),
        },
        (Class::Text, _) if matches!(value, Val::Char(_)) => {
            let Val::Char(unit) = value else { return Ok(value) };
            Ok(Val::text(String::from_utf16_lossy(&[unit])))
        }
        _ => assigned(value, class, at),
    }
}

/// What messages call the type; lists and maps of the heap are told apart by [`Machine::kind`].
fn simple_kind(value: &Val<'_>) -> &'static str {
    match value {
        Val::Null => "null",
        Val::Bool(_) => "boolean",
        Val::Int(_) => "int",
        Val::Long(_) => "long",
        Val::Float(_) => "float",
        Val::Double(_) => "double",
        Val::Char(_) => "char",
        Val::Text(_) => "string",
        Val::List(_) => "list",
        Val::Map(_) | Val::Ctx => "map",
        Val::Doc => "doc",
        Val::Node(_) => "list or map",
        Val::Field(_) => "doc values",
        Val::Numbers(_) => "values",
        Val::Date(_) => "date",
        Val::Instant(_) => "instant",
        Val::Zone(_) => "zone",
        Val::Point { .. } => "point",
        Val::Constant(_) => "constant",
    }
}

impl<'a> Machine<'a> {
    pub(super) fn kind(&self, value: &Val<'_>) -> &'static str {
        match value {
            Val::Node(id) => match self.node(*id) {
                Some(Node::List { .. }) => "list",
                Some(Node::Map(_)) => "map",
                Some(Node::Entry { .. }) => "entry",
                None => "null",
            },
            other => simple_kind(other),
        }
    }

    pub(super) fn is_instance(&self, value: &Val<'_>, class: Class) -> bool {
        match (value, class) {
            (Val::Null, _) => false,
            (_, Class::Any) => true,
            (Val::Node(_), Class::List) => self.kind(value) == "list",
            (Val::Node(_), Class::Map) => self.kind(value) == "map",
            (Val::Int(_) | Val::Long(_) | Val::Float(_) | Val::Double(_), Class::Number) => true,
            (Val::Int(_), Class::Integer)
            | (Val::Long(_), Class::Long)
            | (Val::Float(_), Class::Float)
            | (Val::Double(_), Class::Double)
            | (Val::Char(_), Class::Character)
            | (Val::Text(_), Class::Text)
            | (Val::Bool(_), Class::Boolean)
            | (Val::List(_) | Val::Field(_), Class::List)
            | (Val::Map(_) | Val::Ctx | Val::Doc, Class::Map)
            | (Val::Date(_), Class::Date)
            | (Val::Instant(_), Class::Instant) => true,
            _ => false,
        }
    }

    /// Whether a value of a type can be assigned; lists and maps of the heap are looked at.
    pub(super) fn assigned(&self, value: Val<'a>, class: TypeName, at: u32) -> Ran<Val<'a>> {
        let misplaced = match (&value, class.class) {
            (Val::Node(_), Class::List) => self.kind(&value) != "list",
            (Val::Node(_), Class::Map) => self.kind(&value) != "map",
            _ => false,
        };
        if misplaced {
            return Err(cannot_cast(self.kind(&value), class.text, at));
        }
        assigned(value, class, at)
    }

    /// `==`: numbers by value, whatever their types.
    pub(super) fn equal(&mut self, left: &Val<'a>, right: &Val<'a>, at: u32) -> Ran<bool> {
        match (left, right) {
            (Val::Text(a), Val::Text(b)) => Ok(a == b),
            (Val::Null, Val::Null) | (Val::Ctx, Val::Ctx) | (Val::Doc, Val::Doc) => Ok(true),
            (Val::Null, _) | (_, Val::Null) => Ok(false),
            (Val::Bool(a), Val::Bool(b)) => Ok(a == b),
            (Val::Char(a), Val::Char(b)) => Ok(a == b),
            (Val::List(a), Val::List(b)) => Ok(a == b),
            (Val::Map(a), Val::Map(b)) => Ok(a == b),
            (Val::Date(a), Val::Date(b)) => Ok(a == b),
            (Val::Instant(a), Val::Instant(b)) => Ok(a == b),
            (Val::Zone(a), Val::Zone(b)) => Ok(a == b),
            (Val::Constant(a), Val::Constant(b)) => Ok(a == b),
            (a, b) => match (Num::of(a), Num::of(b)) {
                (Some(a), Some(b)) => Ok(a.compare(b) == Some(Ordering::Equal)),
                _ => self.equal_parts(a, b, 0, at),
            },
        }
    }

    /// Equality of lists and maps, element by element.
    fn equal_parts(&mut self, left: &Val<'a>, right: &Val<'a>, depth: usize, at: u32) -> Ran<bool> {
        if depth > DEPTH_MAX {
            return Err(too_deep(at));
        }
        if matches!((left, right), (Val::Node(a), Val::Node(b)) if a == b) {
            return Ok(true);
        }
        if let (Some(length), Some(other)) = (self.length(left), self.length(right)) {
            if length != other {
                return Ok(false);
            }
            for index in 0..length {
                self.spend(1, at)?;
                let (a, b) = (self.element(left, index, at)?, self.element(right, index, at)?);
                if !self.equal_below(&a, &b, depth, at)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        let (Some(keys), Some(others)) = (self.keys(left), self.keys(right)) else { return Ok(false) };
        if keys.len() != others.len() {
            return Ok(false);
        }
        for key in keys {
            self.spend(1, at)?;
            let (Some(a), Some(b)) = (self.value_of(left, &key, at)?, self.value_of(right, &key, at)?) else {
                return Ok(false);
            };
            if !self.equal_below(&a, &b, depth, at)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn equal_below(&mut self, left: &Val<'a>, right: &Val<'a>, depth: usize, at: u32) -> Ran<bool> {
        let nested = |value: &Val<'_>| matches!(value, Val::Node(_) | Val::List(_) | Val::Map(_));
        if nested(left) && nested(right) {
            return self.equal_parts(left, right, depth + 1, at);
        }
        self.equal(left, right, at)
    }

    /// A value as Java's `toString` writes it.
    pub(super) fn text_of(&mut self, value: &Val<'a>, at: u32) -> Ran<String> {
        let mut out = String::new();
        self.push_text(&mut out, value, 0, at)?;
        self.charge(out.len(), at)?;
        Ok(out)
    }

    pub(super) fn push_text(&mut self, out: &mut String, value: &Val<'a>, depth: usize, at: u32) -> Ran<()> {
        if depth > DEPTH_MAX {
            return Err(too_deep(at));
        }
        match value {
            Val::Text(text) => out.push_str(text),
            Val::Null => out.push_str("null"),
            Val::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Val::Int(value) => write_infallible(out, value),
            Val::Long(value) => write_infallible(out, value),
            Val::Float(value) => out.push_str(&float_text(*value)),
            Val::Double(value) => out.push_str(&double_text(*value)),
            Val::Char(unit) => out.push_str(&String::from_utf16_lossy(&[*unit])),
            Val::Date(date) => out.push_str(&super::calls::date::date_text(date)),
            Val::Instant(instant) => out.push_str(&super::calls::date::instant_text(*instant)),
            Val::Zone(zone) => out.push_str(&super::calls::date::zone_text(zone)),
            Val::Point { latitude, longitude } => {
                let _ = write!(out, "{},{}", double_text(*latitude), double_text(*longitude));
            }
            Val::Constant(constant) => out.push_str(constant.text().1),
            Val::Ctx | Val::Doc => out.push_str(simple_kind(value)),
            Val::Node(id) if let Some(Node::Entry { map, key }) = self.node(*id) => {
                let (map, key) = (*map, key.clone());
                out.push_str(&key);
                out.push('=');
                let value = self.load_key(map, &key, at)?.unwrap_or(Val::Null);
                self.push_text(out, &value, depth + 1, at)?;
            }
            _ => self.push_parts(out, value, depth, at)?,
        }
        Ok(())
    }

    /// `[1, 2]` and `{a=1}`.
    fn push_parts(&mut self, out: &mut String, value: &Val<'a>, depth: usize, at: u32) -> Ran<()> {
        // What is printed is paid for as it grows: lists that hold each other many times are short to write down.
        let before = out.len();
        if let Some(length) = self.length(value) {
            out.push('[');
            for index in 0..length {
                out.push_str(if index == 0 { "" } else { ", " });
                let item = self.element(value, index, at)?;
                self.spend(1, at)?;
                self.push_text(out, &item, depth + 1, at)?;
            }
            out.push(']');
        } else {
            out.push('{');
            for (index, key) in self.keys(value).unwrap_or_default().into_iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                out.push_str(&key);
                out.push('=');
                let item = self.value_of(value, &key, at)?.unwrap_or(Val::Null);
                self.spend(1, at)?;
                self.push_text(out, &item, depth + 1, at)?;
            }
            out.push('}');
        }
        self.charge(out.len() - before, at)
    }

    /// Keys of a map that can be looked through.
    pub(super) fn keys(&self, value: &Val<'a>) -> Option<Vec<Text<'a>>> {
        match value {
            Val::Map(object) => Some(object.keys().map(|key| Text::Borrowed(key)).collect()),
            Val::Node(id) => match self.node(*id) {
                Some(Node::Map(entries)) => Some(entries.keys().cloned().collect()),
                _ => None,
            },
            _ => None,
        }
    }
}

fn write_infallible(out: &mut String, value: &impl std::fmt::Display) {
    // Writing into a string cannot fail.
    let _ = write!(out, "{value}");
}

pub(super) fn too_deep(at: u32) -> Box<RunError> {
    let reason = format!("lists and maps are nested deeper than {DEPTH_MAX}, or hold themselves");
    RunError::boxed("illegal_argument_exception", at, reason)
}
