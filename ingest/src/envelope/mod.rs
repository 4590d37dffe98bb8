//! What records over the network are wrapped in: a syslog header, or the event of a shipper. The record itself goes through
//! the pipeline; what the wrapping says is added where the record does not say it better.
//!
//! *Invariant*: opening never fails: what cannot be understood is the record, and is marked.

mod beats;
mod syslog;

use crate::intake::fill;
use event::{Event, Object, Timestamp};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use syslog::Message;

use beats::Beats;

/// What a record is wrapped in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Envelope {
    /// Nothing: the bytes are the record.
    #[default]
    Bare,
    /// A syslog header, of RFC 3164 or RFC 5424.
    Syslog {
        /// Of times that name no zone.
        #[serde(with = "jiff::fmt::serde::tz::required")]
        time_zone: TimeZone,
    },
    /// The event of a shipper that speaks Lumberjack, whose `message` may be a line of a file.
    Beats,
}

/// A record taken out of its wrapping.
pub(crate) struct Opened<'a> {
    /// What the pipeline reads.
    pub(crate) body: Body<'a>,
    /// What else is known about it.
    pub(crate) wrapping: Wrapping<'a>,
    /// The id that its source gave it.
    pub(crate) id: Option<String>,
    /// The pipeline that its source asks for.
    pub(crate) pipeline: Option<String>,
}

/// What a pipeline reads.
pub(crate) enum Body<'a> {
    /// A text, to be read as the pipeline wants it.
    Text(Cow<'a, str>),
    /// An object: goes into the pipeline as it is.
    Object(Object),
}

/// What the wrapping says.
pub(crate) enum Wrapping<'a> {
    /// There was none.
    None,
    /// A syslog header.
    Syslog(Box<Message<'a>>),
    /// What stood around a text that was JSON, or the time at which a shipper read a line.
    Outer(Object),
}

impl Envelope {
    /// Whether there is nothing around the record.
    pub fn is_bare(&self) -> bool {
        *self == Self::Bare
    }

    /// Takes a record out. `received_at` gives the years to times that have none.
    pub(crate) fn open<'a>(&self, bytes: &'a [u8], received_at: Timestamp) -> Opened<'a> {
        let opened = |body, wrapping| Opened { body, wrapping, id: None, pipeline: None };
        let text = || Body::Text(String::from_utf8_lossy(bytes));
        match self {
            Self::Bare => opened(text(), Wrapping::None),
            Self::Syslog { time_zone } => {
                let message = syslog::parse(bytes, received_at, time_zone);
                opened(Body::Text(message.text.clone()), Wrapping::Syslog(Box::new(message)))
            }
            Self::Beats => match Beats::parse(bytes) {
                Some(Beats { event, id, pipeline }) => {
                    Opened { body: Body::Object(event), wrapping: Wrapping::None, id, pipeline }
                }
                None => opened(text(), Wrapping::None),
            },
        }
    }
}

impl Wrapping<'_> {
    /// Adds what pipelines may ask for: `log.syslog`. No time: a record's own comes first, whatever name it has there.
    pub(crate) fn before(&self, fields: &mut Object) {
        if let Self::Syslog(message) = self
            && fields.get("log").is_none_or(Value::is_object)
        {
            fill(fields, "log", message.log_fields());
        }
    }

    /// Adds what the pipeline did not find in the record itself.
    pub(crate) fn after(self, event: &mut Event, original: &[u8]) {
        match self {
            Self::None => {}
            Self::Syslog(message) => message.complete(event, original),
            Self::Outer(outer) => {
                for (key, value) in outer {
                    if key != "message" && !(key == "@timestamp" && event.metadata.timestamp.is_some()) {
                        fill(&mut event.fields, &key, value);
                    }
                }
            }
        }
    }
}
