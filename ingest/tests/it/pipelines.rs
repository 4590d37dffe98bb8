//! Walks `/pipelines`: each definition against the cases beside it.

use event::Event;
use ingest::{
    enrich::Enrichment,
    pipeline::{PipelineCase, PipelineCases, Pipelines, SampleFormat, SimulateTarget},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

static PIPELINES: LazyLock<Pipelines> = LazyLock::new(|| {
    Pipelines::new(Arc::new(Enrichment::embedded())).expect("the built-in pipelines compile")
});

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
        let cases: PipelineCases =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}.cases.json: {e}"));
        assert!(cases.cases.len() >= 2, "{name} has hardly any cases");
        let pipeline = PIPELINES.get(name).expect("it is built in");
        for case in &cases.cases {
            for difference in case.check(&pipeline) {
                failures.push(format!("{name}: {}: {difference}", case.name));
            }
        }
    }
    assert!(failures.is_empty(), "{} cases fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn cases_tell_what_differs() {
    let pipeline =
        PIPELINES.check("p", json!({"processors": [{"set": {"field": "a.b", "value": 1}}]})).unwrap();
    let check = |case: Value, expected: &[&str]| {
        let case: PipelineCase = serde_json::from_value(case).unwrap();
        let found: Vec<String> = case.check(&pipeline).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    };
    let holds = json!({"name": "n", "input": "x", "expected": {"message": "x", "a": {"b": 1}}, "metadata": {"index": null}});
    check(holds, &[]);
    let wrong = json!({"name": "n", "input": {"c": null}, "expected": {"a": {"b": 1.0}, "d": 2}});
    check(wrong, &["a.b\n  - 1.0\n  + 1", "c\n  + null", "d\n  - 2"]);
    let refused = json!({"name": "n", "input": {}, "error": "no such luck"});
    check(
        refused,
        &["outcome\n  - \"an error with \\\"no such luck\\\"\"\n  + \"the event {\\\"a\\\":{\\\"b\\\":1}}\""],
    );
    let placed = json!({"name": "n", "input": {}, "expected": {"a": {"b": 1}}, "metadata": {"id": "7"}});
    check(placed, &["metadata id\n  - \"7\""]);
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
    let line = |sample: &str, pipeline: &str| check(&[sample, sample, "noise"], pipeline, SampleFormat::Line);
    line("2026/11/21 10:00:00 [error] 1#1: *2 open() failed, client: 192.0.2.1", "nginx-error");
    line("[Wed Oct 11 14:32:52 2017] [error] [client 192.0.2.1] no", "apache-error");
    line("[Fri Sep 09 10:42:29.902022 2022] [core:error] [pid 1] no", "apache-error");
    line("ts=2026-11-21T10:00:00Z level=info msg=\"a b\"", "logfmt");
    line("2026-11-21 10:00:00 INFO paid user=7, order=8, total=9.5", "key-value");
    line("user=7|action=login|result=ok", "key-value");
    line("<13>Nov 21 10:00:00 fw CEF:0|V|P|1|7|n|5|src=192.0.2.1 dst=192.0.2.2 act=x", "cef");
    line("<86>Nov 21 10:00:00 web-1 sshd[42]: session opened for root", "syslog");
    line("<165>1 2026-11-21T10:00:00.003Z shop-1 checkout 8710 ID47 - order placed", "syslog");
    line("Nov  1 10:00:00 web-1 kernel: eth0: link up", "syslog");
    line("2026-11-21T10:00:00+00:00 web-1 cron[7]: (root) CMD (x)", "syslog");
    line("2026-11-21T10:00:00Z INFO cart: added", "text");
    line("2026-11-21 10:00:00 INFO started in 5 ms with a=1", "text");
    line("GET /a?b=1&c=2&d=3 HTTP/1.1", "text");
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
    let answer = PIPELINES
        .simulate(SimulateTarget::Definition(definition.clone()), &documents, false, &|| true)
        .unwrap();
    assert_eq!(answer["docs"][0]["doc"]["_index"], "i");
    assert_eq!(answer["docs"][0]["doc"]["_source"], json!({"a": 1}));
    assert!(answer["docs"][0]["doc"]["_ingest"]["timestamp"].is_string());
    assert_eq!(answer["docs"][1], Value::Null);
    let error = json!({"type": "fail_processor_exception", "reason": "no"});
    assert_eq!(answer["docs"][2]["error"]["root_cause"], json!([error]));
    let answer =
        PIPELINES.simulate(SimulateTarget::Definition(definition), &documents, true, &|| true).unwrap();
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
    let missing = PIPELINES.simulate(SimulateTarget::Name("nope"), &documents, false, &|| true).unwrap_err();
    assert!(missing.to_string().ends_with("pipeline with id [nope] does not exist"));
}

#[test]
fn verbose_simulations_show_the_processors_of_called_pipelines() {
    let pipelines = Pipelines::new(Arc::new(Enrichment::embedded())).unwrap();
    let inner = json!({"processors": [{"set": {"field": "b", "value": 1}}, {"fail": {"if": "ctx.bad == true", "message": "no"}}]});
    pipelines.put("inner", inner).unwrap();
    let outer = json!({"processors": [
        {"pipeline": {"name": "inner", "tag": "call", "if": "ctx.skip != true"}},
        {"set": {"field": "c", "value": 2}},
    ]});
    let check = |source: Value, expected: &[(&str, &str, bool)]| {
        let target = SimulateTarget::Definition(outer.clone());
        let answer = pipelines.simulate(target, &[json!({"_source": source})], true, &|| true).unwrap();
        let results = answer["docs"][0]["processor_results"].as_array().unwrap();
        let found: Vec<(&str, &str, bool)> = results
            .iter()
            .map(|result| {
                let text = |key: &str| result[key].as_str().unwrap();
                (text("processor_type"), text("status"), result.get("doc").is_some())
            })
            .collect();
        assert_eq!(found, expected, "{answer:#}");
        results.clone()
    };
    let calls = check(
        json!({}),
        &[
            ("pipeline", "success", false),
            ("set", "success", true),
            ("fail", "skipped", false),
            ("set", "success", true),
        ],
    );
    assert_eq!(calls[0]["tag"], "call");
    assert_eq!(calls[0]["if"], json!({"condition": "ctx.skip != true", "result": true}));
    check(json!({"skip": true}), &[("pipeline", "skipped", false), ("set", "success", true)]);
    check(
        json!({"bad": true}),
        &[("pipeline", "success", false), ("set", "success", true), ("fail", "error", false)],
    );
}

#[test]
fn of_a_cycle_only_the_error_is_shown() {
    let pipelines = Pipelines::new(Arc::new(Enrichment::embedded())).unwrap();
    let call = |name: &str| json!({"processors": [{"set": {"field": "x", "value": 1}}, {"pipeline": {"name": name}}]});
    pipelines.put("outer", call("inner")).unwrap();
    pipelines.put("inner", call("outer")).unwrap();
    let target = SimulateTarget::Definition(json!({"processors": [{"pipeline": {"name": "outer"}}]}));
    let answer = pipelines.simulate(target, &[json!({"_source": {}})], true, &|| true).unwrap();
    let results = answer["docs"][0]["processor_results"].as_array().unwrap();
    let reason = &results[0]["error"]["reason"];
    assert_eq!((results.len(), reason), (1, &json!("Cycle detected for pipeline: outer")), "{answer:#}");
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
