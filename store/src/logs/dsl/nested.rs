//! `nested`: conditions on one object of a list.

use super::parse::{Parser, boosted};
use super::query::Query;
use super::read::{Place, invalid, object, parameters};
use super::search_body::SearchBody;
use crate::StoreError;
use serde::Deserialize;
use serde_json::Value;

/// `nested`.
#[derive(Debug, Clone, PartialEq)]
pub struct Nested {
    /// Dotted path of the objects.
    pub path: String,
    /// What one of them must match.
    pub query: Query,
    /// How the scores of those that match make the score of the document.
    pub score_mode: NestedScore,
    /// Whether a path that is not mapped matches nothing instead of being an error.
    pub ignore_unmapped: bool,
    /// Which of them to show with the hit: name, and a search over them.
    pub inner_hits: Option<(String, Box<SearchBody>)>,
}

/// `score_mode` of `nested`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NestedScore {
    /// Their mean.
    #[default]
    Avg,
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// All together.
    Sum,
    /// 0.
    None,
}

pub(super) fn nested(parser: &mut Parser, value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        path: String,
        query: Value,
        #[serde(default)]
        score_mode: NestedScore,
        #[serde(default)]
        ignore_unmapped: bool,
        inner_hits: Option<Value>,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let what = "[nested] query";
    let read: Parameters = parameters(what, value, place)?;
    let query = parser.query(&read.query, &place.key("query"))?;
    let inner_hits = match &read.inner_hits {
        None => None,
        Some(given) => {
            let at = place.key("inner_hits");
            let mut body = object("[inner_hits]", given, &at)?.clone();
            body.remove("ignore_unmapped");
            let name = match body.remove("name") {
                None => read.path.clone(),
                Some(Value::String(name)) => name,
                Some(_) => return Err(invalid(&at, "[inner_hits] name must be a text")),
            };
            let own =
                ["aggs", "aggregations", "query", "slice", "search_after", "post_filter", "collapse", "pit"];
            if let Some(odd) = own.iter().find(|key| body.contains_key(**key)) {
                return Err(invalid(&at, format!("[inner_hits] does not support \"{odd}\"")));
            }
            body.entry("size").or_insert(Value::from(3));
            Some((name, Box::new(SearchBody::parse(&body)?)))
        }
    };
    let nested = Nested {
        path: read.path,
        query,
        score_mode: read.score_mode,
        ignore_unmapped: read.ignore_unmapped,
        inner_hits,
    };
    boosted(Query::Nested(Box::new(nested)), read.boost, place)
}

impl Query {
    /// The queries directly in this one, those that forbid left out.
    pub fn required_parts(&self) -> Vec<&Self> {
        match self {
            Self::Bool(query) => query.must.iter().chain(&query.filter).chain(&query.should).collect(),
            Self::ConstantScore(inner) | Self::Boosted(inner, _) | Self::Named(inner, _) => vec![inner],
            Self::DisMax(query) => query.queries.iter().collect(),
            Self::FunctionScore(query) => vec![&query.query],
            Self::Boosting(query) => vec![&query.positive],
            Self::Nested(query) => vec![&query.query],
            _ => Vec::new(),
        }
    }

    /// Every query in this one that is wanted by name, with its name.
    pub fn named(&self) -> Vec<(&str, &Self)> {
        let mut found = Vec::new();
        self.collect_named(&mut found);
        found
    }

    fn collect_named<'q>(&'q self, found: &mut Vec<(&'q str, &'q Self)>) {
        if let Self::Named(inner, name) = self {
            found.push((name, inner));
        }
        // What stands in a nested query is asked of other documents.
        if !matches!(self, Self::Nested(_)) {
            self.required_parts().into_iter().for_each(|part| part.collect_named(found));
        }
    }

    /// Every nested query that shows its objects with the hit.
    pub fn with_inner_hits(&self) -> Vec<&Nested> {
        match self {
            Self::Nested(nested) if nested.inner_hits.is_some() => vec![nested],
            Self::Nested(_) => Vec::new(),
            other => other.required_parts().into_iter().flat_map(Self::with_inner_hits).collect(),
        }
    }
}
