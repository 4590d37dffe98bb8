//! `date`: a time out of a text, by default to `@timestamp`.

use super::super::document::Field;
use super::super::time_format::{TimeFormat, time_zone, write_iso};
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use expression::{Escape, Template, display_text};
use jiff::tz::TimeZone;
use serde_json::Value;
use std::borrow::Cow;

struct Date {
    field: Field,
    target: Field,
    /// The target is the event's own time.
    is_event_time: bool,
    formats: Vec<TimeFormat>,
    zone: Zone,
    /// `None`: `yyyy-MM-dd'T'HH:mm:ss.SSSXXX`.
    output: Option<TimeFormat>,
}

/// `timezone`: fixed when the definition is loaded, or a template.
pub(super) enum Zone {
    Fixed(TimeZone),
    Dynamic(Template),
}

impl Zone {
    pub(super) fn take(options: &mut Options) -> Result<Self, DefinitionError> {
        let Some(name) = options.optional_text("timezone")? else { return Ok(Self::Fixed(TimeZone::UTC)) };
        if Template::is_template(&name) {
            let template = Template::parse(&name).map_err(|e| options.error("timezone", e.to_string()))?;
            return Ok(Self::Dynamic(template));
        }
        let zone = time_zone(&name)
            .ok_or_else(|| options.error("timezone", format!("unknown time zone \"{name}\"")))?;
        Ok(Self::Fixed(zone))
    }

    pub(super) fn resolve(&self, document: &Document<'_>) -> Result<Cow<'_, TimeZone>, Failure> {
        match self {
            Self::Fixed(zone) => Ok(Cow::Borrowed(zone)),
            Self::Dynamic(template) => {
                let name = template.render(document, Escape::None);
                let zone = if name.is_empty() { Some(TimeZone::UTC) } else { time_zone(&name) };
                zone.map(Cow::Owned).ok_or_else(|| Failure::argument(format!("Unknown time-zone ID: {name}")))
            }
        }
    }
}

/// Only English names are known: another locale is refused, not read wrongly.
pub(super) fn check_locale(options: &mut Options) -> Result<(), DefinitionError> {
    match options.optional_text("locale")?.as_deref() {
        None | Some("en" | "en-US" | "en_US" | "en-GB" | "ENGLISH" | "English" | "root" | "ROOT" | "") => {
            Ok(())
        }
        Some(other) => {
            Err(options.error("locale", format!("locale \"{other}\" is not supported: only English is")))
        }
    }
}

pub(super) fn formats(
    options: &Options,
    key: &str,
    texts: &[String],
) -> Result<Vec<TimeFormat>, DefinitionError> {
    let mut formats = Vec::new();
    for text in texts {
        let compiled = TimeFormat::compile(text)
            .map_err(|e| options.error(key, format!("Invalid format: [{text}]: {e}")))?;
        formats.extend(compiled);
    }
    Ok(formats)
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let texts = options.texts("formats")?;
    let formats = formats(options, "formats", &texts)?;
    let target = options.optional_text("target_field")?.unwrap_or_else(|| "@timestamp".to_owned());
    let output = match options.optional_text("output_format")? {
        None => None,
        Some(text) => self::formats(options, "output_format", &[text])?.into_iter().next(),
    };
    check_locale(options)?;
    Ok(Box::new(Date {
        field: options.field("field")?,
        is_event_time: target == "@timestamp",
        target: Field::parse(&target).map_err(|e| options.error("target_field", e))?,
        formats,
        zone: Zone::take(options)?,
        output,
    }))
}

impl Processor for Date {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let value = document.require(&self.field)?;
        let text = match &*value {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            Value::Null => Cow::Borrowed("null"),
            other => Cow::Owned(display_text(other)),
        };
        let zone = self.zone.resolve(document)?;
        let now = || document.now();
        let Some(time) = self.formats.iter().find_map(|format| format.read(&text, &zone, &now)) else {
            return Err(Failure::argument(format!("unable to parse date [{text}]")));
        };
        let written = match &self.output {
            Some(format) => format.write(time, &zone),
            None => {
                let mut out = String::with_capacity(29);
                write_iso(&mut out, time, &zone);
                out
            }
        };
        document.set(&self.target, Value::String(written))?;
        if self.is_event_time {
            document.event.metadata.timestamp = Some(time);
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails};
    use serde_json::{Value, json};

    #[test]
    fn reads_dates() {
        let read = |options: Value, from: Value, expected: Value| {
            let mut whole = options;
            whole["field"] = json!("d");
            let mut document = json!({"d": from});
            document.as_object_mut().unwrap().extend(expected.as_object().unwrap().clone());
            check("date", whole, json!({"d": from}), document);
        };
        let clf = json!({"formats": ["dd/MMM/yyyy:HH:mm:ss Z"]});
        read(clf, json!("17/May/2015:10:05:03 +0200"), json!({"@timestamp": "2015-05-17T08:05:03.000Z"}));
        read(
            json!({"formats": ["UNIX", "UNIX_MS"]}),
            json!(1_448_018_000),
            json!({"@timestamp": "2015-11-20T11:13:20.000Z"}),
        );
        let zoned = json!({"formats": ["yyyy-MM-dd HH:mm"], "timezone": "+02:00", "target_field": "t"});
        read(zoned, json!("2026-07-01 12:00"), json!({"t": "2026-07-01T12:00:00.000+02:00"}));
        let output = json!({"formats": ["ISO8601"], "output_format": "yyyy.MM.dd", "target_field": "t"});
        read(output, json!("2026-07-01"), json!({"t": "2026.07.01"}));
    }

    #[test]
    fn refuses() {
        let options = |extra: Value| {
            let mut options = json!({"field": "d", "formats": ["ISO8601"]});
            options.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            options
        };
        check_fails("date", options(json!({})), json!({"d": "soon"}), "unable to parse date [soon]");
        check_fails("date", options(json!({})), json!({}), "field [d] not present as part of path [d]");
        check_fails(
            "date",
            options(json!({"locale": "fr"})),
            json!({}),
            "pipeline \"test\", processor 1 (date), key \"locale\"",
        );
        check_fails(
            "date",
            options(json!({"timezone": "Mars"})),
            json!({}),
            "pipeline \"test\", processor 1 (date), key \"timezone\"",
        );
        check_fails(
            "date",
            options(json!({"timezone": "{{z}}"})),
            json!({"d": "2026", "z": "Mars"}),
            "Unknown time-zone ID: Mars",
        );
    }
}
