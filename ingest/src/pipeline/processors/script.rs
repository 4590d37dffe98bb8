//! `script`: a Painless script over the whole document as `ctx`.

use super::super::{
    document::Field,
    stored_scripts::{StoredScript, StoredScripts},
};
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use arc_swap::ArcSwapOption;
use event::Object;
use expression::{Language, Limits, Member, Purpose};
use serde_json::Value;
use std::sync::Arc;

struct Script {
    source: Source,
    params: Object,
}

/// Where the script is.
enum Source {
    Inline(expression::Script),
    Stored(Stored),
}

/// A script by its id: the one that is stored when the processor runs.
struct Stored {
    id: String,
    scripts: Arc<StoredScripts>,
    /// What was compiled last, and of what.
    compiled: ArcSwapOption<(Arc<StoredScript>, expression::Script)>,
}

impl Stored {
    fn script(&self) -> Result<Arc<(Arc<StoredScript>, expression::Script)>, Failure> {
        let stored = self.scripts.get(&self.id).ok_or_else(|| Failure {
            kind: "resource_not_found_exception",
            reason: format!("unable to find script [{}] in cluster state", self.id),
            inner: None,
        })?;
        if let Some(known) = self.compiled.load_full().filter(|known| Arc::ptr_eq(&known.0, &stored)) {
            return Ok(known);
        }
        let script = compile(&stored.language, &stored.source);
        let script = script.map_err(|reason| Failure { kind: "script_exception", reason, inner: None })?;
        let compiled = Arc::new((stored, script));
        self.compiled.store(Some(compiled.clone()));
        Ok(compiled)
    }
}

fn compile(language: &str, source: &str) -> Result<expression::Script, String> {
    if language != "painless" {
        return Err(format!("script_lang not supported [{language}]: only painless is, here"));
    }
    expression::Script::compile(Language::Painless, source, Purpose::Update).map_err(|e| e.to_string())
}

/// What stands in `ctx` beside the document's own fields.
const METADATA: [(&str, Field); 3] =
    [("_index", Field::Index), ("_id", Field::Id), ("_routing", Field::Routing)];

pub(super) fn build(
    options: &mut Options,
    compiler: &mut Compiler,
) -> Result<Box<dyn Processor>, DefinitionError> {
    let language = options.optional_text("lang")?.unwrap_or_else(|| "painless".to_owned());
    let source = match options.optional_text("id")? {
        Some(id) => {
            let scripts = Arc::clone(&compiler.scripts);
            Source::Stored(Stored { id, scripts, compiled: ArcSwapOption::empty() })
        }
        None if language != "painless" => {
            let reason = format!("script_lang not supported [{language}]: only painless is, here");
            return Err(options.error("lang", reason));
        }
        None => {
            let source = options.text("source")?;
            Source::Inline(compile(&language, &source).map_err(|reason| options.error("source", reason))?)
        }
    };
    Ok(Box::new(Script { source, params: options.optional_object("params")?.unwrap_or_default() }))
}

impl Processor for Script {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let stored;
        let script = match &self.source {
            Source::Inline(script) => script,
            Source::Stored(by_id) => {
                stored = by_id.script()?;
                &stored.1
            }
        };
        let metadata = &document.event.metadata;
        let routing = metadata.options.as_ref().and_then(|options| options.routing.as_deref());
        let known =
            [("_index", metadata.index.as_deref()), ("_id", metadata.id.as_deref()), ("_routing", routing)];
        let beside = known.into_iter().filter_map(|(name, text)| Some((name, Member::Text(text?))));
        let fields = document.event.fields.iter().map(|(name, value)| (name.as_str(), Member::Value(value)));
        let changed = script.update(fields.chain(beside), &self.params, Limits::default());
        let mut ctx = changed.map_err(|error| Failure {
            kind: "script_exception",
            reason: error.to_string(),
            inner: None,
        })?;
        for (name, field) in &METADATA {
            let value = ctx.shift_remove(*name).unwrap_or(Value::Null);
            if document.get(field).as_deref().unwrap_or(&Value::Null) != &value {
                document.set(field, value)?;
            }
        }
        document.replace(ctx)?;
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails, run};
    use serde_json::json;

    #[test]
    fn changes_the_document() {
        let script = |source: &str| json!({"source": source});
        check("script", script("ctx.b = ctx.a * 2"), json!({"a": 2}), json!({"a": 2, "b": 4}));
        check("script", script("ctx.remove('a')"), json!({"a": 2, "c": [1]}), json!({"c": [1]}));
        check(
            "script",
            script("ctx.tags = []; for (t in ctx.csv.splitOnToken(',')) { ctx.tags.add(t.trim()) }"),
            json!({"csv": "a, b"}),
            json!({"csv": "a, b", "tags": ["a", "b"]}),
        );
        check(
            "script",
            json!({
                "lang": "painless",
                "description": "Extract 'tags' from 'env' field",
                "source": "def parts = ctx['env'].splitOnToken(params['delimiter']); ctx['tags'] = [parts[params['position']].trim()];",
                "params": {"delimiter": "-", "position": 1},
            }),
            json!({"env": "es01-prod"}),
            json!({"env": "es01-prod", "tags": ["prod"]}),
        );
        check(
            "script",
            script(
                "if (ctx.user?.roles != null && ctx.user.roles.contains('admin')) { ctx.user.admin = true }",
            ),
            json!({"user": {"roles": ["admin"]}}),
            json!({"user": {"roles": ["admin"], "admin": true}}),
        );
        check(
            "script",
            script("ctx._id = 'x'; ctx._index = 'logs-' + ctx.day"),
            json!({"day": 1}),
            json!({"day": 1}),
        );
    }

    #[test]
    fn fails_with_a_reason() {
        let fails = |options, expected| check_fails("script", options, json!({"a": 1}), expected);
        fails(json!({"source": "ctx.b.c = 1"}), "cannot access method/field [c] from a null def reference");
        fails(json!({"source": "while (true) {}"}), "the script takes more than");
        fails(json!({"source": "ctx._index = ['x']"}), "metadata fields are text");
        let refused = |options| run("script", options, json!({})).unwrap_err();
        assert!(refused(json!({"source": "ctx.a = foo(1)"})).contains("1:9: unknown function \"foo\""));
        assert!(
            refused(json!({"source": "a", "lang": "mustache"}))
                .contains("script_lang not supported [mustache]")
        );
        assert!(refused(json!({})).contains("required property is missing"));
        // What failed has changed nothing.
        let kept = json!([
            {"script": {"source": "ctx.a = 2; ctx.b.c = 1", "ignore_failure": true}},
            {"set": {"field": "after", "value": "{{a}}"}},
        ]);
        let after = super::super::testing::run_all(kept, json!({"a": 1})).unwrap();
        assert_eq!(after, json!({"a": 1, "after": "1"}));
    }
}
