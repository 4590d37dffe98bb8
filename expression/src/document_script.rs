//! Scripts that change a stored document: updates, update by query, reindex.
//!
//! Source: Elasticsearch reference, "Update API", "Painless update context", "Painless update by query context".

use crate::{Language, Limits, Member, Purpose, Script, ScriptError};
use event::Object;
use serde_json::{Value, json};

/// What a script may cost while a document waits for it.
const LIMITS: Limits = Limits { steps: 500_000, memory_bytes: 16 << 20 };

/// A compiled script with its parameters; run over any number of documents.
#[derive(Debug, Clone)]
pub struct DocumentScript {
    script: Script,
    params: Object,
}

/// What `ctx` shows of a document beside its `_source`.
#[derive(Debug, Clone, Copy)]
pub struct DocumentContext<'a> {
    /// `ctx._index`.
    pub index: &'a str,
    /// `ctx._id`.
    pub id: &'a str,
    /// `ctx._routing`; `None` where the document has none.
    pub routing: Option<&'a str>,
    /// `ctx._version`; `None`: the document is new.
    pub version: Option<u64>,
    /// `ctx._now`, in milliseconds since 1970 (UTC); `None`: there is no such member.
    pub now_ms: Option<i64>,
    /// `ctx.op` as the script finds it: `index` or `create`.
    pub op: &'a str,
}

impl DocumentScript {
    /// Compiles a script; `params` are its parameters.
    ///
    /// # Errors
    /// What [`Script::compile`] does not understand.
    pub fn compile(source: &str, params: Object) -> Result<Self, ScriptError> {
        let script = Script::compile(Language::Painless, source, Purpose::Update)?;
        Ok(Self { script, params })
    }

    /// The only language that such scripts are written in.
    pub const LANGUAGE: Language = Language::Painless;

    /// Runs over a document and gives back what has become of `ctx`: `_source`, `op` and the members beside them.
    ///
    /// # Errors
    /// What Painless throws in; more steps or memory than one document may cost. Then nothing has changed.
    pub fn run(&self, document: &DocumentContext<'_>, source: Object) -> Result<Object, ScriptError> {
        let source = Value::Object(source);
        let now = document.now_ms.map(|now| json!(now));
        let version = document.version.map(|version| json!(version));
        let mut ctx = vec![
            ("_source", Member::Value(&source)),
            ("op", Member::Text(document.op)),
            ("_index", Member::Text(document.index)),
            ("_type", Member::Text("_doc")),
            ("_id", Member::Text(document.id)),
        ];
        ctx.extend(now.as_ref().map(|now| ("_now", Member::Value(now))));
        ctx.extend(document.routing.map(|routing| ("_routing", Member::Text(routing))));
        ctx.extend(version.as_ref().map(|version| ("_version", Member::Value(version))));
        Ok(self.script.update(ctx, &self.params, LIMITS)?)
    }

    /// Elasticsearch's `script_exception` object for an error of this script.
    pub fn exception(&self, error: &ScriptError) -> Value {
        error.script_exception(self.script.source(), Self::LANGUAGE.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_of_ctx_comes_back() {
        let script = DocumentScript::compile(
            "ctx._source.n += params.n; ctx._id = ctx._index + ctx._version; ctx.remove('_routing')",
            json!({"n": 4}).as_object().cloned().unwrap(),
        )
        .unwrap();
        let document = DocumentContext {
            index: "i",
            id: "1",
            routing: Some("r"),
            version: Some(3),
            now_ms: None,
            op: "index",
        };
        let ctx = script.run(&document, json!({"n": 1}).as_object().cloned().unwrap()).unwrap();
        assert_eq!(
            Value::Object(ctx),
            json!({"_source": {"n": 5}, "op": "index", "_index": "i", "_type": "_doc", "_id": "i3", "_version": 3})
        );
        let error = script.run(&document, Object::new()).unwrap_err();
        assert_eq!(script.exception(&error)["type"], "script_exception");
    }
}
