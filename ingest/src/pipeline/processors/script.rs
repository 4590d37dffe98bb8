//! `script`: a Painless script over the whole document as `ctx`.

use super::super::document::Field;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use event::Object;
use expression::{Language, Limits, Member, Purpose};
use serde_json::Value;

struct Script {
    script: expression::Script,
    params: Object,
}

/// What stands in `ctx` beside the document's own fields.
const METADATA: [(&str, Field); 3] =
    [("_index", Field::Index), ("_id", Field::Id), ("_routing", Field::Routing)];

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    if options.value("id").is_some() {
        return Err(options.error("id", "stored scripts are not supported: give its source"));
    }
    match options.optional_text("lang")?.as_deref() {
        None | Some("painless") => {}
        Some(other) => {
            let reason = format!("script_lang not supported [{other}]: only painless is, here");
            return Err(options.error("lang", reason));
        }
    }
    let source = options.text("source")?;
    let script = expression::Script::compile(Language::Painless, &source, Purpose::Update)
        .map_err(|e| options.error("source", e.to_string()))?;
    Ok(Box::new(Script { script, params: options.optional_object("params")?.unwrap_or_default() }))
}

impl Processor for Script {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let metadata = &document.event.metadata;
        let routing = metadata.options.as_ref().and_then(|options| options.routing.as_deref());
        let known =
            [("_index", metadata.index.as_deref()), ("_id", metadata.id.as_deref()), ("_routing", routing)];
        let beside = known.into_iter().filter_map(|(name, text)| Some((name, Member::Text(text?))));
        let fields = document.event.fields.iter().map(|(name, value)| (name.as_str(), Member::Value(value)));
        let changed = self.script.update(fields.chain(beside), &self.params, Limits::default());
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
        assert!(refused(json!({"id": "stored"})).contains("stored scripts are not supported"));
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
