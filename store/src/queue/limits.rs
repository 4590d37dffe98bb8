//! What a job may be, on every backend.

use crate::StoreError;
use serde_json::Value;
use std::time::Duration;

/// Longest topic or id, in bytes.
const NAME_MAX_BYTES: usize = 256;
/// Largest payload, in bytes of JSON: a job says what to do, its material is a blob.
const PAYLOAD_MAX_BYTES: usize = 256 << 10;
/// What is kept of a reason, in bytes.
const REASON_MAX_BYTES: usize = 4 << 10;
/// Longest wait for a job; callers wait again.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// A topic or id: anything but control characters.
pub(super) fn check_name(what: &str, name: &str) -> Result<(), StoreError> {
    if !name.is_empty() && name.len() <= NAME_MAX_BYTES && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(StoreError::invalid(format!(
        "the {what} {:?} must have 1 to {NAME_MAX_BYTES} bytes and no control characters",
        name.chars().take(64).collect::<String>()
    )))
}

/// The payload as JSON, if it is not too large.
pub(super) fn payload_json(id: &str, payload: &Value) -> Result<String, StoreError> {
    let json = payload.to_string();
    if json.len() <= PAYLOAD_MAX_BYTES {
        return Ok(json);
    }
    Err(StoreError::invalid(format!(
        "the payload of the job {id:?} has {} bytes, {PAYLOAD_MAX_BYTES} are allowed",
        json.len()
    )))
}

/// The beginning of a reason.
pub(super) fn shortened_reason(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(REASON_MAX_BYTES)]
}
