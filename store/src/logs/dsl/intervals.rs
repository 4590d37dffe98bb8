//! `intervals`: rules about the order of words and what stands between them.
//!
//! Source: Elasticsearch reference 7.10, "Intervals query".

use super::parse::{Parser, boosted};
use super::parse_terms::fuzziness;
use super::query::{Analyzer, Fuzziness, Query};
use super::read::{Place, illegal, invalid, object, one_or_many, parameters, scalar_text, single};
use super::{DEPTH_MAX, PATTERN_MAX_BYTES};
use crate::StoreError;
use serde::Deserialize;
use serde_json::{Value, json};

/// `intervals`.
#[derive(Debug, Clone, PartialEq)]
pub struct Intervals {
    /// Dotted path of the text.
    pub field: String,
    /// What is to be found in it.
    pub rule: IntervalRule,
}

/// What stands in a text, and which of these places count.
#[derive(Debug, Clone, PartialEq)]
pub struct IntervalRule {
    /// The places.
    pub source: IntervalSource,
    /// Keeps some of them.
    pub filter: Option<Box<IntervalFilter>>,
    /// Another field whose text is looked at.
    pub use_field: Option<String>,
}

/// Places in a text.
#[derive(Debug, Clone, PartialEq)]
pub enum IntervalSource {
    /// The words of a text.
    Match {
        /// The text.
        query: String,
        /// How many words may stand between them in all; `None`: any number.
        max_gaps: Option<u32>,
        /// Whether they stand in this order.
        ordered: bool,
        /// What cuts the text into words, instead of the field's own.
        analyzer: Option<Analyzer>,
    },
    /// A word that begins so.
    Prefix(String),
    /// A word that matches a pattern with `*` and `?`.
    Wildcard(String),
    /// A word within an edit distance.
    Fuzzy {
        /// The word to be near to.
        term: String,
        /// How near.
        fuzziness: Fuzziness,
        /// Characters at the start that must not differ.
        prefix_length: usize,
        /// Whether swapping two neighbours is one edit.
        transpositions: bool,
    },
    /// All of them.
    AllOf {
        /// The parts.
        intervals: Vec<IntervalRule>,
        /// How many words may stand between them in all; `None`: any number.
        max_gaps: Option<u32>,
        /// Whether they stand in this order.
        ordered: bool,
    },
    /// Any of them.
    AnyOf(Vec<IntervalRule>),
}

/// Keeps places by how they stand to others.
#[derive(Debug, Clone, PartialEq)]
pub struct IntervalFilter {
    /// How.
    pub relation: IntervalRelation,
    /// The others.
    pub other: IntervalRule,
}

/// How a place stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntervalRelation {
    /// It comes later than one.
    After,
    /// It comes earlier than one.
    Before,
    /// It lies in one.
    ContainedBy,
    /// One lies in it.
    Containing,
    /// They have words in common.
    Overlapping,
    /// It lies in none.
    NotContainedBy,
    /// None lies in it.
    NotContaining,
    /// It has words in common with none.
    NotOverlapping,
}

const RELATIONS: [(&str, IntervalRelation); 8] = [
    ("after", IntervalRelation::After),
    ("before", IntervalRelation::Before),
    ("contained_by", IntervalRelation::ContainedBy),
    ("containing", IntervalRelation::Containing),
    ("overlapping", IntervalRelation::Overlapping),
    ("not_contained_by", IntervalRelation::NotContainedBy),
    ("not_containing", IntervalRelation::NotContaining),
    ("not_overlapping", IntervalRelation::NotOverlapping),
];

/// Reads `{"field": {"match": …}}`.
pub(super) fn intervals(parser: &mut Parser, value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let (field, body) = single("[intervals] query", value, place)?;
    let at = place.key(field);
    let mut body = object("[intervals] query", body, &at)?.clone();
    let boost = body.remove("boost").and_then(|boost| boost.as_f64()).map(|boost| boost as f32);
    body.remove("_name");
    let rule = rule(parser, &Value::Object(body), &at)?;
    boosted(Query::Intervals(Box::new(Intervals { field: field.to_owned(), rule })), boost, place)
}

