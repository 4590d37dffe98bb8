//! Span queries: where in a text words stand.
//!
//! Source: Elasticsearch reference 7.10, "Span queries".

use super::DEPTH_MAX;
use super::parse::{Parser, boosted};
use super::query::Query;
use super::read::{Place, illegal, invalid, object, one_or_many, parameters, scalar_text, single};
use crate::StoreError;
use serde::Deserialize;
use serde_json::Value;

/// Places in the text of one field.
#[derive(Debug, Clone, PartialEq)]
pub enum Span {
    /// `span_term`: where a word stands.
    Term {
        /// Dotted path.
        field: String,
        /// The word, as it is indexed.
        value: String,
    },
    /// `span_multi`: where a word stands that a prefix, wildcard, fuzzy, regexp or range query finds.
    Multi(Box<Query>),
    /// `span_near`: where all of them stand near each other.
    Near {
        /// The parts.
        clauses: Vec<Span>,
        /// How many words may stand between them in all.
        slop: u32,
        /// Whether they stand in this order.
        in_order: bool,
    },
    /// `span_or`: where any of them stands.
    Or(Vec<Span>),
    /// `span_not`: places that another does not come near to.
    Not {
        /// The places.
        include: Box<Span>,
        /// The others.
        exclude: Box<Span>,
        /// How many words before a place count as near.
        pre: u32,
        /// How many words behind it do.
        post: u32,
    },
    /// `span_first`: places that end within the first words of the text.
    First {
        /// The places.
        inner: Box<Span>,
        /// How many words.
        end: u32,
    },
    /// `span_containing`: places with another inside.
    Containing {
        /// The places.
        big: Box<Span>,
        /// The other.
        little: Box<Span>,
    },
    /// `span_within`: places inside of another.
    Within {
        /// The other.
        big: Box<Span>,
        /// The places.
        little: Box<Span>,
    },
}

/// Names of the clauses.
pub(super) const NAMES: [&str; 8] = [
    "span_term",
    "span_multi",
    "span_near",
    "span_or",
    "span_not",
    "span_first",
    "span_containing",
    "span_within",
];

/// Reads a span query that stands where any query may.
pub(super) fn query(
    name: &'static str,
    parser: &mut Parser,
    value: &Value,
    place: &Place<'_>,
) -> Result<Query, StoreError> {
    let (span, boost) = body(name, parser, value, place)?;
    boosted(Query::Span(Box::new(span)), boost, place)
}

/// Reads a span query in another.
fn inner(parser: &mut Parser, value: &Value, place: &Place<'_>) -> Result<Box<Span>, StoreError> {
    if place.depth > 2 * DEPTH_MAX {
        return Err(invalid(place, format!("query is nested deeper than {DEPTH_MAX} levels")));
    }
    parser.count(place)?;
    let (name, value) = single("span query", value, place)?;
    let Some(name) = NAMES.iter().find(|known| **known == name) else {
        return Err(invalid(place, format!("[{name}] is no span query")));
    };
    let (span, boost) = body(name, parser, value, &place.key(name))?;
    match boost {
        None | Some(1.0) => Ok(Box::new(span)),
        Some(boost) => {
            let message =
                format!("{name} as a nested span clause can't have non-default boost value [{boost:?}]");
            Err(invalid(place, message))
        }
    }
}

fn list(parser: &mut Parser, value: &Value, place: &Place<'_>) -> Result<Vec<Span>, StoreError> {
    let items = one_or_many(value).iter().enumerate();
    let spans = items.map(|(position, item)| Ok(*inner(parser, item, &place.item(position))?));
    let spans = spans.collect::<Result<Vec<_>, StoreError>>()?;
    match spans.is_empty() {
        true => Err(invalid(place, "query must include [clauses]")),
        false => Ok(spans),
    }
}

type Read = Result<(Span, Option<f32>), StoreError>;

fn body(name: &str, parser: &mut Parser, value: &Value, place: &Place<'_>) -> Read {
    match name {
        "span_term" => term(value, place),
        "span_multi" => multi(parser, value, place),
        "span_near" => near(parser, value, place),
        "span_or" => or(parser, value, place),
        "span_not" => not(parser, value, place),
        "span_first" => first(parser, value, place),
        "span_containing" | "span_within" => pair(name, parser, value, place),
        other => Err(invalid(place, format!("[{other}] is no span query"))),
    }
}

