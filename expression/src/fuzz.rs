//! What must hold for any text: the bodies of the fuzz targets in `/fuzz`. What is printed parses to the same thing, the
//! quick way says what the machine says, and everything ends.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a target fails by panic")]

use crate::{
    Condition, Escape, FieldPath, Language, Limits, Member, Purpose, Script, SearchTemplate, Template,
    ValueTemplate,
};
use event::Object;
use serde_json::{Value, json};

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
    Target { name: "condition", run: condition, words: SCRIPTS },
    Target { name: "script", run: script, words: SCRIPTS },
    Target { name: "template", run: template, words: TEMPLATES },
    Target { name: "search_template", run: search_template, words: TEMPLATES },
    Target { name: "field_path", run: field_path, words: PATHS },
];

const SCRIPTS: &[&str] = &[
    "ctx.",
    "ctx['a']",
    "params.",
    "?.",
    "==",
    "!=",
    "<",
    ">=",
    "&&",
    "||",
    "!",
    "null",
    "5",
    "2.5",
    "'v'",
    "\"x\"",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "return ",
    ";",
    "def x = ",
    "x",
    "for (int i = 0; i < 3; i++)",
    "if (",
    "else ",
    " ? ",
    " : ",
    "?:",
    " instanceof List",
    ".contains('a')",
    ".size()",
    ".toLowerCase()",
    "/a+/",
    "=~",
    "==~",
    "+",
    "-",
    "*",
    "%",
    "int f(int a) { return a; }",
    "->",
    "new ArrayList()",
    "doc['n'].value",
    "_score",
    "values",
    "\n",
    "//",
    "/*",
    "*/",
    "a",
    "s",
    "n",
    "list",
    "map.k",
    "\0",
    "{\"a\":1}",
    "Math.max(1, 2)",
];
const TEMPLATES: &[&str] = &[
    "{{",
    "}}",
    "{{{",
    "}}}",
    "{{a}}",
    "{{{m.k}}}",
    "{{#l}}",
    "{{/l}}",
    "{{^x}}",
    "{{.}}",
    "{{#toJson}}m{{/toJson}}",
    "{{#join}}l{{/join}}",
    "&",
    "a",
    "m.k",
    "l",
    " ",
    "\"",
    "\\",
    "é",
    "\0",
    "{\"a\":1}",
    "{{!c}}",
    "{{=<% %>=}}",
];
const PATHS: &[&str] =
    &["a", ".", "..", "b", "0", "1", "list", "[", "]", "é", " ", "_ingest", "@timestamp", "\0"];

fn world() -> Object {
    let world = json!({
        "s": "Hello World", "n": 5, "f": 2.5, "t": true, "null": null, "list": ["a", 1, null, {"x": 2}],
        "map": {"k": {"deep": "v"}, "a b": 1}, "empty": "", "a": {"b": [{"c": 1}, 2]}, "l": [1, 2], "m": {"k": "\"v\""},
    });
    let Value::Object(world) = world else { return Object::new() };
    world
}

const LIMITS: Limits = Limits { steps: 20_000, memory_bytes: 1 << 20 };

/// A source, and a document behind NUL if there is one.
fn source_and_document(data: &[u8]) -> (String, Object) {
    let text = String::from_utf8_lossy(data);
    let (source, document) = text.split_once('\0').unwrap_or((&text, ""));
    let document = serde_json::from_str(document).unwrap_or_else(|_| world());
    (source.to_owned(), document)
}

fn condition(data: &[u8]) {
    let (source, document) = source_and_document(data);
    let Ok(condition) = Condition::parse(&source) else { return };
    let printed = condition.to_string();
    let again = Condition::parse(&printed)
        .unwrap_or_else(|error| panic!("{source:?} prints as {printed:?}: {error}"));
    assert_eq!(again.to_string(), printed);
    let holds = condition.evaluate(&document);
    assert_eq!(holds.clone().ok(), again.evaluate(&document).ok(), "{source:?} prints as {printed:?}");
    // In a list, which the quick way does not know, the machine decides.
    if let Ok(machine) = Condition::parse(&format!("[{printed}][0]")) {
        let exact = machine.evaluate(&document);
        assert_eq!(holds.ok(), exact.ok(), "{printed:?} on {}", Value::Object(document));
    }
}

