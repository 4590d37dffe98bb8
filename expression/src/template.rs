use crate::{Context, FieldPath, Member, lookup};
use serde_json::Value;
use std::fmt::{self, Write as _};

/// Longest text of a template.
const TEXT_MAX_BYTES: usize = 16 * 1024;
/// Deepest nesting of a value that holds templates.
const DEPTH_MAX: usize = 32;

/// Text with fields put in: the part of mustache that ingest pipelines use, `{{a.b}}` and `{{{a.b}}}`.
///
/// An absent field gives nothing. Two braces escape what is put in (see [`Escape`]), three do not. Sections,
/// partials and comments are refused at load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    source: Box<str>,
    parts: Box<[Part]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Field { path: FieldPath, escaped: bool },
}

/// How `{{field}}` escapes what it puts in; `media_type` of the `set` processor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Escape {
    /// As the inside of a JSON string (`application/json`): the default, as in Elasticsearch.
    #[default]
    Json,
    /// Not at all (`text/plain`).
    None,
    /// Percent-encoded (`application/x-www-form-urlencoded`).
    UrlEncoded,
}

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `{{` without its end.
    #[error("template \"{0}\": \"{{{{\" without its closing braces")]
    Unclosed(String),
    /// A tag which is no field: sections, partials, comments.
    #[error("template tag \"{{{{{0}}}}}\" is not supported: only fields such as \"{{{{a.b}}}}\" are")]
    Unsupported(String),
    /// Too long or nested too deeply.
    #[error("template is too long or nested too deeply: at most {TEXT_MAX_BYTES} bytes, {DEPTH_MAX} levels")]
    TooLarge,
}

impl Template {
    /// Whether the text has anything to put in.
    pub fn is_template(text: &str) -> bool {
        text.contains("{{")
    }

    /// Reads a template.
    ///
    /// # Errors
    /// Unclosed braces, tags which are no field, more than 16 KiB.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.len() > TEXT_MAX_BYTES {
            return Err(TemplateError::TooLarge);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{") {
            if start > 0 {
                parts.push(Part::Text(rest[..start].into()));
            }
            let (open, close, escaped) =
                if rest[start..].starts_with("{{{") { (3, "}}}", false) } else { (2, "}}", true) };
            let inner = &rest[start + open..];
            let end = inner.find(close).ok_or_else(|| TemplateError::Unclosed(text.to_owned()))?;
            parts.push(field(&inner[..end], escaped)?);
            rest = &inner[end + close.len()..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        Ok(Self { source: text.into(), parts: parts.into() })
    }

    /// The text with its fields put in.
    pub fn render(&self, context: &impl Context, escape: Escape) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field { path, escaped } => {
                    let Some(member) = lookup(context, path) else { continue };
                    let text = match member {
                        Member::Text(text) => text.to_owned(),
                        Member::Value(value) => display_text(value),
                    };
                    push_escaped(&mut out, &text, if *escaped { escape } else { Escape::None });
                }
            }
        }
        out
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

fn field(tag: &str, escaped: bool) -> Result<Part, TemplateError> {
    let (name, escaped) = match tag.trim().strip_prefix('&') {
        Some(name) => (name.trim(), false),
        None => (tag.trim(), escaped),
    };
    let unsupported = || TemplateError::Unsupported(tag.to_owned());
    if name.starts_with(['#', '^', '/', '!', '>', '=', '{']) || name.contains(char::is_whitespace) {
        return Err(unsupported());
    }
    let path = FieldPath::parse(name).map_err(|_| unsupported())?;
    Ok(Part::Field { path, escaped })
}

pub(crate) fn push_escaped(out: &mut String, text: &str, escape: Escape) {
    match escape {
        Escape::None => out.push_str(text),
        Escape::Json => {
            for c in text.chars() {
                match c {
                    '"' => out.push_str("\\\""),
                    '\\' => out.push_str("\\\\"),
                    '\n' => out.push_str("\\n"),
                    '\r' => out.push_str("\\r"),
                    '\t' => out.push_str("\\t"),
                    c if (c as u32) < 0x20 => {
                        let _ = write!(out, "\\u{:04x}", c as u32);
                    }
                    c => out.push(c),
                }
            }
        }
        Escape::UrlEncoded => {
            for &byte in text.as_bytes() {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => {
                        out.push(byte as char)
                    }
                    b' ' => out.push('+'),
                    byte => {
                        let _ = write!(out, "%{byte:02X}");
                    }
                }
            }
        }
    }
}

/// A value as text, as Java prints it and so as Elasticsearch puts it into a template: `[1, 2]`, `{a=1}`; strings
/// without quotes, null as nothing.
pub fn display_text(value: &Value) -> String {
    let mut out = String::new();
    push_display(&mut out, value);
    out
}

