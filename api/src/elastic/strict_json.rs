//! JSON objects in which no name comes twice.
//!
//! *Invariant*: a document is kept as the text that was sent if nothing of it was changed (`Metadata::raw`). That holds only
//! if the text says what was read: of two members with one name serde_json keeps the last, and the first would be kept
//! unseen, past redaction and mapping. Elasticsearch refuses such documents too ("Duplicate field").

use event::Object;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Reads an object. Errors: not JSON, not an object, nested too deep, or a name that comes twice in an object.
pub(super) fn object(bytes: &[u8]) -> Result<Object, serde_json::Error> {
    match serde_json::from_slice::<Strict>(bytes)?.0 {
        Value::Object(object) => Ok(object),
        _ => Err(Error::custom("an object is expected")),
    }
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(value)) = members.next_element()? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let Strict(value) = members.next_value()?;
            match object.entry(name) {
                serde_json::map::Entry::Vacant(free) => free.insert(value),
                serde_json::map::Entry::Occupied(taken) => {
                    return Err(Error::custom(format_args!("Duplicate field '{}'", taken.key())));
                }
            };
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_comes_once() {
        for bad in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":{"b":1,"b":1}}"#,
            r#"{"a":[{"b":1,"c":2,"b":3}]}"#,
            r#"{"a":1,"\u0061":2}"#,
        ] {
            assert!(object(bad.as_bytes()).unwrap_err().to_string().contains("Duplicate field"), "{bad}");
        }
        for bad in ["", "1", "[{}]", "{} x", r#"{"a":"#, &"{\"a\":[".repeat(200)] {
            object(bad.as_bytes()).unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_serde_json_reads(
            members in prop::collection::btree_map("\\PC{0,4}", any::<(i64, u64, f64, bool, String)>(), 0..6)
        ) {
            let members: Object = members
                .into_iter()
                .map(|(name, (a, b, c, d, e))| (name, serde_json::json!([a, b, c, d, {"e": e, "f": null}])))
                .collect();
            let text = Value::Object(members).to_string();
            prop_assert_eq!(object(text.as_bytes()).unwrap(), serde_json::from_str::<Object>(&text).unwrap());
        }
    }
}
