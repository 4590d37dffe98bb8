use super::read::{Place, invalid, one_or_many, parameters, shown, single};
use crate::StoreError;
use serde::Deserialize;
use serde_json::Value;

/// Sort keys that one search may have.
const KEYS_MAX: usize = 16;

/// One level of a sort.
#[derive(Debug, Clone, PartialEq)]
pub struct SortKey {
    /// What is compared.
    pub target: SortTarget,
    /// In which direction.
    pub order: SortOrder,
    /// Where documents without the field go.
    pub missing: Missing,
    /// Which of several values counts.
    pub mode: SortMode,
    /// How dates are written in the answer; `None`: milliseconds since 1970.
    pub format: Option<String>,
    /// `numeric_type: date_nanos`: dates are given in nanoseconds, whatever the field's type.
    pub nanos: bool,
    /// Whether a field that no index knows is no error.
    pub unmapped_ok: bool,
}

/// What a sort compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortTarget {
    /// `_score`.
    Score,
    /// `_doc`, `_shard_doc`: the order of writing.
    Document,
    /// A field, by dotted path.
    Field(String),
}

/// Direction of a sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SortOrder {
    /// Smallest first.
    #[serde(alias = "ASC")]
    Asc,
    /// Largest first.
    #[serde(alias = "DESC")]
    Desc,
}

/// Where documents without the field go.
#[derive(Debug, Clone, PartialEq)]
pub enum Missing {
    /// Behind all others, whatever the direction.
    Last,
    /// Before all others.
    First,
    /// Where this value would go.
    Value(Value),
}

/// Which of several values of a field counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SortMode {
    /// The smallest; default when ascending.
    Min,
    /// The largest; default when descending.
    Max,
}

/// Parses `sort` of a search body.
pub(super) fn sort_keys(value: &Value, place: &Place<'_>) -> Result<Vec<SortKey>, StoreError> {
    let items = one_or_many(value);
    if items.len() > KEYS_MAX {
        return Err(invalid(place, format!("a sort has at most {KEYS_MAX} keys, not {}", items.len())));
    }
    let mut keys = Vec::with_capacity(items.len());
    for (position, item) in items.iter().enumerate() {
        let at = place.item(position);
        match item {
            Value::String(name) => keys.push(key(name, &Value::Null, &at)?),
            // Old clients put several fields into one object.
            Value::Object(members) if members.len() > 1 => {
                for (name, options) in members {
                    keys.push(key(name, options, &at)?);
                }
            }
            other => {
                let (name, options) = single("[sort]", other, &at)?;
                keys.push(key(name, options, &at)?);
            }
        }
    }
    Ok(keys)
}

fn key(name: &str, options: &Value, place: &Place<'_>) -> Result<SortKey, StoreError> {
    #[derive(Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        order: Option<SortOrder>,
        missing: Option<Value>,
        unmapped_type: Option<String>,
        mode: Option<SortMode>,
        format: Option<String>,
        numeric_type: Option<String>,
        // Boolean or null: of Elasticsearch before 6, still sent by Kibana's and Grafana's plugins.
        ignore_unmapped: Option<bool>,
    }
    let target = match name {
        "_score" => SortTarget::Score,
        "_doc" | "_shard_doc" => SortTarget::Document,
        field => SortTarget::Field(field.to_owned()),
    };
    let read: Parameters = match options {
        Value::Null => Parameters::default(),
        Value::String(order) => match order.to_ascii_lowercase().as_str() {
            "asc" => Parameters { order: Some(SortOrder::Asc), ..Parameters::default() },
            "desc" => Parameters { order: Some(SortOrder::Desc), ..Parameters::default() },
            _ => return Err(invalid(place, format!("[sort] order \"{order}\" must be asc or desc"))),
        },
        other => parameters("[sort]", other, &place.key(name))?,
    };
    let default_order = if target == SortTarget::Score { SortOrder::Desc } else { SortOrder::Asc };
    let order = read.order.unwrap_or(default_order);
    let missing = match read.missing {
        None => Missing::Last,
        Some(Value::String(text)) if text == "_last" => Missing::Last,
        Some(Value::String(text)) if text == "_first" => Missing::First,
        Some(value @ (Value::Number(_) | Value::String(_) | Value::Bool(_))) => Missing::Value(value),
        Some(other) => {
            return Err(invalid(
                place,
                format!("[sort] missing {} must be _last, _first or a value", shown(&other)),
            ));
        }
    };
    let default_mode = if order == SortOrder::Asc { SortMode::Min } else { SortMode::Max };
    Ok(SortKey {
        target,
        order,
        missing,
        mode: read.mode.unwrap_or(default_mode),
        format: read.format,
        nanos: read.numeric_type.as_deref() == Some("date_nanos"),
        unmapped_ok: read.unmapped_type.is_some() || read.ignore_unmapped == Some(true),
    })
}
