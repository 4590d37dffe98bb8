//! `remove`: takes fields away, or all but those to keep.

use super::super::document::FieldTemplate;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use event::Object;
use expression::{Escape, Template};
use serde_json::Value;

enum Remove {
    These { fields: Vec<FieldTemplate>, ignore_missing: bool },
    AllBut(Vec<Template>),
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let (fields, keep) = (options.optional_texts("field")?, options.optional_texts("keep")?);
    let ignore_missing = options.boolean("ignore_missing", false)?;
    Ok(Box::new(match (fields, keep) {
        (Some(fields), None) => {
            let fields =
                fields.iter().map(|text| FieldTemplate::parse(text).map_err(|e| options.error("field", e)));
            Remove::These { fields: fields.collect::<Result<_, _>>()?, ignore_missing }
        }
        (None, Some(keep)) => {
            let keep = keep
                .iter()
                .map(|text| Template::parse(text).map_err(|e| options.error("keep", e.to_string())));
            Remove::AllBut(keep.collect::<Result<_, _>>()?)
        }
        _ => return Err(options.error("field", "exactly one of [field] and [keep] is needed")),
    }))
}

impl Processor for Remove {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        match self {
            Self::AllBut(keep) => {
                let keep: Vec<String> =
                    keep.iter().map(|template| template.render(document, Escape::None)).collect();
                keep_only(&mut document.event.fields, "", &keep);
            }
            Self::These { fields, ignore_missing } => {
                for field in fields {
                    let field = field.resolve(document)?;
                    if *ignore_missing && document.get(&field).is_none() {
                        continue;
                    }
                    document.remove(&field)?;
                }
            }
        }
        Ok(Flow::Continue)
    }
}

/// Keeps a field that is listed, is below a listed one, or leads to one.
fn keep_only(object: &mut Object, prefix: &str, keep: &[String]) {
    object.retain(|key, value| {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let below =
            |outer: &str, inner: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
        if keep.iter().any(|kept| *kept == path || below(kept, &path)) {
            return true;
        }
        let leads = keep.iter().any(|kept| below(&path, kept));
        if let (true, Value::Object(inner)) = (leads, value) {
            keep_only(inner, &path, keep);
        }
        leads
    });
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails};
    use serde_json::json;

    #[test]
    fn removes() {
        check("remove", json!({"field": "a.b"}), json!({"a": {"b": 1, "c": 2}}), json!({"a": {"c": 2}}));
        check(
            "remove",
            json!({"field": ["a", "{{n}}"]}),
            json!({"a": 1, "n": "b", "b": 2}),
            json!({"n": "b"}),
        );
        check("remove", json!({"field": "x", "ignore_missing": true}), json!({"a": 1}), json!({"a": 1}));
        check_fails("remove", json!({"field": "x"}), json!({}), "field [x] not present as part of path [x]");
        let document = json!({"a": {"b": 1, "c": 2}, "d": 3, "ab": 4});
        check("remove", json!({"keep": ["a.b", "d"]}), document, json!({"a": {"b": 1}, "d": 3}));
        check(
            "remove",
            json!({"keep": ["{{n}}", "n"]}),
            json!({"n": "b", "b": 2, "c": 3}),
            json!({"n": "b", "b": 2}),
        );
        check_fails("remove", json!({}), json!({}), "pipeline \"test\", processor 1 (remove), key \"field\"");
    }
}
