//! Pages of lists: a limit, and a cursor that says where the next page begins.

use crate::ApiError;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};

/// Items on a page unless the client says otherwise.
const LIMIT_DEFAULT: usize = 50;
/// Most items on a page.
const LIMIT_MAX: usize = 1_000;
const CURSOR_MAX_BYTES: usize = 4_096;

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Items on the page, 1 to 1,000; 50 if absent.
    pub(crate) limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
}

impl PageQuery {
    /// The limit, if it is one.
    pub(crate) fn limit(&self) -> Result<usize, ApiError> {
        limit(self.limit)
    }

    /// The position after which the page begins. It only says where to go on in a list that the caller may see anyway,
    /// so it is not signed.
    pub(crate) fn position<T: DeserializeOwned>(&self) -> Result<Option<T>, ApiError> {
        self.cursor.as_deref().map(decode).transpose()
    }
}

/// Checks the limit of a page.
pub(crate) fn limit(limit: Option<usize>) -> Result<usize, ApiError> {
    match limit.unwrap_or(LIMIT_DEFAULT) {
        limit @ 1..=LIMIT_MAX => Ok(limit),
        other => Err(ApiError::field("limit", format!("cannot be {other}: use 1 to {LIMIT_MAX}"))),
    }
}

/// Reads a cursor.
pub(crate) fn decode<T: DeserializeOwned>(text: &str) -> Result<T, ApiError> {
    let bad = || ApiError::field("cursor", "it is not a cursor of this list");
    if text.len() > CURSOR_MAX_BYTES {
        return Err(bad());
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
    serde_json::from_slice(&bytes).map_err(|_| bad())
}

/// Writes a cursor.
pub(crate) fn encode<T: Serialize>(position: &T) -> Result<String, ApiError> {
    Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(position).map_err(ApiError::internal)?))
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The items.
    pub(crate) items: Vec<T>,
    /// Asks for the next page; null on the last.
    pub(crate) next_cursor: Option<String>,
}

impl<T> Page<T> {
    pub(crate) fn new<P: Serialize>(items: Vec<T>, next: Option<P>) -> Result<Self, ApiError> {
        Ok(Self { items, next_cursor: next.as_ref().map(encode).transpose()? })
    }
}
