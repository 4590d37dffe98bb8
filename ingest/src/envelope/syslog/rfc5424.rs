//! `VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP STRUCTURED-DATA [SP MSG]` (RFC 5424, 6).

use super::{Message, time::read_rfc3339};
use event::Object;
use serde_json::Value;
use std::borrow::Cow;

/// Most parameters and elements of a message that are kept.
const PARAMETERS_MAX: usize = 200;

/// Reads what follows the priority; `None` if it is not of this form.
pub(super) fn parse(rest: &str, priority: u8) -> Option<Message<'_>> {
    let (version, rest) = rest.split_once(' ')?;
    let version =
        version.parse::<u16>().ok().filter(|v| (1..1000).contains(v) && !version.starts_with('+'))?;
    let mut rest = rest;
    let mut field = || {
        let (field, behind) = rest.split_once(' ')?;
        rest = behind;
        Some((field != "-").then_some(field))
    };
    let time = match field()? {
        Some(text) => Some(read_rfc3339(text)?),
        None => None,
    };
    let (hostname, appname, procid) = (field()?, field()?, field()?);
    // Nothing has to follow the identifier of a message, says nobody, but some end there.
    let (msgid, rest) = rest.split_once(' ').unwrap_or((rest, "-"));
    let (structured_data, text) = structured_data(rest)?;
    Some(Message {
        priority: Some(priority),
        version: Some(version),
        time,
        hostname: said(hostname),
        appname: said(appname),
        procid: said(procid),
        msgid: said(Some(msgid).filter(|id| *id != "-")),
        structured_data,
        text: Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text)),
        malformed: false,
    })
}

/// Two spaces in a row leave a field empty.
fn said(field: Option<&str>) -> Option<Cow<'_, str>> {
    field.filter(|field| !field.is_empty()).map(Cow::Borrowed)
}

/// `-`, or elements `[id name="value" …]` one behind the other; and the text behind a space.
fn structured_data(text: &str) -> Option<(Object, &str)> {
    let mut elements = Object::new();
    if let Some(rest) = text.strip_prefix('-') {
        let behind = if rest.is_empty() { rest } else { rest.strip_prefix(' ')? };
        return Some((elements, behind));
    }
    let mut rest = text;
    let mut kept = 0;
    while let Some(inside) = rest.strip_prefix('[') {
        let end = inside.find([' ', ']'])?;
        let (id, mut behind) = inside.split_at(end);
        if id.is_empty() || id.contains(['=', '"', '[']) {
            return None;
        }
        let mut parameters = Object::new();
        kept += 1;
        let wanted = kept <= PARAMETERS_MAX;
        loop {
            behind = behind.trim_start_matches(' ');
            if let Some(after) = behind.strip_prefix(']') {
                rest = after;
                break;
            }
            let (name, quoted) = behind.split_once("=\"")?;
            if name.is_empty() || name.contains([' ', ']', '"']) {
                return None;
            }
            let (value, after) = quoted_value(quoted)?;
            kept += 1;
            if kept <= PARAMETERS_MAX {
                add(&mut parameters, name, value);
            }
            behind = after;
        }
        if wanted {
            elements.insert(id.to_owned(), Value::Object(parameters));
        }
    }
    if elements.is_empty() && kept == 0 && !text.starts_with('[') {
        return None;
    }
    match rest.strip_prefix(' ') {
        Some(message) => Some((elements, message)),
        None if rest.is_empty() => Some((elements, rest)),
        None => None,
    }
}

/// The value up to its closing quote, and what follows. `\"`, `\\` and `\]` stand for the second character; before any other
/// a backslash is itself.
fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.clone().next() {
                Some((_, escaped @ ('"' | '\\' | ']'))) => {
                    value.push(escaped);
                    characters.next();
                }
                _ => value.push('\\'),
            },
            other => value.push(other),
        }
    }
    None
}

/// A name may come several times (RFC 5424, 6.3.3, the example with `ip`): then the values are a list.
fn add(parameters: &mut Object, name: &str, value: String) {
    match parameters.get_mut(name) {
        None => {
            parameters.insert(name.to_owned(), Value::String(value));
        }
        Some(Value::Array(values)) => values.push(Value::String(value)),
        Some(first) => *first = Value::Array(vec![first.take(), Value::String(value)]),
    }
}
