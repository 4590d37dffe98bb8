//! Queries that are about the score: `function_score`, `script_score`, `boosting`, `distance_feature`.

use super::parse::{Parser, boosted};
use super::query::Query;
use super::read::{Place, illegal, invalid, object, parameters, shown, single};
use super::script::{ScriptCall, script};
use crate::StoreError;
use expression::Purpose;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Functions of one query.
const FUNCTIONS_MAX: usize = 100;

/// `function_score`, and what can be said as one.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionScore {
    /// What must match.
    pub query: Query,
    /// What makes the score.
    pub functions: Vec<ScoreFunction>,
    /// How the functions' values are combined.
    pub score_mode: ScoreMode,
    /// How that is combined with the query's score.
    pub boost_mode: BoostMode,
    /// The functions' part is at most this.
    pub max_boost: f32,
    /// Hits with a lower score are left out.
    pub min_score: Option<f32>,
    /// Whether a boost multiplies the result rather than the query's score.
    pub boosts_result: bool,
}

impl FunctionScore {
    /// What matches, with the value of one function instead of its score.
    fn replacing(query: Query, kind: FunctionKind) -> Self {
        Self {
            query,
            functions: vec![ScoreFunction { filter: None, weight: 1.0, kind }],
            score_mode: ScoreMode::Multiply,
            boost_mode: BoostMode::Replace,
            max_boost: f32::MAX,
            min_score: None,
            boosts_result: true,
        }
    }
}

/// One function of a `function_score`.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreFunction {
    /// The documents that it is for; `None`: all.
    pub filter: Option<Query>,
    /// What its value is multiplied by.
    pub weight: f32,
    /// Its value.
    pub kind: FunctionKind,
}

/// What a function computes.
#[derive(Debug, Clone, PartialEq)]
pub enum FunctionKind {
    /// 1.
    Weight,
    /// A number of the document.
    FieldValueFactor {
        /// Dotted path.
        field: String,
        /// What the number is multiplied by.
        factor: f64,
        /// What is then done to it.
        modifier: Modifier,
        /// The number of documents without.
        missing: Option<f64>,
    },
    /// A number between 0 and 1 that looks like chance.
    Random {
        /// What it depends on, beside the document; `None`: another one for each search.
        seed: Option<i64>,
        /// The field that tells documents apart; `None`: the position of the write.
        field: Option<String>,
    },
    /// What a script makes of the document.
    Script(Arc<ScriptCall>),
    /// A number between 0 and 1: how near the document is to the origin.
    Decay(Box<Decay>),
}

/// `gauss`, `exp`, `linear`, and `distance_feature`.
#[derive(Debug, Clone, PartialEq)]
pub struct Decay {
    /// Dotted path of a number, date or point.
    pub field: String,
    /// How it falls.
    pub shape: DecayShape,
    /// Where it is 1; `None`: now.
    pub origin: Option<Value>,
    /// The distance at which it is `decay`.
    pub scale: Value,
    /// Up to this distance it stays 1.
    pub offset: Option<Value>,
    /// Its value at the distance of `scale`.
    pub decay: f64,
    /// Which of several values counts.
    pub mode: DecayMode,
}

/// How a decay falls with the distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecayShape {
    /// As a normal distribution.
    Gauss,
    /// By the same share per distance.
    Exp,
    /// By the same amount per distance.
    Linear,
    /// `distance_feature`: `scale / (scale + distance)`.
    Saturation,
}

/// `multi_value_mode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecayMode {
    /// The smallest distance.
    #[default]
    Min,
    /// The largest.
    Max,
    /// Their mean.
    Avg,
    /// Their sum.
    Sum,
}

/// `modifier` of `field_value_factor`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Modifier {
    /// As it is.
    #[default]
    None,
    /// Logarithm to the base of ten.
    Log,
    /// And 1 is added before.
    Log1p,
    /// And 2 is added before.
    Log2p,
    /// Natural logarithm.
    Ln,
    /// And 1 is added before.
    Ln1p,
    /// And 2 is added before.
    Ln2p,
    /// Its square.
    Square,
    /// Its square root.
    Sqrt,
    /// 1 divided by it.
    Reciprocal,
}

/// `score_mode` of `function_score`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScoreMode {
    /// All multiplied.
    #[default]
    Multiply,
    /// All added.
    Sum,
    /// Their mean, by weight.
    Avg,
    /// The first whose filter matches.
    First,
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

/// `boost_mode` of `function_score`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BoostMode {
    /// Both multiplied.
    #[default]
    Multiply,
    /// Only that of the functions.
    Replace,
    /// Both added.
    Sum,
    /// Their mean.
    Avg,
    /// The larger.
    Max,
    /// The smaller.
    Min,
}

