//! What a user agent is: uap-core's patterns.

use event::Object;
use parking_lot::RwLock;
use serde_json::{Value, json};
use std::{
    borrow::Cow,
    collections::HashMap,
    mem,
    sync::{Arc, OnceLock},
};
use ua_parser::{Extractor, Regexes, device, os, user_agent};

/// The patterns; see `data/README.md` for origin and licence.
const PATTERNS: &str = include_str!("../../data/uap-regexes.yaml");
/// Longest part of a text that is looked at: browsers send less than 300 bytes, and what is behind decides nothing.
const TEXT_MAX_BYTES: usize = 2 * 1024;
/// Texts remembered in each of the two generations of the cache.
const CACHE_ENTRIES: usize = 8 * 1024;

/// Parses user agents, and remembers the answers: a shop sees few thousand different texts a day.
///
/// The cache holds at most two generations of 8,192 texts of at most 2 KiB; when the young one is full it becomes the
/// old one, and an old text that is asked for again is young again.
#[derive(Default)]
pub struct UserAgents {
    extractor: OnceLock<Option<Extractor<'static>>>,
    cache: RwLock<Cache>,
}

#[derive(Default)]
struct Cache {
    young: HashMap<Box<str>, Arc<Object>>,
    old: HashMap<Box<str>, Arc<Object>>,
}

impl UserAgents {
    /// Compiles the patterns now rather than at the first text.
    pub fn warm(&self) {
        self.extractor();
    }

    /// `name`, `version`, `os.{name,version,full}`, `device.name`: the ECS fields below `user_agent` without
    /// `original`. What is not recognised is `Other`, as in Elasticsearch.
    pub fn parse(&self, text: &str) -> Arc<Object> {
        let mut end = text.len().min(TEXT_MAX_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = &text[..end];
        {
            let cache = self.cache.read();
            if let Some(known) = cache.young.get(text) {
                return Arc::clone(known);
            }
        }
        let known = self.cache.read().old.get(text).cloned();
        let parsed = known.unwrap_or_else(|| Arc::new(self.extract(text)));
        let mut cache = self.cache.write();
        if cache.young.len() >= CACHE_ENTRIES {
            cache.old = mem::take(&mut cache.young);
        }
        cache.young.insert(text.into(), Arc::clone(&parsed));
        parsed
    }

    fn extractor(&self) -> Option<&Extractor<'static>> {
        let build = || {
            let built = Extractor::try_from(read_patterns(PATTERNS));
            built.map_err(|error| tracing::error!(%error, "built-in user agent patterns do not compile")).ok()
        };
        self.extractor.get_or_init(build).as_ref()
    }

    fn extract(&self, text: &str) -> Object {
        let (browser, system, device) =
            self.extractor().map_or((None, None, None), |extractor| extractor.extract(text));
        let mut out = Object::new();
        out.insert("name".to_owned(), browser.as_ref().map_or("Other", |found| &*found.family).into());
        if let Some(found) = &browser {
            let version = join([found.major, found.minor, found.patch, found.patch_minor]);
            out.extend(version.map(|version| ("version".to_owned(), Value::String(version))));
        }
        if let Some(found) = &system {
            let version = join(
                [&found.major, &found.minor, &found.patch, &found.patch_minor].map(|part| part.as_deref()),
            );
            let os = match version {
                Some(version) => {
                    let full = format!("{} {version}", found.os);
                    json!({"name": found.os, "version": version, "full": full})
                }
                None => json!({"name": found.os}),
            };
            out.insert("os".to_owned(), os);
        }
        let device = device.as_ref().map_or("Other", |found| &*found.device);
        out.insert("device".to_owned(), json!({"name": device}));
        out
    }
}

/// Parts up to the first that is missing, with dots between.
fn join(parts: [Option<&str>; 4]) -> Option<String> {
    let present: Vec<&str> =
        parts.into_iter().map_while(|part| part.filter(|part| !part.is_empty())).collect();
    (!present.is_empty()).then(|| present.join("."))
}

