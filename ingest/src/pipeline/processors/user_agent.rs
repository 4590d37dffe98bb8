//! `user_agent`: browser, system and device out of a user agent's text.

use super::super::document::Field;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use crate::enrich::Enrichment;
use event::Object;
use serde_json::Value;
use std::sync::Arc;

struct UserAgent {
    field: Field,
    target: Field,
    /// Members to keep; `None`: all.
    properties: Option<Vec<String>>,
    ignore_missing: bool,
    enrichment: Arc<Enrichment>,
}

const PROPERTIES: [&str; 5] = ["name", "os", "device", "original", "version"];
/// Names from before the common schema: accepted as Elasticsearch 7 does, and of no effect.
const DEPRECATED: [&str; 7] = ["major", "minor", "patch", "build", "os_name", "os_major", "os_minor"];

pub(super) fn build(
    options: &mut Options,
    compiler: &mut Compiler,
) -> Result<Box<dyn Processor>, DefinitionError> {
    let properties = options
        .optional_texts("properties")?
        .map(|names| names.into_iter().map(|name| name.to_lowercase()).collect::<Vec<_>>());
    let is_known = |name: &str| PROPERTIES.contains(&name) || DEPRECATED.contains(&name);
    if let Some(name) = properties.iter().flatten().find(|name| !is_known(name)) {
        let reason = format!("illegal property value [{name}]. valid values are {PROPERTIES:?}");
        return Err(options.error("properties", reason));
    }
    if options.boolean("extract_device_type", false)? {
        return Err(options.error("extract_device_type", "not supported"));
    }
    // Without effect since version 7: names are always those of the common schema.
    options.boolean("ecs", true)?;
    if options.optional_text("regex_file")?.is_some() {
        return Err(options.error("regex_file", "only the built-in patterns are supported"));
    }
    let target = options.optional_text("target_field")?.unwrap_or_else(|| "user_agent".to_owned());
    Ok(Box::new(UserAgent {
        field: options.field("field")?,
        target: Field::parse(&target).map_err(|e| options.error("target_field", e))?,
        properties,
        ignore_missing: options.boolean("ignore_missing", false)?,
        enrichment: Arc::clone(&compiler.enrichment),
    }))
}

impl Processor for UserAgent {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let Some(text) = document.text(&self.field, self.ignore_missing)? else { return Ok(Flow::Continue) };
        let parsed = self.enrichment.user_agents().parse(&text);
        let wanted =
            |key: &str| self.properties.as_ref().is_none_or(|keys| keys.iter().any(|wanted| wanted == key));
        let mut out = Object::new();
        if wanted("original") {
            out.insert("original".to_owned(), Value::String(text.into_owned()));
        }
        for (key, value) in parsed.iter().filter(|(key, _)| wanted(key)) {
            out.insert(key.clone(), value.clone());
        }
        document.set(&self.target, Value::Object(out))?;
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails};
    use serde_json::json;

    #[test]
    fn parses() {
        let text = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_10_5) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/51.0.2704.103 Safari/537.36";
        let parsed = json!({"original": text, "name": "Chrome", "version": "51.0.2704.103",
            "os": {"name": "Mac OS X", "version": "10.10.5", "full": "Mac OS X 10.10.5"}, "device": {"name": "Mac"}});
        check(
            "user_agent",
            json!({"field": "a"}),
            json!({"a": text}),
            json!({"a": text, "user_agent": parsed}),
        );
        let few = json!({"field": "a", "target_field": "u", "properties": ["name", "device"]});
        check(
            "user_agent",
            few,
            json!({"a": "strange/0"}),
            json!({"a": "strange/0", "u": {"name": "Other", "device": {"name": "Other"}}}),
        );
        check_fails("user_agent", json!({"field": "a", "properties": ["x"]}), json!({}), "pipeline \"test\"");
    }
}
