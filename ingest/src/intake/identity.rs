//! The `_id` of an event: stable, so that what is sent or read again adds nothing.

use super::fields::text_at;
use event::{Event, Object, Origin};

/// Longest `_id` that Elasticsearch takes, in bytes.
const ID_MAX_BYTES: usize = 512;
/// Bytes of a hash that make an id: 128 bits, 32 hex digits.
const ID_BYTES: usize = 16;

/// The id of a record of an uploaded file: BLAKE3 over the digest of the decompressed file and the byte at which the record
/// starts (64 bits, little endian).
pub(crate) fn upload_id(digest: &[u8; 32], offset: u64) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(digest);
    hasher.update(&offset.to_le_bytes());
    short(hasher.finalize())
}

/// The id of a payment: the same at every door, so that sending it again is harmless.
pub(crate) fn transaction_id(transaction: &str) -> String {
    short(blake3::Hasher::new_derive_key("vigie transaction id v1").update(transaction.as_bytes()).finalize())
}

/// The id of a record that came over a connection: the connection's own, then its number there. It differs from all others and
/// stays the same while the record is tried again; what a client sends anew over another connection gets another id.
pub(crate) fn connection_id(connection: u128, sequence: u64) -> String {
    format!("{connection:032x}-{sequence:x}")
}

/// The id of a record that a shipper read out of a file: BLAKE3 over what names it (machine, file, the record itself) and the
/// byte at which it starts.
pub(crate) fn shipped_id(names: &[&str], offset: u64) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("vigie shipped record id v1");
    for name in names {
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
    }
    hasher.update(&offset.to_le_bytes());
    short(hasher.finalize())
}

/// An id that a source gave, as the store takes it: one that is too long stands as its hash.
pub(crate) fn given_id(id: &str) -> String {
    if id.len() <= ID_MAX_BYTES { id.to_owned() } else { short(blake3::hash(id.as_bytes())) }
}

/// The id of an event after its pipeline: what the pipeline set, else the payment's, else the `kept` one (of a dead
/// letter that is replayed), else the origin's, else a random one.
pub(super) fn event_id(event: &Event, kept: Option<&str>) -> String {
    if let Some(id) = event.metadata.id.as_deref().filter(|id| !id.is_empty()) {
        return given_id(id);
    }
    if let Some(transaction) = payment(&event.fields) {
        return transaction_id(transaction);
    }
    if let Some(kept) = kept {
        return kept.to_owned();
    }
    match &event.metadata.origin {
        Origin::Upload { digest, offset, .. } => upload_id(digest, *offset),
        Origin::Connection { connection, sequence, .. } => connection_id(*connection, *sequence),
        Origin::Request => random_id(),
    }
}

/// An id for what has nothing stable about it.
pub(super) fn random_id() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

fn payment(fields: &Object) -> Option<&str> {
    (text_at(fields, &["event", "dataset"]) == Some("ecommerce.transaction"))
        .then(|| text_at(fields, &["ecommerce", "transaction", "id"]))
        .flatten()
}

fn short(hash: blake3::Hash) -> String {
    hex::encode(&hash.as_bytes()[..ID_BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(fields: serde_json::Value, offset: u64) -> Event {
        let origin = Origin::Upload { upload: "u".into(), digest: [7; 32], offset, line: 1 };
        Event::new(serde_json::from_value(fields).unwrap(), origin)
    }

    #[test]
    fn ids_are_stable_and_distinct() {
        let line = |offset| event_id(&event(json!({"message": "x"}), offset), None);
        assert_eq!(line(0), line(0));
        assert_ne!(line(0), line(1));
        assert_eq!(line(0).len(), 32);
        assert_ne!(upload_id(&[7; 32], 0), upload_id(&[8; 32], 0));
        // A change of this value would double every line that is uploaded again.
        assert_eq!(upload_id(&[0; 32], 1), "5469679938a702cfd12d8b4873945d11");
    }

    #[test]
    fn ids_over_a_network_tell_connection_and_place() {
        assert_eq!(connection_id(0xab, 31), format!("{:032x}-1f", 0xab));
        let shipped = shipped_id(&["web1", "/var/log/a"], 7);
        assert_eq!(shipped, shipped_id(&["web1", "/var/log/a"], 7));
        assert_ne!(shipped, shipped_id(&["web1", "/var/log/a"], 8));
        assert_ne!(shipped, shipped_id(&["web1/", "var/log/a"], 7));
        assert_eq!(shipped.len(), 32);
    }

    #[test]
    fn payments_have_one_id_at_every_door() {
        let payment = json!({"event": {"dataset": "ecommerce.transaction"}, "ecommerce": {"transaction": {"id": "t1"}}});
        let by_upload = event_id(&event(payment.clone(), 5), None);
        let by_request =
            event_id(&Event::new(serde_json::from_value(payment.clone()).unwrap(), Origin::Request), None);
        assert_eq!(by_upload, by_request);
        assert_eq!(by_upload, transaction_id("t1"));
        assert_eq!(event_id(&event(payment, 5), Some("kept")), by_upload);
    }

    #[test]
    fn what_a_pipeline_sets_and_a_replay_keeps_comes_first() {
        let mut chosen = event(json!({}), 0);
        chosen.metadata.id = Some("mine".into());
        assert_eq!(event_id(&chosen, Some("kept")), "mine");
        chosen.metadata.id = Some("x".repeat(513));
        assert_eq!(event_id(&chosen, None).len(), 32);
        assert_eq!(event_id(&event(json!({}), 0), Some("kept")), "kept");
        let request = Event::default();
        assert_ne!(event_id(&request, None), event_id(&request, None));
    }
}
