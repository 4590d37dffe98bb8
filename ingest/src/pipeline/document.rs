//! The document as a pipeline sees it: the event's fields, `_index` and `_id`, and `_ingest` beside them.

use super::compiled::Failure;
use super::registry::Set;
use event::{Event, Object, Timestamp, VersionType, member};
use expression::{Context, Escape, FieldPath, Member, PathError, Template, display_text};
use serde_json::{Value, json};
use std::{
    borrow::Cow,
    cell::OnceCell,
    sync::{Arc, LazyLock},
};

/// A field that a processor reads or writes, resolved when the definition is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field {
    /// A field of the event.
    Source(FieldPath),
    /// `_index`.
    Index,
    /// `_id`.
    Id,
    /// `_routing`.
    Routing,
    /// `_version`.
    Version,
    /// `_version_type`.
    VersionType,
    /// Something below `_ingest`.
    Ingest(FieldPath),
}

impl Field {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let path = |text: &str| FieldPath::parse(text).map_err(|e| e.to_string());
        match text {
            "_index" => return Ok(Self::Index),
            "_id" => return Ok(Self::Id),
            "_routing" => return Ok(Self::Routing),
            "_version" => return Ok(Self::Version),
            "_version_type" => return Ok(Self::VersionType),
            "_if_seq_no" | "_if_primary_term" | "_op_type" => {
                return Err(format!("metadata field \"{text}\" is not supported"));
            }
            "_dynamic_templates" | "_ingest" | "_source" => {
                return Err(format!("metadata field \"{text}\" cannot be used as a field"));
            }
            _ => {}
        }
        if let Some(rest) = text.strip_prefix("_ingest.") {
            return Ok(Self::Ingest(path(rest)?));
        }
        Ok(Self::Source(path(text.strip_prefix("_source.").unwrap_or(text))?))
    }

    /// As written in messages.
    pub(crate) fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Source(path) => Cow::Borrowed(path.as_str()),
            Self::Index => Cow::Borrowed("_index"),
            Self::Id => Cow::Borrowed("_id"),
            Self::Routing => Cow::Borrowed("_routing"),
            Self::Version => Cow::Borrowed("_version"),
            Self::VersionType => Cow::Borrowed("_version_type"),
            Self::Ingest(path) => Cow::Owned(format!("_ingest.{path}")),
        }
    }
}

/// A field whose name may hold templates.
#[derive(Debug, Clone)]
pub(crate) enum FieldTemplate {
    Fixed(Field),
    Dynamic(Template),
}

impl FieldTemplate {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if Template::is_template(text) {
            return Template::parse(text).map(Self::Dynamic).map_err(|e| e.to_string());
        }
        Field::parse(text).map(Self::Fixed)
    }

    /// The field, with the name's templates filled in.
    pub(crate) fn resolve<'f>(&'f self, document: &Document<'_>) -> Result<Cow<'f, Field>, Failure> {
        match self {
            Self::Fixed(field) => Ok(Cow::Borrowed(field)),
            Self::Dynamic(template) => {
                let name = template.render(document, Escape::None);
                Field::parse(&name).map(Cow::Owned).map_err(Failure::argument)
            }
        }
    }
}

/// One event under way through a pipeline.
pub(crate) struct Document<'a> {
    pub(crate) event: &'a mut Event,
    /// `_ingest`: made at first sight, since few events ever look at it.
    ingest: OnceCell<Value>,
    now: OnceCell<Timestamp>,
    /// `_version_type`, until there is a `_version`.
    version_type: Option<VersionType>,
    /// The pipelines that a `pipeline` processor can call.
    pub(crate) set: Option<Arc<Set>>,
    /// Names of the pipelines under way, outermost first.
    pub(crate) running: Vec<Arc<str>>,
    /// Bytes of all values that processors have written so far.
    written_bytes: usize,
    /// What each processor did, when somebody asked (`_simulate?verbose`).
    pub(crate) trace: Option<Vec<Value>>,
    /// Bytes of documents that the trace may still tell.
    pub(crate) trace_left: usize,
}

/// The field that is an event's time.
pub(super) const TIMESTAMP: &str = "@timestamp";
/// Processors may write so many bytes into one event, all together: a definition that doubles a field again and again
/// must not take the memory of the service.
const WRITTEN_MAX_BYTES: usize = 64 << 20;

/// About how many bytes a value takes.
pub(super) fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 8,
        Value::Array(items) => items.iter().map(weight).sum::<usize>() + 8,
        Value::Object(members) => {
            members.iter().map(|(key, value)| key.len() + weight(value)).sum::<usize>() + 8
        }
    }
}

static EMPTY: LazyLock<Value> = LazyLock::new(|| Value::Null);

impl<'a> Document<'a> {
    pub(crate) fn new(event: &'a mut Event, set: Option<Arc<Set>>) -> Self {
        let (ingest, now) = (OnceCell::new(), OnceCell::new());
        Self {
            event,
            ingest,
            now,
            version_type: None,
            set,
            running: Vec::new(),
            written_bytes: 0,
            trace: None,
            trace_left: 0,
        }
    }

