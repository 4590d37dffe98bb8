//! Reading definitions: every key is taken by somebody, or it is an error that names it.

use super::document::{Field, FieldTemplate};
use event::Object;
use expression::{Condition, FieldPath, Template, ValueTemplate};
use serde_json::Value;
use std::fmt;

/// Why a definition cannot be loaded, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct DefinitionError {
    /// Where.
    pub place: Box<DefinitionPlace>,
    /// The key; `None`: the whole.
    pub key: Option<Box<str>>,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pipeline \"{}\"", self.place.pipeline)?;
        if let Some(position) = &self.place.position {
            write!(f, ", processor {position}")?;
        }
        if let Some(processor) = &self.place.processor {
            write!(f, " ({processor})")?;
        }
        if let Some(key) = &self.key {
            write!(f, ", key \"{key}\"")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// A place in a definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DefinitionPlace {
    /// Name of the pipeline (the file's name without its end).
    pub pipeline: String,
    /// Number of the processor, from 1; of nested ones `3.on_failure.1`. `None`: the pipeline's own keys.
    pub position: Option<String>,
    /// Type of the processor.
    pub processor: Option<String>,
    /// Tag of the processor.
    pub tag: Option<String>,
}

pub(crate) use DefinitionPlace as Place;

impl Place {
    pub(crate) fn error(&self, key: Option<&str>, reason: impl Into<String>) -> DefinitionError {
        DefinitionError { place: Box::new(self.clone()), key: key.map(Box::from), reason: reason.into() }
    }

    /// The place of the `number`th processor of a list inside this one.
    pub(crate) fn nested(&self, list: Option<&str>, number: usize) -> Self {
        let position = match (&self.position, list) {
            (Some(outer), Some(list)) => format!("{outer}.{list}.{number}"),
            (None, Some(list)) => format!("{list}.{number}"),
            (_, None) => number.to_string(),
        };
        Self { position: Some(position), processor: None, tag: None, pipeline: self.pipeline.clone() }
    }
}

type Read<T> = Result<T, DefinitionError>;

/// The options of one processor (or of the pipeline itself), taken one by one.
pub(crate) struct Options {
    pub(crate) place: Place,
    members: Object,
}

impl Options {
    pub(crate) fn new(place: Place, members: Object) -> Self {
        Self { place, members }
    }

    pub(crate) fn error(&self, key: &str, reason: impl Into<String>) -> DefinitionError {
        self.place.error(Some(key), reason)
    }

    /// Takes any value; JSON null counts as absent.
    pub(crate) fn value(&mut self, key: &str) -> Option<Value> {
        self.members.shift_remove(key).filter(|value| !value.is_null())
    }

    /// Takes any value; null is a value (the `value` of `set`).
    pub(crate) fn nullable(&mut self, key: &str) -> Option<Value> {
        self.members.shift_remove(key)
    }