fn push_display(out: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::String(text) => out.push_str(text),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                push_display(out, item);
            }
            out.push(']');
        }
        Value::Object(object) => {
            out.push('{');
            for (i, (key, item)) in object.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                out.push_str(key);
                out.push('=');
                push_display(out, item);
            }
            out.push('}');
        }
        scalar => {
            let _ = write!(out, "{scalar}");
        }
    }
}

/// A JSON value whose strings (and keys) may be templates, as the `value` of `set` and `append`.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueTemplate {
    /// Nothing to put in anywhere.
    Literal(Value),
    /// A text with fields.
    Text(Template),
    /// An array with at least one template.
    List(Vec<ValueTemplate>),
    /// An object with at least one template.
    Map(Vec<(Template, ValueTemplate)>),
}

impl ValueTemplate {
    /// Reads a value; strings without braces stay as they are.
    ///
    /// # Errors
    /// As [`Template::parse`]; nesting of more than 32 levels.
    pub fn compile(value: Value) -> Result<Self, TemplateError> {
        Self::compile_at(value, 0)
    }

    fn compile_at(value: Value, depth: usize) -> Result<Self, TemplateError> {
        if depth > DEPTH_MAX {
            return Err(TemplateError::TooLarge);
        }
        if !has_template(&value) {
            return Ok(Self::Literal(value));
        }
        match value {
            Value::String(text) => Ok(Self::Text(Template::parse(&text)?)),
            Value::Array(items) => {
                let items = items.into_iter().map(|item| Self::compile_at(item, depth + 1));
                Ok(Self::List(items.collect::<Result<_, _>>()?))
            }
            Value::Object(object) => {
                let members = object
                    .into_iter()
                    .map(|(key, item)| Ok((Template::parse(&key)?, Self::compile_at(item, depth + 1)?)));
                Ok(Self::Map(members.collect::<Result<_, _>>()?))
            }
            scalar => Ok(Self::Literal(scalar)),
        }
    }

    /// The value with its fields put in.
    pub fn render(&self, context: &impl Context, escape: Escape) -> Value {
        match self {
            Self::Literal(value) => value.clone(),
            Self::Text(template) => Value::String(template.render(context, escape)),
            Self::List(items) => items.iter().map(|item| item.render(context, escape)).collect(),
            Self::Map(members) => Value::Object(
                members
                    .iter()
                    .map(|(key, item)| (key.render(context, escape), item.render(context, escape)))
                    .collect(),
            ),
        }
    }
}

fn has_template(value: &Value) -> bool {
    match value {
        Value::String(text) => Template::is_template(text),
        Value::Array(items) => items.iter().any(has_template),
        Value::Object(object) => object.iter().any(|(k, v)| Template::is_template(k) || has_template(v)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn render(text: &str, escape: Escape) -> String {
        let document = json!({"a": {"b": "x\"y", "n": 1.5, "l": [1, "z"], "o": {"k": true}}, "null": null});
        Template::parse(text).unwrap().render(document.as_object().unwrap(), escape)
    }

    #[test]
    fn puts_fields_in() {
        let check = |text: &str, expected: &str| assert_eq!(render(text, Escape::Json), expected, "{text}");
        check("plain } text", "plain } text");
        check("{{a.b}}", "x\\\"y");
        check("{{{a.b}}}", "x\"y");
        check("{{& a.b }}", "x\"y");
        check("<{{ a.n }}|{{a.l}}|{{a.o}}|{{a.l.1}}>", "<1.5|[1, z]|{k=true}|z>");
        check("{{missing}}{{null}}{{a.missing.deep}}", "");
        assert_eq!(render("{{a.b}}", Escape::None), "x\"y");
        assert_eq!(render("{{a.b}}", Escape::UrlEncoded), "x%22y");
    }

    #[test]
    fn refuses_what_it_cannot_do() {
        for text in ["{{a", "{{{a}}", "{{#a}}x{{/a}}", "{{>p}}", "{{! c}}", "{{}}", "{{a b}}", "{{a..b}}"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_keep_what_is_no_template() {
        let document = json!({"a": 7, "k": "key"});
        let check = |value: Value, expected: Value| {
            let template = ValueTemplate::compile(value).unwrap();
            assert_eq!(template.render(document.as_object().unwrap(), Escape::Json), expected);
        };
        check(json!(1.5), json!(1.5));
        check(json!({"x": ["{{a}}", 1, null], "{{k}}": true}), json!({"x": ["7", 1, null], "key": true}));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[{}a. #&]{0,40}") {
            if let Ok(template) = Template::parse(&text) {
                template.render(&event::Object::new(), Escape::Json);
                prop_assert_eq!(template.to_string(), text);
            }
        }
    }
}
