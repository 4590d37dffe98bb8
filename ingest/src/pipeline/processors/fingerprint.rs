//! `fingerprint`: a hash of some fields.

use super::super::document::Field;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use sha2::{Digest as _, Sha256, Sha512};

#[derive(Clone, Copy)]
enum Method {
    Sha256,
    Sha512,
    Blake3,
}

struct Fingerprint {
    /// By name, so that the order in the definition does not matter.
    fields: Vec<Field>,
    target: Field,
    salt: Vec<u8>,
    method: Method,
    ignore_missing: bool,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let mut names = options.texts("fields")?;
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Err(options.error("fields", "must specify at least one field"));
    }
    let method = match options.optional_text("method")?.as_deref() {
        Some("SHA-256") => Method::Sha256,
        Some("SHA-512") => Method::Sha512,
        Some("BLAKE3") => Method::Blake3,
        // Elasticsearch's default is SHA-1, which must not silently become another hash.
        None => return Err(options.error("method", "required here: SHA-256, SHA-512 or BLAKE3")),
        Some(other) => {
            let reason = format!("[{other}] is not supported: use SHA-256, SHA-512 or BLAKE3");
            return Err(options.error("method", reason));
        }
    };
    let fields = names.iter().map(|name| Field::parse(name).map_err(|e| options.error("fields", e)));
    let fields = fields.collect::<Result<_, _>>()?;
    let target = options.optional_text("target_field")?.unwrap_or_else(|| "fingerprint".to_owned());
    let target = Field::parse(&target).map_err(|e| options.error("target_field", e))?;
    let salt = options.optional_text("salt")?.unwrap_or_default().into_bytes();
    let ignore_missing = options.boolean("ignore_missing", false)?;
    Ok(Box::new(Fingerprint { fields, target, salt, method, ignore_missing }))
}

impl Processor for Fingerprint {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let mut input = self.salt.clone();
        let mut found = false;
        for field in &self.fields {
            let value = match document.get(field) {
                None if self.ignore_missing => continue,
                None => document.require(field)?,
                Some(value) => value,
            };
            found = true;
            // Names and values are parted by a byte that JSON text never holds.
            input.push(0);
            input.extend_from_slice(field.name().as_bytes());
            input.push(0);
            push_canonical(&mut input, &value);
        }
        if !found {
            return Ok(Flow::Continue);
        }
        let hash = match self.method {
            Method::Sha256 => STANDARD.encode(Sha256::digest(&input)),
            Method::Sha512 => STANDARD.encode(Sha512::digest(&input)),
            Method::Blake3 => STANDARD.encode(blake3::hash(&input).as_bytes()),
        };
        document.set(&self.target, Value::String(hash))?;
        Ok(Flow::Continue)
    }
}

/// JSON with sorted keys, so that equal values give equal bytes.
fn push_canonical(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            out.push(b'{');
            for (key, value) in members {
                out.extend_from_slice(Value::String(key.clone()).to_string().as_bytes());
                out.push(b':');
                push_canonical(out, value);
                out.push(b',');
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for item in items {
                push_canonical(out, item);
                out.push(b',');
            }
            out.push(b']');
        }
        scalar => out.extend_from_slice(scalar.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_fails, run};
    use serde_json::{Value, json};

    fn hash(options: Value, document: Value) -> Value {
        run("fingerprint", options, document).unwrap()["fingerprint"].clone()
    }

    #[test]
    fn hashes_values_not_their_spelling() {
        let options = json!({"fields": ["b", "a"], "method": "SHA-256"});
        let one = hash(options.clone(), json!({"a": {"x": 1, "y": 2}, "b": "z"}));
        assert_eq!(
            one,
            hash(
                json!({"fields": ["a", "b"], "method": "SHA-256"}),
                json!({"b": "z", "a": {"y": 2, "x": 1}})
            )
        );
        assert_ne!(one, hash(options.clone(), json!({"a": {"x": 1, "y": 2}, "b": "y"})));
        assert_ne!(
            one,
            hash(
                json!({"fields": ["a", "b"], "method": "SHA-256", "salt": "s"}),
                json!({"a": {"x": 1, "y": 2}, "b": "z"})
            )
        );
        check_fails("fingerprint", options, json!({"a": 1}), "field [b] not present");
        check_fails("fingerprint", json!({"fields": ["a"], "method": "MD5"}), json!({}), "pipeline \"test\"");
    }
}
