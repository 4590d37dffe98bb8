//! Templates of searches: mustache, as far as Elasticsearch's search templates use it.
//!
//! Source: Elasticsearch reference 7.10, "Search template"; mustache(5).

use crate::template::{Escape, display_text, push_escaped};
use serde_json::Value;

/// Longest text of a template.
const TEXT_MAX_BYTES: usize = 256 * 1024;
/// Longest text that it may become.
const RENDERED_MAX_BYTES: usize = 4 << 20;
/// Deepest nesting of sections.
const DEPTH_MAX: usize = 16;
/// Parts that may be put out: loops in loops end here.
const STEPS_MAX: usize = 200_000;

/// Text with parameters put in: `{{name}}` (escaped for JSON), `{{{name}}}` (as it is), sections `{{#name}}…{{/name}}`
/// and `{{^name}}…{{/name}}`, `{{#toJson}}name{{/toJson}}`, `{{#join}}name{{/join}}` (with `delimiter='…'`), and
/// `{{#url}}…{{/url}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchTemplate {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field { name: String, escaped: bool },
    Section { name: String, inverted: bool, inner: Vec<Part> },
    Json(String),
    Join { name: String, delimiter: String },
    Url(Vec<Part>),
}

/// Why a template cannot be read or rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchTemplateError {
    /// `{{` without its end.
    #[error("\"{{{{\" without its closing braces at byte {0}")]
    Unclosed(usize),
    /// A section that is never ended, or ended by another name.
    #[error("the section [{0}] is not ended by its own name")]
    Section(String),
    /// Partials, other delimiters.
    #[error("the tag [{0}] is not supported")]
    Unsupported(String),
    /// Too long, too deep, or too many repetitions.
    #[error("the template is too long or too deep, or becomes too long")]
    TooLarge,
}

impl SearchTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// Braces or sections that are not closed, tags that are not supported, too much of anything.
    pub fn parse(text: &str) -> Result<Self, SearchTemplateError> {
        if text.len() > TEXT_MAX_BYTES {
            return Err(SearchTemplateError::TooLarge);
        }
        let mut reader = Reader { text, at: 0 };
        let parts = reader.parts(None, 0)?;
        Ok(Self { parts })
    }

    /// The text with the parameters put in; what they lack gives nothing.
    ///
    /// # Errors
    /// [`SearchTemplateError::TooLarge`].
    pub fn render(&self, params: &Value) -> Result<String, SearchTemplateError> {
        let mut renderer = Renderer { out: String::new(), stack: vec![params], steps: 0 };
        renderer.parts(&self.parts)?;
        Ok(renderer.out)
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Everything up to the end of a section, or of the text.
    fn parts(&mut self, section: Option<&str>, depth: usize) -> Result<Vec<Part>, SearchTemplateError> {
        if depth > DEPTH_MAX {
            return Err(SearchTemplateError::TooLarge);
        }
        let mut parts = Vec::new();
        loop {
            let rest = self.rest();
            let Some(start) = rest.find("{{") else {
                if let Some(name) = section {
                    return Err(SearchTemplateError::Section(name.to_owned()));
                }
                if !rest.is_empty() {
                    parts.push(Part::Text(rest.to_owned()));
                }
                self.at = self.text.len();
                return Ok(parts);
            };
            if start > 0 {
                parts.push(Part::Text(rest.get(..start).unwrap_or_default().to_owned()));
                self.at += start;
            }
            let (tag, raw) = self.tag()?;
            let name = || tag.get(1..).unwrap_or_default().trim().to_owned();
            match tag.chars().next() {
                _ if raw => parts.push(Part::Field { name: tag.to_owned(), escaped: false }),
                Some('!') => {}
                Some('&') => parts.push(Part::Field { name: name(), escaped: false }),
                Some('>' | '=') => return Err(SearchTemplateError::Unsupported(tag.to_owned())),
                Some('/') if section == Some(name().as_str()) => return Ok(parts),
                Some('/') => return Err(SearchTemplateError::Section(name())),
                Some('#') => parts.push(self.section(name(), false, depth)?),
                Some('^') => parts.push(self.section(name(), true, depth)?),
                _ => parts.push(Part::Field { name: tag.to_owned(), escaped: true }),
            }
        }
    }

    /// The tag that begins here, without its braces; whether it has three.
    fn tag(&mut self) -> Result<(&'t str, bool), SearchTemplateError> {
        let rest = self.rest();
        let (open, close) = if rest.starts_with("{{{") { (3, "}}}") } else { (2, "}}") };
        let inner = rest.get(open..).unwrap_or_default();
        let end = inner.find(close).ok_or(SearchTemplateError::Unclosed(self.at))?;
        self.at += open + end + close.len();
        Ok((inner.get(..end).unwrap_or_default().trim(), open == 3))
    }

    fn section(&mut self, name: String, inverted: bool, depth: usize) -> Result<Part, SearchTemplateError> {
        let inner = self.parts(Some(&name), depth + 1)?;
        let of = || match inner.as_slice() {
            [Part::Text(text)] => Ok(text.trim().to_owned()),
            _ => Err(SearchTemplateError::Unsupported(name.clone())),
        };
        if inverted {
            return Ok(Part::Section { name, inverted, inner });
        }
        if name == "toJson" {
            return Ok(Part::Json(of()?));
        }
        if name == "url" {
            return Ok(Part::Url(inner));
        }
        if let Some(options) =
            name.strip_prefix("join").filter(|rest| rest.is_empty() || rest.starts_with(' '))
        {
            let delimiter = match options.trim() {
                "" => ",",
                given => given
                    .strip_prefix("delimiter='")
                    .and_then(|rest| rest.strip_suffix('\''))
                    .ok_or_else(|| SearchTemplateError::Unsupported(name.clone()))?,
            };
            return Ok(Part::Join { name: of()?, delimiter: delimiter.to_owned() });
        }
        Ok(Part::Section { name, inverted, inner })
    }
}

