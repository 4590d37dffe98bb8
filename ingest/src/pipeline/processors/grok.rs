//! `grok`: fields out of a text by patterns.

use super::super::document::Field;
use super::super::grok::{Flavour, Grok};
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};

struct GrokProcessor {
    field: Field,
    grok: Grok,
    trace_match: bool,
    ignore_missing: bool,
}

/// `ecs_compatibility`.
fn flavour(options: &mut Options) -> Result<Flavour, DefinitionError> {
    match options.optional_text("ecs_compatibility")?.as_deref() {
        None | Some("disabled") => Ok(Flavour::Legacy),
        Some("v1") => Ok(Flavour::Ecs),
        Some(other) => {
            Err(options.error("ecs_compatibility", format!("unsupported mode \"{other}\": disabled or v1")))
        }
    }
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let field = options.field("field")?;
    let patterns = options.texts("patterns")?;
    let definitions = options.optional_object("pattern_definitions")?.unwrap_or_default();
    let flavour = flavour(options)?;
    let grok = Grok::compile(&patterns, &definitions, flavour).map_err(|e| {
        options.error("patterns", format!("Invalid regex pattern found in: [{}]. {e}", patterns.join(", ")))
    })?;
    let trace_match = options.boolean("trace_match", false)?;
    let ignore_missing = options.boolean("ignore_missing", false)?;
    Ok(Box::new(GrokProcessor { field, grok, trace_match, ignore_missing }))
}

impl Processor for GrokProcessor {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let Some(text) = document.text(&self.field, self.ignore_missing)? else { return Ok(Flow::Continue) };
        let Some(mut found) = self.grok.matches(&text).map_err(Failure::argument)? else {
            let reason = format!("Provided Grok expressions do not match field value: [{text}]");
            return Err(Failure::argument(reason));
        };
        found.tree.write(document, &mut found.values)?;
        if self.trace_match {
            document.ingest_mut().insert("_grok_match_index".to_owned(), found.index.to_string().into());
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails};
    use serde_json::json;

    #[test]
    fn tries_patterns_in_order() {
        let options = json!({"field": "m", "patterns": ["^a %{INT:n:int}$", "^%{WORD:w}$"]});
        check("grok", options.clone(), json!({"m": "a 5"}), json!({"m": "a 5", "n": 5}));
        check("grok", options.clone(), json!({"m": "x"}), json!({"m": "x", "w": "x"}));
        check_fails(
            "grok",
            options.clone(),
            json!({"m": "x y"}),
            "Provided Grok expressions do not match field value: [x y]",
        );
        check_fails("grok", options, json!({"m": 1}), "field [m] of type [java.lang.Integer] cannot be cast");
        let options = json!({"field": "m", "patterns": ["%{INT:n:int}"]});
        check_fails("grok", options, json!({"m": "99999999999999999999"}), "For input string:");
    }
}
