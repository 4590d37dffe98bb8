//! `rescore`: the best hits scored again by a dearer query.

use super::parse::Parser;
use super::query::Query;
use super::read::{Place, illegal, one_or_many, parameters};
use crate::StoreError;
use serde::Deserialize;
use serde_json::Value;

/// Rescores of one search.
const RESCORES_MAX: usize = 16;

/// One entry of `rescore`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rescore {
    /// So many of the best of each index are scored again.
    pub window_size: usize,
    /// What makes the second score.
    pub query: Query,
    /// What the first score is multiplied by.
    pub query_weight: f32,
    /// What the second score is multiplied by.
    pub rescore_query_weight: f32,
    /// How both become one.
    pub score_mode: RescoreMode,
}

/// `score_mode` of a rescore.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RescoreMode {
    /// Both added.
    #[default]
    Total,
    /// Both multiplied.
    Multiply,
    /// Their mean.
    Avg,
    /// The larger.
    Max,
    /// The smaller.
    Min,
}

impl RescoreMode {
    /// One score of two.
    pub fn combine(self, first: f32, second: f32) -> f32 {
        match self {
            Self::Total => first + second,
            Self::Multiply => first * second,
            Self::Avg => f32::midpoint(first, second),
            Self::Max => first.max(second),
            Self::Min => first.min(second),
        }
    }
}

/// Reads `rescore`: one or a list.
pub(super) fn rescores(value: Option<&Value>, place: &Place<'_>) -> Result<Vec<Rescore>, StoreError> {
    let items = value.map(one_or_many).unwrap_or_default();
    if items.len() > RESCORES_MAX {
        return Err(illegal(place, format!("a search takes at most {RESCORES_MAX} rescores")));
    }
    items.iter().enumerate().map(|(position, item)| rescore(item, &place.item(position))).collect()
}

fn rescore(value: &Value, place: &Place<'_>) -> Result<Rescore, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        window_size: Option<usize>,
        query: Inner,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        rescore_query: Value,
        query_weight: Option<f32>,
        rescore_query_weight: Option<f32>,
        #[serde(default)]
        score_mode: RescoreMode,
    }
    let read: Parameters = parameters("[rescore]", value, place)?;
    Ok(Rescore {
        window_size: read.window_size.unwrap_or(10),
        query: Parser::default().query(&read.query.rescore_query, &place.key("query"))?,
        query_weight: read.query.query_weight.unwrap_or(1.0),
        rescore_query_weight: read.query.rescore_query_weight.unwrap_or(1.0),
        score_mode: read.query.score_mode,
    })
}
