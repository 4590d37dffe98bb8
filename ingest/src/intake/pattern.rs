use super::fields::{object_at, text_at};
use crate::patterns::Patterns;
use event::{Event, Timestamp};

/// Gives a redacted event the id of its message's pattern, in `log.pattern.id`. Events without message get none: what stands
/// in `event.original` alone was taken apart into fields, which say more.
pub(super) fn mark_pattern(event: &mut Event, at: Timestamp, patterns: &Patterns) {
    let Some(message) = text_at(&event.fields, &["message"]) else { return };
    let dotted = || event.fields.get("event.dataset").and_then(serde_json::Value::as_str);
    let dataset = text_at(&event.fields, &["event", "dataset"]).or_else(dotted).unwrap_or_default();
    let Some(id) = patterns.assign(dataset, message, at) else { return };
    let log = object_at(&mut event.fields, "log");
    object_at(log, "pattern").insert("id".to_owned(), id.to_string().into());
    event.metadata.raw = None;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patterns::PatternSettings;
    use event::Origin;
    use serde_json::{Value, json};

    #[test]
    fn messages_are_marked() {
        let patterns =
            Patterns::new(PatternSettings { excluded_datasets: vec!["noise".into()], ..Default::default() });
        let check = |fields: Value, expected: Option<&str>| {
            let mut event = Event::new(serde_json::from_value(fields).unwrap(), Origin::Request);
            let before = event.fields.clone();
            mark_pattern(&mut event, Timestamp::UNIX_EPOCH, &patterns);
            let id = event.fields.get("log").and_then(|log| log["pattern"]["id"].as_str());
            assert_eq!(id, expected, "{:?}", event.fields);
            if expected.is_none() {
                assert_eq!(event.fields, before);
            }
        };
        let shop = Some("599654e45ed55596");
        check(json!({"message": "Order 1 paid", "event": {"dataset": "shop"}}), shop);
        check(json!({"message": "Order 2 paid", "event.dataset": "shop", "log": {"level": "info"}}), shop);
        check(json!({"message": "Order 2 paid", "event": {"dataset": "shop"}, "log": "x"}), shop);
        check(json!({"message": "Order 2 paid", "event": {"dataset": "noise"}}), None);
        check(json!({"message": 5}), None);
        check(json!({"event": {"original": "GET / 200"}}), None);
    }
}
