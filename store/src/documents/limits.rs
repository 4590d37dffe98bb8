//! What a document, a name and a question may be, on every backend.

use crate::StoreError;
use event::Object;
use serde_json::Value;

/// Longest id, in bytes.
pub const ID_MAX_BYTES: usize = 512;
/// Largest document, in bytes of JSON. MongoDB ends at 16 MiB.
pub const BODY_MAX_BYTES: usize = 8 << 20;
/// Deepest nesting of a document. MongoDB ends at 100, the JSON parser at 128.
pub const DEPTH_MAX: usize = 100;
/// Most documents in one answer.
pub const FIND_MAX: usize = 10_000;
/// Most documents in one write.
pub const BATCH_MAX: usize = 10_000;
/// Most conditions in one question.
pub const CONDITIONS_MAX: usize = 32;
/// Longest path of a member, in bytes.
pub const FIELD_MAX_BYTES: usize = 128;

/// A name of a collection: lower case letters, digits and `_`, beginning with a letter.
pub(crate) fn check_collection(name: &str) -> Result<(), StoreError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.len() <= 48 && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(fits) {
        return Ok(());
    }
    Err(StoreError::invalid(format!(
        "the collection's name {name:?} must be of `a-z`, `0-9` and `_`, begin with a letter and have at most 48"
    )))
}

/// A dotted path: parts of letters, digits, `_`, `@` and `-`, none of them empty.
pub(crate) fn check_field(path: &str) -> Result<(), StoreError> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'@' | b'-');
    let parts_fit = path.split('.').all(|part| !part.is_empty() && part.bytes().all(fits));
    if path.len() <= FIELD_MAX_BYTES && parts_fit {
        return Ok(());
    }
    Err(StoreError::invalid(format!(
        "the field {:?} must be names of letters, digits, `_`, `@` and `-` with dots between, {FIELD_MAX_BYTES} \
         bytes at most",
        path.chars().take(FIELD_MAX_BYTES).collect::<String>()
    )))
}

/// An id: anything but control characters.
pub(crate) fn check_id(id: &str) -> Result<(), StoreError> {
    if !id.is_empty() && id.len() <= ID_MAX_BYTES && !id.chars().any(char::is_control) {
        return Ok(());
    }
    Err(StoreError::invalid(format!(
        "the document's id {:?} must have 1 to {ID_MAX_BYTES} bytes and no control characters",
        id.chars().take(64).collect::<String>()
    )))
}

/// The document as JSON, if it is neither too large nor too deep.
pub(crate) fn body_json(id: &str, body: &Object) -> Result<String, StoreError> {
    if !body.values().all(|value| is_shallower(value, DEPTH_MAX)) {
        return Err(StoreError::invalid(format!(
            "the document {id:?} is nested deeper than {DEPTH_MAX} levels"
        )));
    }
    let json = serde_json::to_string(body)
        .map_err(|error| StoreError::internal(format!("cannot write the document {id:?} as JSON"), error))?;
    if json.len() > BODY_MAX_BYTES {
        return Err(StoreError::invalid(format!(
            "the document {id:?} has {} bytes, {BODY_MAX_BYTES} are allowed",
            json.len()
        )));
    }
    Ok(json)
}

fn is_shallower(value: &Value, levels: usize) -> bool {
    match value {
        Value::Object(members) => levels > 1 && members.values().all(|value| is_shallower(value, levels - 1)),
        Value::Array(items) => levels > 1 && items.iter().all(|value| is_shallower(value, levels - 1)),
        _ => true,
    }
}

/// The number of documents in one write.
pub(crate) fn check_batch(documents: usize) -> Result<(), StoreError> {
    if documents <= BATCH_MAX {
        return Ok(());
    }
    Err(StoreError::invalid(format!("{documents} documents in one write, {BATCH_MAX} are allowed")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields() {
        let check = |path: &str, expected: bool| assert_eq!(check_field(path).is_ok(), expected, "{path:?}");
        check("a", true);
        check("@timestamp", true);
        check("user.full-name_2", true);
        check("", false);
        check("a..b", false);
        check(".a", false);
        check("a.", false);
        check("a\"b", false);
        check("a'b", false);
        check("a b", false);
        check("a[0]", false);
        check("$", false);
        check("é", false);
        check(&"a".repeat(FIELD_MAX_BYTES), true);
        check(&"a".repeat(FIELD_MAX_BYTES + 1), false);
    }

    #[test]
    fn names_of_collections() {
        let check = |name: &str, expected: bool| {
            assert_eq!(check_collection(name).is_ok(), expected, "{name:?}");
        };
        check("users", true);
        check("dead_letters2", true);
        check("Users", false);
        check("_users", false);
        check("users; DROP", false);
        check("", false);
    }

    #[test]
    fn depth() {
        let nested = |levels: usize| {
            let mut value = json!(1);
            for _ in 0..levels {
                value = json!([value]);
            }
            let mut body = Object::new();
            body.insert("a".into(), value);
            body
        };
        assert!(body_json("1", &nested(DEPTH_MAX - 1)).is_ok());
        assert!(body_json("1", &nested(DEPTH_MAX)).is_err());
    }
}
