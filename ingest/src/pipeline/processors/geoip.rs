//! `geoip`: where an address is, or whose it is.

use super::super::document::Field;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use crate::enrich::{Enrichment, GeoProperty};
use serde_json::{Value, json};
use std::{net::IpAddr, sync::Arc};

struct GeoIp {
    field: Field,
    target: Field,
    /// `None`: the best database that there is.
    database: Option<String>,
    /// `None`: those that Elasticsearch gives for the kind of database.
    properties: Option<Vec<GeoProperty>>,
    ignore_missing: bool,
    first_only: bool,
    enrichment: Arc<Enrichment>,
}

pub(super) fn build(
    options: &mut Options,
    compiler: &mut Compiler,
) -> Result<Box<dyn Processor>, DefinitionError> {
    let properties = match options.optional_texts("properties")? {
        None => None,
        Some(names) => {
            let known = names.iter().map(|name| {
                GeoProperty::parse(name)
                    .ok_or_else(|| options.error("properties", format!("illegal property value [{name}]")))
            });
            Some(known.collect::<Result<_, _>>()?)
        }
    };
    let target = options.optional_text("target_field")?.unwrap_or_else(|| "geoip".to_owned());
    // Databases are never downloaded here: the option has nothing to steer.
    options.boolean("download_database_on_pipeline_creation", true)?;
    Ok(Box::new(GeoIp {
        field: options.field("field")?,
        target: Field::parse(&target).map_err(|e| options.error("target_field", e))?,
        database: options.optional_text("database_file")?,
        properties,
        ignore_missing: options.boolean("ignore_missing", false)?,
        first_only: options.boolean("first_only", true)?,
        enrichment: Arc::clone(&compiler.enrichment),
    }))
}

impl GeoIp {
    fn find(&self, text: &str) -> Result<Option<Value>, Failure> {
        let address: IpAddr =
            text.parse().map_err(|_| Failure::argument(format!("'{text}' is not an IP string literal.")))?;
        let found =
            self.enrichment.geo().lookup(self.database.as_deref(), address, self.properties.as_deref());
        found.map(|found| found.map(Value::Object)).map_err(|e| Failure::argument(e.to_string()))
    }
}

impl Processor for GeoIp {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let value = match document.get(&self.field) {
            None | Some(std::borrow::Cow::Borrowed(Value::Null)) if self.ignore_missing => {
                return Ok(Flow::Continue);
            }
            None => document.require(&self.field)?,
            Some(value) => value,
        };
        if !self.enrichment.geo().has(self.database.as_deref()) {
            // Nothing is downloaded here, so MaxMind's files are missing until somebody brings them: Elasticsearch's
            // tag for that would stand on every event. A file that was named on purpose is another matter.
            if let Some(file) = self.database.as_deref().filter(|file| !file.starts_with("GeoLite2-")) {
                let tag = format!("_geoip_database_unavailable_{file}");
                add_tag(document, tag);
            }
            return Ok(Flow::Continue);
        }
        let found = match &*value {
            Value::String(text) => self.find(text)?,
            Value::Array(items) => {
                let mut all = Vec::new();
                for item in items {
                    let Value::String(text) = item else {
                        let reason =
                            format!("array in field [{}] should only contain strings", self.field.name());
                        return Err(Failure::argument(reason));
                    };
                    match self.find(text)? {
                        Some(found) if self.first_only => {
                            all = vec![found];
                            break;
                        }
                        Some(found) => all.push(found),
                        None if self.first_only => {}
                        None => all.push(Value::Null),
                    }
                }
                match (self.first_only, all.iter().any(|found| !found.is_null())) {
                    (_, false) => None,
                    (true, true) => all.into_iter().next(),
                    (false, true) => Some(Value::Array(all)),
                }
            }
            Value::Null => {
                let reason =
                    format!("field [{}] is null, cannot extract geoip information.", self.field.name());
                return Err(Failure::argument(reason));
            }
            _ => {
                let reason =
                    format!("field [{}] should contain only string or array of strings", self.field.name());
                return Err(Failure::argument(reason));
            }
        };
        if let Some(found) = found {
            document.set(&self.target, found)?;
        }
        Ok(Flow::Continue)
    }
}

fn add_tag(document: &mut Document<'_>, tag: String) {
    match document.event.fields.get_mut("tags") {
        Some(Value::Array(tags)) => tags.push(tag.into()),
        Some(Value::String(first)) => {
            let both = json!([std::mem::take(first), tag]);
            document.event.fields.insert("tags".to_owned(), both);
        }
        _ => {
            document.event.fields.insert("tags".to_owned(), json!([tag]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails, run};
    use serde_json::json;

    #[test]
    fn finds_the_country() {
        let us = json!({"continent_name": "North America", "country_iso_code": "US", "country_name": "United States"});
        let options = json!({"field": "ip", "target_field": "geo"});
        check("geoip", options.clone(), json!({"ip": "8.8.8.8"}), json!({"ip": "8.8.8.8", "geo": us}));
        check("geoip", options.clone(), json!({"ip": "10.0.0.1"}), json!({"ip": "10.0.0.1"}));
        check(
            "geoip",
            options.clone(),
            json!({"ip": ["10.0.0.1", "8.8.8.8"]}),
            json!({"ip": ["10.0.0.1", "8.8.8.8"], "geo": us}),
        );
        check_fails("geoip", options, json!({"ip": "nowhere"}), "'nowhere' is not an IP string literal.");
        let few = json!({"field": "ip", "properties": ["country_iso_code", "continent_code"]});
        let found = run("geoip", few, json!({"ip": "8.8.8.8"})).unwrap();
        assert_eq!(found["geoip"], json!({"continent_code": "NA", "country_iso_code": "US"}));
    }

    #[test]
    fn says_that_a_database_is_missing() {
        let options = json!({"field": "ip", "database_file": "own.mmdb"});
        let tags = json!(["x", "_geoip_database_unavailable_own.mmdb"]);
        check(
            "geoip",
            options,
            json!({"ip": "8.8.8.8", "tags": "x"}),
            json!({"ip": "8.8.8.8", "tags": tags}),
        );
        let options = json!({"field": "ip", "database_file": "GeoLite2-ASN.mmdb"});
        check("geoip", options, json!({"ip": "8.8.8.8"}), json!({"ip": "8.8.8.8"}));
    }
}
