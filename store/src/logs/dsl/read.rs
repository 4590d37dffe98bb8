use crate::StoreError;
use event::Object;
use serde::Deserialize;
use serde_json::Value;

/// Where in the request a value stands, for error messages: `query.bool.must[2].range`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
    /// Number of steps above.
    pub(super) depth: usize,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Position(usize),
}

impl<'a> Place<'a> {
    pub(super) fn root(name: &'a str) -> Self {
        Self { parent: None, step: Step::Key(name), depth: 0 }
    }

    pub(super) fn key<'b>(&'b self, key: &'b str) -> Place<'b>
    where
        'a: 'b,
    {
        Place { parent: Some(self), step: Step::Key(key), depth: self.depth + 1 }
    }

    pub(super) fn item<'b>(&'b self, position: usize) -> Place<'b>
    where
        'a: 'b,
    {
        // A position in a list is not a level of nesting.
        Place { parent: Some(self), step: Step::Position(position), depth: self.depth }
    }
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Key(key) if self.parent.is_some() => write!(f, ".{key}"),
            Step::Key(key) => f.write_str(key),
            Step::Position(position) => write!(f, "[{position}]"),
        }
    }
}

/// An `InvalidRequest` that says where.
pub(super) fn invalid(place: &Place<'_>, message: impl std::fmt::Display) -> StoreError {
    StoreError::invalid(format!("{message} (at {place})")).with_code("parsing_exception")
}

/// An `InvalidRequest` for an argument that can be read and makes no sense.
pub(super) fn illegal(place: &Place<'_>, message: impl std::fmt::Display) -> StoreError {
    invalid(place, message).with_code("illegal_argument_exception")
}

/// A number that clients also send as text, as Elasticsearch's parsers take it: `10`, `"10"`, `10.0`.
pub(super) fn number<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: std::str::FromStr + serde::de::DeserializeOwned,
{
    let refuse = |value: &Value| serde::de::Error::custom(format!("cannot read the number {}", shown(value)));
    match Option::<Value>::deserialize(deserializer)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => match text.trim().parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(refuse(&Value::String(text))),
        },
        Some(value) => match serde_json::from_value(value.clone()) {
            Ok(number) => Ok(Some(number)),
            // A whole number that is written with a fraction.
            Err(_) => match value.as_f64().filter(|float| float.fract() == 0.0) {
                Some(float) => format!("{float}").parse().map(Some).map_err(|_| refuse(&value)),
                None => Err(refuse(&value)),
            },
        },
    }
}

/// Shows a value in an error message, cut to a readable length.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The parameters of a clause as a struct; what the struct does not know is refused by name. `what` names the
/// clause as Elasticsearch does: `[range] query`.
pub(super) fn parameters<'de, T: Deserialize<'de>>(
    what: &str,
    value: &'de Value,
    place: &Place<'_>,
) -> Result<T, StoreError> {
    T::deserialize(value).map_err(|error| {
        let message = error.to_string();
        // serde says: unknown field `x`, expected one of …
        let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
        let error = match unknown {
            Some((name, _)) => invalid(place, format!("{what} does not support \"{name}\"")),
            None => match message.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
                Some((name, _)) => invalid(place, format!("{what}: Required [{name}]")),
                None => invalid(place, format!("{what}: {message}")),
            },
        };
        if what.ends_with("aggregation") { error.with_code("x_content_parse_exception") } else { error }
    })
}

/// The value as an object.
pub(super) fn object<'v>(what: &str, value: &'v Value, place: &Place<'_>) -> Result<&'v Object, StoreError> {
    value.as_object().ok_or_else(|| invalid(place, format!("{what} must be an object, not {}", shown(value))))
}

/// The one member of an object such as `{"field": …}`.
pub(super) fn single<'v>(
    what: &str,
    value: &'v Value,
    place: &Place<'_>,
) -> Result<(&'v str, &'v Value), StoreError> {
    let members = object(what, value, place)?;
    let mut entries = members.iter();
    match (entries.next(), entries.next()) {
        (Some((key, value)), None) => Ok((key, value)),
        (None, _) => Err(invalid(place, format!("{what} is empty, expected one member"))),
        (Some((first, _)), Some((second, _))) => Err(invalid(
            place,
            format!("{what} holds both \"{first}\" and \"{second}\", expected one member"),
        )),
    }
}

/// A list, or one value instead of a list of one.
pub(super) fn one_or_many(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        other => std::slice::from_ref(other),
    }
}

/// A string, or a number or boolean in its textual form.
pub(super) fn scalar_text(what: &str, value: &Value, place: &Place<'_>) -> Result<String, StoreError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        _ => Err(invalid(place, format!("{what} must be a single value, not {}", shown(value)))),
    }
}
