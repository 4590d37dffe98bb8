//! Syslog messages: the header of RFC 5424 or of RFC 3164 (as daemons really write it), and the text behind it.
//!
//! Written by hand: the crate of the field takes times with a year but without zone for UTC whatever the zone is, knows no
//! header without time and no fractions of a second in RFC 3164, and says of a header that it does not understand nothing at all.

mod names;
mod rfc3164;
mod rfc5424;
mod time;

#[cfg(test)]
mod tests;

use crate::intake::{add_tag, fill, format_time};
use event::{Event, Object, Timestamp};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::borrow::Cow;

/// Priority of a message that states none (RFC 3164, 4.3.3: user-level, notice).
const PRIORITY_DEFAULT: u8 = 13;
/// Highest priority: facility 23, severity 7.
const PRIORITY_MAX: u16 = 191;
/// Marks an event whose header is none.
const MALFORMED: &str = "_malformed_syslog";

/// A syslog message. What is absent, or `-`, is `None`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message<'a> {
    /// Facility × 8 + severity; `None` if the message states none that is valid.
    pub(crate) priority: Option<u8>,
    /// Version of the protocol: 1 for RFC 5424, `None` for RFC 3164.
    pub(crate) version: Option<u16>,
    /// When the sender wrote it.
    pub(crate) time: Option<Timestamp>,
    /// The host that wrote it.
    pub(crate) hostname: Option<Cow<'a, str>>,
    /// The program that wrote it.
    pub(crate) appname: Option<Cow<'a, str>>,
    /// Mostly the number of its process.
    pub(crate) procid: Option<Cow<'a, str>>,
    /// Kind of the message (RFC 5424).
    pub(crate) msgid: Option<Cow<'a, str>>,
    /// Parameters by element (RFC 5424).
    pub(crate) structured_data: Object,
    /// The text.
    pub(crate) text: Cow<'a, str>,
    /// Whether there is no header that can be understood: then `text` is all of it.
    pub(crate) malformed: bool,
}

/// Reads a message. What is no syslog at all is the text of a malformed message.
pub(crate) fn parse<'a>(bytes: &'a [u8], received_at: Timestamp, zone: &TimeZone) -> Message<'a> {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => parse_text(text, received_at, zone),
        Cow::Owned(text) => parse_text(&text, received_at, zone).into_owned(),
    }
}

fn parse_text<'a>(whole: &'a str, received_at: Timestamp, zone: &TimeZone) -> Message<'a> {
    let whole = whole.trim_end_matches(['\n', '\r', '\0']);
    let Some((priority, rest)) = priority(whole) else {
        // Some relays leave the priority away. A time in front tells it from a text.
        return rfc3164::parse(whole, None, received_at, zone)
            .filter(|message| message.time.is_some() && message.hostname.is_some())
            .unwrap_or_else(|| Message { malformed: true, ..Message::of(None, whole) });
    };
    rfc5424::parse(rest, priority)
        .or_else(|| rfc3164::parse(rest, Some(priority), received_at, zone))
        .unwrap_or_else(|| Message::of(Some(priority), rest))
}

/// The priority at the start of a message, and what follows it.
fn priority(text: &str) -> Option<(u8, &str)> {
    let (digits, rest) = text.strip_prefix('<')?.split_once('>')?;
    let digital = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let value = digits.parse::<u16>().ok().filter(|value| digital && *value <= PRIORITY_MAX)?;
    Some((u8::try_from(value).ok()?, rest))
}

impl<'a> Message<'a> {
    /// A message that says nothing but a text.
    fn of(priority: Option<u8>, text: &'a str) -> Self {
        Self {
            priority,
            version: None,
            time: None,
            hostname: None,
            appname: None,
            procid: None,
            msgid: None,
            structured_data: Object::new(),
            text: Cow::Borrowed(text),
            malformed: false,
        }
    }

    fn into_owned(self) -> Message<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Message {
            priority: self.priority,
            version: self.version,
            time: self.time,
            hostname: self.hostname.map(own),
            appname: self.appname.map(own),
            procid: self.procid.map(own),
            msgid: self.msgid.map(own),
            structured_data: self.structured_data,
            text: own(self.text),
            malformed: self.malformed,
        }
    }

    /// The header as ECS names it, below `log`: <https://www.elastic.co/docs/reference/ecs/ecs-log>.
    pub(super) fn log_fields(&self) -> Value {
        let priority = self.priority.unwrap_or(PRIORITY_DEFAULT);
        let (facility, severity) = (priority >> 3, priority & 7);
        let mut syslog = Object::new();
        syslog.insert("priority".into(), priority.into());
        syslog.insert("facility".into(), json!({"code": facility, "name": names::facility(facility)}));
        syslog.insert("severity".into(), json!({"code": severity, "name": names::severity(severity)}));
        if let Some(version) = self.version {
            syslog.insert("version".into(), Value::String(version.to_string()));
        }
        for (name, value) in [
            ("hostname", &self.hostname),
            ("appname", &self.appname),
            ("procid", &self.procid),
            ("msgid", &self.msgid),
        ] {
            if let Some(value) = value {
                syslog.insert(name.into(), Value::String(value.to_string()));
            }
        }
        if !self.structured_data.is_empty() {
            syslog.insert("structured_data".into(), Value::Object(self.structured_data.clone()));
        }
        json!({ "syslog": syslog })
    }

    /// Adds to an event what its pipeline did not find in the text.
    pub(super) fn complete(&self, event: &mut Event, original: &[u8]) {
        let Event { fields, metadata } = event;
        fill(fields, "log", self.log_fields());
        let level = names::level(self.priority.unwrap_or(PRIORITY_DEFAULT) & 7);
        fill(fields, "log", json!({ "level": level }));
        if let Some(hostname) = &self.hostname {
            fill(fields, "host", json!({"hostname": hostname, "name": hostname}));
        }
        if let Some(appname) = &self.appname {
            fill(fields, "process", json!({ "name": appname }));
        }
        if let Some(pid) = self.procid.as_ref().and_then(|procid| procid.parse::<u32>().ok()) {
            fill(fields, "process", json!({ "pid": pid }));
        }
        let original = String::from_utf8_lossy(original);
        fill(fields, "event", json!({ "original": original }));
        if let (Some(at), None) = (self.time, metadata.timestamp) {
            fill(fields, "@timestamp", Value::String(format_time(at)));
        }
        if self.malformed {
            add_tag(fields, MALFORMED);
        }
    }
}