fn term(value: &Value, place: &Place<'_>) -> Read {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(alias = "term")]
        value: Value,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    const WHAT: &str = "[span_term] query";
    let (field, body) = single(WHAT, value, place)?;
    let at = place.key(field);
    let (value, boost) = match body {
        Value::Object(_) => {
            let read: Parameters = parameters(WHAT, body, &at)?;
            (scalar_text(WHAT, &read.value, &at)?, read.boost)
        }
        text => (scalar_text(WHAT, text, &at)?, None),
    };
    Ok((Span::Term { field: field.to_owned(), value }, boost))
}

fn multi(parser: &mut Parser, value: &Value, place: &Place<'_>) -> Read {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(rename = "match")]
        inner: Value,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let read: Parameters = parameters("[span_multi] query", value, place)?;
    match parser.query(&read.inner, &place.key("match"))? {
        query @ (Query::Prefix(_) | Query::Wildcard(_) | Query::Fuzzy(_) | Query::Regexp(_)) => {
            Ok((Span::Multi(Box::new(query)), read.boost))
        }
        _ => Err(invalid(place, "[span_multi] [match] must be a prefix, wildcard, fuzzy or regexp query")),
    }
}

fn near(parser: &mut Parser, value: &Value, place: &Place<'_>) -> Read {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        clauses: Value,
        #[serde(default)]
        slop: i64,
        #[serde(default = "yes")]
        in_order: bool,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let read: Parameters = parameters("[span_near] query", value, place)?;
    let clauses = list(parser, &read.clauses, &place.key("clauses"))?;
    // Less than no word between them is how some clients say "next to each other".
    let slop = u32::try_from(read.slop.max(0)).unwrap_or(u32::MAX);
    Ok((Span::Near { clauses, slop, in_order: read.in_order }, read.boost))
}

fn yes() -> bool {
    true
}

fn or(parser: &mut Parser, value: &Value, place: &Place<'_>) -> Read {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        clauses: Value,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let read: Parameters = parameters("[span_or] query", value, place)?;
    Ok((Span::Or(list(parser, &read.clauses, &place.key("clauses"))?), read.boost))
}

fn not(parser: &mut Parser, value: &Value, place: &Place<'_>) -> Read {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        include: Value,
        exclude: Value,
        dist: Option<u32>,
        pre: Option<u32>,
        post: Option<u32>,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let read: Parameters = parameters("[span_not] query", value, place)?;
    if read.dist.is_some() && (read.pre.is_some() || read.post.is_some()) {
        return Err(illegal(place, "span_not can either use [dist] or [pre] & [post] (or none)"));
    }
    let either = |own: Option<u32>| own.or(read.dist).unwrap_or(0);
    let span = Span::Not {
        include: inner(parser, &read.include, &place.key("include"))?,
        exclude: inner(parser, &read.exclude, &place.key("exclude"))?,
        pre: either(read.pre),
        post: either(read.post),
    };
    Ok((span, read.boost))
}

fn first(parser: &mut Parser, value: &Value, place: &Place<'_>) -> Read {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(rename = "match")]
        inner: Value,
        end: u32,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let read: Parameters = parameters("[span_first] query", value, place)?;
    let span = Span::First { inner: inner(parser, &read.inner, &place.key("match"))?, end: read.end };
    Ok((span, read.boost))
}

fn pair(name: &str, parser: &mut Parser, value: &Value, place: &Place<'_>) -> Read {
    let (mut big, mut little, mut boost) = (None, None, None);
    for (key, value) in object(&format!("[{name}] query"), value, place)? {
        match key.as_str() {
            "big" => big = Some(inner(parser, value, &place.key(key))?),
            "little" => little = Some(inner(parser, value, &place.key(key))?),
            "boost" => boost = value.as_f64().map(|boost| boost as f32),
            "_name" => {}
            other => return Err(invalid(place, format!("[{name}] query does not support \"{other}\""))),
        }
    }
    let missing = |part: &str| invalid(place, format!("[{name}] query: Required [{part}]"));
    let (big, little) = (big.ok_or_else(|| missing("big"))?, little.ok_or_else(|| missing("little"))?);
    let span = match name {
        "span_within" => Span::Within { big, little },
        _ => Span::Containing { big, little },
    };
    Ok((span, boost))
}
