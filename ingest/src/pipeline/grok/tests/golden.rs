//! Answers of the original: Elasticsearch's grok library (8.15) over the same patterns and texts.
//!
//! A line of a file is `[flavour, pattern, text, fields]`, with null where the original does not match; flavours are
//! `d` (disabled, the legacy names), `v1` (ECS) and `*` (both, which mean the same). The texts are log lines as the
//! programs write them, and variations of them that just match or just miss.

use super::super::{Flavour, Grok, grok_patterns};
use event::Object;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::{fs, path::Path};

struct Case {
    flavour: Flavour,
    pattern: String,
    text: String,
    expected: Value,
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pipeline/grok/tests/golden");
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        for line in fs::read_to_string(entry.unwrap().path()).unwrap().lines() {
            let (of, pattern, text, expected): (String, String, String, Value) =
                serde_json::from_str(line).expect(line);
            let flavours: &[Flavour] = match of.as_str() {
                "d" => &[Flavour::Legacy],
                "v1" => &[Flavour::Ecs],
                "*" => &[Flavour::Legacy, Flavour::Ecs],
                other => panic!("flavour {other}"),
            };
            cases.extend(flavours.iter().map(|flavour| Case {
                flavour: *flavour,
                pattern: pattern.clone(),
                text: text.clone(),
                expected: expected.clone(),
            }));
        }
    }
    cases
}

/// Numbers by value: the original writes a float 5 as 5.0.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|b| same(v, b)))
        }
        (a, b) => a == b,
    }
}

#[test]
fn answers_are_those_of_the_original() {
    let mut compiled: HashMap<(bool, String), Grok> = HashMap::new();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for Case { flavour, pattern, text, expected } in cases() {
        let grok = compiled.entry((flavour == Flavour::Ecs, pattern.clone())).or_insert_with(|| {
            Grok::compile(std::slice::from_ref(&pattern), &Object::new(), flavour)
                .unwrap_or_else(|e| panic!("{pattern}: {e}"))
        });
        let found = grok.matches(&text).map(|found| match found {
            None => Value::Null,
            Some(found) => found.fields(),
        });
        count += 1;
        let agrees = grok.is_match(&text) != expected.is_null();
        if !agrees || !found.as_ref().is_ok_and(|found| same(found, &expected)) {
            wrong
                .push(format!("{flavour:?} {pattern} {text:?}\n  original {expected}\n  here     {found:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} differ:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(30)].join("\n")
    );
}

#[test]
fn every_stock_pattern_has_cases() {
    // These match any text, if only a part of it that is empty.
    const ANY: [&str; 11] = [
        "CISCO_REASON",
        "DATA",
        "ELB_REQUEST_LINE",
        "EXIM_QUOTED_CONTENT",
        "GREEDYDATA",
        "HAPROXYCAPTUREDREQUESTHEADERS",
        "HAPROXYCAPTUREDRESPONSEHEADERS",
        "HAPROXYURI",
        "JAVALOGMESSAGE",
        "S3_REQUEST_LINE",
        "URIQUERY",
    ];
    let (mut yes, mut no) = (HashSet::new(), HashSet::new());
    for Case { flavour, pattern, expected, .. } in cases() {
        let name = pattern.split_once("%{").and_then(|(_, rest)| rest.split_once([':', '}'])).unwrap().0;
        let cases = if expected.is_null() { &mut no } else { &mut yes };
        cases.insert((flavour == Flavour::Ecs, name.to_owned()));
    }
    for (ecs, count) in [(false, 318), (true, 361)] {
        assert_eq!(grok_patterns(ecs).count(), count);
        for (name, _) in grok_patterns(ecs) {
            let key = (ecs, name.to_owned());
            assert!(yes.contains(&key), "no text that {name} matches (ecs: {ecs})");
            assert!(no.contains(&key) || ANY.contains(&name), "no text that {name} refuses (ecs: {ecs})");
        }
    }
}
