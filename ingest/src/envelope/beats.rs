//! Events as Filebeat and Logstash send them over Lumberjack: a JSON object with `@metadata` beside its fields.

use crate::intake::{given_id, shipped_id, text_at};
use event::Object;
use serde_json::Value;

/// Member that steers an event and is no part of it.
const METADATA: &str = "@metadata";

/// An event of a shipper.
pub(crate) struct Beats {
    /// Its fields.
    pub(crate) event: Object,
    /// Its id, if it says one (`@metadata._id`) or where it was read from.
    pub(crate) id: Option<String>,
    /// The pipeline that it asks for (`@metadata.pipeline`).
    pub(crate) pipeline: Option<String>,
}

impl Beats {
    /// Reads an event; `None` if the bytes are no JSON object.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut event: Object = serde_json::from_slice(bytes).ok()?;
        let metadata = event.shift_remove(METADATA);
        let said = |name: &str| {
            let text = metadata.as_ref()?.get(name)?.as_str()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        let id = said("_id").map(|id| given_id(&id)).or_else(|| place(&event));
        Some(Self { id, pipeline: said("pipeline"), event })
    }
}

/// An id out of where the shipper read the record: machine, file, byte, and the record itself, as a file that was emptied
/// in place has the same bytes again. `None` without all of them.
fn place(event: &Object) -> Option<String> {
    let offset = number_at(event, &["log", "offset"]).or_else(|| number_at(event, &["offset"]))?;
    let path = text_at(event, &["log", "file", "path"]).or_else(|| text_at(event, &["source"]))?;
    let machine = text_at(event, &["agent", "id"])
        .or_else(|| text_at(event, &["host", "name"]))
        .or_else(|| text_at(event, &["beat", "hostname"]))?;
    let part = |name: &str| match event.get("log").and_then(|log| log.get("file")?.get(name)) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let (device, inode) = (part("device_id"), part("inode"));
    let message = text_at(event, &["message"]).unwrap_or_default();
    Some(shipped_id(&[machine, path, &device, &inode, message], offset))
}

fn number_at(event: &Object, path: &[&str]) -> Option<u64> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(event.get(*first)?, |value, key| value.get(*key))?.as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn beats(event: Value) -> Beats {
        Beats::parse(event.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn metadata_steers_and_is_no_part() {
        let found = beats(
            json!({"@metadata": {"_id": "a1", "pipeline": "access", "beat": "filebeat"}, "message": "x"}),
        );
        assert_eq!((found.id.as_deref(), found.pipeline.as_deref()), (Some("a1"), Some("access")));
        assert_eq!(Value::Object(found.event), json!({"message": "x"}));
        assert_eq!(beats(json!({"@metadata": {"_id": "x".repeat(600)}})).id.unwrap().len(), 32);
        assert!(Beats::parse(b"[1]").is_none());
        assert!(Beats::parse(b"{").is_none());
    }

    #[test]
    fn ids_tell_where_a_record_was_read() {
        let line = |offset: u64, message: &str, inode: &str| {
            let log = json!({"offset": offset, "file": {"path": "/var/log/a", "inode": inode}});
            beats(json!({"@timestamp": "2026-11-20T10:00:00Z", "agent": {"id": "m"}, "log": log, "message": message})).id
        };
        let first = line(7, "a", "1");
        assert!(first.is_some());
        assert_eq!(first, line(7, "a", "1"));
        for other in [line(8, "a", "1"), line(7, "b", "1"), line(7, "a", "2")] {
            assert_ne!(first, other);
        }
        assert_eq!(beats(json!({"log": {"offset": 1}, "message": "x"})).id, None);
        assert!(beats(json!({"beat": {"hostname": "h"}, "source": "/a", "offset": 3})).id.is_some());
    }
}
