//! `rename`: moves a field.

use super::super::document::FieldTemplate;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};

struct Rename {
    field: FieldTemplate,
    target: FieldTemplate,
    ignore_missing: bool,
    overrides: bool,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    Ok(Box::new(Rename {
        field: options.field_template("field")?,
        target: options.field_template("target_field")?,
        ignore_missing: options.boolean("ignore_missing", false)?,
        overrides: options.boolean("override", false)?,
    }))
}

impl Processor for Rename {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let field = self.field.resolve(document)?;
        if document.get(&field).is_none() {
            if self.ignore_missing {
                return Ok(Flow::Continue);
            }
            return Err(Failure::argument(format!("field [{}] doesn't exist", field.name())));
        }
        let target = self.target.resolve(document)?;
        if !self.overrides && document.get(&target).is_some() {
            return Err(Failure::argument(format!("field [{}] already exists", target.name())));
        }
        let value = document.remove(&field)?;
        // A failed write must not lose the value.
        let kept = (!document.can_set(&target)).then(|| value.clone());
        if let Err(failure) = document.set(&target, value) {
            if let Some(kept) = kept {
                document.set(&field, kept)?;
            }
            return Err(failure);
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails, run_all};
    use serde_json::json;

    #[test]
    fn renames() {
        let options = json!({"field": "a", "target_field": "b.c"});
        check("rename", options.clone(), json!({"a": 1}), json!({"b": {"c": 1}}));
        check_fails("rename", options.clone(), json!({}), "field [a] doesn't exist");
        check_fails("rename", options.clone(), json!({"a": 1, "b": {"c": 2}}), "field [b.c] already exists");
        let kept = json!([{"rename": {"field": "a", "target_field": "b.c", "ignore_failure": true}}]);
        assert_eq!(run_all(kept, json!({"a": 1, "b": 2})), Ok(json!({"b": 2, "a": 1})));
        let replaced = json!({"field": "a", "target_field": "b", "override": true});
        check("rename", replaced, json!({"a": 1, "b": 2}), json!({"b": 1}));
        let quiet = json!({"field": "a", "target_field": "b", "ignore_missing": true});
        check("rename", quiet, json!({}), json!({}));
    }
}
