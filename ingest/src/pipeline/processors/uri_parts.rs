//! `uri_parts`: the parts of a URI (RFC 3986) under their ECS names.

use super::super::document::Field;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use event::Object;
use serde_json::Value;

struct UriParts {
    field: Field,
    target: Field,
    keep_original: bool,
    remove_if_successful: bool,
    ignore_missing: bool,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let target = options.optional_field("target_field")?;
    Ok(Box::new(UriParts {
        field: options.field("field")?,
        target: target
            .map_or_else(|| Field::parse("url").map_err(|e| options.error("target_field", e)), Ok)?,
        keep_original: options.boolean("keep_original", true)?,
        remove_if_successful: options.boolean("remove_if_successful", false)?,
        ignore_missing: options.boolean("ignore_missing", false)?,
    }))
}

impl Processor for UriParts {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let Some(uri) = document.text(&self.field, self.ignore_missing)? else { return Ok(Flow::Continue) };
        let mut parts =
            parse(&uri).ok_or_else(|| Failure::argument(format!("unable to parse URI [{uri}]")))?;
        if self.keep_original {
            parts.insert("original".to_owned(), uri.into_owned().into());
        }
        if self.remove_if_successful && self.field != self.target {
            document.remove(&self.field)?;
        }
        document.set(&self.target, Value::Object(parts))?;
        Ok(Flow::Continue)
    }
}

/// The parts of a URI or of a reference without scheme; `None` when there are characters that no URI has.
///
/// Browsers and servers log `|`, `"`, `<`, `>`, `^`, `[`, `{` and bytes beyond ASCII unescaped: taken as they are.
/// White space and control characters are refused, as is a port that is no number.
fn parse(uri: &str) -> Option<Object> {
    if uri.is_empty() || uri.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return None;
    }
    let mut parts = Object::new();
    let mut put = |key: &str, value: &str| {
        parts.insert(key.to_owned(), Value::String(value.to_owned()));
    };
    let (rest, fragment) = cut(uri, '#');
    let (rest, query) = cut(rest, '?');
    let scheme = rest.split_once(':').filter(|(scheme, _)| is_scheme(scheme));
    let rest = match scheme {
        Some((scheme, rest)) => {
            put("scheme", scheme);
            rest
        }
        None => rest,
    };
    let mut port = None;
    let path = match rest.strip_prefix("//") {
        None => rest,
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = match authority.rsplit_once('@') {
                None => authority,
                Some((user_info, host)) => {
                    put("user_info", user_info);
                    if let Some((user, password)) = user_info.split_once(':') {
                        put("username", user);
                        put("password", password);
                    }
                    host
                }
            };
            let (name, number) = split_port(host)?;
            if !name.is_empty() {
                put("domain", name);
            }
            port = number;
            path
        }
    };
    put("path", path);
    let file = path.rsplit('/').next().unwrap_or("");
    if let Some((_, extension)) = file.rsplit_once('.').filter(|(_, extension)| !extension.is_empty()) {
        put("extension", extension);
    }
    for (key, value) in [("query", query), ("fragment", fragment)] {
        if let Some(value) = value {
            put(key, value);
        }
    }
    if let Some(port) = port {
        parts.insert("port".to_owned(), port.into());
    }
    Some(parts)
}

fn cut(text: &str, sign: char) -> (&str, Option<&str>) {
    match text.split_once(sign) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// Host and port; an IPv6 address keeps its brackets' inside.
fn split_port(host: &str) -> Option<(&str, Option<u16>)> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']')?;
            (address, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => match host.rsplit_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    match port {
        None | Some("") => Some((name, None)),
        Some(port) => Some((name, Some(port.parse().ok()?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn parts() {
        let check = |uri: &str, expected: Value| {
            assert_eq!(parse(uri).map_or(Value::Null, Value::Object), expected, "{uri}");
        };
        check(
            "http://user:pw@example.com:80/a/b.tar.gz?x=1&y#top",
            json!({"scheme": "http", "user_info": "user:pw", "username": "user", "password": "pw",
                "domain": "example.com", "path": "/a/b.tar.gz", "extension": "gz", "query": "x=1&y",
                "fragment": "top", "port": 80}),
        );
        check("/a?b=http://c", json!({"path": "/a", "query": "b=http://c"}));
        check("/a.d/b", json!({"path": "/a.d/b"}));
        check("https://[::1]:8443", json!({"scheme": "https", "domain": "::1", "path": "", "port": 8443}));
        check("mailto:a@b.c", json!({"scheme": "mailto", "path": "a@b.c", "extension": "c"}));
        check("*", json!({"path": "*"}));
        for uri in ["", "a b", "http://h:port/", "http://[::1/", "http://h:99999/", "\u{0}"] {
            check(uri, Value::Null);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(uri in "[a-c:/?#@\\[\\].0-9é%]{0,40}") {
            let _ = parse(&uri);
        }
    }
}
