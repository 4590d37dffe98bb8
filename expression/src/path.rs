use event::{Object, member, member_mut};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// Longest text of a path.
const TEXT_MAX_BYTES: usize = 1024;
/// Most segments of a path: deeper documents are refused by the decoders too.
const DEPTH_MAX: usize = 64;

/// The way to a field: `source.geo.city_name`, `items.0.sku`.
///
/// Dots part the segments; a segment that is a number indexes an array (and is an ordinary key in an object), as in
/// Elasticsearch's ingest pipelines. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct FieldPath {
    text: Box<str>,
    segments: Box<[Box<str>]>,
}

/// Why a text is not a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// Nothing at all, or nothing between two dots.
    #[error("path \"{0}\" has an empty segment")]
    Empty(String),
    /// More than 1,024 bytes or 64 segments.
    #[error("path is too long: at most {TEXT_MAX_BYTES} bytes and {DEPTH_MAX} segments")]
    TooLong,
}

/// Why a path could not be followed in a document. The sentences are Elasticsearch's: users search for them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A segment that is not there.
    #[error("field [{segment}] not present as part of path [{path}]")]
    Absent {
        /// The segment.
        segment: String,
        /// The whole path.
        path: String,
    },
    /// A segment below something that is neither an object nor an array.
    #[error("cannot {verb} [{segment}] with parent object of type [{kind}] as part of path [{path}]")]
    NotContainer {
        /// `resolve`, `set` or `remove`.
        verb: &'static str,
        /// The segment.
        segment: String,
        /// What stands there instead.
        kind: &'static str,
        /// The whole path.
        path: String,
    },
    /// An array was met, the segment is not a number.
    #[error("[{segment}] is not an integer, cannot be used as an index as part of path [{path}]")]
    NotAnIndex {
        /// The segment.
        segment: String,
        /// The whole path.
        path: String,
    },
    /// An array was met which is shorter.
    #[error("[{segment}] is out of bounds for array with length [{length}] as part of path [{path}]")]
    OutOfBounds {
        /// The segment.
        segment: String,
        /// Elements of the array.
        length: usize,
        /// The whole path.
        path: String,
    },
}

