//! Scripts as requests have them: `"script": "…"` or `{"source", "lang", "params"}`, or `{"id", "params"}` of a stored one.
//!
//! Source: Elasticsearch reference, "How to write scripts".

use super::error::ElasticError;
use axum::http::StatusCode;
use event::Object;
use expression::DocumentScript;
use ingest::pipeline::{StoredScript, StoredScripts};
use serde_json::Value;
use std::sync::Arc;

/// A script before it is compiled.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ScriptSource {
    pub(super) source: String,
    /// `lang`.
    pub(super) language: String,
    pub(super) params: Object,
}

impl ScriptSource {
    /// Reads a script, or finds the stored one that it names (`id`).
    pub(super) fn read(value: Value, stored: &StoredScripts) -> Result<Self, ElasticError> {
        let parse = |reason: String| {
            ElasticError::new(
                StatusCode::BAD_REQUEST,
                "x_content_parse_exception",
                format!("[script] {reason}"),
            )
        };
        let mut language = DocumentScript::LANGUAGE.name().to_owned();
        let members = match value {
            Value::String(source) => return Ok(Self { source, language, params: Object::new() }),
            Value::Object(members) => members,
            _ => return Err(parse("must be a string or an object".to_owned())),
        };
        let (mut source, mut params) = (None, Object::new());
        for (name, value) in members {
            match (name.as_str(), value) {
                ("source" | "inline", Value::String(text)) => source = Some(text),
                ("lang", Value::String(named)) => language = named,
                ("params", Value::Object(given)) => params = given,
                ("params", Value::Null) => {}
                ("options", Value::Object(options)) if options.is_empty() => {}
                ("id" | "stored", Value::String(id)) => {
                    let script = find(&id, stored)?;
                    (source, language) = (Some(script.source.clone()), script.language.clone());
                }
                (name @ ("id" | "stored" | "source" | "inline" | "lang" | "params" | "options"), _) => {
                    return Err(parse(format!("[{name}] has the wrong type")));
                }
                (other, _) => return Err(parse(format!("unknown field [{other}]"))),
            }
        }
        let source = source.ok_or_else(|| {
            ElasticError::illegal(
                "must specify either [source] for an inline script or [id] for a stored script",
            )
        })?;
        Ok(Self { source, language, params })
    }

    /// Compiles it to be run over documents.
    pub(super) fn compile(self) -> Result<DocumentScript, ElasticError> {
        let language = DocumentScript::LANGUAGE.name();
        if self.language != language {
            return Err(ElasticError::illegal(format!("script_lang not supported [{}]", self.language)));
        }
        DocumentScript::compile(&self.source, self.params)
            .map_err(|error| ElasticError::script(error.script_exception(&self.source, language)))
    }
}

/// The stored script of that id.
pub(super) fn find(id: &str, stored: &StoredScripts) -> Result<Arc<StoredScript>, ElasticError> {
    stored.get(id).ok_or_else(|| {
        let reason = format!("unable to find script [{id}] in cluster state");
        ElasticError::new(StatusCode::NOT_FOUND, "resource_not_found_exception", reason)
    })
}

/// Puts the sources of stored scripts in place of their ids, wherever a search names one: below `script` and the like.
pub(super) fn put_sources(body: &mut Value, stored: &StoredScripts) -> Result<(), ElasticError> {
    if stored.is_empty() {
        return Ok(());
    }
    match body {
        Value::Array(items) => items.iter_mut().try_for_each(|item| put_sources(item, stored)),
        Value::Object(members) => members.iter_mut().try_for_each(|(name, value)| {
            let is_script = name == "script" || name.ends_with("_script");
            match value.as_object_mut().filter(|_| is_script) {
                Some(script) if !script.contains_key("source") => {
                    let Some(Value::String(id)) = script.get("id") else { return put_sources(value, stored) };
                    let found = find(id, stored)?;
                    script.shift_remove("id");
                    script.insert("lang".to_owned(), found.language.clone().into());
                    script.insert("source".to_owned(), found.source.clone().into());
                    Ok(())
                }
                _ => put_sources(value, stored),
            }
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn stored_scripts_are_put_in_their_places() {
        let stored = StoredScripts::default();
        let script =
            |source: &str| StoredScript { language: "painless".to_owned(), source: source.to_owned() };
        stored.put("a", script("1 + params.n"));
        let read = ScriptSource::read(json!({"id": "a", "params": {"n": 2}}), &stored).unwrap();
        assert_eq!((read.source.as_str(), read.language.as_str()), ("1 + params.n", "painless"));
        assert_eq!(ScriptSource::read(json!({"id": "b"}), &stored).unwrap_err().status(), 404);
        let call = |members: Value| {
            json!({"query": {"bool": {"filter": [{"script": {"script": members}}]}},
                "aggs": {"x": {"scripted_metric": {"init_script": members}}}, "term": {"id": "a"}})
        };
        let mut body = call(json!({"id": "a", "params": {"n": 1}}));
        put_sources(&mut body, &stored).unwrap();
        assert_eq!(body, call(json!({"params": {"n": 1}, "lang": "painless", "source": "1 + params.n"})));
        assert!(put_sources(&mut call(json!({"id": "b"})), &stored).is_err());
    }

    #[test]
    fn scripts_are_read_in_both_forms() {
        let none = StoredScripts::default();
        let check = |body: Value, expected: (&str, &str, Value)| {
            let read = ScriptSource::read(body, &none).unwrap();
            let got = (read.source.as_str(), read.language.as_str(), Value::Object(read.params));
            assert_eq!(got, expected);
        };
        check(json!("x"), ("x", "painless", json!({})));
        check(json!({"source": "x"}), ("x", "painless", json!({})));
        check(
            json!({"inline": "x", "lang": "mustache", "params": {"a": 1}}),
            ("x", "mustache", json!({"a": 1})),
        );
        for bad in
            [json!(1), json!({}), json!({"source": 1}), json!({"id": "a"}), json!({"source": "x", "y": 1})]
        {
            assert!(ScriptSource::read(bad.clone(), &none).is_err(), "{bad}");
        }
        let read = |source: &str| ScriptSource::read(json!({"source": source}), &none).unwrap().compile();
        assert!(read("ctx.op = 'noop'").is_ok());
        assert_eq!(read("ctx.").unwrap_err().cause()["type"], "script_exception");
    }
}
