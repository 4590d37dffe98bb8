//! Which field of an index has which type: Elasticsearch's mapping, flat.
//!
//! *Invariant*: a field's type never changes once the index knows it; a mapping only grows.

mod date_format;
mod dynamic;
mod field_type;
mod merge;
mod parse;
mod render;
mod source_rule;

pub(crate) use date_format::DateFormats;
pub(crate) use field_type::{Family, FieldType};
pub(crate) use parse::DEPTH_MAX;
use source_rule::SourceRule;

use event::Object;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// Most fields that documents add to an index, those that it declares counted, as Elasticsearch's `index.mapping.total_fields.limit`; what comes after is
/// kept in `_source` only and named in `_ignored`.
pub(crate) const FIELDS_MAX: usize = 1_000;
/// Most fields that a mapping declares: the templates of Beats have thousands, and ask for a limit of 10,000.
pub(crate) const DECLARED_MAX: usize = 10_000;

/// Types of the fields of one index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mapping {
    /// The JSON that the mapping was made from, in Elasticsearch's normal form; fields that events have added are not in
    /// it.
    #[serde(default)]
    pub(crate) body: Object,
    /// Whether values that their field cannot take are kept in `_source` only, instead of refusing the document:
    /// `index.mapping.ignore_malformed`.
    #[serde(default = "yes")]
    pub(crate) ignore_malformed: bool,
    /// What of a document is kept as `_source`.
    #[serde(default, skip_serializing_if = "SourceRule::is_whole")]
    pub(crate) source: SourceRule,
    /// Whether every document needs a routing (`_routing: {"required": true}`).
    #[serde(default)]
    pub(crate) routing_required: bool,
    /// The leaf fields and multi-fields, by dotted path.
    pub(crate) fields: HashMap<String, FieldMapping>,
    /// Fields of type `alias`: dotted path to the path that it stands for.
    #[serde(default)]
    pub(crate) aliases: BTreeMap<String, String>,
    /// Objects that say something of their own, by dotted path; the root is the empty path.
    #[serde(default)]
    pub(crate) objects: BTreeMap<String, ObjectMapping>,
    /// Rules for fields that are not mapped, in order.
    #[serde(default)]
    pub(crate) dynamic_templates: Vec<DynamicTemplate>,
    /// Whether a new string field that reads as a date becomes a date.
    pub(crate) date_detection: bool,
    /// Whether a new string field that reads as a number becomes a number.
    #[serde(default)]
    pub(crate) numeric_detection: bool,
    /// What counts as a date in date detection.
    #[serde(default = "DateFormats::detection")]
    pub(crate) dynamic_date_formats: DateFormats,
}

/// Where a field comes from, and so where its values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FieldOrigin {
    /// Mapped by a template: has a tantivy field of its own.
    Explicit,
    /// Seen in an event first: lives in the JSON fields that all such fields share.
    Dynamic,
}

/// How one field is indexed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FieldMapping {
    /// Its type.
    #[serde(rename = "type")]
    pub(crate) field_type: FieldType,
    /// Template or event.
    pub(crate) origin: FieldOrigin,
    /// Whether a value that it cannot take is kept in `_source` only, instead of refusing the document; `None`: as the
    /// index says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ignore_malformed: Option<bool>,
    /// Whether it can be searched (`index`).
    #[serde(default = "yes")]
    pub(crate) index: bool,
    /// Whether it can be sorted and aggregated by (`doc_values`).
    #[serde(default = "yes")]
    pub(crate) doc_values: bool,
    /// Strings with more characters are kept in `_source` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ignore_above: Option<usize>,
    /// How dates are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<DateFormats>,
    /// Of `scaled_float`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scaling_factor: Option<f64>,
    /// What is indexed in place of a null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) null_value: Option<Value>,
    /// Other fields that get the same value, by path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) copy_to: Vec<String>,
    /// The multi-fields below it (`fields`), by full path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) multi_fields: Vec<String>,
    /// Whether it is a multi-field itself: filled from its parent, never from the document.
    #[serde(default)]
    pub(crate) is_multi_field: bool,
}

fn yes() -> bool {
    true
}

fn is_no(flag: &bool) -> bool {
    !flag
}

impl FieldMapping {
    /// A field of that type with Elasticsearch's defaults.
    pub(crate) fn new(field_type: FieldType, origin: FieldOrigin) -> Self {
        Self {
            field_type,
            origin,
            ignore_malformed: None,
            index: true,
            doc_values: true,
            ignore_above: None,
            format: None,
            scaling_factor: None,
            null_value: None,
            copy_to: Vec::new(),
            multi_fields: Vec::new(),
            is_multi_field: false,
        }
    }

    /// How dates in it are written: its own format or Elasticsearch's default.
    pub(crate) fn date_formats(&self) -> &DateFormats {
        self.format.as_ref().unwrap_or(DateFormats::default_ref())
    }

