//! The pipeline engine: processors, patterns, definitions, and what is proposed for unknown text.

use super::{choice, two_texts};
use crate::{
    dead_letters::{DeadLetter, DeadLetterFilter},
    decode::Limits,
    enrich::Enrichment,
    inspect::{InspectError, Inspection},
    intake::{Intake, IntakeParts},
    pipeline::{Flow, Pipeline, Pipelines, SimulateTarget, TimeFormat, check_grok, check_grok_stock},
    ports::{DeadLetters, EventSink, Outcome, PortError, PortErrorKind, Position, SinkError},
    redact::Redactor,
};
use async_trait::async_trait;
use event::{Event, Object, Origin, Timestamp};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::{
    io,
    sync::{Arc, LazyLock},
};

static PIPELINES: LazyLock<Arc<Pipelines>> =
    LazyLock::new(|| Arc::new(Pipelines::new(Arc::new(Enrichment::embedded())).unwrap()));

/// What a run made of the fields, and how it ended.
type Ran = (Object, Result<Flow, String>);

fn run(pipeline: &Pipeline, fields: Object) -> Ran {
    let mut event = Event::new(fields, Origin::Request);
    let result = pipeline.run(&mut event).map_err(|error| error.reason);
    (event.fields, result)
}

fn fields(value: Value) -> Object {
    let Value::Object(fields) = value else { panic!("it is an object") };
    fields
}

/// Runs one processor, if its options are taken; twice, as it must do the same thing again.
fn process(kind: &str, options: Value, document: Value) -> Option<Ran> {
    let pipeline = PIPELINES.check("fuzz", json!({"processors": [{kind: options}]})).ok()?;
    let once = run(&pipeline, fields(document.clone()));
    assert_eq!(once, run(&pipeline, fields(document)), "{kind} does the same thing again");
    Some(once)
}

/// Processors of one text, with options that make them do something.
fn of_a_text(place: usize) -> (&'static str, Value) {
    let table = [
        ("bytes", json!({"field": "m", "target_field": "t"})),
        ("convert", json!({"field": "m", "target_field": "t", "type": "auto"})),
        ("convert", json!({"field": "m", "target_field": "t", "type": "integer"})),
        ("convert", json!({"field": "m", "target_field": "t", "type": "float"})),
        ("convert", json!({"field": "m", "target_field": "t", "type": "ip"})),
        ("csv", json!({"field": "m", "target_fields": ["a", "b", "c"], "trim": true})),
        ("date", json!({"field": "m", "formats": ["ISO8601", "dd/MMM/yyyy:HH:mm:ss Z", "UNIX"]})),
        ("date_index_name", json!({"field": "m", "date_rounding": "d"})),
        ("fingerprint", json!({"fields": ["m"]})),
        ("html_strip", json!({"field": "m", "target_field": "t"})),
        ("json", json!({"field": "m", "target_field": "t"})),
        ("kv", json!({"field": "m", "field_split": " ", "value_split": "=", "target_field": "t"})),
        (
            "kv",
            json!({"field": "m", "field_split": "&", "value_split": "=", "strip_brackets": true, "trim_key": "\"", "target_field": "t"}),
        ),
        ("lowercase", json!({"field": "m", "target_field": "t"})),
        ("uppercase", json!({"field": "m", "target_field": "t"})),
        ("registered_domain", json!({"field": "m", "target_field": "t"})),
        ("split", json!({"field": "m", "separator": "\\s+", "target_field": "t"})),
        ("trim", json!({"field": "m", "target_field": "t"})),
        ("uri_parts", json!({"field": "m", "target_field": "t"})),
        ("urldecode", json!({"field": "m", "target_field": "t"})),
        ("user_agent", json!({"field": "m", "target_field": "t"})),
        ("geoip", json!({"field": "m", "target_field": "t"})),
        (
            "network_direction",
            json!({"source_ip": "m", "destination_ip": "m", "internal_networks": ["private"]}),
        ),
        ("redact", json!({"field": "m", "patterns": ["%{IP:ip}", "%{EMAILADDRESS:mail}"]})),
        (
            "community_id",
            json!({"source_ip": "m", "destination_ip": "m", "transport": "m", "target_field": "t"}),
        ),
    ];
    let (kind, options) = &table[place % table.len()];
    (kind, options.clone())
}

pub(super) fn processors(data: &[u8]) {
    let (place, text) = choice(data);
    let text = String::from_utf8_lossy(text);
    let (kind, options) = of_a_text(place);
    let (after, result) = process(kind, options, json!({"m": text})).expect("the options are right");
    if result.is_err() || kind != "redact" {
        assert_eq!(after.get("m"), Some(&json!(text)), "{kind} leaves the text alone");
    }
    let longest = after.values().map(|value| value.to_string().len()).max().unwrap_or(0);
    assert!(longest <= 1_000 + 40 * text.len(), "{kind} makes {longest} bytes of {}", text.len());
}

