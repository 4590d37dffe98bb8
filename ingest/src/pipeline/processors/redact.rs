//! `redact`: puts the name of a pattern in place of every text that it matches.
//!
//! It is for what only a pipeline knows to be secret; card numbers, passwords and the like are taken out of every event
//! after its pipeline anyway.

use super::super::document::Field;
use super::super::grok::Redactor;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use serde_json::{Value, json};

struct Redact {
    field: Field,
    redactor: Redactor,
    ignore_missing: bool,
    trace_redact: bool,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let patterns = options.texts("patterns")?;
    let definitions = options.optional_object("pattern_definitions")?.unwrap_or_default();
    let prefix = options.optional_text("prefix")?.unwrap_or_else(|| "<".to_owned());
    let suffix = options.optional_text("suffix")?.unwrap_or_else(|| ">".to_owned());
    let redactor = Redactor::compile(&patterns, &definitions, (prefix, suffix)).map_err(|e| {
        options.error("patterns", format!("Invalid regex pattern found in: [{}]. {e}", patterns.join(", ")))
    })?;
    // There are no licences here.
    options.boolean("skip_if_unlicensed", false)?;
    Ok(Box::new(Redact {
        field: options.field("field")?,
        redactor,
        ignore_missing: options.boolean("ignore_missing", true)?,
        trace_redact: options.boolean("trace_redact", false)?,
    }))
}

impl Processor for Redact {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let missing = document.get(&self.field).is_none_or(|value| value.is_null());
        if missing && self.ignore_missing {
            return Ok(Flow::Continue);
        }
        if missing {
            return Err(Failure::argument(format!("field [{}] is null or missing", self.field.name())));
        }
        let Some(text) = document.text(&self.field, true)? else { return Ok(Flow::Continue) };
        let Some(redacted) = self.redactor.redact(&text).map_err(Failure::argument)? else {
            return Ok(Flow::Continue);
        };
        document.set(&self.field, Value::String(redacted))?;
        if self.trace_redact {
            document.ingest_mut().insert("_redact".to_owned(), json!({"_is_redacted": true}));
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails, run_all};
    use serde_json::{Value, json};

    #[test]
    fn names_replace_what_patterns_match() {
        let redact = |patterns: Value, text: &str, expected: &str| {
            check(
                "redact",
                json!({"field": "m", "patterns": patterns}),
                json!({"m": text}),
                json!({"m": expected}),
            );
        };
        redact(
            json!(["%{IP:client}", "%{EMAILADDRESS:EMAIL}"]),
            "55.3.244.1 GET /a joe@example.com and 10.0.0.1, 10.0.0.2",
            "<client> GET /a <EMAIL> and <client>, <client>",
        );
        redact(json!(["%{IP:ip}"]), "nothing here", "nothing here");
        redact(json!(["%{IP:ip}"]), "naïve 1.2.3.4é", "naïve <ip>é");
        // Where matches overlap or touch, the longest gives the name of all.
        redact(json!(["(?<A>abc)", "(?<BB>bcde)"]), "xabcdex", "x<BB>x");
        redact(json!(["(?<A>ab)", "(?<B>cde)"]), "abcde", "<B>");
        redact(json!(["%{DATA:d}"]), "ab", "ab");
        redact(json!(["(?<![0-9])(?<PIN>[0-9]{4})(?![0-9])"]), "12345 1234 999", "12345 <PIN> 999");
    }

    #[test]
    fn takes_its_options() {
        let options = json!({"field": "m", "patterns": ["%{CARD:c}"], "pattern_definitions": {"CARD": "[0-9]{4}-[0-9]{4}"},
            "prefix": "*", "suffix": "", "skip_if_unlicensed": true});
        check("redact", options, json!({"m": "1234-5678"}), json!({"m": "*c"}));
        let options = json!({"field": "m", "patterns": ["%{IP:i}"]});
        check("redact", options.clone(), json!({}), json!({}));
        check("redact", options.clone(), json!({"m": null}), json!({"m": null}));
        let strict = json!({"field": "m", "patterns": ["%{IP:i}"], "ignore_missing": false});
        check_fails("redact", strict, json!({}), "field [m] is null or missing");
        check_fails(
            "redact",
            options,
            json!({"m": 5}),
            "field [m] of type [java.lang.Integer] cannot be cast",
        );
        let place = "pipeline \"test\", processor 1 (redact), key \"patterns\"";
        check_fails("redact", json!({"field": "m", "patterns": []}), json!({}), place);
        check_fails("redact", json!({"field": "m", "patterns": ["%{IP}"]}), json!({}), place);
    }

    #[test]
    fn tells_that_it_did() {
        let processors = json!([
            {"redact": {"field": "m", "patterns": ["%{IP:i}"], "trace_redact": true}},
            {"set": {"field": "did", "copy_from": "_ingest._redact._is_redacted", "ignore_empty_value": true}},
        ]);
        assert_eq!(run_all(processors.clone(), json!({"m": "::1"})), Ok(json!({"m": "<i>", "did": true})));
        assert_eq!(run_all(processors, json!({"m": "x"})), Ok(json!({"m": "x"})));
    }
}
