//! Queries for exact values: `term`, `terms`, `range`, `exists`, `prefix`, `wildcard`, `regexp`, `fuzzy`, `ids`.

use super::parse::{boosted, number};
use super::query::{Bound, Fuzziness, Fuzzy, Pattern, Prefix, Query, Range, RangeRelation, Term, Terms};
use super::read::{Place, illegal, invalid, object, one_or_many, parameters, scalar_text, shown, single};
use super::{PATTERN_MAX_BYTES, TERMS_MAX};
use crate::StoreError;
use serde::Deserialize;
use serde_json::Value;

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_))
}

pub(super) fn term(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(alias = "term")]
        value: Value,
        #[serde(default)]
        case_insensitive: bool,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let (field, body) = single("[term] query", value, place)?;
    let at = place.key(field);
    let read = if body.is_object() {
        parameters("[term] query", body, &at)?
    } else {
        Parameters { value: body.clone(), case_insensitive: false, boost: None, _name: None }
    };
    if !is_scalar(&read.value) {
        return Err(invalid(&at, format!("[term] query takes one value, not {}", shown(&read.value))));
    }
    let query = Term { field: field.to_owned(), value: read.value, case_insensitive: read.case_insensitive };
    boosted(Query::Term(query), read.boost, place)
}

pub(super) fn terms(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let mut found = None;
    let mut boost = None;
    for (key, value) in object("[terms] query", value, place)? {
        match (key.as_str(), value) {
            ("boost", value) => boost = Some(number(value, &place.key(key))?),
            ("_name", _) => {}
            (field, Value::Array(values)) if found.is_none() => found = Some((field, values)),
            (field, Value::Array(_)) => {
                return Err(invalid(
                    place,
                    format!("[terms] query takes one field, \"{field}\" is a second"),
                ));
            }
            (field, _) => {
                return Err(invalid(place, format!("[terms] query: \"{field}\" must be an array of values")));
            }
        }
    }
    let Some((field, values)) = found else { return Err(invalid(place, "[terms] query lacks a field")) };
    if values.len() > TERMS_MAX {
        return Err(invalid(
            place,
            format!("[terms] query takes at most {TERMS_MAX} values, not {}", values.len()),
        ));
    }
    if let Some(odd) = values.iter().find(|value| !is_scalar(value)) {
        return Err(invalid(place, format!("[terms] query takes single values, not {}", shown(odd))));
    }
    boosted(Query::Terms(Terms { field: field.to_owned(), values: values.clone() }), boost, place)
}

pub(super) fn range(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        gt: Option<Value>,
        gte: Option<Value>,
        lt: Option<Value>,
        lte: Option<Value>,
        // The older spelling, which Kibana and old clients still send.
        from: Option<Value>,
        to: Option<Value>,
        include_lower: Option<bool>,
        include_upper: Option<bool>,
        format: Option<String>,
        time_zone: Option<String>,
        boost: Option<f32>,
        #[serde(default)]
        relation: Value,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let (field, body) = single("[range] query", value, place)?;
    let at = place.key(field);
    let read: Parameters = parameters("[range] query", body, &at)?;
    let end = |name: &str, candidates: [(Option<Value>, bool); 3]| {
        let mut given = candidates.into_iter().filter_map(|(value, inclusive)| {
            value.filter(|value| !value.is_null()).map(|value| Bound { value, inclusive })
        });
        let bound = given.next();
        if given.next().is_some() {
            return Err(invalid(&at, format!("[range] query gives two {name} ends")));
        }
        match &bound {
            Some(bound) if !matches!(bound.value, Value::String(_) | Value::Number(_) | Value::Bool(_)) => {
                Err(invalid(&at, format!("[range] query: {} is not an end of a range", shown(&bound.value))))
            }
            _ => Ok(bound),
        }
    };
    let from = (read.from, read.include_lower.unwrap_or(true));
    let to = (read.to, read.include_upper.unwrap_or(true));
    let query = Range {
        field: field.to_owned(),
        lower: end("lower", [(read.gt, false), (read.gte, true), from])?,
        upper: end("upper", [(read.lt, false), (read.lte, true), to])?,
        format: read.format,
        time_zone: read.time_zone,
        relation: range_relation(&read.relation, &at)?,
    };
    boosted(Query::Range(query), read.boost, place)
}

fn range_relation(given: &Value, place: &Place<'_>) -> Result<RangeRelation, StoreError> {
    let name = match given {
        Value::Null => return Ok(RangeRelation::default()),
        given => scalar_text("[relation]", given, place)?,
    };
    match name.to_ascii_lowercase().as_str() {
        "intersects" => Ok(RangeRelation::Intersects),
        "contains" => Ok(RangeRelation::Contains),
        "within" => Ok(RangeRelation::Within),
        _ => Err(illegal(place, format!("[range] query does not support relation [{name}]"))),
    }
}

pub(super) fn exists(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        field: String,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let read: Parameters = parameters("[exists] query", value, place)?;
    boosted(Query::Exists(read.field), read.boost, place)
}

