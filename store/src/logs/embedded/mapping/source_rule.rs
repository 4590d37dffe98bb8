//! What of a document an index keeps: `_source` of the mapping.
//!
//! Source: Elasticsearch reference, "`_source` field".

use crate::{
    StoreError,
    logs::{
        dsl::{FieldPattern, SourceFilter},
        embedded::search::filter_source,
    },
};
use bytes::Bytes;
use event::Object;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is kept: by default all of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SourceRule {
    /// Nothing.
    #[serde(default)]
    disabled: bool,
    /// Only fields that one of these matches, if there are any.
    #[serde(default)]
    includes: Vec<String>,
    /// None of these.
    #[serde(default)]
    excludes: Vec<String>,
}

impl SourceRule {
    /// Reads the member `_source` of a mapping.
    pub(super) fn parse(body: &Value) -> Result<Self, StoreError> {
        let bad = |reason: String| StoreError::invalid(reason).with_code("mapper_parsing_exception");
        let Value::Object(body) = body else {
            return Err(bad("[_source] config must be an object".to_owned()));
        };
        let mut rule = Self::default();
        for (name, value) in body {
            match (name.as_str(), value) {
                ("enabled", Value::Bool(enabled)) => rule.disabled = !enabled,
                ("enabled", Value::String(text)) if text == "true" || text == "false" => {
                    rule.disabled = text == "false";
                }
                ("includes", fields) => rule.includes = super::parse::list(fields),
                ("excludes", fields) => rule.excludes = super::parse::list(fields),
                ("compress" | "compress_threshold", _) => {}
                (other, value) => {
                    return Err(bad(format!(
                        "Mapping definition for [_source] has unsupported parameters:  [{other} : {value}]"
                    )));
                }
            }
        }
        Ok(rule)
    }

    /// Whether documents are kept as they are.
    pub(crate) fn is_whole(&self) -> bool {
        !self.disabled && self.includes.is_empty() && self.excludes.is_empty()
    }

    /// What is kept of a document; `None`: nothing.
    pub(crate) fn kept(&self, source: &Bytes) -> Option<Bytes> {
        if self.is_whole() {
            return Some(source.clone());
        }
        if self.disabled {
            return None;
        }
        let patterns = |names: &[String]| names.iter().map(FieldPattern::new).collect();
        let filter = SourceFilter {
            none: false,
            includes: patterns(&self.includes),
            excludes: patterns(&self.excludes),
        };
        // It was written by the engine itself; what does not read back must not be kept unfiltered.
        let document: Object = serde_json::from_slice(source).ok()?;
        serde_json::to_vec(&filter_source(document, &filter)).ok().map(Bytes::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_kept() {
        let check = |rule: Value, expected: Option<Value>| {
            let source = Bytes::from(json!({"a": 1, "b": {"c": 2, "d": 3}}).to_string());
            let kept = SourceRule::parse(&rule).unwrap().kept(&source);
            assert_eq!(kept.map(|kept| serde_json::from_slice::<Value>(&kept).unwrap()), expected, "{rule}");
        };
        check(json!({}), Some(json!({"a": 1, "b": {"c": 2, "d": 3}})));
        check(json!({"enabled": false}), None);
        check(json!({"includes": ["b.*"]}), Some(json!({"b": {"c": 2, "d": 3}})));
        check(json!({"includes": ["b.*"], "excludes": ["*.d"]}), Some(json!({"b": {"c": 2}})));
        assert!(
            SourceRule::parse(&json!({"enable": false})).unwrap_err().message.contains("[enable : false]")
        );
    }
}
