//! Walks `/pipelines`: each definition against the cases beside it.

use event::{Event, Origin};
use ingest::{
    enrich::Enrichment,
    pipeline::{Flow, Pipelines, SampleFormat, SimulateTarget},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

static PIPELINES: LazyLock<Pipelines> = LazyLock::new(|| {
    Pipelines::new(Arc::new(Enrichment::embedded())).expect("the built-in pipelines compile")
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    cases: Vec<Case>,
}

/// An input and what must become of it: exactly one of `expected`, `error` and `dropped`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// A line, or a JSON object.
    input: Value,
    /// The whole document.
    expected: Option<Value>,
    /// A part of the failure's text.
    error: Option<String>,
    /// The pipeline drops it.
    #[serde(default)]
    dropped: bool,
    #[serde(default)]
    metadata: Map<String, Value>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../pipelines")
}

fn files(end: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder()).expect("the folder is there");
    let names =
        entries.map(|entry| entry.expect("it can be listed").file_name().into_string().expect("UTF-8"));
    names
        .filter_map(|name| name.strip_suffix(end).map(str::to_owned))
        .filter(|stem| !stem.contains('.'))
        .collect()
}

#[test]
fn every_pipeline_has_cases_and_they_hold() {
    let (definitions, cases) = (files(".json"), files(".cases.json"));
    assert!(!definitions.is_empty());
    assert_eq!(definitions, cases, "each definition has cases, each file of cases a definition");
    let mut failures = Vec::new();
    for name in &definitions {
        let text = fs::read_to_string(folder().join(format!("{name}.cases.json"))).expect("it can be read");
        let cases: Cases = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}.cases.json: {e}"));
        assert!(cases.cases.len() >= 2, "{name} has hardly any cases");
        for case in &cases.cases {
            if let Err(reason) = run(name, case) {
                failures.push(format!("{name}: {}: {reason}", case.name));
            }
        }
    }
    assert!(failures.is_empty(), "{} cases fail:\n{}", failures.len(), failures.join("\n"));
}

fn run(name: &str, case: &Case) -> Result<(), String> {
    let fields = match &case.input {
        Value::String(line) => Map::from_iter([("message".to_owned(), Value::from(line.as_str()))]),
        Value::Object(object) => object.clone(),
        other => return Err(format!("an input is a line or an object, not {other}")),
    };
    let mut event = Event::new(fields, Origin::Request);
    let pipeline = PIPELINES.get(name).ok_or("it is not built in")?;
    let result = pipeline.run(&mut event);
    match (&case.expected, &case.error, case.dropped, result) {
        (Some(expected), None, false, Ok(Flow::Continue)) => {
            let found = Value::Object(event.fields.clone());
            if found != *expected {
                return Err(differences("", expected, &found).join("; "));
            }
        }
        (None, Some(part), false, Err(error)) if error.reason.contains(part.as_str()) => {}
        (None, None, true, Ok(Flow::Drop)) => {}
        (.., result) => return Err(format!("the outcome is {result:?}")),
    }
    for (key, expected) in &case.metadata {
        let found = match key.as_str() {
            "index" => event.metadata.index.as_deref().map(Value::from),
            "id" => event.metadata.id.as_deref().map(Value::from),
            "timestamp" => event.metadata.timestamp.map(|time| Value::from(format!("{time:.3}"))),
            other => return Err(format!("unknown metadata \"{other}\"")),
        };
        if found.clone().unwrap_or(Value::Null) != *expected {
            return Err(format!("metadata {key}: expected {expected}, found {found:?}"));
        }
    }
    Ok(())
}

/// Paths at which two values differ.
fn differences(path: &str, expected: &Value, found: &Value) -> Vec<String> {
    match (expected, found) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let at = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            let null = Value::Null;
            keys.into_iter()
                .flat_map(|key| {
                    differences(&at(key), a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null))
                })
                .collect()
        }
        (a, b) if a == b => Vec::new(),
        (a, b) => vec![format!("{path}: expected {a}, found {b}")],
    }
}

