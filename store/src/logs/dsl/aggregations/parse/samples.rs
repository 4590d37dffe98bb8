use super::{Named, values};
use crate::{
    StoreError,
    logs::dsl::{
        aggregations::ast::{AdjacencyMatrix, Kind, Sampler},
        read::{number, object, parameters},
    },
};
use serde::Deserialize;
use serde_json::Value;

pub(super) fn adjacency_matrix(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        filters: Value,
        separator: Option<String>,
    }
    let read: Parameters = parameters(&at.what(), value, at.place)?;
    let members = object(&at.what(), &read.filters, at.place)?;
    at.check_width(members.len())?;
    let mut filters = members
        .iter()
        .map(|(name, query)| Ok((name.clone(), at.query(query)?)))
        .collect::<Result<Vec<_>, StoreError>>()?;
    filters.sort_by(|(a, _), (b, _)| a.cmp(b));
    let separator = read.separator.unwrap_or_else(|| "&".to_owned());
    Ok(Kind::AdjacencyMatrix(AdjacencyMatrix { filters, separator }))
}

fn shard_size(at: &Named<'_>, given: Option<i64>) -> Result<usize, StoreError> {
    usize::try_from(given.unwrap_or(100))
        .map_err(|_| at.illegal(format!("[shard_size] must be greater than or equal to 0 in [{}]", at.name)))
}

pub(super) fn sampler(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(default, deserialize_with = "number")]
        shard_size: Option<i64>,
    }
    let read: Parameters = parameters(&at.what(), value, at.place)?;
    Ok(Kind::Sampler(Sampler { shard_size: shard_size(at, read.shard_size)?, diversity: None }))
}

pub(super) fn diversified_sampler(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(default, deserialize_with = "number")]
        shard_size: Option<i64>,
        #[serde(default, deserialize_with = "number")]
        max_docs_per_value: Option<usize>,
        // Values are told apart exactly, whatever the hint.
        #[serde(rename = "execution_hint")]
        _execution_hint: Option<String>,
    }
    let (source, read): (_, Parameters) = values::read(at, value)?;
    let diversity = Some((source, read.max_docs_per_value.unwrap_or(1).max(1)));
    Ok(Kind::Sampler(Sampler { shard_size: shard_size(at, read.shard_size)?, diversity }))
}