struct Renderer<'v> {
    out: String,
    /// The parameters, and the values of the sections that are open.
    stack: Vec<&'v Value>,
    steps: usize,
}

impl<'v> Renderer<'v> {
    fn parts(&mut self, parts: &[Part]) -> Result<(), SearchTemplateError> {
        for part in parts {
            self.steps += 1;
            self.part(part)?;
            if self.steps > STEPS_MAX || self.out.len() > RENDERED_MAX_BYTES {
                return Err(SearchTemplateError::TooLarge);
            }
        }
        Ok(())
    }

    fn part(&mut self, part: &Part) -> Result<(), SearchTemplateError> {
        match part {
            Part::Text(text) => self.out.push_str(text),
            Part::Field { name, escaped } => {
                let text = self.look_up(name).map(display_text).unwrap_or_default();
                push_escaped(&mut self.out, &text, if *escaped { Escape::Json } else { Escape::None });
            }
            Part::Json(name) => {
                let value = self.look_up(name).unwrap_or(&Value::Null);
                self.out.push_str(&value.to_string());
            }
            Part::Join { name, delimiter } => {
                let items = match self.look_up(name) {
                    Some(Value::Array(items)) => items.as_slice(),
                    Some(one) => std::slice::from_ref(one),
                    None => &[],
                };
                let texts: Vec<String> = items.iter().map(display_text).collect();
                push_escaped(&mut self.out, &texts.join(delimiter), Escape::Json);
            }
            Part::Url(inner) => {
                let before = std::mem::take(&mut self.out);
                self.parts(inner)?;
                let inside = std::mem::replace(&mut self.out, before);
                push_escaped(&mut self.out, &inside, Escape::UrlEncoded);
            }
            Part::Section { name, inverted, inner } => return self.section(name, *inverted, inner),
        }
        Ok(())
    }