fn rule(parser: &mut Parser, value: &Value, place: &Place<'_>) -> Result<IntervalRule, StoreError> {
    if place.depth > 2 * DEPTH_MAX {
        return Err(invalid(place, format!("query is nested deeper than {DEPTH_MAX} levels")));
    }
    parser.count(place)?;
    let (name, body) = single("[intervals] query", value, place)?;
    let at = place.key(name);
    let mut body = object(name, body, &at)?.clone();
    let filter = match body.remove("filter") {
        Some(given) => Some(Box::new(filter(parser, &given, &at.key("filter"))?)),
        None => None,
    };
    let use_field = match body.remove("use_field") {
        None | Some(Value::Null) => None,
        Some(Value::String(field)) => Some(field),
        Some(_) => return Err(invalid(&at, "[use_field] must be the name of a field")),
    };
    let body = Value::Object(body);
    let source = match name {
        "match" => words(&body, &at)?,
        "prefix" => IntervalSource::Prefix(pattern("prefix", &body, &at)?),
        "wildcard" => IntervalSource::Wildcard(pattern("pattern", &body, &at)?),
        "fuzzy" => fuzzy(&body, &at)?,
        "all_of" => all_of(parser, &body, &at)?,
        "any_of" => any_of(parser, &body, &at)?,
        other => {
            return Err(invalid(
                place,
                format!(
                    "Unknown interval type [{other}], expecting one of [match, any_of, all_of, prefix, wildcard, fuzzy]"
                ),
            ));
        }
    };
    Ok(IntervalRule { source, filter, use_field })
}

fn filter(parser: &mut Parser, value: &Value, place: &Place<'_>) -> Result<IntervalFilter, StoreError> {
    let (name, body) = single("[filter]", value, place)?;
    match RELATIONS.iter().find(|(known, _)| *known == name) {
        Some((_, relation)) => {
            Ok(IntervalFilter { relation: *relation, other: rule(parser, body, &place.key(name))? })
        }
        None => Err(illegal(place, format!("[intervals] filter [{name}] is not supported"))),
    }
}

/// `max_gaps`: -1 means any number.
fn gaps(given: Option<i64>) -> Option<u32> {
    given.and_then(|gaps| u32::try_from(gaps).ok())
}

fn words(value: &Value, place: &Place<'_>) -> Result<IntervalSource, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        query: Value,
        max_gaps: Option<i64>,
        #[serde(default)]
        ordered: bool,
        analyzer: Option<String>,
    }
    let read: Parameters = parameters("[match]", value, place)?;
    let analyzer = match read.analyzer.as_deref() {
        None => None,
        Some(name) => match Analyzer::named(name) {
            Some(analyzer) => Some(analyzer),
            None => return Err(illegal(place, format!("No analyzer [{name}] is known"))),
        },
    };
    let query = scalar_text("[match]", &read.query, place)?;
    Ok(IntervalSource::Match { query, max_gaps: gaps(read.max_gaps), ordered: read.ordered, analyzer })
}

fn pattern(key: &str, value: &Value, place: &Place<'_>) -> Result<String, StoreError> {
    let mut text = None;
    for (name, value) in object("[intervals]", value, place)? {
        match name.as_str() {
            name if name == key => text = Some(scalar_text(key, value, place)?),
            // Patterns are held against words as they are indexed, whatever would cut a text.
            "analyzer" => {}
            other => return Err(invalid(place, format!("[{key}] does not support \"{other}\""))),
        }
    }
    let text = text.ok_or_else(|| invalid(place, format!("Required [{key}]")))?;
    match text.len() <= PATTERN_MAX_BYTES {
        true => Ok(text),
        false => Err(invalid(place, format!("the pattern is longer than {PATTERN_MAX_BYTES} bytes"))),
    }
}

fn fuzzy(value: &Value, place: &Place<'_>) -> Result<IntervalSource, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        term: String,
        #[serde(default)]
        prefix_length: usize,
        transpositions: Option<bool>,
        fuzziness: Option<Value>,
        #[serde(rename = "analyzer")]
        _analyzer: Option<String>,
    }
    let read: Parameters = parameters("[fuzzy]", value, place)?;
    let given = read.fuzziness.unwrap_or_else(|| json!("AUTO"));
    Ok(IntervalSource::Fuzzy {
        fuzziness: fuzziness("[fuzzy]", Some(&given), place)?.unwrap_or(Fuzziness::AUTO),
        term: read.term,
        prefix_length: read.prefix_length,
        transpositions: read.transpositions.unwrap_or(true),
    })
}

fn rules(parser: &mut Parser, value: &Value, place: &Place<'_>) -> Result<Vec<IntervalRule>, StoreError> {
    let at = place.key("intervals");
    one_or_many(value)
        .iter()
        .enumerate()
        .map(|(position, item)| rule(parser, item, &at.item(position)))
        .collect()
}

fn all_of(parser: &mut Parser, value: &Value, place: &Place<'_>) -> Result<IntervalSource, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        intervals: Value,
        max_gaps: Option<i64>,
        #[serde(default)]
        ordered: bool,
    }
    let read: Parameters = parameters("[all_of]", value, place)?;
    let intervals = rules(parser, &read.intervals, place)?;
    Ok(IntervalSource::AllOf { intervals, max_gaps: gaps(read.max_gaps), ordered: read.ordered })
}

fn any_of(parser: &mut Parser, value: &Value, place: &Place<'_>) -> Result<IntervalSource, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        intervals: Value,
    }
    let read: Parameters = parameters("[any_of]", value, place)?;
    Ok(IntervalSource::AnyOf(rules(parser, &read.intervals, place)?))
}
