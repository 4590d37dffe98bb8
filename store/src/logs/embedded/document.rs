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

/// The values of one document, several of the same field one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct IndexDocument {
    pub(super) values: Vec<(Field, IndexValue)>,
}

impl IndexDocument {
    pub(super) fn add(&mut self, field: Field, value: IndexValue) {
        self.values.push((field, value));
    }
}

impl Document for IndexDocument {
    type Value<'a> = &'a IndexValue;
    type FieldsValuesIter<'a> = FieldsValues<'a>;

    fn iter_fields_and_values(&self) -> FieldsValues<'_> {
        FieldsValues(self.values.iter())
    }
}

/// Iterates over a document's fields and values.
pub(super) struct FieldsValues<'a>(std::slice::Iter<'a, (Field, IndexValue)>);

impl<'a> Iterator for FieldsValues<'a> {
    type Item = (Field, &'a IndexValue);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(field, value)| (*field, value))
    }
}

/// Iterates over the paths and values in a JSON field.
pub(super) struct Members<'a>(std::slice::Iter<'a, (Arc<str>, IndexValue)>);

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a IndexValue);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(path, value)| (path.as_ref(), value))
    }
}

impl<'a> Value<'a> for &'a IndexValue {
    type ArrayIter = std::slice::Iter<'a, IndexValue>;
    type ObjectIter = Members<'a>;

    fn as_value(&self) -> ReferenceValue<'a, Self> {
        let leaf = match self {
            IndexValue::Str(value) => ReferenceValueLeaf::Str(value),
            IndexValue::Bytes(value) => ReferenceValueLeaf::Bytes(value),
            IndexValue::I64(value) => ReferenceValueLeaf::I64(*value),
            IndexValue::U64(value) => ReferenceValueLeaf::U64(*value),
            IndexValue::F64(value) => ReferenceValueLeaf::F64(*value),
            IndexValue::Bool(value) => ReferenceValueLeaf::Bool(*value),
            IndexValue::Date(value) => ReferenceValueLeaf::Date(*value),
            IndexValue::Ip(value) => ReferenceValueLeaf::IpAddr(*value),
            IndexValue::Object(members) => return ReferenceValue::Object(Members(members.iter())),
        };
        ReferenceValue::Leaf(leaf)
    }
}
