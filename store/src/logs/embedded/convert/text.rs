//! A document converted as its text is read, without a tree. Only what takes whole objects is read into one.

use super::{DEPTH_MAX, FieldType, Walk, malformed};
use crate::{
    StoreError,
    logs::embedded::{document::Part, values::Leaf},
};
use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::{Number, Value};
use std::fmt;

/// Walks over one JSON object.
pub(super) fn walk(walk: &mut Walk<'_>, source: &[u8]) -> Result<(), StoreError> {
    let text = std::str::from_utf8(source).map_err(|_| malformed("failed to parse".to_owned()))?;
    let mut reader = Reader { walk, text, refused: None };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Members { reader: &mut reader, depth: 1 }.deserialize(&mut deserializer);
    let read = read.and_then(|()| deserializer.end());
    match (reader.refused.take(), read) {
        (Some(refused), _) => Err(refused),
        (None, Ok(())) => Ok(()),
        (None, Err(error)) => Err(malformed(format!("failed to parse: {error}"))),
    }
}

struct Reader<'w, 'a, 't> {
    walk: &'w mut Walk<'a>,
    text: &'t str,
    /// Why the document is not taken.
    refused: Option<StoreError>,
}

impl Reader<'_, '_, '_> {
    /// Ends the reading if the document is not taken.
    fn check<E: Error>(&mut self, done: Result<(), StoreError>) -> Result<(), E> {
        done.map_err(|refused| {
            self.refused = Some(refused);
            E::custom("refused")
        })
    }

    fn leaf<E: Error>(&mut self, leaf: &Leaf<'_>) -> Result<(), E> {
        let done = self.walk.leaf(leaf);
        self.check(done)
    }
}

/// The members of the object at the path where the walk is.
struct Members<'r, 'w, 'a, 't> {
    reader: &'r mut Reader<'w, 'a, 't>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Members<'_, '_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_, '_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { reader, depth } = self;
        let parent = reader.walk.path.len();
        while members.next_key_seed(Name { path: &mut reader.walk.path })?.is_some() {
            members.next_value_seed(Member { reader: &mut *reader, depth })?;
            reader.walk.path.truncate(parent);
        }
        Ok(())
    }
}

/// The name of a member, put behind the path.
struct Name<'p> {
    path: &'p mut String,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<(), E> {
        if !self.path.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(name);
        Ok(())
    }
}

/// The value at the path where the walk is.
struct Member<'r, 'w, 'a, 't> {
    reader: &'r mut Reader<'w, 'a, 't>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Member<'_, '_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Member<'_, '_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.reader.leaf(&Leaf::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.reader.leaf(&Leaf::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.reader.leaf(&Leaf::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.reader.leaf(&Leaf::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.reader.leaf(&Number::from_f64(value).map_or(Leaf::Null, Leaf::Number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        match Part::of(self.reader.text, text) {
            Some(part) => self.reader.leaf(&Leaf::Part(text, part)),
            None => self.reader.leaf(&Leaf::Text(text)),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.reader.leaf(&Leaf::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { reader, depth } = self;
        let walk = &mut *reader.walk;
        let is_point = |field: FieldType| field == FieldType::GeoPoint;
        if walk.router.takes_object(&walk.path).is_some_and(|route| is_point(route.field.field_type)) {
            // `[lon, lat]` is one point, not two values.
            let whole = Value::deserialize(SeqAccessDeserializer::new(items))?;
            let done = walk.member(&whole, depth);
            return reader.check(done);
        }
        while items.next_element_seed(Member { reader: &mut *reader, depth })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { reader, depth } = self;
        let walk = &mut *reader.walk;
        if walk.router.route(&walk.path).is_some() {
            let whole = Value::deserialize(MapAccessDeserializer::new(members))?;
            let done = walk.member(&whole, depth);
            return reader.check(done);
        }
        let is_too_deep = depth >= DEPTH_MAX;
        if is_too_deep || walk.router.is_disabled(&walk.path) {
            if is_too_deep {
                walk.ignore();
            }
            while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        Members { reader, depth: depth + 1 }.visit_map(members)
    }
}
