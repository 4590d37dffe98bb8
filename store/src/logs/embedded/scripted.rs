//! Updates by script: what becomes of a document.
//!
//! Source: Elasticsearch reference, "Update API", "Painless update context".

use crate::StoreError;
use event::{Object, UpdateScript};
use expression::{DocumentContext, DocumentScript};
use serde_json::{Value, json};

/// A compiled script of an update.
pub(super) struct Scripted {
    script: DocumentScript,
    /// Run for documents that are new, too.
    pub(super) on_upsert: bool,
}

/// What the script says shall become of the document.
pub(super) enum Fate {
    Write(Object),
    Delete,
    Noop,
}

/// What `ctx` shows of the document beside its source.
pub(super) struct Subject<'a> {
    pub(super) index: &'a str,
    pub(super) id: &'a str,
    pub(super) routing: Option<&'a str>,
    /// `None`: the document is new.
    pub(super) version: Option<u64>,
    pub(super) now_ms: i64,
}

impl Scripted {
    /// Compiles the script of an update; `params` are its parameters.
    pub(super) fn compile(script: &UpdateScript, params: Object) -> Result<Self, StoreError> {
        let language = DocumentScript::LANGUAGE.name();
        if script.language != language {
            let reason = format!("script_lang not supported [{}]", script.language);
            return Err(failed(json!({"type": "illegal_argument_exception", "reason": reason})));
        }
        let compiled = DocumentScript::compile(&script.source, params);
        let compiled = compiled.map_err(|error| failed(error.script_exception(&script.source, language)))?;
        Ok(Self { script: compiled, on_upsert: script.scripted_upsert })
    }

    /// Runs over a document.
    pub(super) fn run(&self, subject: &Subject<'_>, source: Object) -> Result<Fate, StoreError> {
        let Subject { index, id, routing, version, now_ms } = *subject;
        let op = if version.is_some() { "index" } else { "create" };
        let document = DocumentContext { index, id, routing, version, now_ms: Some(now_ms), op };
        let mut changed =
            self.script.run(&document, source).map_err(|error| failed(self.script.exception(&error)))?;
        let op = changed.shift_remove("op");
        match op.as_ref().and_then(Value::as_str) {
            Some("index" | "create") => match changed.shift_remove("_source") {
                Some(Value::Object(source)) => Ok(Fate::Write(source)),
                _ => Err(failed(
                    json!({"type": "class_cast_exception", "reason": "[_source] of ctx is no object"}),
                )),
            },
            Some("delete") if version.is_some() => Ok(Fate::Delete),
            // As in Elasticsearch, whatever else is said means that nothing is done.
            _ => Ok(Fate::Noop),
        }
    }
}

fn failed(cause: Value) -> StoreError {
    StoreError::invalid("failed to execute script").with_code("illegal_argument_exception").caused_by(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reason of the script exception, and of what is behind it.
    fn cause(error: &StoreError) -> String {
        let details = error.details.as_deref().unwrap();
        let cause = &details["caused_by"];
        let inner = cause["caused_by"]["reason"].as_str().unwrap_or_default();
        format!("{}: {inner}", cause["reason"].as_str().unwrap())
    }

    fn run(source: &str, version: Option<u64>, document: Value) -> Result<Option<Value>, String> {
        let script = UpdateScript {
            source: source.to_owned(),
            language: "painless".to_owned(),
            scripted_upsert: true,
        };
        let params = json!({"n": 4}).as_object().cloned().unwrap();
        let scripted = Scripted::compile(&script, params).map_err(|error| cause(&error))?;
        let subject = Subject { index: "i", id: "1", routing: Some("r"), version, now_ms: 7 };
        match scripted.run(&subject, document.as_object().cloned().unwrap()) {
            Ok(Fate::Write(source)) => Ok(Some(Value::Object(source))),
            Ok(Fate::Delete) => Ok(Some(Value::Null)),
            Ok(Fate::Noop) => Ok(None),
            Err(error) => Err(cause(&error)),
        }
    }

    #[test]
    fn scripts_decide_what_becomes_of_a_document() {
        let doc = || json!({"n": 1});
        assert_eq!(run("ctx._source.n += params.n", Some(3), doc()), Ok(Some(json!({"n": 5}))));
        assert_eq!(run("ctx.op = 'none'", Some(3), doc()), Ok(None));
        assert_eq!(run("ctx.op = 'noop'", Some(3), doc()), Ok(None));
        assert_eq!(run("ctx.op = 'delete'", Some(3), doc()), Ok(Some(Value::Null)));
        assert_eq!(run("ctx.op = 'delete'", None, json!({})), Ok(None));
        assert_eq!(run("ctx._source.op = ctx.op", None, json!({})), Ok(Some(json!({"op": "create"}))));
        let seen = "ctx._source.s = ctx._index + ctx._id + ctx._version + ctx._routing + ctx._now";
        assert_eq!(run(seen, Some(3), json!({})), Ok(Some(json!({"s": "i13r7"}))));
        let failed = |source: &str| run(source, Some(1), doc()).unwrap_err();
        assert!(failed("ctx._source.x.y = 1").starts_with("runtime error: cannot access"));
        assert!(failed("ctx._source.x.").starts_with("compile error: "));
        assert!(failed("ctx._source = 1").contains("is no object"));
    }
}
