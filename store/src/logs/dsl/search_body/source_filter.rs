//! Which parts of a document an answer has.

use super::super::read::{Place, invalid, one_or_many, shown};
use crate::{StoreError, scope::wildcard_match};
use serde_json::Value;

/// A field name that may hold `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPattern(String);

impl FieldPattern {
    /// From its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether the path is meant.
    pub fn matches(&self, path: &str) -> bool {
        wildcard_match(&self.0, path)
    }

    /// The path itself, if it holds no `*`.
    pub fn exact(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(&self.0)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `_source`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceFilter {
    /// Answer without the document.
    pub none: bool,
    /// Only these; empty: all.
    pub includes: Vec<FieldPattern>,
    /// But not these.
    pub excludes: Vec<FieldPattern>,
}

impl SourceFilter {
    /// Parses `_source`.
    pub(in super::super) fn parse(value: &Value, place: &Place<'_>) -> Result<Self, StoreError> {
        let patterns = |value: &Value| -> Result<Vec<FieldPattern>, StoreError> {
            one_or_many(value)
                .iter()
                .map(|item| match item.as_str() {
                    Some(text) => Ok(FieldPattern::new(text)),
                    None => Err(invalid(place, format!("[_source] takes field names, not {}", shown(item)))),
                })
                .collect()
        };
        let mut filter = Self::default();
        match value {
            Value::Bool(wanted) => filter.none = !wanted,
            Value::Object(members) => {
                for (key, value) in members {
                    match key.as_str() {
                        "includes" | "include" => filter.includes = patterns(value)?,
                        "excludes" | "exclude" => filter.excludes = patterns(value)?,
                        other => {
                            return Err(invalid(place, format!("[_source] does not support \"{other}\"")));
                        }
                    }
                }
            }
            other => filter.includes = patterns(other)?,
        }
        Ok(filter)
    }

    /// Whether the filter changes nothing.
    pub fn is_all(&self) -> bool {
        !self.none && self.includes.is_empty() && self.excludes.is_empty()
    }
}