    /// Whether its values have a column: can be sorted and aggregated by, and searched without an inverted index.
    pub(crate) fn has_column(&self) -> bool {
        match self.field_type.family() {
            Family::Text => false,
            // Ranges are searched by their columns, too, whatever else these may be used for.
            Family::Range => self.doc_values || self.index,
            _ => self.doc_values,
        }
    }

    /// Whether its values have an inverted index. Numbers, dates, booleans and addresses are searched through their
    /// column, which costs a fraction at ingestion; they get an inverted index only if they have no column.
    pub(crate) fn has_inverted_index(&self) -> bool {
        let through_column = !matches!(self.field_type.family(), Family::Keyword | Family::Text);
        self.index
            && !(through_column && self.doc_values)
            && !matches!(self.field_type.family(), Family::Geo | Family::Range)
    }
}

/// What an object says about the fields in it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ObjectMapping {
    /// What becomes of fields that are not mapped; `None` as the parent says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dynamic: Option<Dynamic>,
    /// `enabled: false`: nothing in it is indexed.
    #[serde(default)]
    pub(crate) disabled: bool,
    /// `type: nested`: each object of a list is asked by itself.
    #[serde(default, skip_serializing_if = "is_no")]
    pub(crate) nested: bool,
}

/// What becomes of a field that is not mapped; Elasticsearch's `dynamic`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Dynamic {
    /// It is added to the mapping.
    #[default]
    True,
    /// It is kept in `_source` only.
    False,
    /// The document is refused.
    Strict,
}

/// A rule for fields that are not mapped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DynamicTemplate {
    /// Its name.
    pub(crate) name: String,
    /// Applies to values of this JSON type (`string`, `long`, `double`, `boolean`, `date`, `object`); `*` or `None`: to all.
    pub(crate) match_mapping_type: Option<String>,
    /// Applies to fields whose last name matches one of these.
    #[serde(default)]
    pub(crate) matches: Vec<String>,
    /// But not to these.
    #[serde(default)]
    pub(crate) unmatches: Vec<String>,
    /// Applies to fields whose path matches one of these.
    #[serde(default)]
    pub(crate) path_matches: Vec<String>,
    /// But not to these.
    #[serde(default)]
    pub(crate) path_unmatches: Vec<String>,
    /// The mapping of the field, as JSON; `{name}` and `{dynamic_type}` are replaced.
    pub(crate) mapping: Value,
}

impl Default for Mapping {
    /// No field yet, Elasticsearch's rules for new ones.
    fn default() -> Self {
        Self {
            body: Object::new(),
            ignore_malformed: false,
            source: SourceRule::default(),
            routing_required: false,
            fields: HashMap::new(),
            aliases: BTreeMap::new(),
            objects: BTreeMap::new(),
            dynamic_templates: Vec::new(),
            date_detection: true,
            numeric_detection: false,
            dynamic_date_formats: DateFormats::detection(),
        }
    }
}

impl Mapping {
    /// How a field is indexed; an alias leads to the field that it stands for.
    pub(crate) fn field(&self, path: &str) -> Option<&FieldMapping> {
        self.fields.get(self.target(path))
    }

    /// Whether `@timestamp` is a date of the usual form, so that the span of an index tells what it can hold: an alias
    /// stands for a field that the span says nothing of, and other formats than the field's own would be a guess.
    pub(crate) fn has_usual_time(&self) -> bool {
        self.fields.get("@timestamp").is_some_and(|field| field.format.is_none())
    }

    /// The path that an alias stands for; any other path itself.
    pub(crate) fn target<'a>(&'a self, path: &'a str) -> &'a str {
        self.aliases.get(path).map_or(path, String::as_str)
    }

    /// Whether a field was mapped with `store`.
    pub(crate) fn is_stored(&self, path: &str) -> bool {
        let mut at = &self.body;
        let mut names = path.split('.').peekable();
        while let Some(name) = names.next() {
            let below = |key: &str| at.get(key).and_then(|below| below.get(name)).and_then(Value::as_object);
            let Some(found) = below("properties").or_else(|| below("fields")) else { return false };
            if names.peek().is_none() {
                let store = found.get("store");
                return store.is_some_and(|store| store == &Value::Bool(true) || store == "true");
            }
            at = found;
        }
        false
    }

    /// The nearest nested object above a path.
    pub(crate) fn nested_above<'p>(&self, path: &'p str) -> Option<&'p str> {
        let mut above = path.rmatch_indices('.').map(|(dot, _)| &path[..dot]);
        above.find(|above| self.objects.get(*above).is_some_and(|object| object.nested))
    }

    /// What becomes of unmapped fields below that object (the nearest object that says so decides).
    pub(crate) fn dynamic_below(&self, path: &str) -> Dynamic {
        let mut at = path;
        loop {
            if let Some(dynamic) = self.objects.get(at).and_then(|object| object.dynamic) {
                return dynamic;
            }
            match at.rfind('.') {
                Some(dot) => at = &at[..dot],
                None if at.is_empty() => return Dynamic::default(),
                None => at = "",
            }
        }
    }
}
