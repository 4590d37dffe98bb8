//! Scripts of requests.

use super::read::{Place, illegal, parameters, shown};
use crate::StoreError;
use event::Object;
use expression::{Language, Purpose, Script};
use serde::Deserialize;
use serde_json::Value;

/// A compiled script and what is handed to it.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptCall {
    /// The script.
    pub script: Script,
    /// `params`.
    pub params: Object,
}

/// Reads `"source"` or `{"source", "lang", "params"}`.
pub(super) fn script(value: &Value, purpose: Purpose, place: &Place<'_>) -> Result<ScriptCall, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(alias = "inline")]
        source: String,
        lang: Option<String>,
        #[serde(default)]
        params: Object,
        #[serde(rename = "options")]
        _options: Option<Value>,
    }
    let read = match value {
        Value::String(source) => {
            Parameters { source: source.clone(), lang: None, params: Object::new(), _options: None }
        }
        Value::Object(members) if members.contains_key("id") => {
            return Err(illegal(place, "stored scripts are not supported, send the source"));
        }
        other => parameters("[script]", other, place)?,
    };
    let name = read.lang.as_deref().unwrap_or("painless");
    let Some(language) = Language::named(name) else {
        return Err(illegal(place, format!("script_lang not supported [{name}]")));
    };
    let script = Script::compile(language, &read.source, purpose).map_err(|error| {
        let source = shown(&Value::String(read.source.clone()));
        illegal(place, format!("compile error in {source}: {error}")).with_code("script_exception")
    })?;
    Ok(ScriptCall { script, params: read.params })
}