impl FieldPath {
    /// Reads a path.
    ///
    /// # Errors
    /// Empty segments, more than 1 KiB, more than 64 segments.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        if text.len() > TEXT_MAX_BYTES {
            return Err(InvalidPath::TooLong);
        }
        let segments: Box<[Box<str>]> = text.split('.').map(Box::from).collect();
        if segments.len() > DEPTH_MAX {
            return Err(InvalidPath::TooLong);
        }
        if segments.iter().any(|segment| segment.is_empty()) {
            return Err(InvalidPath::Empty(text.to_owned()));
        }
        Ok(Self { text: text.into(), segments })
    }

    /// The path as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first segment.
    pub fn first(&self) -> &str {
        &self.segments[0]
    }

    /// The last segment: the field's own name.
    pub fn last(&self) -> &str {
        &self.segments[self.segments.len() - 1]
    }

    /// Whether there is one segment only.
    pub fn is_single(&self) -> bool {
        self.segments.len() == 1
    }

    /// What is left below the first segment; `None` for a path of one segment.
    pub fn tail(&self) -> Option<Self> {
        let (_, rest) = self.text.split_once('.')?;
        Self::parse(rest).ok()
    }

    /// The field, or `None` when any part of the path is absent.
    pub fn get<'a>(&self, object: &'a Object) -> Option<&'a Value> {
        self.descend(member(object, self.first())?)
    }

    /// As [`Self::get`], from the value of the first segment on.
    pub fn descend<'a>(&self, first: &'a Value) -> Option<&'a Value> {
        self.segments[1..].iter().try_fold(first, |value, segment| child(value, segment))
    }

    /// The field, to be changed in place.
    pub fn get_mut<'a>(&self, object: &'a mut Object) -> Option<&'a mut Value> {
        let first = member_mut(object, self.first())?;
        self.segments[1..].iter().try_fold(first, |value, segment| match value {
            Value::Object(object) => member_mut(object, segment),
            Value::Array(items) => items.get_mut(segment.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The field, or the reason why there is none.
    ///
    /// # Errors
    /// Which segment is absent or cannot be followed.
    pub fn resolve<'a>(&self, object: &'a Object) -> Result<&'a Value, PathError> {
        let mut value = member(object, self.first()).ok_or_else(|| self.absent(self.first()))?;
        for segment in &self.segments[1..] {
            value = match value {
                Value::Object(object) => member(object, segment).ok_or_else(|| self.absent(segment))?,
                Value::Array(items) => &items[self.index(segment, items.len())?],
                other => return Err(self.not_container("resolve", segment, other)),
            };
        }
        Ok(value)
    }

    /// Whether [`Self::set`] would find its way.
    pub fn can_set(&self, object: &Object) -> bool {
        let Some((last, way)) = self.segments.split_last() else { return false };
        let Some((first, way)) = way.split_first() else { return true };
        let Some(mut parent) = member(object, first) else { return true };
        for segment in way {
            parent = match parent {
                Value::Object(object) => match member(object, segment) {
                    Some(child) => child,
                    None => return true,
                },
                parent => match child(parent, segment) {
                    Some(child) => child,
                    None => return false,
                },
            };
        }
        parent.is_object() || child(parent, last).is_some()
    }

    /// Puts a value there, making the objects on the way. What stood there is replaced and returned.
    ///
    /// # Errors
    /// The path leads through a scalar, or into an array by something that is not one of its indices.
    pub fn set(&self, object: &mut Object, value: Value) -> Result<Option<Value>, PathError> {
        let Some((last, way)) = self.segments.split_last() else { return Ok(None) };
        let Some((first, way)) = way.split_first() else {
            return Ok(insert(object, last, value));
        };
        let mut parent = entry(object, first);
        for segment in way {
            parent = match parent {
                Value::Object(object) => entry(object, segment),
                Value::Array(items) => {
                    let index = self.index(segment, items.len())?;
                    &mut items[index]
                }
                other => return Err(self.not_container("set", segment, other)),
            };
        }
        match parent {
            Value::Object(object) => Ok(insert(object, last, value)),
            Value::Array(items) => {
                let index = self.index(last, items.len())?;
                Ok(Some(std::mem::replace(&mut items[index], value)))
            }
            other => Err(self.not_container("set", last, other)),
        }
    }

    /// Takes the field out and returns it. Objects that become empty stay.
    ///
    /// # Errors
    /// Which segment is absent or cannot be followed.
    pub fn remove(&self, object: &mut Object) -> Result<Value, PathError> {
        let Some((last, way)) = self.segments.split_last() else { return Err(self.absent("")) };
        let Some((first, way)) = way.split_first() else {
            return object.shift_remove(&**last).ok_or_else(|| self.absent(last));
        };
        let mut parent = member_mut(object, first).ok_or_else(|| self.absent(first))?;
        for segment in way {
            parent = match parent {
                Value::Object(object) => member_mut(object, segment).ok_or_else(|| self.absent(segment))?,
                Value::Array(items) => {
                    let index = self.index(segment, items.len())?;
                    &mut items[index]
                }
                other => return Err(self.not_container("remove", segment, other)),
            };
        }
        match parent {
            Value::Object(object) => object.shift_remove(&**last).ok_or_else(|| self.absent(last)),
            Value::Array(items) => {
                let index = self.index(last, items.len())?;
                Ok(items.remove(index))
            }
            other => Err(self.not_container("remove", last, other)),
        }
    }

    fn absent(&self, segment: &str) -> PathError {
        PathError::Absent { segment: segment.to_owned(), path: self.text.to_string() }
    }

    fn not_container(&self, verb: &'static str, segment: &str, found: &Value) -> PathError {
        let (segment, path) = (segment.to_owned(), self.text.to_string());
        PathError::NotContainer { verb, segment, kind: kind_of(found), path }
    }

    fn index(&self, segment: &str, length: usize) -> Result<usize, PathError> {
        let path = || self.text.to_string();
        let index: usize = segment
            .parse()
            .map_err(|_| PathError::NotAnIndex { segment: segment.to_owned(), path: path() })?;
        if index < length {
            return Ok(index);
        }
        Err(PathError::OutOfBounds { segment: segment.to_owned(), length, path: path() })
    }
}

