//! Whether there is anything to redact in a document, found out from its text without building a tree: nearly all documents
//! are clean, and are kept as the text that was sent.

use super::names::PlainName;
use super::{CARD_NUMBERS, CARD_OBJECTS, CardPolicy, QUERIES, Redactor};
use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::Number;
use std::{borrow::Cow, fmt};

/// Members of one object whose names are compared with each other; documents with more go the long way.
const MEMBERS_MAX: usize = 64;

/// Whether the text is one JSON object in which no name comes twice and nothing of which [`Redactor::redact`] would change.
pub(super) fn is_clean(redactor: &Redactor, document: &[u8]) -> bool {
    if document.first() != Some(&b'{') {
        return false;
    }
    let Ok(text) = std::str::from_utf8(document) else { return false };
    let mut scan = Scan {
        redactor,
        // Looked for once in all of it. What only shows when the escapes of JSON are read is found there.
        may_hold_more: redactor.may_hold_more(text),
        names: Vec::with_capacity(16),
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Member { scan: &mut scan, in_card: false, is_query: false }.deserialize(&mut deserializer).is_ok()
        && deserializer.end().is_ok()
}

struct Scan<'r, 'de> {
    redactor: &'r Redactor,
    may_hold_more: bool,
    /// The names in the objects around the place that is being read.
    names: Vec<Cow<'de, str>>,
}

impl Scan<'_, '_> {
    fn text<E: Error>(&self, text: &str, is_query: bool, is_as_written: bool) -> Result<(), E> {
        let is_clean = if self.may_hold_more || !is_as_written {
            matches!(self.redactor.text_of(text, is_query), Cow::Borrowed(_))
        } else {
            self.redactor.mask_cards(text).is_none() && !self.redactor.matches_pattern(text)
        };
        // A value may stand beside the name of a secret.
        found_unless(is_clean && !self.redactor.is_name_of_secret(text))
    }

    fn number<E: Error>(&self, number: &Number) -> Result<(), E> {
        found_unless(self.redactor.mask_number(number).is_none())
    }
}

/// An error ends the scan.
fn found_unless<E: Error>(is_clean: bool) -> Result<(), E> {
    if is_clean { Ok(()) } else { Err(E::custom("")) }
}

/// One value, which may stand below `card`, or be a query.
struct Member<'s, 'r, 'de> {
    scan: &'s mut Scan<'r, 'de>,
    in_card: bool,
    is_query: bool,
}

impl<'de> DeserializeSeed<'de> for Member<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Member<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.scan.number(&value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.scan.number(&value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        Number::from_f64(value).map_or(Ok(()), |number| self.scan.number(&number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        self.scan.text(text, self.is_query, true)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.scan.text(text, self.is_query, false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { scan, in_card, is_query } = self;
        while items.next_element_seed(Member { scan: &mut *scan, in_card, is_query })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { scan, in_card, .. } = self;
        let is_card = in_card && scan.redactor.cards != CardPolicy::Keep;
        let first = scan.names.len();
        while let Some(name) = members.next_key_seed(Name)? {
            let siblings = scan.names.get(first..).unwrap_or_default();
            let plain = PlainName::of(name.as_bytes());
            let is_secret = scan.redactor.is_secret(&plain);
            let is_number = is_card && plain.is_one_of(&CARD_NUMBERS);
            let is_taken = siblings.contains(&name);
            let is_clean = !is_secret && !is_number && scan.redactor.mask_cards(&name).is_none();
            found_unless::<A::Error>(is_clean && !is_taken && siblings.len() < MEMBERS_MAX)?;
            scan.names.push(name);
            let (in_card, is_query) = (plain.is_one_of(&CARD_OBJECTS), plain.is_one_of(&QUERIES));
            members.next_value_seed(Member { scan: &mut *scan, in_card, is_query })?;
        }
        scan.names.truncate(first);
        Ok(())
    }
}

/// The name of a member, borrowed where it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