fn script(data: &[u8]) {
    let (source, document) = source_and_document(data);
    let purposes = [
        Purpose::Condition,
        Purpose::Update,
        Purpose::Field,
        Purpose::Value,
        Purpose::Score,
        Purpose::Bucket,
        Purpose::Moving,
    ];
    for language in [Language::Painless, Language::Expression] {
        for purpose in purposes {
            let Ok(script) = Script::compile(language, &source, purpose) else { continue };
            let printed = script.to_string();
            let again = Script::compile(language, &printed, purpose)
                .unwrap_or_else(|error| panic!("{source:?} prints as {printed:?}: {error}"));
            assert_eq!(again, script, "{source:?} prints as {printed:?}");
            if purpose == Purpose::Update {
                let ctx = || document.iter().map(|(name, value)| (name.as_str(), Member::Value(value)));
                let params = world();
                let (one, other) =
                    (script.update(ctx(), &params, LIMITS), again.update(ctx(), &params, LIMITS));
                if !source.contains("now") && !source.contains("random") {
                    assert_eq!(one.ok(), other.ok(), "{source:?} prints as {printed:?}");
                }
            }
        }
    }
}

fn template(data: &[u8]) {
    let (source, document) = source_and_document(data);
    if let Ok(template) = Template::parse(&source) {
        assert_eq!(template.to_string(), source);
        for escape in [Escape::Json, Escape::None, Escape::UrlEncoded] {
            let text = template.render(&document, escape);
            if !Template::is_template(&source) {
                assert_eq!(text, source, "what has no tags stays");
            }
        }
        let quoted = format!("\"{}\"", template.render(&document, Escape::Json));
        let plain = source.split("{{").skip(1).all(|tag| !tag.starts_with(['{', '&', ' ']));
        let outside = source.contains(['"', '\\']) || source.chars().any(char::is_control);
        if plain && !outside && !source.contains('&') {
            let read: Result<String, _> = serde_json::from_str(&quoted);
            assert!(read.is_ok(), "{quoted} is no text in JSON: {source:?}");
        }
    }
    if let Ok(value) = serde_json::from_str::<Value>(&source)
        && let Ok(template) = ValueTemplate::compile(value)
    {
        let _ = template.render(&document, Escape::Json);
    }
}

fn search_template(data: &[u8]) {
    let (source, document) = source_and_document(data);
    let Ok(template) = SearchTemplate::parse(&source) else { return };
    let params = Value::Object(document);
    let once = template.render(&params);
    assert_eq!(once.clone().ok(), template.render(&params).ok());
    if !source.contains("{{") {
        assert_eq!(once.ok().as_deref(), Some(source.as_str()), "what has no tags stays");
    }
}

fn field_path(data: &[u8]) {
    let (source, mut document) = source_and_document(data);
    let Ok(path) = FieldPath::parse(&source) else { return };
    let again = FieldPath::parse(path.as_str()).unwrap();
    assert_eq!(path, again);
    // What is set is there, and gone when it is removed.
    let can_set = path.can_set(&document);
    let before = document.clone();
    match path.set(&mut document, json!("set")) {
        Ok(_) => {
            assert!(can_set, "{source:?} was set");
            assert_eq!(path.get(&document), Some(&json!("set")), "{source:?}");
            assert_eq!(path.remove(&mut document), Ok(json!("set")), "{source:?}");
        }
        Err(_) => {
            assert!(!can_set, "{source:?} cannot be set");
            assert_eq!(document, before, "{source:?}: nothing has changed");
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
