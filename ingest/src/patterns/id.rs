use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// Names a pattern, as 16 hexadecimal digits: the first 64 bits of SHA-256 over the dataset, a zero byte and the
/// skeleton of the message that the pattern was made for. Nothing else is in it, so the same message makes the same id
/// in any process, at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PatternId([u8; 8]);

impl PatternId {
    pub(super) fn new(dataset: &str, skeleton: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [dataset.as_bytes(), &[0], skeleton.as_bytes()] {
            hash.update(part);
        }
        let mut id = [0; 8];
        id.copy_from_slice(&hash.finalize()[..8]);
        Self(id)
    }
}

impl fmt::Display for PatternId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that is no id of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the id of a pattern is 16 hexadecimal digits in lower case, not {0:?}")]
pub struct NotAPatternId(String);

impl FromStr for PatternId {
    type Err = NotAPatternId;

    fn from_str(text: &str) -> Result<Self, NotAPatternId> {
        let mut id = [0; 8];
        let lower = text.bytes().all(|byte| !byte.is_ascii_uppercase());
        match hex::decode_to_slice(text, &mut id) {
            Ok(()) if lower => Ok(Self(id)),
            _ => Err(NotAPatternId(text.chars().take(32).collect())),
        }
    }
}

impl TryFrom<String> for PatternId {
    type Error = NotAPatternId;

    fn try_from(text: String) -> Result<Self, NotAPatternId> {
        text.parse()
    }
}

impl From<PatternId> for String {
    fn from(id: PatternId) -> Self {
        id.to_string()
    }
}