    /// The time of this run: one instant for the whole pipeline.
    pub(crate) fn now(&self) -> Timestamp {
        *self.now.get_or_init(Timestamp::now)
    }

    /// `_ingest`.
    pub(crate) fn ingest(&self) -> &Value {
        self.ingest.get_or_init(|| {
            let mut ingest = json!({"timestamp": format!("{:.9}", self.now())});
            if let Some(name) = self.running.last() {
                ingest["pipeline"] = Value::String(name.to_string());
            }
            ingest
        })
    }

    /// Says in `_ingest.pipeline` which pipeline runs now, if anything has looked at `_ingest` already.
    pub(crate) fn name_running(&mut self) {
        let Some(Value::Object(ingest)) = self.ingest.get_mut() else { return };
        match self.running.last() {
            Some(name) => drop(ingest.insert("pipeline".to_owned(), Value::String(name.to_string()))),
            None => drop(ingest.shift_remove("pipeline")),
        }
    }

    pub(crate) fn ingest_mut(&mut self) -> &mut Object {
        self.ingest();
        let value = self.ingest.get_mut().expect("it has just been made");
        if !value.is_object() {
            *value = Value::Object(Object::new());
        }
        value.as_object_mut().expect("it has just been made an object")
    }

    /// The value of a field; `None` when it is absent. JSON null is a value.
    pub(crate) fn get(&self, field: &Field) -> Option<Cow<'_, Value>> {
        let text = |text: &str| Cow::Owned(Value::String(text.to_owned()));
        match field {
            Field::Source(path) => path.get(&self.event.fields).map(Cow::Borrowed),
            Field::Index => self.event.metadata.index.as_deref().map(text),
            Field::Id => self.event.metadata.id.as_deref().map(text),
            Field::Routing => self.event.metadata.options.as_ref()?.routing.as_deref().map(text),
            Field::Version => {
                let (version, _) = self.event.metadata.options.as_ref()?.version?;
                Some(Cow::Owned(json!(version)))
            }
            Field::VersionType => {
                let given = self.event.metadata.options.as_ref().and_then(|options| options.version);
                let kind = given.map(|(_, kind)| kind).or(self.version_type)?;
                Some(text(version_type_name(kind)))
            }
            Field::Ingest(path) => path.get(self.ingest().as_object()?).map(Cow::Borrowed),
        }
    }

    /// The value of a field that must be there.
    pub(crate) fn require(&self, field: &Field) -> Result<Cow<'_, Value>, Failure> {
        match field {
            Field::Source(path) => Ok(Cow::Borrowed(path.resolve(&self.event.fields)?)),
            Field::Ingest(path) => match self.ingest() {
                Value::Object(ingest) => Ok(Cow::Borrowed(path.resolve(ingest)?)),
                _ => Err(Failure::argument("_ingest is no object")),
            },
            Field::Index | Field::Id | Field::Routing | Field::Version | Field::VersionType => {
                self.get(field).ok_or_else(|| {
                    Failure::argument(format!("field [{0}] not present as part of path [{0}]", field.name()))
                })
            }
        }
    }

    /// Writes a field, making the objects on the way.
    pub(crate) fn set(&mut self, field: &Field, value: Value) -> Result<(), Failure> {
        self.count_written(weight(&value))?;
        match field {
            Field::Source(path) => {
                path.set(&mut self.event.fields, value)?;
                self.forget_time(path);
            }
            Field::Index => self.event.metadata.index = metadata_text(value)?.map(Arc::from),
            Field::Id => self.event.metadata.id = metadata_text(value)?,
            Field::Routing => {
                let routing = metadata_text(value)?;
                self.event.metadata.options.get_or_insert_default().routing = routing;
            }
            Field::Version => self.set_version(&value)?,
            Field::VersionType => self.set_version_type(&value)?,
            Field::Ingest(path) => {
                path.set(self.ingest_mut(), value)?;
            }
        }
        Ok(())
    }

    /// Whether a field of the event can be written. Of others nothing is said.
    pub(crate) fn can_set(&self, field: &Field) -> bool {
        matches!(field, Field::Source(path) if path.can_set(&self.event.fields))
    }

    fn set_version(&mut self, value: &Value) -> Result<(), Failure> {
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let version = number
            .ok_or_else(|| Failure::argument(format!("[_version] must be a number from 0, found {value}")))?;
        let options = self.event.metadata.options.get_or_insert_default();
        let kind = self.version_type.or(options.version.map(|(_, kind)| kind));
        options.version = Some((version, kind.unwrap_or(VersionType::Internal)));
        Ok(())
    }

    fn set_version_type(&mut self, value: &Value) -> Result<(), Failure> {
        let kind = match value.as_str() {
            Some("internal") => VersionType::Internal,
            Some("external" | "external_gt") => VersionType::External,
            Some("external_gte") => VersionType::ExternalGte,
            _ => return Err(Failure::argument(format!("No version type match [{}]", display_text(value)))),
        };
        self.version_type = Some(kind);
        if let Some((_, known)) =
            self.event.metadata.options.as_mut().and_then(|options| options.version.as_mut())
        {
            *known = kind;
        }
        Ok(())
    }

    /// Puts other fields in place of all: what a script made of them.
    pub(crate) fn replace(&mut self, fields: Object) -> Result<(), Failure> {
        let size =
            |fields: &Object| fields.iter().map(|(key, value)| key.len() + weight(value)).sum::<usize>();
        self.count_written(size(&fields).saturating_sub(size(&self.event.fields)))?;
        if fields.get(TIMESTAMP) != self.event.fields.get(TIMESTAMP) {
            self.event.metadata.timestamp = None;
        }
        self.event.fields = fields;
        Ok(())
    }

    /// Counts what is about to be written; an error if that is too much for one event.
    pub(super) fn count_written(&mut self, bytes: usize) -> Result<(), Failure> {
        self.written_bytes = self.written_bytes.saturating_add(bytes);
        if self.written_bytes > WRITTEN_MAX_BYTES {
            return Err(Failure::argument(format!(
                "the pipeline writes more than {WRITTEN_MAX_BYTES} bytes into one event"
            )));
        }
        Ok(())
    }

    /// Takes a field out.
    pub(crate) fn remove(&mut self, field: &Field) -> Result<Value, Failure> {
        match field {
            Field::Source(path) => {
                let value = path.remove(&mut self.event.fields)?;
                self.forget_time(path);
                Ok(value)
            }
            Field::Ingest(path) => Ok(path.remove(self.ingest_mut())?),
            Field::Index => {
                let value = self.require(field)?.into_owned();
                self.event.metadata.index = None;
                Ok(value)
            }
            Field::Id => {
                let value = self.require(field)?.into_owned();
                self.event.metadata.id = None;
                Ok(value)
            }
            Field::Routing => {
                let value = self.require(field)?.into_owned();
                self.event.metadata.options.get_or_insert_default().routing = None;
                Ok(value)
            }
            Field::Version | Field::VersionType => {
                let value = self.require(field)?.into_owned();
                self.version_type = None;
                self.event.metadata.options.get_or_insert_default().version = None;
                Ok(value)
            }
        }
    }

    /// The event's time is `@timestamp`: whoever writes that makes the known time stale.
    fn forget_time(&mut self, path: &FieldPath) {
        if path.as_str() == TIMESTAMP {
            self.event.metadata.timestamp = None;
        }
    }

    /// The text of a field. `Ok(None)`: absent or null, and that is allowed.
    pub(crate) fn text(&self, field: &Field, ignore_missing: bool) -> Result<Option<Cow<'_, str>>, Failure> {
        let value = match self.get(field) {
            None if ignore_missing => return Ok(None),
            None => self.require(field)?,
            Some(value) => value,
        };
        match value {
            Cow::Borrowed(Value::String(text)) => Ok(Some(Cow::Borrowed(text))),
            Cow::Owned(Value::String(text)) => Ok(Some(Cow::Owned(text))),
            value if value.is_null() && ignore_missing => Ok(None),
            value if value.is_null() => {
                Err(Failure::argument(format!("field [{}] is null, cannot process it.", field.name())))
            }
            value => Err(wrong_type(field, &value, "java.lang.String")),
        }
    }
}