    fn section(&mut self, name: &str, inverted: bool, inner: &[Part]) -> Result<(), SearchTemplateError> {
        let value = self.look_up(name).filter(|value| holds(value));
        let items = match value {
            _ if inverted => return if value.is_none() { self.parts(inner) } else { Ok(()) },
            None => return Ok(()),
            Some(Value::Array(items)) => items.as_slice(),
            Some(one) => std::slice::from_ref(one),
        };
        for item in items {
            self.stack.push(item);
            self.parts(inner)?;
            self.stack.pop();
        }
        Ok(())
    }

    /// The value of a dotted name, from the innermost section that knows its beginning.
    fn look_up(&self, name: &str) -> Option<&'v Value> {
        if name == "." {
            return self.stack.last().copied();
        }
        let (first, rest) = name.split_once('.').unwrap_or((name, ""));
        let mut at = self.stack.iter().rev().find_map(|value| member(value, first))?;
        for step in rest.split('.').filter(|step| !step.is_empty()) {
            at = member(at, step)?;
        }
        Some(at)
    }
}

fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Object(members) => members.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    }
}

fn holds(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn render(text: &str, params: Value) -> Result<String, SearchTemplateError> {
        SearchTemplate::parse(text)?.render(&params)
    }

    #[test]
    fn what_templates_can_say() {
        let check = |text: &str, params: Value, expected: &str| {
            assert_eq!(render(text, params).as_deref(), Ok(expected), "{text}");
        };
        check(r#"{"a": "{{x}}"}"#, json!({"x": "say \"hi\"\n"}), r#"{"a": "say \"hi\"\n"}"#);
        check("{{{x}}}|{{&x}}|{{x.y}}|{{missing}}", json!({"x": "\""}), "\"|\"||");
        check(
            "{{n}} {{t}} {{a.b}} {{l.1}}",
            json!({"n": 5, "t": true, "a": {"b": "c"}, "l": [1, 2]}),
            "5 true c 2",
        );
        check("{{#toJson}}q{{/toJson}}", json!({"q": {"a": [1, "b"]}}), r#"{"a":[1,"b"]}"#);
        check("{{#toJson}}none{{/toJson}}", json!({}), "null");
        check("{{#join}}l{{/join}}", json!({"l": ["a", "b"]}), "a,b");
        check("{{#join delimiter='||'}}l{{/join delimiter='||'}}", json!({"l": [1, 2]}), "1||2");
        check("{{#l}}<{{.}}>{{/l}}", json!({"l": [1, 2]}), "<1><2>");
        check("{{#l}}{{k}}{{x}} {{/l}}", json!({"x": "!", "l": [{"k": "a"}, {"k": "b"}]}), "a! b! ");
        check("{{#on}}yes{{/on}}{{^on}}no{{/on}}", json!({"on": true}), "yes");
        check("{{#on}}yes{{/on}}{{^on}}no{{/on}}", json!({"on": false}), "no");
        check("{{start}}{{^start}}default{{/start}}", json!({}), "default");
        check("{{! a comment }}x", json!({}), "x");
        check(
            "{{#url}}{{host}}/?q=ä b{{/url}}",
            json!({"host": "http://a"}),
            "http%3A%2F%2Fa%2F%3Fq%3D%C3%A4+b",
        );
    }

    #[test]
    fn what_is_refused() {
        let check = |text: &str, params: Value| assert!(render(text, params).is_err(), "{text}");
        check("{{x", json!({}));
        check("{{#x}}", json!({}));
        check("{{#x}}{{/y}}", json!({}));
        check("{{/x}}", json!({}));
        check("{{> other}}", json!({}));
        check("{{#toJson}}{{x}}{{/toJson}}", json!({}));
        check(&"{{#x}}".repeat(DEPTH_MAX + 1), json!({}));
        check(&"x".repeat(TEXT_MAX_BYTES + 1), json!({}));
        let list = vec![1; 1_000];
        check("{{#a}}{{#a}}{{#a}}x{{/a}}{{/a}}{{/a}}", json!({ "a": list }));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "[{}#/^&! a.jointoJsn='\"]{0,60}") {
            let _ = render(&text, json!({"a": [1, {"j": "x"}], "o": "n"}));
        }
    }
}
