//! Cursors: where the next page of a search begins, in a form that clients can hand back but not make up.

use super::time::Range;
use crate::{ApiError, Secret};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;

const MAX_BYTES: usize = 16 << 10;
const TAG_BYTES: usize = 32;

/// What a cursor says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Digest of the search and of the reach of who asked.
    #[serde(rename = "q")]
    pub(super) search: String,
    /// The range of the first page, in which "now" is fixed.
    #[serde(rename = "r")]
    pub(super) range: Range,
    /// Sort values of the last hit.
    #[serde(rename = "a")]
    pub(super) after: Vec<Value>,
}

impl Cursor {
    /// As text: content and HMAC-SHA256 tag.
    pub(super) fn sign(&self, secret: &Secret) -> Result<String, ApiError> {
        let mut bytes = serde_json::to_vec(self).map_err(ApiError::internal)?;
        let tag = mac(secret, &bytes)?.finalize().into_bytes();
        bytes.extend_from_slice(&tag);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads a cursor of this search; 400 for any other text.
    pub(super) fn verify(text: &str, search: &str, secret: &Secret) -> Result<Self, ApiError> {
        let bad = || ApiError::field("cursor", "it is not a cursor of this search: begin again without it");
        if text.len() > MAX_BYTES {
            return Err(bad());
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
        let (content, tag) =
            bytes.len().checked_sub(TAG_BYTES).map(|at| bytes.split_at(at)).ok_or_else(bad)?;
        mac(secret, content)?.verify_slice(tag).map_err(|_| bad())?;
        let cursor: Self = serde_json::from_slice(content).map_err(|_| bad())?;
        if cursor.search == search { Ok(cursor) } else { Err(bad()) }
    }
}

fn mac(secret: &Secret, content: &[u8]) -> Result<Hmac<Sha256>, ApiError> {
    let key = secret.derive("vigie 2026 search cursors HMAC-SHA256");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(ApiError::internal)?;
    mac.update(content);
    Ok(mac)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_we_signed_for_this_search_is_taken() {
        let secret = Secret::new(*b"an example of thirty-two bytes!!");
        let cursor = Cursor {
            search: "s".into(),
            range: Range { from_ms: Some(1), to_ms: None },
            after: vec![json!(5), json!("id"), Value::Null],
        };
        let text = cursor.sign(&secret).unwrap();
        assert_eq!(Cursor::verify(&text, "s", &secret).unwrap(), cursor);
        assert!(Cursor::verify(&text, "other search", &secret).is_err());
        assert!(Cursor::verify(&text, "s", &Secret::new(*b"another one of thirty-two bytes!")).is_err());
        assert!(Cursor::verify("", "s", &secret).is_err());
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(Cursor::verify(&changed, "s", &secret).is_err(), "{at}");
        }
    }
}