/// Reads the YAML subset of `regexes.yaml`: three lists of flat maps, each value a single-quoted string.
///
/// The file is built in and never comes from outside; a test compares the number of patterns.
fn read_patterns(text: &'static str) -> Regexes<'static> {
    let mut patterns =
        Regexes { user_agent_parsers: Vec::new(), os_parsers: Vec::new(), device_parsers: Vec::new() };
    let mut section = "";
    let mut entry: HashMap<&str, Cow<'static, str>> = HashMap::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let starts_entry = trimmed.starts_with("- ");
        if starts_entry || !line.starts_with(' ') {
            add(&mut patterns, section, &mut entry);
        }
        if !line.starts_with(' ') {
            section = trimmed.trim_end_matches(':');
            continue;
        }
        let pair = trimmed.strip_prefix("- ").unwrap_or(trimmed);
        if let Some((key, value)) = pair.split_once(':') {
            entry.insert(key.trim(), unquote(value.trim()));
        }
    }
    add(&mut patterns, section, &mut entry);
    patterns
}

fn add(patterns: &mut Regexes<'static>, section: &str, entry: &mut HashMap<&str, Cow<'static, str>>) {
    let Some(regex) = entry.remove("regex") else { return };
    let mut take = |key: &str| entry.remove(key);
    match section {
        "user_agent_parsers" => patterns.user_agent_parsers.push(user_agent::Parser {
            regex,
            family_replacement: take("family_replacement"),
            v1_replacement: take("v1_replacement"),
            v2_replacement: take("v2_replacement"),
            v3_replacement: take("v3_replacement"),
            v4_replacement: take("v4_replacement"),
        }),
        "os_parsers" => patterns.os_parsers.push(os::Parser {
            regex,
            os_replacement: take("os_replacement"),
            os_v1_replacement: take("os_v1_replacement"),
            os_v2_replacement: take("os_v2_replacement"),
            os_v3_replacement: take("os_v3_replacement"),
            os_v4_replacement: take("os_v4_replacement"),
        }),
        "device_parsers" => patterns.device_parsers.push(device::Parser {
            regex,
            regex_flag: take("regex_flag").map(|_| device::Flag::IgnoreCase),
            device_replacement: take("device_replacement"),
            brand_replacement: take("brand_replacement"),
            model_replacement: take("model_replacement"),
        }),
        _ => {}
    }
    entry.clear();
}

/// The text between quotes; a doubled quote is one.
fn unquote(value: &'static str) -> Cow<'static, str> {
    if let Some(inner) = value.strip_prefix('\'').and_then(|rest| rest.rsplit_once('\'')) {
        let inner = inner.0;
        return if inner.contains("''") { inner.replace("''", "'").into() } else { inner.into() };
    }
    value.trim_matches('"').into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_pattern() {
        let patterns = read_patterns(PATTERNS);
        let read =
            patterns.user_agent_parsers.len() + patterns.os_parsers.len() + patterns.device_parsers.len();
        let is_entry = |line: &&str| line.trim().starts_with("- regex:");
        assert_eq!(read, PATTERNS.lines().filter(is_entry).count());
        assert!(read > 1000, "{read}");
        assert!(patterns.device_parsers.iter().any(|pattern| pattern.regex_flag.is_some()));
    }

    #[test]
    fn knows_common_agents() {
        let agents = UserAgents::default();
        let check = |text: &str, expected: Value| {
            assert_eq!(Value::Object((*agents.parse(text)).clone()), expected, "{text}");
        };
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1",
            json!({"name": "Mobile Safari", "version": "17.1",
                "os": {"name": "iOS", "version": "17.1", "full": "iOS 17.1"}, "device": {"name": "iPhone"}}),
        );
        check(
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            json!({"name": "Googlebot", "version": "2.1", "device": {"name": "Spider"}}),
        );
        check("-", json!({"name": "Other", "device": {"name": "Other"}}));
        check("", json!({"name": "Other", "device": {"name": "Other"}}));
    }

    #[test]
    fn the_cache_is_bounded_and_answers_the_same() {
        let agents = UserAgents::default();
        agents.extractor.set(None).ok().expect("nothing was compiled yet");
        for i in 0..CACHE_ENTRIES * 3 {
            agents.parse(&format!("agent/{i}"));
        }
        let cache = agents.cache.read();
        assert!(cache.young.len() <= CACHE_ENTRIES && cache.old.len() <= CACHE_ENTRIES);
        drop(cache);
        assert_eq!(agents.parse("agent/1"), agents.parse("agent/1"));
        agents.parse(&"é".repeat(5000));
    }
}
