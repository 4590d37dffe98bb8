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
    extract_device_type: bool,
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
        extract_device_type: options.boolean("extract_device_type", false)?,
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
        let device_type = (self.extract_device_type && wanted("device")).then(|| device_type(&text, &parsed));
        let original = wanted("original").then(|| text.into_owned());
        let mut out = Object::clone(&parsed);
        if self.properties.is_some() {
            out.retain(|key, _| wanted(key));
        }
        if let Some(original) = original {
            out.insert("original".to_owned(), Value::String(original));
        }
        if let (Some(Value::Object(device)), Some(kind)) = (out.get_mut("device"), device_type) {
            device.insert("type".to_owned(), kind.into());
        }
        document.set(&self.target, Value::Object(out))?;
        Ok(Flow::Continue)
    }
}

/// What kind of device it is, as well as that can be told: Elasticsearch's five kinds, by rules of our own.
fn device_type(text: &str, parsed: &Object) -> &'static str {
    let name = |key: &str| {
        parsed.get(key).and_then(|part| part.get("name").or(Some(part))).and_then(Value::as_str).unwrap_or("")
    };
    let (browser, system, device) = (name("name"), name("os"), name("device"));
    let lower = text.to_ascii_lowercase();
    let robot = ["bot", "crawl", "spider", "slurp", "+http"].iter().any(|sign| lower.contains(sign));
    if device == "Spider" || robot {
        return "Robot";
    }
    let android = system == "Android";
    // Phones say "Mobile" beside "Android"; tablets don't.
    let tablet = ["ipad", "tablet", "kindle", "playbook", "silk/"].iter().any(|sign| lower.contains(sign));
    if tablet || (android && !lower.contains("mobile") && !lower.contains("tv")) {
        return "Tablet";
    }
    let phone =
        ["iphone", "ipod", "windows phone", "blackberry", "mobile"].iter().any(|sign| lower.contains(sign));
    if phone || browser.contains("Mobile") {
        return "Phone";
    }
    const DESKTOPS: [&str; 8] =
        ["Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD"];
    if DESKTOPS.contains(&system) { "Desktop" } else { "Other" }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails, run};
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
        let kind = |text: &str| {
            let options = json!({"field": "a", "extract_device_type": true});
            let document = run("user_agent", options, json!({"a": text})).unwrap();
            document["user_agent"]["device"]["type"].as_str().unwrap().to_owned()
        };
        assert_eq!(kind(text), "Desktop");
        assert_eq!(kind("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"), "Robot");
        assert_eq!(
            kind(
                "Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) AppleWebKit/605.1.15 Version/12.1 Mobile/15E148 Safari/604.1"
            ),
            "Tablet"
        );
        assert_eq!(
            kind(
                "Mozilla/5.0 (Linux; Android 9; SM-T820) AppleWebKit/537.36 Chrome/80.0.3987.87 Safari/537.36"
            ),
            "Tablet"
        );
        assert_eq!(
            kind(
                "Mozilla/5.0 (Linux; Android 10; SM-G975F) AppleWebKit/537.36 Chrome/80.0.3987.87 Mobile Safari/537.36"
            ),
            "Phone"
        );
        assert_eq!(kind("strange/0"), "Other");
        check_fails("user_agent", json!({"field": "a", "properties": ["x"]}), json!({}), "pipeline \"test\"");
    }
}
