use super::{identity::Identities, password::Passwords, throttle::Throttle, tokens::AccessTokens};
use crate::{ApiError, config::AccountsConfig, frame::address::ClientAddress, secret::Secret};
use event::Object;
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::sync::Arc;
use store::{
    Clock,
    cache::Cache,
    documents::{Collection, DocumentStore, Find, FindCursor, StoredDocument},
};
use tokio::sync::Mutex;

/// What is known about the program at the other end.
#[derive(Debug, Clone, Default)]
pub struct Client {
    pub(crate) address: ClientAddress,
    /// What it calls itself, as text to show.
    pub(crate) user_agent: Option<String>,
}

/// Accounts, sessions and passwords: everything that is known about who may ask.
pub struct Accounts {
    pub(crate) documents: Arc<dyn DocumentStore>,
    pub(super) config: AccountsConfig,
    pub(super) passwords: Passwords,
    pub(super) tokens: AccessTokens,
    pub(super) throttle: Throttle,
    pub(super) identities: Identities,
    pub(super) basic: super::basic::BasicCredentials,
    pub(super) clock: Clock,
    /// Held while a change could take away the last admin.
    pub(super) admins: Mutex<()>,
}

impl Accounts {
    /// Opens the accounts that these documents hold. `signing_secret` signs tokens; without it none made before
    /// is valid.
    pub fn new(
        documents: Arc<dyn DocumentStore>,
        cache: Arc<dyn Cache>,
        config: AccountsConfig,
        signing_secret: &Secret,
        clock: Clock,
    ) -> Self {
        Self {
            passwords: Passwords::new(&config),
            tokens: AccessTokens::new(signing_secret, config.access_token_secs),
            throttle: Throttle::new(cache, &config, signing_secret),
            identities: Identities::new(),
            basic: super::basic::BasicCredentials::new(),
            admins: Mutex::new(()),
            documents,
            config,
            clock,
        }
    }

    /// The time, by the clock that was injected.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// One page of a collection that is indexed by `created_at`, newest first, and where the next begins.
pub(super) async fn newest(
    documents: &dyn DocumentStore,
    collection: &Collection,
    limit: usize,
    after: Option<FindCursor>,
) -> Result<(Vec<StoredDocument>, Option<FindCursor>), ApiError> {
    let sort = "created_at";
    let find = Find { sort: Some(sort.into()), descending: true, limit: limit + 1, after, ..Find::default() };
    let mut found = documents.find(collection, find).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| FindCursor::after(last, Some(sort)));
    Ok((found, next))
}

/// A record as a document.
pub(super) fn to_body<T: Serialize>(record: &T) -> Result<Object, ApiError> {
    match serde_json::to_value(record).map_err(ApiError::internal)? {
        Value::Object(body) => Ok(body),
        other => Err(ApiError::internal(format!("a record must be an object, not {other}"))),
    }
}

/// A document as a record.
pub(super) fn from_body<T: DeserializeOwned>(body: Object) -> Result<T, ApiError> {
    serde_json::from_value(Value::Object(body)).map_err(ApiError::internal)
}
