use super::geo::{geo_point, length_m};
use super::read::{Place, illegal, invalid, object, one_or_many, parameters, shown, single};
use super::script::{ScriptCall, script};
use crate::StoreError;
use expression::Purpose;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// Sort keys that one search may have.
const KEYS_MAX: usize = 16;
/// Points that one distance may be taken from.
const ORIGINS_MAX: usize = 100;

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
    /// As what type a field counts that an index does not map.
    pub unmapped_type: Option<String>,
    /// The nested objects that the field is in.
    pub nested: Option<String>,
}

/// What a sort compares.
#[derive(Debug, Clone, PartialEq)]
pub enum SortTarget {
    /// `_score`.
    Score,
    /// `_doc`, `_shard_doc`: the order of writing.
    Document,
    /// A field, by dotted path.
    Field(String),
    /// `_script`: what a script makes of each document.
    Script(ScriptSort),
    /// `_geo_distance`: how far a point is from others.
    Distance(Box<DistanceSort>),
}

/// `_script` of a sort.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptSort {
    /// What makes the value.
    pub call: Arc<ScriptCall>,
    /// Whether it is a number; otherwise a text.
    pub is_number: bool,
}

/// `_geo_distance` of a sort.
#[derive(Debug, Clone, PartialEq)]
pub struct DistanceSort {
    /// Dotted path of the points.
    pub field: String,
    /// Latitude and longitude of where the distance is taken from; of several the nearest counts.
    pub origins: Vec<(f64, f64)>,
    /// Metres in the unit that the distance is given in.
    pub unit_m: f64,
    /// How the distances of several points are made one.
    pub mode: SortMode,
    /// Whether a field that no index knows is no error.
    pub ignore_unmapped: bool,
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
    /// All together; numbers only.
    Sum,
    /// Their mean; numbers only.
    Avg,
    /// The one in the middle; numbers only.
    Median,
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
        nested: Option<Value>,
        // Of Elasticsearch before 6.1.
        nested_path: Option<String>,
        // Boolean or null: of Elasticsearch before 6, still sent by Kibana's and Grafana's plugins.
        #[serde(rename = "ignore_unmapped")]
        _ignore_unmapped: Option<bool>,
    }
    match name {
        "_script" => return script_key(options, place),
        "_geo_distance" => return distance_key(options, place),
        _ => {}
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
    let nested = match &read.nested {
        None => read.nested_path,
        Some(nested) => Some(nested_path(nested, place)?),
    };
    let default_mode = if order == SortOrder::Asc { SortMode::Min } else { SortMode::Max };
    Ok(SortKey {
        target,
        order,
        missing,
        mode: read.mode.unwrap_or(default_mode),
        format: read.format,
        nanos: read.numeric_type.as_deref() == Some("date_nanos"),
        unmapped_type: read.unmapped_type,
        nested,
    })
}

/// Reads `{"path": …}`; a filter on the objects is not known.
fn nested_path(value: &Value, place: &Place<'_>) -> Result<String, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        path: String,
    }
    parameters("[sort] nested", value, &place.key("nested")).map(|read: Parameters| read.path)
}

/// A key whose values are made for the search.
fn computed(target: SortTarget, order: SortOrder, mode: SortMode) -> SortKey {
    SortKey {
        target,
        order,
        missing: Missing::Last,
        mode,
        format: None,
        nanos: false,
        unmapped_type: None,
        nested: None,
    }
}

fn script_key(options: &Value, place: &Place<'_>) -> Result<SortKey, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        script: Value,
        #[serde(rename = "type")]
        kind: String,
        order: Option<SortOrder>,
        mode: Option<SortMode>,
    }
    let at = place.key("_script");
    let read: Parameters = parameters("[_script] sort", options, &at)?;
    let is_number = match read.kind.as_str() {
        "number" => true,
        "string" => false,
        other => return Err(illegal(&at, format!("Unknown ScriptSortType [{other}]"))),
    };
    let call = Arc::new(script(&read.script, Purpose::Field, &at.key("script"))?);
    let order = read.order.unwrap_or(SortOrder::Asc);
    let default_mode = if order == SortOrder::Asc { SortMode::Min } else { SortMode::Max };
    let target = SortTarget::Script(ScriptSort { call, is_number });
    Ok(computed(target, order, read.mode.unwrap_or(default_mode)))
}

fn distance_key(options: &Value, place: &Place<'_>) -> Result<SortKey, StoreError> {
    let at = place.key("_geo_distance");
    let (mut order, mut mode, mut unit_m) = (SortOrder::Asc, None, 1.0);
    let (mut found, mut ignore_unmapped, mut nested) = (None, false, None);
    for (key, value) in object("[_geo_distance] sort", options, &at)? {
        match key.as_str() {
            "order" => order = parameters("[_geo_distance] sort", value, &at)?,
            "mode" | "sort_mode" => mode = Some(parameters("[_geo_distance] sort", value, &at)?),
            "unit" => {
                let unit = value.as_str().unwrap_or_default();
                unit_m = length_m(&format!("1{unit}"))
                    .ok_or_else(|| illegal(&at, format!("No matching unit found for [{unit}]")))?;
            }
            "ignore_unmapped" => ignore_unmapped = value == &Value::Bool(true),
            "distance_type" | "validation_method" => {}
            "nested" => nested = Some(nested_path(value, &at)?),
            field if found.is_none() => found = Some((field, value)),
            other => return Err(invalid(&at, format!("[_geo_distance] sort does not support \"{other}\""))),
        }
    }
    let Some((field, points)) = found else {
        return Err(invalid(&at, "[_geo_distance] sort lacks a field"));
    };
    let several = points.as_array().filter(|list| !list.first().is_some_and(Value::is_number));
    let origins = match several {
        Some(list) => list.iter().map(|point| geo_point(point, &at)).collect::<Result<Vec<_>, _>>()?,
        None => vec![geo_point(points, &at)?],
    };
    if origins.is_empty() || origins.len() > ORIGINS_MAX {
        return Err(illegal(&at, format!("must provide 1 to {ORIGINS_MAX} points for geo distance sort")));
    }
    let default_mode = if order == SortOrder::Asc { SortMode::Min } else { SortMode::Max };
    let mode = mode.unwrap_or(default_mode);
    if mode == SortMode::Sum {
        return Err(illegal(&at, "sort_mode [sum] isn't supported for sorting by geo distance"));
    }
    let target = DistanceSort { field: field.to_owned(), origins, unit_m, mode, ignore_unmapped };
    Ok(SortKey { nested, ..computed(SortTarget::Distance(Box::new(target)), order, default_mode) })
}