/// `boosting`.
#[derive(Debug, Clone, PartialEq)]
pub struct Boosting {
    /// What must match.
    pub positive: Query,
    /// What should not.
    pub negative: Query,
    /// What the score of those that match it is multiplied by.
    pub negative_boost: f32,
}

pub(super) fn boosting(parser: &mut Parser, value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        positive: Value,
        negative: Value,
        negative_boost: f32,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let read: Parameters = parameters("[boosting] query", value, place)?;
    if read.negative_boost < 0.0 {
        return Err(illegal(
            place,
            "[boosting] query requires 'negative_boost' to be set to be a positive value",
        ));
    }
    let query = Boosting {
        positive: parser.query(&read.positive, &place.key("positive"))?,
        negative: parser.query(&read.negative, &place.key("negative"))?,
        negative_boost: read.negative_boost,
    };
    boosted(Query::Boosting(Box::new(query)), read.boost, place)
}

pub(super) fn script_score(
    parser: &mut Parser,
    value: &Value,
    place: &Place<'_>,
) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        query: Value,
        script: Value,
        min_score: Option<f32>,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let read: Parameters = parameters("[script_score] query", value, place)?;
    let call = script(&read.script, Purpose::Score, &place.key("script"))?;
    let query = parser.query(&read.query, &place.key("query"))?;
    let scored = FunctionScore::replacing(query, FunctionKind::Script(Arc::new(call)));
    let query = FunctionScore { min_score: read.min_score, ..scored };
    boosted(Query::FunctionScore(Box::new(query)), read.boost, place)
}

pub(super) fn script_query(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        script: Value,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let read: Parameters = parameters("[script] query", value, place)?;
    let call = script(&read.script, Purpose::Field, &place.key("script"))?;
    boosted(Query::Script(Arc::new(call)), read.boost, place)
}

pub(super) fn distance_feature(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        field: String,
        origin: Value,
        pivot: Value,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let read: Parameters = parameters("[distance_feature] query", value, place)?;
    let decay = Decay {
        field: read.field.clone(),
        shape: DecayShape::Saturation,
        origin: Some(read.origin),
        scale: read.pivot,
        offset: None,
        decay: 0.5,
        mode: DecayMode::Min,
    };
    let query = FunctionScore::replacing(Query::Exists(read.field), FunctionKind::Decay(Box::new(decay)));
    boosted(Query::FunctionScore(Box::new(query)), read.boost, place)
}

/// Names of functions; anything else in an entry of `functions` is `filter` or `weight`.
const FUNCTIONS: [&str; 6] = ["script_score", "random_score", "field_value_factor", "gauss", "exp", "linear"];

pub(super) fn function_score(
    parser: &mut Parser,
    value: &Value,
    place: &Place<'_>,
) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        query: Option<Value>,
        functions: Option<Vec<Value>>,
        #[serde(default)]
        score_mode: ScoreMode,
        #[serde(default)]
        boost_mode: BoostMode,
        max_boost: Option<f32>,
        min_score: Option<f32>,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let what = "[function_score] query";
    let mut members = object(what, value, place)?.clone();
    // A single function may stand beside the query.
    let mut only = event::Object::new();
    for name in FUNCTIONS.iter().chain(&["weight"]) {
        only.extend(members.remove(*name).map(|value| ((*name).to_owned(), value)));
    }
    let read: Parameters = parameters(what, &Value::Object(members), place)?;
    let listed = read.functions.unwrap_or_default();
    if !only.is_empty() && !listed.is_empty() {
        return Err(invalid(
            place,
            "failed to parse [function_score] query. already found [functions] array",
        ));
    }
    if listed.len() > FUNCTIONS_MAX {
        return Err(invalid(place, format!("{what} takes at most {FUNCTIONS_MAX} functions")));
    }
    let at = place.key("functions");
    let mut functions = Vec::with_capacity(listed.len() + 1);
    for (position, item) in listed.iter().enumerate() {
        functions.push(function(parser, item, &at.item(position))?);
    }
    if !only.is_empty() {
        functions.push(function(parser, &Value::Object(only), place)?);
    }
    let query = FunctionScore {
        query: match &read.query {
            Some(query) => parser.query(query, &place.key("query"))?,
            None => Query::MatchAll,
        },
        functions,
        score_mode: read.score_mode,
        boost_mode: read.boost_mode,
        max_boost: read.max_boost.unwrap_or(f32::MAX),
        min_score: read.min_score,
        boosts_result: false,
    };
    boosted(Query::FunctionScore(Box::new(query)), read.boost, place)
}