/// Optional operators of Lucene's regular expressions.
const REGEX_FLAGS: [&str; 9] =
    ["", "ALL", "NONE", "INTERVAL", "INTERSECTION", "COMPLEMENT", "EMPTY", "ANYSTRING", "AUTOMATON"];

/// `{"field": "text"}` or `{"field": {"value": "text", "case_insensitive": …}}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PatternParameters {
    #[serde(alias = "wildcard", alias = "prefix")]
    value: Value,
    #[serde(default)]
    case_insensitive: bool,
    boost: Option<f32>,
    #[serde(rename = "rewrite")]
    _rewrite: Option<String>,
    #[serde(rename = "_name")]
    _name: Option<String>,
    // Of `regexp` only. All optional operators of Lucene's syntax are off unless `flags` names them.
    flags: Option<String>,
    #[serde(rename = "max_determinized_states")]
    _max_determinized_states: Option<u64>,
}

fn pattern(what: &str, value: &Value, place: &Place<'_>) -> Result<(Pattern, Option<f32>), StoreError> {
    let (field, body) = single(what, value, place)?;
    let at = place.key(field);
    let (text, case_insensitive, boost) = if body.is_object() {
        let read: PatternParameters = parameters(what, body, &at)?;
        let flags = read.flags.as_deref().unwrap_or("ALL");
        // An operator that is not named would be an ordinary character; nobody names some who means these.
        if !flags.split('|').all(|flag| REGEX_FLAGS.contains(&flag)) {
            return Err(invalid(&at, format!("{what}: flags \"{flags}\" are not supported")));
        }
        (scalar_text(what, &read.value, &at)?, read.case_insensitive, read.boost)
    } else {
        (scalar_text(what, body, &at)?, false, None)
    };
    if text.len() > PATTERN_MAX_BYTES {
        return Err(invalid(&at, format!("{what}: the pattern is longer than {PATTERN_MAX_BYTES} bytes")));
    }
    Ok((Pattern { field: field.to_owned(), pattern: text, case_insensitive }, boost))
}

pub(super) fn prefix(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let (Pattern { field, pattern: value, case_insensitive }, boost) =
        pattern("[prefix] query", value, place)?;
    boosted(Query::Prefix(Prefix { field, value, case_insensitive }), boost, place)
}

pub(super) fn wildcard(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let (pattern, boost) = pattern("[wildcard] query", value, place)?;
    boosted(Query::Wildcard(pattern), boost, place)
}

pub(super) fn regexp(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let (pattern, boost) = pattern("[regexp] query", value, place)?;
    boosted(Query::Regexp(pattern), boost, place)
}

pub(super) fn fuzziness(
    what: &str,
    value: Option<&Value>,
    place: &Place<'_>,
) -> Result<Option<Fuzziness>, StoreError> {
    let Some(value) = value else { return Ok(None) };
    Fuzziness::parse(value)
        .map(Some)
        .ok_or_else(|| invalid(place, format!("{what}: fuzziness {} must be AUTO, 0, 1 or 2", shown(value))))
}

/// Similar words that take the place of one.
const EXPANSIONS: usize = 50;

/// As many similar words as Elasticsearch takes unless told.
pub(super) fn max_expansions(what: &str, given: Option<i64>, place: &Place<'_>) -> Result<usize, StoreError> {
    match given.map(usize::try_from) {
        None => Ok(EXPANSIONS),
        Some(Ok(given)) if given > 0 => Ok(given),
        _ => Err(invalid(place, format!("{what}: maxExpansions must be positive"))),
    }
}

pub(super) fn fuzzy(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        value: Value,
        fuzziness: Option<Value>,
        #[serde(default)]
        prefix_length: usize,
        #[serde(default, deserialize_with = "super::read::number")]
        max_expansions: Option<i64>,
        transpositions: Option<bool>,
        #[serde(rename = "rewrite")]
        _rewrite: Option<String>,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    const WHAT: &str = "[fuzzy] query";
    let (field, body) = single(WHAT, value, place)?;
    let at = place.key(field);
    let wrapped;
    let body = if body.is_object() {
        body
    } else {
        wrapped = serde_json::json!({ "value": body });
        &wrapped
    };
    let read: Parameters = parameters(WHAT, body, &at)?;
    let query = Fuzzy {
        field: field.to_owned(),
        value: scalar_text(WHAT, &read.value, &at)?,
        fuzziness: fuzziness(WHAT, read.fuzziness.as_ref(), &at)?.unwrap_or(Fuzziness::AUTO),
        prefix_length: read.prefix_length,
        transpositions: read.transpositions.unwrap_or(true),
        max_expansions: max_expansions(WHAT, read.max_expansions, &at)?,
    };
    boosted(Query::Fuzzy(query), read.boost, place)
}

pub(super) fn ids(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        values: Value,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let read: Parameters = parameters("[ids] query", value, place)?;
    let values = one_or_many(&read.values);
    if values.len() > TERMS_MAX {
        return Err(invalid(
            place,
            format!("[ids] query takes at most {TERMS_MAX} values, not {}", values.len()),
        ));
    }
    let ids = values.iter().map(|id| scalar_text("[ids] query", id, place)).collect::<Result<Vec<_>, _>>()?;
    boosted(Query::Ids(ids), read.boost, place)
}
