//! Answers without `_type`: clients of version 8, and OpenSearch's of version 2, know of none.
//!
//! Answers are made for version 7 and lose the member on their way out. What documents say themselves stays: the values of
//! `_source` are passed over.

use memchr::memmem;

/// What goes, wherever it stands right behind the name of an index.
const TYPES: [&[u8]; 2] = [b"\"_type\":\"_doc\",", b"\"_type\":null,"];
/// The member before it.
const INDEX: &[u8] = b"\"_index\":\"";
/// The member whose value is passed over.
const SOURCE: &[u8] = b"\"_source\":";

/// Compact JSON without the types of documents; `None`: there are none in it.
pub(super) fn without_types(json: &[u8]) -> Option<Vec<u8>> {
    memmem::find(json, b"\"_type\":")?;
    let mut out = Vec::with_capacity(json.len());
    let (mut copied, mut at) = (0, 0);
    while let Some(&byte) = json.get(at) {
        if byte != b'"' {
            at += 1;
            continue;
        }
        let rest = json.get(at..).unwrap_or_default();
        if rest.starts_with(SOURCE) {
            at = value_end(json, at + SOURCE.len());
        } else if rest.starts_with(INDEX) {
            // The name, and the comma behind it.
            at = string_end(json, at + INDEX.len() - 1) + 1;
            let behind = json.get(at..).unwrap_or_default();
            if let Some(found) = TYPES.iter().find(|found| behind.starts_with(found)) {
                out.extend_from_slice(json.get(copied..at).unwrap_or_default());
                at += found.len();
                copied = at;
            }
        } else {
            at = string_end(json, at);
        }
    }
    out.extend_from_slice(json.get(copied..).unwrap_or_default());
    Some(out)
}

/// The end of the string that begins there with its quote.
fn string_end(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = json.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if json.get(at) == Some(&b'"') {
            return at + 1;
        }
        // An escape takes what follows along.
        at += 2;
    }
    json.len()
}

/// The end of the value that begins there.
fn value_end(json: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => {
                at = string_end(json, at);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return at + usize::from(depth == 1),
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn stripped(value: &Value) -> Value {
        let text = serde_json::to_vec(value).unwrap();
        serde_json::from_slice(&without_types(&text).unwrap_or(text)).unwrap()
    }

    #[test]
    fn types_go_and_documents_stay() {
        let source =
            json!({"a": {"_index": "x", "_type": "_doc", "b": "\"_source\":"}, "_source": {"_type": "_doc"}});
        let hit = |typed: bool| {
            let mut hit = json!({"_index": "a\"b"});
            if typed {
                hit["_type"] = json!("_doc");
            }
            hit["_id"] = json!("\\\"_index\":\"");
            hit["_source"] = source.clone();
            hit["sort"] = json!([1, "_type"]);
            hit
        };
        let answer = |typed: bool| {
            json!({"hits": {"hits": [hit(typed), hit(typed)]}, "docs": [hit(typed), {"_index": "x", "_id": null}],
                "_source": null, "aggregations": {"top": {"hits": [hit(typed)]}}})
        };
        assert_eq!(stripped(&answer(true)), answer(false));
        assert!(without_types(b"{\"_index\":\"a\",\"_id\":\"1\"}").is_none());
        assert_eq!(
            stripped(&json!({"_index": "a", "_type": null, "_id": "1"})),
            json!({"_index": "a", "_id": "1"})
        );
        // A property that is called so is no type.
        let mapping = json!({"properties": {"_index": {"type": "keyword"}, "_type": {"type": "keyword"}}});
        assert_eq!(stripped(&mapping), mapping);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..40) {
            let whole = b"{\"_index\":\"a\",\"_type\":\"_doc\",\"_source\":{\"x\":[\"\\\"";
            let text = [&whole[..whole.len().min(cut + 20)], &bytes[..]].concat();
            let _ = without_types(&text);
        }
    }
}
