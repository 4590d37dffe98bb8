//! What must hold for any bytes: the bodies of the fuzz targets in `/fuzz`.
//!
//! Each says more than that nothing panics: what is read does not depend on how the bytes were cut, what is written reads
//! back, the quick way says what the exact one says. Beside the fuzzer, ordinary tests run them for a moment on made-up
//! bytes and on bytes like those that logs have.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a target fails by panic")]

mod decoding;
mod network;
mod patterns;
mod privacy;
mod processing;

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

/// All targets of this room.
pub const TARGETS: &[Target] = &[
    Target { name: "lines", run: decoding::lines, words: LINES },
    Target { name: "joined", run: decoding::joined, words: LINES },
    Target { name: "table", run: decoding::table, words: TABLES },
    Target { name: "w3c", run: decoding::w3c, words: TABLES },
    Target { name: "json_records", run: decoding::json_records, words: JSON },
    Target { name: "containers", run: decoding::containers, words: CONTAINERS },
    Target { name: "framing", run: network::framing, words: SYSLOG },
    Target { name: "syslog", run: network::syslog, words: SYSLOG },
    Target { name: "lumberjack", run: network::lumberjack, words: LUMBERJACK },
    Target { name: "beats", run: network::beats, words: JSON },
    Target { name: "processors", run: processing::processors, words: TEXTS },
    Target { name: "dissect", run: processing::dissect, words: DISSECT },
    Target { name: "csv_processor", run: processing::csv, words: TABLES },
    Target { name: "time_format", run: processing::time_format, words: TIMES },
    Target { name: "logfmt", run: processing::logfmt, words: TEXTS },
    Target { name: "cef", run: processing::cef, words: TEXTS },
    Target { name: "grok", run: processing::grok, words: GROK },
    Target { name: "grok_stock", run: processing::grok_stock, words: TEXTS },
    Target { name: "regexes", run: processing::regexes, words: GROK },
    Target { name: "pipeline_definition", run: processing::definition, words: DEFINITIONS },
    Target { name: "pipelines", run: processing::pipelines, words: TEXTS },
    Target { name: "redact", run: privacy::redact, words: SECRETS },
    Target { name: "inspect", run: processing::inspect, words: TABLES },
    Target { name: "patterns", run: patterns::patterns, words: MESSAGES },
];

const LINES: &[&str] = &[
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "2026-11-21 10:00:00 INFO x",
    "\tat a.B.c(B.java:1)",
    "Caused by: x",
    "    ",
    "Traceback (most recent call last):\n",
    "  File \"a.py\", line 3\n",
    "ValueError: no",
    "goroutine 1 [running]:",
    "\u{feff}",
    "\u{fffe}",
    "BEGIN",
];
const MESSAGES: &[&str] = &[
    "\n",
    "\nlogin of ",
    "ann ",
    "ben ",
    "cleo ",
    "refused",
    " ",
    "=",
    ": ",
    "5",
    "-12,5",
    " ()",
    "<*>",
    "worker-7",
    "Sun Nov 22",
    "/a/b?c=d",
    "https://a.example:80/",
    "a.b.c:5",
    "fe80::1",
    "1.5 KB",
    "\"",
    "é",
    "\r",
];
const TABLES: &[&str] = &[
    "\n",
    "\r\n",
    ",",
    ";",
    "\t",
    "|",
    "\"",
    "\"\"",
    "\",\"",
    "id,total,when\n",
    "1,9.5,2026-11-21 10:00:00\n",
    "#Fields: date time c-ip\n",
    "#Date: 2026-11-21\n",
    "2026-11-21 10:00:00 192.0.2.1\n",
    "column2",
    "-",
    "@timestamp",
    "true",
    "1,5",
    "9999999999999999",
];
const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\\"",
    "\\u00e9",
    "\n",
    "{\"a\":1}",
    "{\"message\":\"x\"}",
    "null",
    "1e5",
    " ",
    "\"@metadata\":{\"_id\":\"1\"}",
    "\"@timestamp\":\"2026-11-21T10:00:00Z\"",
    "\"log\":{\"offset\":5,\"file\":{\"path\":\"/a\"}}",
];
const CONTAINERS: &[&str] = &[
    "\u{1f}",
    "PK\u{3}\u{4}",
    "PK\u{1}\u{2}",
    "PK\u{5}\u{6}",
    "PK\u{7}\u{8}",
    "(",
    "\0",
    "\0\0",
    "\u{8}",
    "a.log",
];
const SYSLOG: &[&str] = &[
    "<13>",
    "<34>1 ",
    "2026-11-21T10:00:00.123Z",
    "Nov 21 10:00:00",
    " host ",
    "app[12]: ",
    " - ",
    "[a@1 b=\"c\"]",
    "\\\"",
    "\\]",
    "\n",
    "\0",
    "57 <13>",
    "9 <",
    "10 <13>x y z",
    "\u{feff}",
    "<191>",
    "<192>",
    "UTC",
    "+01:00",
    "%ASA-6-302013: ",
];
const LUMBERJACK: &[&str] = &[
    "2W\0\0\0\u{1}",
    "2J\0\0\0\u{1}\0\0\0\u{2}{}",
    "2C\0\0\0\u{10}",
    "2A",
    "1W",
    "2D",
    "\0\0\0",
    "{\"a\":1}",
    "2J\0\0\0\u{2}\0\0\u{1}",
];
const TEXTS: &[&str] = &[
    " ",
    "\"",
    "=",
    "|",
    "CEF:0|a|b|1|2|n|5|",
    "level=info msg=\"a b\"",
    "GET / HTTP/1.1",
    "192.0.2.1",
    "2001:db8::1",
    "/",
    "https://a:b@c.de:8080/p/f.tar.gz?q=1#f",
    "Mozilla/5.0 (X11; Linux x86_64)",
    "[21/Nov/2026:10:00:00 +0000]",
    "200 5",
    "a=1&b=2",
    "%20",
    "%",
    "<b>",
    "&amp;",
    "&#x41;",
    "\\",
    "\\=",
    "é",
    "\u{1F600}",
    "4111111111111111",
    "{\"a\":1}",
];
const DISSECT: &[&str] =
    &["%{", "}", "%{a}", " ", "%{+a}", "%{?x}", "%{*k}", "%{&k}", "->", "\0", "/2", "-", "é"];