pub(super) fn dissect(data: &[u8]) {
    let (pattern, text) = two_texts(data);
    process("dissect", json!({"field": "m", "pattern": pattern}), json!({"m": text}));
    // What was put together by a pattern is taken apart by it.
    let values: Vec<&str> =
        text.split(['\0', '-', ' ', '>']).filter(|value| !value.is_empty()).take(8).collect();
    if values.is_empty() {
        return;
    }
    let names: Vec<String> = (0..values.len()).map(|number| format!("v{number}")).collect();
    let keys: Vec<String> = names.iter().map(|name| format!("%{{{name}}}")).collect();
    let options = json!({"field": "m", "pattern": format!("<{}", keys.join(" -"))});
    let (after, result) =
        process("dissect", options, json!({"m": format!("<{}", values.join(" -"))})).unwrap();
    assert_eq!(result, Ok(Flow::Continue));
    for (name, value) in names.iter().zip(&values) {
        assert_eq!(after.get(name), Some(&json!(value)));
    }
}

pub(super) fn csv(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let cells: Vec<&str> = text.split('\0').take(12).collect();
    if text.contains(['\n', '\r']) {
        return;
    }
    let names: Vec<String> = (0..cells.len()).map(|number| format!("c{number}")).collect();
    let quoted: Vec<String> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
    let options = json!({"field": "m", "target_fields": names, "empty_value": ""});
    let (after, result) = process("csv", options, json!({"m": quoted.join(",")})).unwrap();
    assert_eq!(result, Ok(Flow::Continue), "{quoted:?}");
    for (name, cell) in names.iter().zip(&cells) {
        assert_eq!(after.get(name), Some(&json!(cell)), "of {quoted:?}");
    }
}

/// Values for keys `k0`, `k1` …, of the parts of an input.
fn values(data: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(data);
    let plain = |part: &str| part.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    text.split(['\0', '|']).take(8).map(plain).collect()
}

/// What a pipeline makes of a line.
fn of_line(pipeline: &str, line: &str) -> Object {
    let (after, result) = run(&PIPELINES.get(pipeline).unwrap(), fields(json!({"message": line})));
    assert_eq!(result, Ok(Flow::Continue), "{line}");
    after
}

pub(super) fn logfmt(data: &[u8]) {
    let values = values(data);
    let escaped = |value: &str| {
        value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t")
    };
    let pairs = values.iter().enumerate().map(|(number, value)| format!("k{number}=\"{}\"", escaped(value)));
    let line = pairs.collect::<Vec<_>>().join(" ");
    let after = of_line("logfmt", &format!("first=1 {line}"));
    for (number, value) in values.iter().enumerate().filter(|(_, value)| !value.is_empty()) {
        assert_eq!(after.get(&format!("k{number}")), Some(&json!(value)), "of {line}");
    }
}

pub(super) fn cef(data: &[u8]) {
    let values = values(data);
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('=', "\\=").replace('\n', "\\n");
    let pairs =
        values.iter().enumerate().map(|(number, value)| format!("k{number}={}", escaped(value.trim())));
    let line = format!("CEF:0|a|b|1|2|name|5|{}", pairs.collect::<Vec<_>>().join(" "));
    let after = of_line("cef", &line);
    for (number, value) in
        values.iter().map(|value| value.trim()).enumerate().filter(|(_, value)| !value.is_empty())
    {
        let found = &after["cef"]["extensions"][format!("k{number}")];
        assert_eq!(found, &json!(value), "of {line}");
    }
}

pub(super) fn time_format(data: &[u8]) {
    let (format, text) = two_texts(data);
    let Ok(formats) = TimeFormat::compile(&format) else { return };
    let now = || Timestamp::from_second(1_795_600_000).unwrap();
    for format in formats {
        let Some(time) = format.read(&text, &TimeZone::UTC, &now) else { continue };
        let written = format.write(time, &TimeZone::UTC);
        // What a format leaves out (a day without its year) is not read as it was; but it is written as it was.
        if let Some(again) = format.read(&written, &TimeZone::UTC, &now) {
            assert_eq!(format.write(again, &TimeZone::UTC), written, "{format:?} of {text:?}");
        }
    }
}

pub(super) fn grok(data: &[u8]) {
    let (patterns, text) = two_texts(data);
    let patterns: Vec<String> = patterns.split("||").take(4).map(str::to_owned).collect();
    check_grok(&patterns, &text);
}

pub(super) fn grok_stock(data: &[u8]) {
    let (place, text) = choice(data);
    let (more, text) = choice(text);
    check_grok_stock(place * 256 + more, &String::from_utf8_lossy(text));
}

pub(super) fn regexes(data: &[u8]) {
    let (pattern, text) = two_texts(data);
    let gsub = json!({"field": "m", "pattern": pattern, "replacement": "<$0>"});
    let replaced = process("gsub", gsub, json!({"m": text}));
    let parts = process(
        "split",
        json!({"field": "m", "separator": pattern, "preserve_trailing": true}),
        json!({"m": text}),
    );
    let (Some((replaced, Ok(_))), Some((parts, Ok(_))), Ok(regex)) =
        (replaced, parts, regex::Regex::new(&pattern))
    else {
        return;
    };
    assert_eq!(replaced["m"], json!(regex.replace_all(&text, "<$0>")), "as the regex alone does");
    let expected: Vec<&str> = regex.split(&text).collect();
    assert_eq!(parts["m"], json!(expected), "as the regex alone does");
}

