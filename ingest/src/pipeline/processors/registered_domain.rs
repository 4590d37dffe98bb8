//! `registered_domain`: the parts of a host's name by the public suffix list.
//!
//! `www.shop.co.uk`: registered is `shop.co.uk`, its suffix `co.uk`, `www` below it. The list (publicsuffix.org) comes
//! with the crate `psl`, private suffixes included.

use super::super::document::Field;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use psl::Psl as _;
use serde_json::Value;

struct RegisteredDomain {
    field: Field,
    domain: Field,
    registered: Field,
    suffix: Field,
    subdomain: Field,
    ignore_missing: bool,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let target = options.optional_text("target_field")?.filter(|target| !target.is_empty());
    let below = |name: &str| {
        let path = target.as_ref().map_or_else(|| name.to_owned(), |target| format!("{target}.{name}"));
        Field::parse(&path).map_err(|e| options.error("target_field", e))
    };
    let (domain, registered) = (below("domain")?, below("registered_domain")?);
    let (suffix, subdomain) = (below("top_level_domain")?, below("subdomain")?);
    Ok(Box::new(RegisteredDomain {
        domain,
        registered,
        suffix,
        subdomain,
        field: options.field("field")?,
        ignore_missing: options.boolean("ignore_missing", true)?,
    }))
}

/// What a host's name consists of.
#[derive(Debug, PartialEq, Eq)]
struct Parts<'n> {
    registered: Option<&'n str>,
    suffix: &'n str,
    subdomain: Option<&'n str>,
}

/// `None`: no suffix of the list, or no name.
fn parts(name: &str) -> Option<Parts<'_>> {
    // The list is in lower case; the answer keeps the name's own.
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || name.starts_with('.') || name.contains("..") || name.ends_with('.') {
        return None;
    }
    let suffix = psl::List.suffix(lower.as_bytes()).filter(psl::Suffix::is_known)?;
    let suffix = name.get(name.len().checked_sub(suffix.as_bytes().len())?..)?;
    let Some(rest) = name.strip_suffix(suffix).and_then(|rest| rest.strip_suffix('.')) else {
        return Some(Parts { registered: None, suffix, subdomain: None });
    };
    let (subdomain, start) = match rest.rfind('.') {
        Some(dot) => (rest.get(..dot), dot + 1),
        None => (None, 0),
    };
    Some(Parts { registered: name.get(start..), suffix, subdomain })
}

impl Processor for RegisteredDomain {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let Some(name) = document.text(&self.field, self.ignore_missing)? else { return Ok(Flow::Continue) };
        let name = name.into_owned();
        let Some(parts) = parts(&name) else {
            if self.ignore_missing {
                return Ok(Flow::Continue);
            }
            return Err(Failure::argument("unable to set domain information for document"));
        };
        document.set(&self.domain, Value::from(name.as_str()))?;
        if let Some(registered) = parts.registered {
            document.set(&self.registered, registered.into())?;
        }
        document.set(&self.suffix, parts.suffix.into())?;
        if let Some(subdomain) = parts.subdomain {
            document.set(&self.subdomain, subdomain.into())?;
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails};
    use serde_json::{Value, json};

    #[test]
    fn parts_of_names() {
        let named = |name: &str, expected: Value| {
            let mut document = json!({"fqdn": name});
            document["url"] = expected;
            check(
                "registered_domain",
                json!({"field": "fqdn", "target_field": "url"}),
                json!({"fqdn": name}),
                document,
            );
        };
        named(
            "www.google.com",
            json!({"domain": "www.google.com", "registered_domain": "google.com", "top_level_domain": "com", "subdomain": "www"}),
        );
        named(
            "a.b.Example.co.uk",
            json!({"domain": "a.b.Example.co.uk", "registered_domain": "Example.co.uk", "top_level_domain": "co.uk", "subdomain": "a.b"}),
        );
        named(
            "google.com",
            json!({"domain": "google.com", "registered_domain": "google.com", "top_level_domain": "com"}),
        );
        named("co.uk", json!({"domain": "co.uk", "top_level_domain": "co.uk"}));
        // A rule with a wildcard, and the exception to it.
        named(
            "x.y.test.ck",
            json!({"domain": "x.y.test.ck", "registered_domain": "y.test.ck", "top_level_domain": "test.ck", "subdomain": "x"}),
        );
        named("www.ck", json!({"domain": "www.ck", "registered_domain": "www.ck", "top_level_domain": "ck"}));
    }

    #[test]
    fn leaves_what_is_no_domain() {
        for name in ["", "localhost", "192.168.1.1", "host.invalidtld", ".com", "a..com", "ü"] {
            check("registered_domain", json!({"field": "f"}), json!({"f": name}), json!({"f": name}));
        }
        check("registered_domain", json!({"field": "f"}), json!({}), json!({}));
        let strict = json!({"field": "f", "ignore_missing": false});
        check_fails("registered_domain", strict.clone(), json!({}), "field [f] not present");
        check_fails(
            "registered_domain",
            strict,
            json!({"f": "x"}),
            "unable to set domain information for document",
        );
        check(
            "registered_domain",
            json!({"field": "f"}),
            json!({"f": "a.de"}),
            json!({"f": "a.de", "domain": "a.de", "registered_domain": "a.de", "top_level_domain": "de"}),
        );
    }
}