const TIMES: &[&str] = &[
    "yyyy",
    "MM",
    "MMM",
    "dd",
    "d",
    "HH",
    "mm",
    "ss",
    "SSS",
    "Z",
    "XXX",
    "zzz",
    "EEE",
    "a",
    "hh",
    "'T'",
    "''",
    "[",
    "]",
    "||",
    "ISO8601",
    "UNIX",
    "\0",
    "2026-11-21T10:00:00.123Z",
    "21/Nov/2026:10:00:00 +0000",
    "uuuu",
    "DDD",
    "ww",
    "YYYY",
    "-",
    ":",
];
const GROK: &[&str] = &[
    "%{",
    "}",
    "%{IP:ip}",
    "%{INT:n:int}",
    "%{DATA:d}",
    "%{GREEDYDATA:g}",
    "(?<a>",
    ")",
    "(?:",
    "(?=",
    "(?!",
    "(?<!",
    "(?<=",
    "(?>",
    "|",
    "*",
    "+",
    "?",
    "{1,2}",
    "[a-z]",
    "[^>]",
    "\\b",
    "\\s",
    "^",
    "$",
    ".",
    "\0",
    "a",
    "b",
    "0",
    " ",
    "é",
    "\n",
    "<",
];
const DEFINITIONS: &[&str] = &[
    "{\"processors\":[",
    "]}",
    "{\"set\":{\"field\":\"a\",\"value\":\"{{b}}\"}}",
    "{\"grok\":{\"field\":\"message\",\"patterns\":[\"%{WORD:w}\"]}}",
    "{\"rename\":{\"field\":\"a\",\"target_field\":\"b.c\"}}",
    "{\"remove\":{\"field\":\"a\"}}",
    "{\"foreach\":{\"field\":\"l\",\"processor\":",
    "{\"script\":{\"source\":\"ctx.a = 1\"}}",
    "\"if\":\"ctx.a == 1\"",
    "\"on_failure\":[",
    "\"ignore_failure\":true",
    ",",
    "}",
    "]",
    "{\"append\":{\"field\":\"l\",\"value\":[1]}}",
    "{\"json\":{\"field\":\"message\"}}",
    "{\"date\":{\"field\":\"message\",\"formats\":[\"ISO8601\"]}}",
    "{\"dot_expander\":{\"field\":\"*\"}}",
    "{\"pipeline\":{\"name\":\"text\"}}",
    "{\"fail\":{\"message\":\"x\"}}",
    "{\"drop\":{}}",
];
const SECRETS: &[&str] = &[
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "5555555555554444",
    "378282246310005",
    " ",
    "-",
    ".",
    "%20",
    "password=",
    "cvv:",
    "\"cvv\":\"123\"",
    "Authorization: Bearer ",
    "https://a:b@c/",
    "card",
    "number",
    "token",
    "[redacted]",
    "é",
    "\u{a0}",
    "0",
    "1",
    "a",
    "f",
    ",",
    "/",
    "|",
    "&",
    "?",
    "user@example.com",
];

/// Runs a target.
///
/// # Panics
/// Something does not hold, or there is no target of that name.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.unwrap_or_else(|| panic!("there is no target {name:?}")).run)(data);
}

/// The first byte, for a choice, and the rest.
fn choice(data: &[u8]) -> (usize, &[u8]) {
    data.split_first().map_or((0, data), |(first, rest)| (usize::from(*first), rest))
}

/// Two texts, parted by NUL.
fn two_texts(data: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(data);
    let (first, second) = text.split_once('\0').unwrap_or((&text, ""));
    (first.to_owned(), second.to_owned())
}

#[cfg(test)]
#[path = "../../../fuzz/in_tests.rs"]
mod in_tests;
#[cfg(test)]
mod tests;
