//! A document as tantivy takes it, without a copy of its source.

use bytes::Bytes;
use std::{net::Ipv6Addr, sync::Arc};
use tantivy::{
    DateTime,
    schema::{
        Field,
        document::{Document, ReferenceValue, ReferenceValueLeaf, Value},
    },
};

/// One value of a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum IndexValue {
    Str(String),
    /// A string that stands in the document's text as it is.
    Part(Part),
    /// The document's text, as bytes.
    Source,
    Bytes(Bytes),
    I64(i64),
    U64(u64),
    F64(f64),
    Bool(bool),
    Date(DateTime),
    Ip(Ipv6Addr),
    /// Values in a JSON field, each under its dotted path.
    Object(Vec<(Arc<str>, IndexValue)>),
}

impl IndexValue {
    fn heap_bytes(&self) -> usize {
        match self {
            Self::Str(text) => text.capacity(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Object(members) => {
                let own = members.capacity() * size_of::<(Arc<str>, Self)>();
                own + members.iter().map(|(_, value)| value.heap_bytes()).sum::<usize>()
            }
            _ => 0,
        }
    }
}

/// A part of a document's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    start: u32,
    length: u32,
}

impl Part {
    /// Where `part` is in `text`, if it is borrowed from there.
    pub(super) fn of(text: &str, part: &str) -> Option<Self> {
        let start = part.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
        // Also what is as far away by chance is no part unless it says the same.
        (text.get(start..start.checked_add(part.len())?)? == part).then_some(())?;
        Some(Self { start: u32::try_from(start).ok()?, length: u32::try_from(part.len()).ok()? })
    }

    fn read(self, text: &[u8]) -> &str {
        let start = self.start as usize;
        let part = text.get(start..start + self.length as usize).unwrap_or_default();
        // It was taken from text that was read as UTF-8.
        std::str::from_utf8(part).unwrap_or_default()
    }
}

/// The values of one document, several of the same field one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct IndexDocument {
    pub(super) values: Vec<(Field, IndexValue)>,
    /// The document as JSON text.
    pub(super) text: Bytes,
}

impl IndexDocument {
    pub(super) fn add(&mut self, field: Field, value: IndexValue) {
        self.values.push((field, value));
    }

    /// Memory of its values, in bytes; the text is others' too.
    pub(super) fn values_bytes(&self) -> usize {
        let own = self.values.capacity() * size_of::<(Field, IndexValue)>();
        own + self.values.iter().map(|(_, value)| value.heap_bytes()).sum::<usize>()
    }
}

impl Document for IndexDocument {
    type Value<'a> = Located<'a>;
    type FieldsValuesIter<'a> = FieldsValues<'a>;

    fn iter_fields_and_values(&self) -> FieldsValues<'_> {
        FieldsValues { values: self.values.iter(), text: &self.text }
    }
}

/// Iterates over a document's fields and values.
pub(super) struct FieldsValues<'a> {
    values: std::slice::Iter<'a, (Field, IndexValue)>,
    text: &'a [u8],
}

impl<'a> Iterator for FieldsValues<'a> {
    type Item = (Field, Located<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.text;
        self.values.next().map(|(field, value)| (*field, Located { value, text }))
    }
}

/// Iterates over the paths and values in a JSON field.
pub(super) struct Members<'a> {
    members: std::slice::Iter<'a, (Arc<str>, IndexValue)>,
    text: &'a [u8],
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Located<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.text;
        self.members.next().map(|(path, value)| (path.as_ref(), Located { value, text }))
    }
}

/// A value and the text that it may be a part of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Located<'a> {
    value: &'a IndexValue,
    text: &'a [u8],
}

impl<'a> Value<'a> for Located<'a> {
    type ArrayIter = std::iter::Empty<Self>;
    type ObjectIter = Members<'a>;

    fn as_value(&self) -> ReferenceValue<'a, Self> {
        let leaf = match self.value {
            IndexValue::Str(value) => ReferenceValueLeaf::Str(value),
            IndexValue::Part(part) => ReferenceValueLeaf::Str(part.read(self.text)),
            IndexValue::Source => ReferenceValueLeaf::Bytes(self.text),
            IndexValue::Bytes(value) => ReferenceValueLeaf::Bytes(value),
            IndexValue::I64(value) => ReferenceValueLeaf::I64(*value),
            IndexValue::U64(value) => ReferenceValueLeaf::U64(*value),
            IndexValue::F64(value) => ReferenceValueLeaf::F64(*value),
            IndexValue::Bool(value) => ReferenceValueLeaf::Bool(*value),
            IndexValue::Date(value) => ReferenceValueLeaf::Date(*value),
            IndexValue::Ip(value) => ReferenceValueLeaf::IpAddr(*value),
            IndexValue::Object(members) => {
                return ReferenceValue::Object(Members { members: members.iter(), text: self.text });
            }
        };
        ReferenceValue::Leaf(leaf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_in_their_text_only() {
        let text = String::from(r#"{"a":"é x"}"#);
        let part = Part::of(&text, &text[6..10]).unwrap();
        assert_eq!(part.read(text.as_bytes()), "é x");
        assert_eq!(part.read(b"{}"), "");
        assert_eq!(Part::of(&text[6..8], &text[8..10]), None);
        assert_eq!(Part::of(&text[8..], &text[6..8]), None);
    }
}