fn child<'a>(value: &'a Value, segment: &str) -> Option<&'a Value> {
    match value {
        Value::Object(object) => member(object, segment),
        Value::Array(items) => items.get(segment.parse::<usize>().ok()?),
        _ => None,
    }
}

/// The member of that name; a missing one is made, as an empty object.
fn entry<'a>(object: &'a mut Object, key: &str) -> &'a mut Value {
    if member(object, key).is_none() {
        object.insert(key.to_owned(), Value::Object(Object::new()));
    }
    member_mut(object, key).expect("it was there or has just been put there")
}

/// Replaces in place, so that an existing key costs no allocation.
fn insert(object: &mut Object, key: &str, value: Value) -> Option<Value> {
    match member_mut(object, key) {
        Some(old) => Some(std::mem::replace(old, value)),
        None => object.insert(key.to_owned(), value),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "map",
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for FieldPath {
    type Error = InvalidPath;
    fn try_from(text: String) -> Result<Self, InvalidPath> {
        Self::parse(&text)
    }
}

impl std::str::FromStr for FieldPath {
    type Err = InvalidPath;
    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        Self::parse(text)
    }
}

impl From<FieldPath> for String {
    fn from(path: FieldPath) -> Self {
        path.text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn object(value: Value) -> Object {
        match value {
            Value::Object(object) => object,
            other => panic!("not an object: {other}"),
        }
    }

    #[test]
    fn follows_objects_and_arrays() {
        let document = object(json!({"a": {"b": [1, {"c": 2}], "0": "key"}, "s": "x", "a.b": 9}));
        let check = |path: &str, expected: Option<Value>| {
            let path = FieldPath::parse(path).unwrap();
            assert_eq!(path.get(&document), expected.as_ref(), "{path}");
            assert_eq!(path.resolve(&document).ok(), expected.as_ref(), "{path}");
        };
        check("a.b.1.c", Some(json!(2)));
        check("a.b.0", Some(json!(1)));
        check("a.0", Some(json!("key")));
        check("a.b.2", None);
        check("a.b.x", None);
        check("s.x", None);
        check("missing", None);
    }

    #[test]
    fn says_why_it_cannot_be_followed() {
        let mut document = object(json!({"a": {"b": [1]}, "s": "x"}));
        let mut check = |path: &str, expected: &str| {
            let path = FieldPath::parse(path).unwrap();
            assert_eq!(path.set(&mut document, json!(1)).unwrap_err().to_string(), expected);
        };
        check("s.x", "cannot set [x] with parent object of type [string] as part of path [s.x]");
        check("a.b.x", "[x] is not an integer, cannot be used as an index as part of path [a.b.x]");
        check("a.b.1", "[1] is out of bounds for array with length [1] as part of path [a.b.1]");
        let absent = FieldPath::parse("a.c.d").unwrap().remove(&mut document).unwrap_err();
        assert_eq!(absent.to_string(), "field [c] not present as part of path [a.c.d]");
    }

    #[test]
    fn refuses_texts_that_are_no_path() {
        for text in ["", ".", "a.", ".a", "a..b", &"a".repeat(2000), &vec!["a"; 65].join(".")] {
            assert!(FieldPath::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn set_then_get_then_remove(path in "[a-c]{1,2}(\\.[a-c]{1,2}){0,4}", n in any::<i64>()) {
            let path = FieldPath::parse(&path).unwrap();
            let mut document = object(json!({"z": 1}));
            prop_assert!(path.can_set(&document));
            path.set(&mut document, json!(n)).unwrap();
            prop_assert_eq!(path.get(&document), Some(&json!(n)));
            prop_assert_eq!(path.remove(&mut document).unwrap(), json!(n));
            prop_assert_eq!(path.get(&document), None);
        }

        #[test]
        fn any_text_is_read_or_refused(text in prop_oneof![".{0,80}", "a(\\.[012ab]){0,4}"]) {
            if let Ok(path) = FieldPath::parse(&text) {
                prop_assert_eq!(path.as_str(), text);
                let mut document = object(json!({"a": [1, "x", {"b": null}]}));
                prop_assert_eq!(path.can_set(&document), path.set(&mut document, json!(1)).is_ok());
                let _ = path.remove(&mut document);
            }
        }
    }
}
