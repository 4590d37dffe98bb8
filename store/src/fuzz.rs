//! What must hold for any text: the bodies of the fuzz targets in `/fuzz`. Queries that are printed parse to the same
//! thing, and what cannot be read is refused as the client's fault.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a target fails by panic")]

use crate::{
    ErrorKind, StoreError,
    logs::{
        dsl::{Operator, SearchBody, parse_query},
        embedded::read_date,
        query_string::{Node, ParseOptions, parse, parse_kql, parse_simple},
    },
};
use serde_json::Value;

/// A target: its name, as in `/fuzz`, what takes the bytes, and words that its inputs are made of.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Panics when something does not hold.
    pub run: fn(&[u8]),
    /// Words that lead into its branches.
    pub words: &'static [&'static str],
}

/// Runs a target.
///
/// # Panics
/// Something does not hold, or there is no target of that name.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.unwrap_or_else(|| panic!("there is no target {name:?}")).run)(data);
}

/// All targets of this room.
pub const TARGETS: &[Target] = &[
    Target { name: "query_dsl", run: query_dsl, words: DSL },
    Target { name: "query_string", run: query_string, words: QUERIES },
    Target { name: "dates", run: dates, words: DATES },
];

const DSL: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"query\":",
    "\"bool\":{",
    "\"must\":[",
    "\"filter\":",
    "{\"term\":{\"a\":1}}",
    "{\"match\":{\"a\":\"b c\"}}",
    "{\"range\":{\"t\":{\"gte\":\"now-1d/d\"}}}",
    "{\"query_string\":{\"query\":\"a:b\"}}",
    "{\"exists\":{\"field\":\"a\"}}",
    "{\"match_all\":{}}",
    "{\"nested\":{\"path\":\"a\",\"query\":",
    "\"aggs\":{\"a\":",
    "{\"terms\":{\"field\":\"a\"}}",
    "{\"date_histogram\":{\"field\":\"t\",\"fixed_interval\":\"1h\"}}",
    "\"size\":0",
    "\"sort\":[{\"a\":\"desc\"}]",
    "\"_source\":[\"a*\"]",
    "{\"wildcard\":{\"a\":\"b*\"}}",
    "{\"regexp\":{\"a\":\"b+\"}}",
    "\"from\":",
    "1e9",
    "-1",
    "\"boost\":2",
    "null",
    "\"highlight\":{\"fields\":{\"a\":{}}}",
    "{\"ids\":{\"values\":[\"1\"]}}",
    "{\"function_score\":{\"query\":",
    "\"minimum_should_match\":\"75%\"",
];
const QUERIES: &[&str] = &[
    "a",
    "b:",
    "c.d:",
    "\"",
    "\"a b\"~2",
    " AND ",
    " OR ",
    " NOT ",
    "+",
    "-",
    "(",
    ")",
    "*",
    "?",
    "/a+/",
    "~1",
    "^2",
    "[1 TO 5]",
    "{a TO *}",
    ">=5",
    "<",
    "\\",
    "\\*",
    "_exists_:",
    "é",
    " ",
    "&&",
    "||",
    "!",
    ":",
    "and",
    "or",
    "not",
    "{",
    "}",
    "|",
    "2001:db8::1",
    "/a/b",
    "^",
    "~",
    "\n",
];
const DATES: &[&str] = &[
    "strict_date_optional_time",
    "epoch_millis",
    "epoch_second",
    "yyyy-MM-dd",
    "||",
    "\0",
    "2026-11-21T10:00:00.123Z",
    "2026-11",
    "2026",
    "now",
    "-1d",
    "/d",
    "+1M",
    "/w",
    "HH:mm:ss",
    "SSS",
    "Z",
    "XXX",
    "'T'",
    "[",
    "]",
    "MMM",
    "21 Nov 2026",
    "1795600000000",
    "-",
    "+01:00",
    "E",
    "uuuu",
    "DDD",
    "basic_date",
    "é",
];

/// Whoever asks nonsense is told so; a failure of ours it is not.
fn refused<T>(result: Result<T, StoreError>) -> Option<T> {
    match result {
        Ok(found) => Some(found),
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::InvalidRequest, "{error}");
            None
        }
    }
}

fn query_dsl(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    let once = refused(parse_query(&value)).map(|query| format!("{query:?}"));
    assert_eq!(once, parse_query(&value).ok().map(|query| format!("{query:?}")));
    if let Value::Object(body) = &value {
        refused(SearchBody::parse(body));
    }
}

fn query_string(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for default_operator in [Operator::Or, Operator::And] {
        let options = ParseOptions { default_operator, allow_leading_wildcard: true };
        if let Ok(node) = parse(&text, &options) {
            reads_back(&node, &text);
        }
        reads_back(&parse_simple(&text, default_operator), &text);
    }
    if let Ok(node) = parse_kql(&text) {
        reads_back(&node, &text);
    }
}

/// A printed tree is the same tree. Larger ones than a text may hold can be made of a text, but not printed.
fn reads_back(node: &Node, text: &str) {
    let printed = node.to_string();
    match parse(&printed, &ParseOptions::default()) {
        Ok(again) => assert_eq!(&again, node, "{text:?} prints as {printed:?}"),
        Err(error) => {
            let long = ["too long", "too deep", "too many", "nested"]
                .iter()
                .any(|limit| error.message.contains(limit));
            assert!(long, "{text:?} prints as {printed:?}: {error}");
        }
    }
}

fn dates(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (format, date) = text.split_once('\0').unwrap_or(("strict_date_optional_time||epoch_millis", &text));
    let Some((down, up)) = read_date(format, date) else { return };
    match (down, up) {
        (Ok(down), Ok(up)) => assert!(down <= up, "{date:?}: {down} to {up}"),
        (down, up) => {
            // The last of a span may lie beyond all time, never the other way round.
            assert!(refused(down).is_some() || refused(up).is_none(), "{date:?}");
        }
    }
}

#[cfg(test)]
#[path = "../../fuzz/in_tests.rs"]
mod in_tests;

#[cfg(test)]
mod tests {
    use super::{TARGETS, in_tests};

    /// Inputs of one target in an ordinary test.
    const CASES: u32 = 2_000;

    #[test]
    fn every_target_holds_for_a_moment() {
        let faults = TARGETS.iter().filter_map(|target| {
            let inputs = in_tests::parts(target.words, 6, (4, "[ -~]{0,6}"), 16);
            in_tests::fault(target.name, target.run, &inputs, CASES)
        });
        let faults: Vec<String> = faults.collect();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    #[test]
    fn every_target_is_one_of_the_fuzzer_too() {
        TARGETS.iter().for_each(|target| in_tests::assert_is_fuzzed(target.name));
    }
}
