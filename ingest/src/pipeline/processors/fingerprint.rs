//! `fingerprint`: a hash of some fields, byte for byte as Elasticsearch makes it.
//!
//! What is hashed: the salt; then, the fields in the order of their names, each value after a zero byte. Lists and
//! objects are gone through, an object by its sorted keys, each key after a zero byte of its own.

mod murmur3;

use super::super::document::{Field, java_type};
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::Md5;
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

#[derive(Debug, Clone, Copy)]
enum Method {
    Md5,
    Sha1,
    Sha256,
    Sha512,
    Murmur3,
    /// Not one of Elasticsearch's.
    Blake3,
}

const METHODS: [(&str, Method); 6] = [
    ("MD5", Method::Md5),
    ("SHA-1", Method::Sha1),
    ("SHA-256", Method::Sha256),
    ("SHA-512", Method::Sha512),
    ("MurmurHash3", Method::Murmur3),
    ("BLAKE3", Method::Blake3),
];

impl Method {
    fn hash(self, input: &[u8]) -> String {
        match self {
            Self::Md5 => STANDARD.encode(Md5::digest(input)),
            Self::Sha1 => STANDARD.encode(Sha1::digest(input)),
            Self::Sha256 => STANDARD.encode(Sha256::digest(input)),
            Self::Sha512 => STANDARD.encode(Sha512::digest(input)),
            Self::Murmur3 => STANDARD.encode(murmur3::hash(input)),
            Self::Blake3 => STANDARD.encode(blake3::hash(input).as_bytes()),
        }
    }
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
    if names.is_empty() {
        return Err(options.error("fields", "must specify at least one field"));
    }
    let method = options.optional_text("method")?.unwrap_or_else(|| "SHA-1".to_owned());
    let known = METHODS.iter().find(|(name, _)| *name == method);
    let (_, method) = *known.ok_or_else(|| {
        let names: Vec<&str> = METHODS.iter().map(|(name, _)| *name).collect();
        let names = names.join(",");
        options.error("method", format!("[{method}] must be one of the supported hash methods [{names}]"))
    })?;
    let fields = names.iter().map(|name| Field::parse(name).map_err(|e| options.error("fields", e)));
    let fields = fields.collect::<Result<_, _>>()?;
    let salt = options.optional_text("salt")?.filter(|salt| !salt.trim().is_empty());
    Ok(Box::new(Fingerprint {
        fields,
        method,
        target: options.field_or("target_field", "fingerprint")?,
        salt: salt.unwrap_or_default().into_bytes(),
        ignore_missing: options.boolean("ignore_missing", false)?,
    }))
}

impl Processor for Fingerprint {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let mut input = self.salt.clone();
        let mut found = false;
        for field in &self.fields {
            match document.get(field).filter(|value| !value.is_null()) {
                Some(value) => {
                    found = true;
                    push(&mut input, &value)?;
                }
                None if self.ignore_missing => {}
                None => {
                    let name = field.name();
                    let reason = format!("missing field [{name}] when calculating fingerprint");
                    return Err(Failure::argument(reason));
                }
            }
        }
        if found {
            document.set(&self.target, Value::String(self.method.hash(&input)))?;
        }
        Ok(Flow::Continue)
    }
}

fn push(out: &mut Vec<u8>, value: &Value) -> Result<(), Failure> {
    match value {
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            for (key, value) in members {
                out.push(0);
                out.extend_from_slice(key.as_bytes());
                push(out, value)?;
            }
            return Ok(());
        }
        Value::Array(items) => return items.iter().try_for_each(|item| push(out, item)),
        _ => out.push(0),
    }
    match value {
        Value::String(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bool(value) => out.push(if *value { 1 } else { 2 }),
        // As Java holds them: int, long and double, in little endian.
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => match i32::try_from(number) {
                Ok(number) => out.extend_from_slice(&number.to_le_bytes()),
                Err(_) => out.extend_from_slice(&number.to_le_bytes()),
            },
            (None, Some(number)) if !value.is_u64() => out.extend_from_slice(&number.to_le_bytes()),
            _ => {
                let kind = java_type(value);
                return Err(Failure::argument(format!("cannot convert object of type [{kind}] to bytes")));
            }
        },
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_fails, run};
    use super::push;
    use serde_json::{Value, json};

    fn hash(options: Value, document: Value) -> Value {
        run("fingerprint", options, document).unwrap()["fingerprint"].clone()
    }

    #[test]
    fn hashes_the_bytes_that_elasticsearch_hashes() {
        let bytes = |value: Value| {
            let mut out = Vec::new();
            push(&mut out, &value).unwrap();
            out
        };
        assert_eq!(bytes(json!("ab")), b"\0ab");
        assert_eq!(bytes(json!([true, false, null])), [0, 1, 0, 2, 0]);
        assert_eq!(bytes(json!(258)), [0, 2, 1, 0, 0]);
        assert_eq!(bytes(json!(1i64 << 32)), [0, 0, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(bytes(json!(1.0)), [0, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        assert_eq!(bytes(json!({"y": "2", "x": ["1"]})), b"\0x\x001\0y\x002");
        // echo -n '\0value1\0value2' through md5sum, sha1sum, …
        let document = json!({"a": "value1", "b": "value2"});
        let of = |method: &str| hash(json!({"fields": ["b", "a"], "method": method}), document.clone());
        assert_eq!(of("MD5"), "fn77XvtrPNE0uYd2ENHUKA==");
        assert_eq!(of("SHA-1"), "d3PREDSg7S9kbPr/W7lZeTXzuec=");
        assert_eq!(of("SHA-256"), "vjAQ3j4wF3T7LdCXFNgBYAlpYAFBH5qgy5najgPpEyE=");
        assert_eq!(
            of("SHA-512"),
            "zERTlbtBBwafGBEL7Rfl06PfiOVkf48oXsXWuqS8htOQrLU8AHObXnWeaZUUiluioEjDKwT6OhWouBMIX7F98g=="
        );
        assert_eq!(hash(json!({"fields": ["a", "b"]}), document.clone()), of("SHA-1"));
        assert_eq!(of("MurmurHash3").as_str().map(str::len), Some(24));
        assert_eq!(of("BLAKE3").as_str().map(str::len), Some(44));
        let salted = hash(json!({"fields": ["a"], "salt": "s"}), json!({"a": 1}));
        assert_ne!(salted, hash(json!({"fields": ["a"]}), json!({"a": 1})));
    }

    #[test]
    fn fields_may_be_missing() {
        let lenient = json!({"fields": ["a", "b"], "ignore_missing": true});
        let only = hash(json!({"fields": ["a"]}), json!({"a": "x"}));
        assert_eq!(hash(lenient.clone(), json!({"a": "x", "b": null})), only);
        assert_eq!(run("fingerprint", lenient, json!({})), Ok(json!({})));
        let strict = json!({"fields": ["a", "b"]});
        check_fails("fingerprint", strict, json!({"a": 1}), "missing field [b] when calculating fingerprint");
        let place = "pipeline \"test\", processor 1 (fingerprint), key";
        check_fails("fingerprint", json!({"fields": ["a"], "method": "MD4"}), json!({}), place);
        check_fails("fingerprint", json!({"fields": []}), json!({}), place);
    }
}
