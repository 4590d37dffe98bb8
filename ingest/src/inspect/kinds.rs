//! The kinds of fields that lines of logs have.

use regex::Regex;
use std::{net::IpAddr, sync::LazyLock};

/// A kind of field: its name in patterns, what it matches, how a field of it is called, what type grok makes of it.
pub(super) struct Kind {
    pub(super) grok: &'static str,
    regex: Regex,
    pub(super) name: &'static str,
}

impl Kind {
    /// Where it ends, if a text begins with it.
    pub(super) fn end(&self, text: &str) -> Option<usize> {
        Some(self.regex.captures(text)?.get(1)?.end())
    }

    /// Whether a text that matches is what it looks like.
    pub(super) fn takes(&self, text: &str) -> bool {
        self.grok != "IP" || text.parse::<IpAddr>().is_ok()
    }
}

/// What may follow a field: its neighbours must not go on with it.
const END: &str = r#"(?:$|[\s,;|\])}>"'=:])"#;

/// All kinds, the more special ones first.
pub(super) static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    let kind = |grok, pattern: &str, name| Kind {
        grok,
        regex: Regex::new(&format!("^({pattern}){END}")).expect("the kinds are tested"),
        name,
    };
    vec![
        kind("LEVEL", LEVEL, "log.level"),
        kind("UUID", "[A-Fa-f0-9]{8}-(?:[A-Fa-f0-9]{4}-){3}[A-Fa-f0-9]{12}", "trace.id"),
        kind("IP", r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}", "source.ip"),
        kind("METHOD", "GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS", "http.request.method"),
        kind("LINK", r#"[a-z][a-z0-9+.-]{1,20}://[^\s"'<>\])]+"#, "url.original"),
        kind("EMAILADDRESS", r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}", "user.email"),
        kind("NUMBER", r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?", "number"),
        kind("TARGET", r#"/[^\s"'\])|,;]*"#, "path"),
    ]
});

const LEVEL: &str =
    "(?i:trace|debug|info|information|notice|warn|warning|error|err|critical|crit|fatal|severe|alert|emerg)";
/// The patterns that are not among the stock ones.
pub(super) const DEFINITIONS: [(&str, &str); 7] = [
    ("LEVEL", LEVEL),
    ("METHOD", "GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS"),
    ("LINK", r#"[a-z][a-z0-9+.-]{1,20}://[^\s"'<>\])]+"#),
    ("TARGET", r#"/[^\s"'\])|,;]*"#),
    ("TOKEN", r#"[^\s\[\](){}|:;,"'=<>]+"#),
    ("QUOTED", r#"[^"]*"#),
    ("REST", r"[\s\S]*"),
];
/// A word at the start of a text.
pub(super) static TOKEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"^([^\s\[\](){}|:;,"'=<>]+)"#).expect("it is tested"));
/// A name and the sign behind it.
pub(super) static KEY: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^([A-Za-z_][A-Za-z0-9_.-]{0,60}=)").expect("it is tested"));
/// A text in quotes.
pub(super) static QUOTED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"^"([^"]*)""#).expect("it is tested"));