/// Elasticsearch's sentence for a value of another type than is needed.
pub(crate) fn wrong_type(field: &Field, value: &Value, expected: &str) -> Failure {
    let found = java_type(value);
    Failure::argument(format!("field [{}] of type [{found}] cannot be cast to [{expected}]", field.name()))
}

/// The Java type as which Elasticsearch holds such a value.
pub(crate) fn java_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "java.lang.Boolean",
        Value::Number(number) => match number.as_i64() {
            Some(value) if i32::try_from(value).is_ok() => "java.lang.Integer",
            Some(_) => "java.lang.Long",
            None => "java.lang.Double",
        },
        Value::String(_) => "java.lang.String",
        Value::Array(_) => "java.util.ArrayList",
        Value::Object(_) => "java.util.HashMap",
    }
}

fn version_type_name(kind: VersionType) -> &'static str {
    match kind {
        VersionType::Internal => "internal",
        VersionType::External => "external",
        VersionType::ExternalGte => "external_gte",
    }
}

fn metadata_text(value: Value) -> Result<Option<String>, Failure> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        scalar @ (Value::Number(_) | Value::Bool(_)) => Ok(Some(scalar.to_string())),
        other => Err(Failure::argument(format!("metadata fields are text, found {}", java_type(&other)))),
    }
}

impl From<PathError> for Failure {
    fn from(error: PathError) -> Self {
        Failure::argument(error.to_string())
    }
}

impl Context for Document<'_> {
    fn member(&self, name: &str) -> Option<Member<'_>> {
        match name {
            "_index" => self.event.metadata.index.as_deref().map(Member::Text),
            "_id" => self.event.metadata.id.as_deref().map(Member::Text),
            "_routing" => self.event.metadata.options.as_ref()?.routing.as_deref().map(Member::Text),
            "_ingest" => Some(Member::Value(self.ingest())),
            // Nothing else stands beside the source; a plain `_source` is no field.
            "_source" => Some(Member::Value(&EMPTY)),
            name => member(&self.event.fields, name).map(Member::Value),
        }
    }
}