fn function(parser: &mut Parser, value: &Value, place: &Place<'_>) -> Result<ScoreFunction, StoreError> {
    let what = "[function_score] function";
    let (mut filter, mut weight, mut kind) = (None, None, None);
    for (key, value) in object(what, value, place)? {
        let at = place.key(key);
        match key.as_str() {
            "filter" => filter = Some(parser.query(value, &at)?),
            "weight" => {
                let number = value.as_f64().map(|number| number as f32).filter(|number| *number >= 0.0);
                weight = Some(number.ok_or_else(|| {
                    illegal(
                        &at,
                        format!("[weight] cannot be negative for a filter function, found {}", shown(value)),
                    )
                })?);
            }
            _ if kind.is_some() => {
                return Err(invalid(
                    place,
                    "failed to parse [function_score] query. already found function, now encountering another",
                ));
            }
            "script_score" => kind = Some(script_function(value, &at)?),
            "random_score" => kind = Some(random(value, &at)?),
            "field_value_factor" => kind = Some(field_value_factor(value, &at)?),
            "gauss" => kind = Some(decay(DecayShape::Gauss, value, &at)?),
            "exp" => kind = Some(decay(DecayShape::Exp, value, &at)?),
            "linear" => kind = Some(decay(DecayShape::Linear, value, &at)?),
            other => return Err(invalid(place, format!("{what} does not support \"{other}\""))),
        }
    }
    if kind.is_none() && weight.is_none() {
        return Err(invalid(
            place,
            "failed to parse [function_score] query. an entry in functions list is missing a function.",
        ));
    }
    Ok(ScoreFunction { filter, weight: weight.unwrap_or(1.0), kind: kind.unwrap_or(FunctionKind::Weight) })
}

fn script_function(value: &Value, place: &Place<'_>) -> Result<FunctionKind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        script: Value,
    }
    let read: Parameters = parameters("[script_score] function", value, place)?;
    Ok(FunctionKind::Script(Arc::new(script(&read.script, Purpose::Score, &place.key("script"))?)))
}

fn random(value: &Value, place: &Place<'_>) -> Result<FunctionKind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        seed: Option<Value>,
        field: Option<String>,
    }
    let read: Parameters = parameters("[random_score] function", value, place)?;
    let seed = match read.seed {
        None | Some(Value::Null) => None,
        Some(Value::Number(seed)) => Some(seed.as_i64().unwrap_or(seed.as_f64().unwrap_or(0.0) as i64)),
        // Any text is a seed: a session's id for example.
        Some(Value::String(text)) => {
            Some(text.bytes().fold(0_i64, |hash, byte| hash.wrapping_mul(31).wrapping_add(i64::from(byte))))
        }
        Some(other) => {
            return Err(invalid(
                place,
                format!("random_score seed must be an int, long or string, not {}", shown(&other)),
            ));
        }
    };
    Ok(FunctionKind::Random { seed, field: read.field })
}

fn field_value_factor(value: &Value, place: &Place<'_>) -> Result<FunctionKind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        field: String,
        factor: Option<f64>,
        #[serde(default)]
        modifier: Modifier,
        missing: Option<f64>,
    }
    let read: Parameters = parameters("[field_value_factor] function", value, place)?;
    Ok(FunctionKind::FieldValueFactor {
        field: read.field,
        factor: read.factor.unwrap_or(1.0),
        modifier: read.modifier,
        missing: read.missing,
    })
}

fn decay(shape: DecayShape, value: &Value, place: &Place<'_>) -> Result<FunctionKind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        origin: Option<Value>,
        scale: Value,
        offset: Option<Value>,
        decay: Option<f64>,
    }
    let mut members = object("a decay function", value, place)?.clone();
    let mode = match members.remove("multi_value_mode") {
        None => DecayMode::default(),
        Some(mode) => {
            parameters("a decay function", &json!(mode.as_str().unwrap_or("").to_ascii_lowercase()), place)?
        }
    };
    let rest = Value::Object(members);
    let (field, body) = single("a decay function", &rest, place)?;
    let at = place.key(field);
    let read: Parameters = parameters("a decay function", body, &at)?;
    let share = read.decay.unwrap_or(0.5);
    if !(share > 0.0 && share < 1.0) {
        return Err(illegal(&at, "decay must be in range (0..1)"));
    }
    Ok(FunctionKind::Decay(Box::new(Decay {
        field: field.to_owned(),
        shape,
        origin: read.origin,
        scale: read.scale,
        offset: read.offset,
        decay: share,
        mode,
    })))
}
