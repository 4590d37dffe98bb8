use super::Named;
use crate::{
    StoreError,
    logs::dsl::{
        aggregations::ast::ValuesSource,
        read::{object, parameters},
        script::script,
    },
};
use event::Object;
use expression::Purpose;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// Types of values that `value_type` may name.
const VALUE_TYPES: [&str; 12] = [
    "string", "keyword", "long", "integer", "short", "byte", "double", "float", "number", "boolean", "date",
    "ip",
];

/// Takes the parameters that say where values come from; leaves the rest.
pub(super) fn take(at: &Named<'_>, value: &Value) -> Result<(ValuesSource, Object), StoreError> {
    let mut rest = object(&at.what(), value, at.place)?.clone();
    let script = match rest.remove("script").filter(|script| !script.is_null()) {
        Some(given) => Some(Arc::new(script(&given, Purpose::Value, &at.place.key("script"))?)),
        None => None,
    };
    let mut text = |key: &str| match rest.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => {
            let error = at.invalid(format!("{} needs a text in \"{key}\"", at.what()));
            Err(error.with_code("x_content_parse_exception"))
        }
    };
    let (field, value_type) = (text("field")?, text("value_type")?);
    let (format, time_zone) = (text("format")?, text("time_zone")?);
    if let Some(unknown) = value_type.as_deref().filter(|name| !VALUE_TYPES.contains(name)) {
        return Err(at.illegal(format!("Could not resolve [value_type] [{unknown}]")));
    }
    let Some(field) = field.or_else(|| script.as_ref().map(|_| String::new())) else {
        return Err(at.illegal(format!(
            "Required one of fields [field, script], but none were specified in {}",
            at.what()
        )));
    };
    let missing = rest.remove("missing").filter(|value| !value.is_null());
    Ok((ValuesSource { field, script, missing, value_type, format, time_zone }, rest))
}

/// The source and the other parameters as a struct.
pub(super) fn read<T: for<'de> Deserialize<'de>>(
    at: &Named<'_>,
    value: &Value,
) -> Result<(ValuesSource, T), StoreError> {
    let (source, rest) = take(at, value)?;
    let read = parameters(&at.what(), &Value::Object(rest), at.place)?;
    Ok((source, read))
}

/// For aggregations without parameters of their own.
pub(super) fn only(at: &Named<'_>, value: &Value) -> Result<ValuesSource, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    read(at, value).map(|(source, Nothing {})| source)
}

/// For points, which no script makes.
pub(super) fn points(at: &Named<'_>, value: &Value) -> Result<ValuesSource, StoreError> {
    let source = only(at, value)?;
    refuse_script(at, &source)?;
    Ok(source)
}

/// Refuses a script where values cannot be made by one.
pub(super) fn refuse_script(at: &Named<'_>, source: &ValuesSource) -> Result<(), StoreError> {
    match source.script {
        Some(_) => Err(at.invalid(format!("{} does not support \"script\"", at.what()))),
        None => Ok(()),
    }
}
