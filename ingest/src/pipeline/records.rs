//! `_meta.vigie.records`: how the records of a pipeline stand in a file.

use super::grok::{Flavour, Grok};
use crate::decode::Framing;
use event::Object;
use serde_json::Value;
use std::sync::Arc;

/// Reads it; `None` if it says nothing.
pub(super) fn framing(records: Option<&Value>) -> Result<Option<Framing>, String> {
    Ok(Some(match records {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => match text.as_str() {
            "lines" => Framing::Lines,
            "traces" => Framing::Traces,
            other => return Err(format!("unknown kind of records \"{other}\": lines, traces, or an object")),
        },
        Some(Value::Object(members)) => starts(members)?,
        Some(other) => return Err(format!("property isn't a string or a map, but {other}")),
    }))
}

/// `{"start": a grok pattern, "definitions": patterns that it names}`.
fn starts(members: &Object) -> Result<Framing, String> {
    if let Some(key) = members.keys().find(|key| !matches!(key.as_str(), "start" | "definitions")) {
        return Err(format!("unknown key \"{key}\": start, definitions"));
    }
    let Some(Value::String(pattern)) = members.get("start") else {
        return Err("[start] required property is missing".to_owned());
    };
    let definitions = match members.get("definitions") {
        None => Object::new(),
        Some(Value::Object(definitions)) => definitions.clone(),
        Some(other) => return Err(format!("[definitions] property isn't a map, but {other}")),
    };
    let grok = Grok::compile(std::slice::from_ref(pattern), &definitions, Flavour::Ecs)?;
    Ok(Framing::Starts(Arc::new(move |line: &str| grok.is_match(line))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn records_are_framed_as_asked() {
        let check = |records: Value, expected: Result<&str, &str>| match (framing(Some(&records)), expected) {
            (Ok(Some(found)), Ok(expected)) => assert_eq!(format!("{found:?}"), expected),
            (Err(found), Err(part)) => assert!(found.contains(part), "{found:?} has no {part:?}"),
            (found, expected) => panic!("{records}: {found:?} is not {expected:?}"),
        };
        check(json!("lines"), Ok("Lines"));
        check(json!("traces"), Ok("Traces"));
        check(json!({"start": "^%{X:x} ", "definitions": {"X": "[0-9]+"}}), Ok("Starts"));
        check(json!("rows"), Err("unknown kind of records \"rows\""));
        check(json!(7), Err("isn't a string or a map"));
        check(json!({}), Err("[start] required"));
        check(json!({"start": "%{NOPE}"}), Err("NOPE"));
        check(json!({"start": "x", "end": "y"}), Err("unknown key \"end\""));
        let Ok(Some(Framing::Starts(begins))) = framing(Some(&json!({"start": "^%{INT} "}))) else {
            panic!()
        };
        assert!(begins("12 x") && !begins(" x"));
    }
}