pub(super) fn definition(data: &[u8]) {
    let (definition, text) = two_texts(data);
    let Ok(definition) = serde_json::from_str::<Value>(&definition) else { return };
    let Ok(pipeline) = PIPELINES.check("fuzz", definition.clone()) else { return };
    let document = json!({"message": text, "a": 1, "l": [1, "b", null], "o": {"x.y": {"z": text}}});
    let (after, result) = run(&pipeline, fields(document.clone()));
    // A trial says what a run does; only the time of day may differ, which definitions reach by `_ingest.timestamp`.
    let documents = [json!({"_source": document})];
    for verbose in [false, true] {
        let target = SimulateTarget::Definition(definition.clone());
        let answer = PIPELINES.simulate(target, &documents, verbose, &|| true).unwrap();
        let (doc, timed) = (&answer["docs"][0], definition.to_string().contains("timestamp"));
        if !verbose && !timed && result == Ok(Flow::Continue) {
            assert_eq!(doc["doc"]["_source"], Value::Object(after.clone()));
        }
        if !verbose {
            assert_eq!(doc.get("error").is_some(), result.is_err(), "{doc}");
        }
    }
}

pub(super) fn pipelines(data: &[u8]) {
    let (place, text) = choice(data);
    let text = String::from_utf8_lossy(text);
    let names: Vec<String> = PIPELINES.list().into_iter().map(|pipeline| pipeline.name).collect();
    let name = &names[place % names.len()];
    let pipeline = PIPELINES.get(name).unwrap();
    let document = json!({"message": text, "event": {"original": text}});
    let once = run(&pipeline, fields(document.clone()));
    assert_eq!(once, run(&pipeline, fields(document)), "{name} does the same thing again");
    let sample: Vec<&str> = text.lines().collect();
    let detection = (PIPELINES.detect(&sample), PIPELINES.detect(&sample));
    assert_eq!(format!("{:?}", detection.0), format!("{:?}", detection.1));
}

/// A store that must not be reached.
struct Nowhere;

fn refused<T>() -> Result<T, PortError> {
    Err(PortError::new(PortErrorKind::Internal, "nothing is stored here"))
}

#[async_trait]
impl EventSink for Nowhere {
    async fn write(&self, _: Vec<Event>) -> Result<Vec<Outcome>, SinkError> {
        refused()
    }
}

#[async_trait]
impl DeadLetters for Nowhere {
    async fn append(&self, _: Vec<DeadLetter>) -> Result<(), PortError> {
        refused()
    }

    async fn list(
        &self,
        _: &DeadLetterFilter,
        _: Option<&Position>,
        _: usize,
    ) -> Result<Vec<DeadLetter>, PortError> {
        refused()
    }

    async fn get(&self, _: &[String]) -> Result<Vec<DeadLetter>, PortError> {
        refused()
    }

    async fn count(&self, _: &DeadLetterFilter) -> Result<u64, PortError> {
        refused()
    }

    async fn delete(&self, _: &[String]) -> Result<(), PortError> {
        refused()
    }

    async fn delete_of_upload(&self, _: &str) -> Result<(), PortError> {
        refused()
    }
}

static INTAKE: LazyLock<Arc<Intake>> = LazyLock::new(|| {
    Intake::new(IntakeParts {
        pipelines: Arc::clone(&*PIPELINES) as _,
        redact: Arc::new(Redactor::new(b"a key of the fuzzer")),
        sink: Arc::new(Nowhere),
        dead_letters: Arc::new(Nowhere),
        patterns: None,
        clock: Arc::new(|| Timestamp::from_second(1_795_600_000).unwrap()),
        limits: Limits::default(),
    })
});

pub(super) fn inspect(data: &[u8]) {
    let file = || Box::new(io::Cursor::new(data.to_vec()));
    let found = match INTAKE.inspect(&PIPELINES, file(), true) {
        Ok(found) => found,
        Err(InspectError::Unreadable(_)) => return,
        Err(InspectError::Internal(reason)) => panic!("{reason}"),
    };
    assert!((0.0..=1.0).contains(&found.parse_rate) && (0.0..=1.0).contains(&found.confidence), "{found:?}");
    assert!(found.parsed <= found.records);
    // What is proposed compiles.
    if let Some(definition) = &found.pipeline.definition {
        PIPELINES
            .check("proposed", definition.clone())
            .unwrap_or_else(|error| panic!("{error}: {definition}"));
    }
    assert!(PIPELINES.get(&found.pipeline.name).is_some());
    let again = INTAKE.inspect(&PIPELINES, file(), true).unwrap();
    // Samples have ids of their own.
    let all = |found: Inspection| serde_json::to_value(Inspection { samples: Vec::new(), ..found }).unwrap();
    assert_eq!(all(found), all(again));
}
