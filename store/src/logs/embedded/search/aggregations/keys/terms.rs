use super::super::super::column::{SegmentColumn, engine_error};
use super::super::super::dates::DateReader;
use super::super::{Key, float_key};
use super::LocalKey;
use super::selection::{Selection, selected_terms};
use crate::{
    StoreError,
    logs::{
        dsl::aggregations::{TermSelection, ValuesSource},
        embedded::{
            mapping::{DateFormats, Family},
            schema::ResolvedField,
        },
    },
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use std::collections::HashMap;

/// Keys of `terms` and of the sources of `composite`.
pub(in super::super) struct TermKeys {
    pub(in super::super) column: Option<SegmentColumn>,
    float: bool,
    include: Option<Selection>,
    exclude: Option<Selection>,
    /// Whether a key is wanted, as far as it was asked.
    wanted: HashMap<u64, bool>,
    pub(super) missing: Option<Key>,
}

impl TermKeys {
    pub(in super::super) fn new(
        source: &ValuesSource,
        (include, exclude): (Option<&TermSelection>, Option<&TermSelection>),
        field: Option<&ResolvedField>,
        column: Option<SegmentColumn>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let select = |request: Option<&TermSelection>| {
            request.map(|request| Selection::new(request, field, now)).transpose()
        };
        let family = field.map(ResolvedField::family);
        let mut keys = Self {
            column,
            float: family == Some(Family::Float),
            include: select(include)?,
            exclude: select(exclude)?,
            wanted: HashMap::new(),
            missing: source
                .missing
                .as_ref()
                .map(|value| missing_key(value, source, field, now))
                .transpose()?,
        };
        if let (Some(column), true) = (&keys.column, keys.selects()) {
            let selected = selected_terms(column, |key| keys.is_selected(key)).map_err(engine_error)?;
            keys.wanted = selected.into_iter().collect();
        }
        Ok(keys)
    }

    /// Documents without value have a null key.
    pub(in super::super) fn with_null_key(mut self) -> Self {
        self.missing = Some(Key::Null);
        self
    }

    /// Whether some values are left out.
    pub(super) fn selects(&self) -> bool {
        self.include.is_some() || self.exclude.is_some()
    }

    fn is_selected(&self, key: &Key) -> bool {
        self.include.as_ref().is_none_or(|include| include.holds(key))
            && !self.exclude.as_ref().is_some_and(|exclude| exclude.holds(key))
    }

    pub(super) fn typed(&self, raw: u64, doc: u32) -> tantivy::Result<Key> {
        let Some(column) = &self.column else { return Ok(Key::Null) };
        let key = Key::from_scalar(column.value(doc, raw)?);
        // A field of floats may have a column of whole numbers.
        Ok(if self.float { key.into_float() } else { key })
    }

    pub(super) fn keys(&mut self, doc: u32, out: &mut Vec<LocalKey>) -> Result<(), StoreError> {
        let mut any = false;
        let selects = self.selects();
        if let Some(column) = &self.column {
            for key in column.keys.values_for_doc(doc) {
                any = true;
                if !selects {
                    out.push(Some(key));
                    continue;
                }
                let wanted = match self.wanted.get(&key) {
                    Some(wanted) => *wanted,
                    None => {
                        let wanted = self.is_selected(&self.typed(key, doc).map_err(engine_error)?);
                        self.wanted.insert(key, wanted);
                        wanted
                    }
                };
                if wanted {
                    out.push(Some(key));
                }
            }
        }
        if !any && self.missing.as_ref().is_some_and(|key| !selects || self.is_selected(key)) {
            out.push(None);
        }
        Ok(())
    }

    /// All values that any document of the segment has, each with a document: for buckets that may be empty.
    pub(in super::super) fn all(&self, max_doc: u32) -> Result<Vec<(u64, u32)>, StoreError> {
        let Some(column) = &self.column else { return Ok(Vec::new()) };
        let mut seen: HashMap<u64, u32> = HashMap::new();
        for doc in 0..max_doc {
            for key in column.keys.values_for_doc(doc) {
                seen.entry(key).or_insert(doc);
            }
            if seen.len() > super::super::COLLECTED_BUCKETS_MAX {
                return Err(super::super::too_many_buckets(seen.len(), super::super::COLLECTED_BUCKETS_MAX));
            }
        }
        let mut all: Vec<_> = Vec::with_capacity(seen.len());
        for (key, doc) in seen {
            if !self.selects() || self.is_selected(&self.typed(key, doc).map_err(engine_error)?) {
                all.push((key, doc));
            }
        }
        Ok(all)
    }
}

/// What documents without the field count as, as a key of the field's type (or of the one that the request names).
pub(in super::super) fn missing_key(
    value: &Value,
    source: &ValuesSource,
    field: Option<&ResolvedField>,
    now: Timestamp,
) -> Result<Key, StoreError> {
    let family = field.map(ResolvedField::family).or(match source.value_type.as_deref() {
        Some("date") => Some(Family::Date),
        Some("double" | "float") => Some(Family::Float),
        Some("long" | "integer" | "short" | "byte") => Some(Family::Integer),
        Some("boolean") => Some(Family::Boolean),
        Some("ip") => Some(Family::Ip),
        Some("string" | "keyword") => Some(Family::Keyword),
        _ => None,
    });
    let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let number = || value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    let refuse = || StoreError::invalid(format!("[missing] {value} does not fit field [{}]", source.field));
    Ok(match family {
        Some(Family::Date) => {
            let own =
                source.format.as_deref().map(DateFormats::parse).transpose().map_err(StoreError::invalid)?;
            let formats = own
                .as_ref()
                .or(field.map(|field| field.mapping.date_formats()))
                .unwrap_or(DateFormats::default_ref());
            let reader = DateReader { formats, zone: TimeZone::UTC, now };
            Key::Date(reader.read(value, false)?.div_euclid(1_000_000))
        }
        Some(Family::Float) => float_key(number().ok_or_else(refuse)?),
        Some(Family::Integer | Family::Unsigned) => match value.as_i64() {
            Some(whole) => Key::Integer(whole),
            None => Key::Integer(number().ok_or_else(refuse)? as i64),
        },
        Some(Family::Boolean) => match text().as_str() {
            "true" | "1" => Key::Boolean(true),
            "false" | "0" => Key::Boolean(false),
            _ => return Err(refuse()),
        },
        Some(Family::Ip) => match text().parse() {
            Ok(std::net::IpAddr::V4(v4)) => Key::Ip(v4.to_ipv6_mapped()),
            Ok(std::net::IpAddr::V6(v6)) => Key::Ip(v6),
            Err(_) => return Err(refuse()),
        },
        Some(Family::Keyword | Family::Text | Family::Geo | Family::Range) => Key::Text(text()),
        None => match value {
            Value::Bool(truth) => Key::Boolean(*truth),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => Key::Integer(whole),
                None => float_key(number.as_f64().unwrap_or(0.0)),
            },
            _ => Key::Text(text()),
        },
    })
}
