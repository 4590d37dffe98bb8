use super::Named;
use crate::{
    StoreError,
    logs::dsl::{aggregations::ast::Kind, read::parameters},
};
use serde::Deserialize;
use serde_json::Value;

pub(super) fn nested(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        path: String,
    }
    parameters(&at.what(), value, at.place).map(|read: Parameters| Kind::Nested(read.path))
}

pub(super) fn reverse_nested(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        path: Option<String>,
    }
    let read: Parameters = parameters(&at.what(), value, at.place)?;
    match read.path {
        Some(_) => {
            Err(at.invalid(format!("{} does not support \"path\": it leads to the documents", at.what())))
        }
        None => Ok(Kind::ReverseNested),
    }
}