#[test]
fn samples_are_recognised() {
    let check = |sample: &[&str], pipeline: &str, format: SampleFormat| {
        let found = PIPELINES.detect(sample);
        assert_eq!((found.pipeline.as_str(), found.format), (pipeline, format), "{sample:?}");
    };
    let access = r#"83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 20 "-" "curl/8""#;
    check(&[access, "", access, "noise"], "access", SampleFormat::Line);
    check(&["noise", "more noise", access], "text", SampleFormat::Line);
    check(&[], "text", SampleFormat::Line);
    check(&[r#"{"a": 1}"#], "json", SampleFormat::Json);
    check(&[r#"{"transaction_id": "t", "amount": 1, "currency": "EUR"}"#], "transaction", SampleFormat::Json);
    check(&[r#"{"event": {"dataset": "ecommerce.error"}, "amount": 1}"#], "error", SampleFormat::Json);
    check(&[r#"{"event.dataset": "device.measurement"}"#], "device", SampleFormat::Json);
    // A mixed file goes to the pipeline that hands each record to its own, whichever kind prevails.
    let payment = r#"{"event": {"dataset": "ecommerce.transaction"}, "transaction_id": "t", "amount": 1}"#;
    let error = r#"{"event": {"dataset": "ecommerce.error"}, "message": "no"}"#;
    check(&[payment, payment, payment, error], "json", SampleFormat::Json);
    check(&[payment, payment, r#"{"event": {"dataset": "theirs"}}"#], "transaction", SampleFormat::Json);
    check(&[access, access, access, access, payment, error], "access", SampleFormat::Line);
}

#[test]
fn simulations_answer_as_elasticsearch_does() {
    let definition = json!({"processors": [
        {"set": {"field": "a", "value": 1, "tag": "first"}},
        {"drop": {"if": "ctx.drop == true"}},
        {"fail": {"if": "ctx.fail == true", "message": "no"}},
        {"lowercase": {"field": "nope", "ignore_failure": true}},
    ]});
    let documents = [
        json!({"_index": "i", "_id": "1", "_source": {}}),
        json!({"_source": {"drop": true}}),
        json!({"_source": {"fail": true}}),
    ];
    let answer =
        PIPELINES.simulate(SimulateTarget::Definition(definition.clone()), &documents, false).unwrap();
    assert_eq!(answer["docs"][0]["doc"]["_index"], "i");
    assert_eq!(answer["docs"][0]["doc"]["_source"], json!({"a": 1}));
    assert!(answer["docs"][0]["doc"]["_ingest"]["timestamp"].is_string());
    assert_eq!(answer["docs"][1], Value::Null);
    let error = json!({"type": "fail_processor_exception", "reason": "no"});
    assert_eq!(answer["docs"][2]["error"]["root_cause"], json!([error]));
    let answer = PIPELINES.simulate(SimulateTarget::Definition(definition), &documents, true).unwrap();
    let statuses = |i: usize| -> Vec<(Value, Value)> {
        let results = answer["docs"][i]["processor_results"].as_array().unwrap();
        results.iter().map(|result| (result["processor_type"].clone(), result["status"].clone())).collect()
    };
    let expected =
        [("set", "success"), ("drop", "skipped"), ("fail", "skipped"), ("lowercase", "error_ignored")];
    assert_eq!(statuses(0), expected.map(|(kind, status)| (json!(kind), json!(status))));
    assert_eq!(statuses(1)[1], (json!("drop"), json!("dropped")));
    assert_eq!(statuses(2)[2], (json!("fail"), json!("error")));
    assert_eq!(answer["docs"][0]["processor_results"][0]["tag"], "first");
    let missing = PIPELINES.simulate(SimulateTarget::Name("nope"), &documents, false).unwrap_err();
    assert!(missing.to_string().ends_with("pipeline with id [nope] does not exist"));
}

#[test]
fn pipelines_are_put_called_and_deleted() {
    let pipelines = Pipelines::new(Arc::new(Enrichment::embedded())).unwrap();
    let set = |field: &str| json!({"set": {"field": field, "value": 1}});
    let call = |name: &str| json!({"pipeline": {"name": name}});
    let run = |name: &str| {
        let mut event = Event::default();
        let result = pipelines.get(name).unwrap().run(&mut event);
        result.map(|_| Value::Object(event.fields)).map_err(|e| e.to_string())
    };
    pipelines.put("outer", json!({"processors": [set("a"), call("inner"), set("c")]})).unwrap();
    let missing = "pipeline \"outer\", processor 2 (pipeline): Pipeline processor configured for non-existent pipeline [inner]";
    assert_eq!(run("outer"), Err(missing.to_owned()));
    pipelines.put("inner", json!({"processors": [set("b")]})).unwrap();
    assert_eq!(run("outer"), Ok(json!({"a": 1, "b": 1, "c": 1})));
    // Taken as they come; what calls itself fails when it runs.
    pipelines.put("inner", json!({"processors": [call("outer")]})).unwrap();
    let cycle = run("outer").unwrap_err();
    assert!(cycle.contains("Cycle detected for pipeline: outer"), "{cycle}");
    pipelines.put("inner", json!({"processors": [{"set": {"field": "x"}}]})).unwrap_err();
    assert_eq!(run("outer"), Err(cycle), "a refused change changes nothing");
    // A handler of the pipeline ends it; the event goes on.
    let handled = json!({"processors": [set("a"), {"fail": {"message": "x"}}, set("b")],
        "on_failure": [{"set": {"field": "why", "value": "{{_ingest.on_failure_message}}"}}]});
    pipelines.put("handled", handled).unwrap();
    assert_eq!(run("handled"), Ok(json!({"a": 1, "why": "x"})));
    // What is built in is covered, not changed.
    pipelines.put("text", json!({"processors": [set("mine")]})).unwrap();
    assert_eq!(run("text"), Ok(json!({"mine": 1})));
    assert!(pipelines.delete("text"));
    assert!(!pipelines.delete("text"));
    assert!(pipelines.get("text").is_some());
    assert!(pipelines.list().iter().any(|info| info.name == "access" && info.dataset.is_some()));
    for name in ["", "auto", "a/b", "a b"] {
        assert!(pipelines.put(name, json!({"processors": []})).is_err(), "{name}");
    }
}

#[test]
fn definitions_are_refused_with_their_place() {
    let check = |definition: Value, expected: &str| {
        let error = PIPELINES.check("p", definition).err().expect(expected);
        assert_eq!(error.to_string(), expected);
    };
    check(json!([]), "pipeline \"p\": a pipeline is a JSON object");
    check(json!({}), "pipeline \"p\", key \"processors\": required property is missing");
    check(json!({"processors": [], "x": 1}), "pipeline \"p\", key \"x\": unknown key");
    check(
        json!({"processors": [{"nope": {}}]}),
        "pipeline \"p\", processor 1 (nope): no processor type exists with name \"nope\"",
    );
    check(
        json!({"processors": [{}]}),
        "pipeline \"p\", processor 1: a processor is an object with one key, its type",
    );
    let nested =
        json!({"processors": [{"drop": {}}, {"drop": {"on_failure": [{"set": {"field": "a", "valu": 1}}]}}]});
    check(
        nested,
        "pipeline \"p\", processor 2.on_failure.1 (set), key \"value\": required property is missing",
    );
    let condition = json!({"processors": [{"drop": {"if": "ctx.a +"}}]});
    check(condition, "pipeline \"p\", processor 1 (drop), key \"if\": 1:8: expected a value, found the end");
    let mut deep = json!({"drop": {}});
    for _ in 0..20 {
        deep = json!({"drop": {"on_failure": [deep]}});
    }
    assert!(PIPELINES.check("p", json!({"processors": [deep]})).is_err());
}