    pub(crate) fn optional_text(&mut self, key: &str) -> Read<Option<String>> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.error(key, format!("property isn't a string, but {other}"))),
        }
    }

    pub(crate) fn text(&mut self, key: &str) -> Read<String> {
        let text = self.optional_text(key)?;
        text.ok_or_else(|| self.error(key, "required property is missing"))
    }

    /// As Elasticsearch reads them: `"true"` and `"false"` too.
    pub(crate) fn boolean(&mut self, key: &str, default: bool) -> Read<bool> {
        match self.value(key) {
            None => Ok(default),
            Some(Value::Bool(value)) => Ok(value),
            Some(Value::String(text)) if text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" => Ok(false),
            Some(other) => Err(self.error(key, format!("property isn't a boolean, but {other}"))),
        }
    }

    pub(crate) fn optional_integer(&mut self, key: &str) -> Read<Option<i64>> {
        match self.value(key) {
            None => Ok(None),
            Some(value) => match value.as_i64().or_else(|| value.as_str()?.parse().ok()) {
                Some(number) => Ok(Some(number)),
                None => Err(self.error(key, format!("property cannot be converted to an int: {value}"))),
            },
        }
    }

    /// A list of texts; one text alone counts as a list of one.
    pub(crate) fn optional_texts(&mut self, key: &str) -> Read<Option<Vec<String>>> {
        let items = match self.value(key) {
            None => return Ok(None),
            Some(Value::String(text)) => return Ok(Some(vec![text])),
            Some(Value::Array(items)) => items,
            Some(other) => return Err(self.error(key, format!("property isn't a list, but {other}"))),
        };
        let texts = items.into_iter().map(|item| match item {
            Value::String(text) => Ok(text),
            other => Err(self.error(key, format!("list has an element that isn't a string: {other}"))),
        });
        texts.collect::<Read<_>>().map(Some)
    }

    pub(crate) fn texts(&mut self, key: &str) -> Read<Vec<String>> {
        let texts = self.optional_texts(key)?;
        texts.ok_or_else(|| self.error(key, "required property is missing"))
    }

    pub(crate) fn optional_object(&mut self, key: &str) -> Read<Option<Object>> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(other) => Err(self.error(key, format!("property isn't a map, but {other}"))),
        }
    }

    /// A list of processors, as it stands.
    pub(crate) fn list(&mut self, key: &str) -> Read<Option<Vec<Value>>> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(other) => Err(self.error(key, format!("property isn't a list, but {other}"))),
        }
    }

    pub(crate) fn optional_field(&mut self, key: &str) -> Read<Option<Field>> {
        let Some(text) = self.optional_text(key)? else { return Ok(None) };
        if Template::is_template(&text) {
            return Err(self.error(key, format!("templates are not supported here: \"{text}\"")));
        }
        Field::parse(&text).map(Some).map_err(|reason| self.error(key, reason))
    }

    pub(crate) fn field(&mut self, key: &str) -> Read<Field> {
        let field = self.optional_field(key)?;
        field.ok_or_else(|| self.error(key, "required property is missing"))
    }

    /// A field that has a name unless the definition gives another.
    pub(crate) fn field_or(&mut self, key: &str, default: &str) -> Read<Field> {
        match self.optional_field(key)? {
            Some(field) => Ok(field),
            None => Field::parse(default).map_err(|reason| self.error(key, reason)),
        }
    }

    pub(crate) fn field_template(&mut self, key: &str) -> Read<FieldTemplate> {
        let text = self.text(key)?;
        FieldTemplate::parse(&text).map_err(|reason| self.error(key, reason))
    }

    pub(crate) fn template(&mut self, key: &str) -> Read<Option<Template>> {
        let Some(text) = self.optional_text(key)? else { return Ok(None) };
        Template::parse(&text).map(Some).map_err(|e| self.error(key, e.to_string()))
    }

    pub(crate) fn value_template(&mut self, key: &str, value: Value) -> Read<ValueTemplate> {
        ValueTemplate::compile(value).map_err(|e| self.error(key, e.to_string()))
    }

    pub(crate) fn path(&mut self, key: &str) -> Read<Option<FieldPath>> {
        let Some(text) = self.optional_text(key)? else { return Ok(None) };
        FieldPath::parse(&text).map(Some).map_err(|e| self.error(key, e.to_string()))
    }

    pub(crate) fn condition(&mut self, key: &str) -> Read<Option<Condition>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        // The long form of a script: {"lang": "painless", "source": "…"}.
        let source = match &value {
            Value::String(source) => source,
            Value::Object(script) => match (script.get("source"), script.get("lang").and_then(Value::as_str))
            {
                (Some(Value::String(source)), None | Some("painless"))
                    if script.keys().all(|key| key == "source" || key == "lang") =>
                {
                    source
                }
                _ => return Err(self.error(key, "only {\"lang\": \"painless\", \"source\": …} is supported")),
            },
            _ => return Err(self.error(key, "property isn't a string")),
        };
        Condition::parse(source).map(Some).map_err(|e| self.error(key, e.to_string()))
    }

    /// Takes what is left and refuses it.
    pub(crate) fn finish(self) -> Read<()> {
        match self.members.keys().next() {
            None => Ok(()),
            Some(key) => Err(self.error(key, "unknown key")),
        }
    }
}
