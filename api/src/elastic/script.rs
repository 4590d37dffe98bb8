//! Scripts as requests have them: `"script": "…"` or `{"source", "lang", "params"}`.
//!
//! Source: Elasticsearch reference, "How to write scripts".

use super::error::ElasticError;
use axum::http::StatusCode;
use event::Object;
use expression::DocumentScript;
use serde_json::Value;

/// A script before it is compiled.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ScriptSource {
    pub(super) source: String,
    /// `lang`.
    pub(super) language: String,
    pub(super) params: Object,
}

impl ScriptSource {
    /// Reads a script; stored ones (`id`) there are none.
    pub(super) fn read(value: Value) -> Result<Self, ElasticError> {
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
                ("id" | "stored", _) => {
                    return Err(ElasticError::illegal("[script] stored scripts are not supported"));
                }
                (name @ ("source" | "inline" | "lang" | "params" | "options"), _) => {
                    return Err(parse(format!("[{name}] has the wrong type")));
                }
                (other, _) => return Err(parse(format!("unknown field [{other}]"))),
            }
        }
        let source = source
            .ok_or_else(|| ElasticError::illegal("must specify either [source] for an inline script"))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scripts_are_read_in_both_forms() {
        let check = |body: Value, expected: (&str, &str, Value)| {
            let read = ScriptSource::read(body).unwrap();
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
            assert!(ScriptSource::read(bad.clone()).is_err(), "{bad}");
        }
        let read = |source: &str| ScriptSource::read(json!({"source": source})).unwrap().compile();
        assert!(read("ctx.op = 'noop'").is_ok());
        assert_eq!(read("ctx.").unwrap_err().cause()["type"], "script_exception");
    }
}
