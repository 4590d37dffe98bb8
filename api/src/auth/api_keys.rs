//! API keys: credentials for programs, with a reach of their own and an end.
//!
//! A key says which indices it reaches, whether it may read, write or manage them, and which fields it does not see.
//! It has no role: beside the Elasticsearch port it opens only the doors for events ([`crate::rights::RouteRight::Ingest`])
//! and for search ([`crate::rights::RouteRight::Search`]). The secret is shown once and kept as a digest.

use super::{
    Accounts, Outcome, User,
    accounts::{from_body, newest, to_body},
    audit,
    tokens::OpaqueToken,
};
use crate::{ApiError, frame::address::ClientAddress};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    documents::{Collection, DocumentIndex, Expect, FindCursor, NewDocument},
    scope::{IndexRight, Scope},
};
use utoipa::ToSchema;
use uuid::Uuid;

/// API keys by id.
pub(crate) const API_KEYS: Collection =
    Collection { name: "api_keys", indices: &[DocumentIndex { fields: &["created_at"], unique: false }] };

const NAME_MAX_CHARS: usize = 100;
/// Further grants of one key.
const GRANTS_MAX: usize = 10;
/// Patterns, and masked fields, of one grant.
const ENTRIES_MAX: usize = 100;
const ENTRY_MAX_BYTES: usize = 255;
/// What the names of the service's own indices begin with. Others that begin with a dot are those of dashboards
/// (`.kibana`), which a key may name.
const OWN_INDICES: &str = ".vigie";
/// Longest life of a key that has an end.
const LIFE_MAX_DAYS: u32 = 3650;
/// Longest credentials that are looked at.
const CREDENTIALS_MAX_BYTES: usize = 256;

/// What a key may do with the indices that it reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Privilege)]
pub enum KeyPrivilege {
    /// Search and read documents.
    Read,
    /// Write documents, and so make indices from templates. Enough for a shipper.
    Write,
    /// Make, change and remove indices, templates and pipelines.
    Manage,
}

impl KeyPrivilege {
    fn right(self) -> IndexRight {
        match self {
            Self::Read => IndexRight::Read,
            Self::Write => IndexRight::Write,
            Self::Manage => IndexRight::Manage,
        }
    }
}

/// A key to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// What it is for, as text to show.
    pub name: String,
    /// What it may do.
    pub privileges: Vec<KeyPrivilege>,
    /// Indices that it reaches, by name or with `*`. Absent: those of shop and device events. `.kibana*` are those that
    /// Kibana keeps its objects in.
    #[serde(default = "event_indices")]
    pub indices: Vec<String>,
    /// Fields that it does not see, with what is below them.
    #[serde(default)]
    pub masked_fields: Vec<String>,
    /// What it may do with other indices.
    #[serde(default)]
    pub further_grants: Vec<Grant>,
    /// Days until it ceases to work; absent: it works until it is deleted.
    pub expires_in_days: Option<u32>,
}

/// Some indices and what a key may do with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The indices, by name or with `*`.
    pub indices: Vec<String>,
    /// What may be done with them.
    pub privileges: Vec<KeyPrivilege>,
}

fn event_indices() -> Vec<String> {
    super::scope::event_indices().to_vec()
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct ApiKeyRecord {
    name: String,
    digest: String,
    privileges: Vec<KeyPrivilege>,
    indices: Vec<String>,
    // Keys that were made before have them under this name.
    #[serde(default, alias = "also")]
    further_grants: Vec<Grant>,
    masked_fields: Vec<String>,
    by: String,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
}

/// A key as admins see it: without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ApiKeyView {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub privileges: Vec<KeyPrivilege>,
    /// Indices that it reaches.
    pub indices: Vec<String>,
    /// What it may do with other indices.
    pub further_grants: Vec<Grant>,
    /// Fields that it does not see.
    pub masked_fields: Vec<String>,
    /// Who made it: the id of an account.
    pub created_by: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ceases to work; null: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// A new key with its secret, shown once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CreatedApiKey {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKeyView,
    /// The secret.
    pub api_key: String,
    /// To be sent as `Authorization: ApiKey …`: id and secret, as Elasticsearch's clients take them. Programs that know
    /// only Basic credentials send the id as the user's name and the secret as the password.
    pub encoded: String,
}

impl Accounts {
    /// Makes a key.
    pub(crate) async fn create_api_key(
        &self,
        new: NewApiKey,
        by: &str,
        from: ClientAddress,
    ) -> Result<CreatedApiKey, ApiError> {
        check(&new)?;
        let now = self.now();
        let life = |days| SignedDuration::from_hours(24 * i64::from(days));
        let expires_at =
            new.expires_in_days.map(|days| now.checked_add(life(days)).unwrap_or(Timestamp::MAX));
        let secret = OpaqueToken::random();
        let record = ApiKeyRecord {
            name: new.name,
            digest: secret.digest,
            privileges: new.privileges,
            indices: new.indices,
            further_grants: new.further_grants,
            masked_fields: new.masked_fields,
            by: by.to_owned(),
            created_at: now,
            expires_at,
        };
        let id = Uuid::new_v4().simple().to_string();
        let document = NewDocument { id: id.clone(), body: to_body(&record)?, expires_at };
        self.documents.put(&API_KEYS, document, Expect::Absent).await?;
        audit("api_key.create", Outcome::Success, by, &id, from);
        let encoded = STANDARD.encode(format!("{id}:{}", secret.text));
        Ok(CreatedApiKey { key: record.view(id), api_key: secret.text, encoded })
    }

    /// One page of keys, newest first, and where the next begins.
    pub(crate) async fn list_api_keys(
        &self,
        limit: usize,
        after: Option<FindCursor>,
    ) -> Result<(Vec<ApiKeyView>, Option<FindCursor>), ApiError> {
        let (found, next) = newest(&*self.documents, &API_KEYS, limit, after).await?;
        let keys = found.into_iter().map(|found| Ok(from_body::<ApiKeyRecord>(found.body)?.view(found.id)));
        Ok((keys.collect::<Result<_, ApiError>>()?, next))
    }

    /// Removes a key; what uses it is refused from the next request on. 404 if there is none.
    pub(crate) async fn delete_api_key(
        &self,
        id: &str,
        by: &str,
        from: ClientAddress,
    ) -> Result<(), ApiError> {
        if !self.documents.delete(&API_KEYS, id).await? {
            return Err(ApiError::not_found(format!("there is no API key {id:?}")));
        }
        self.identities.invalidate();
        audit("api_key.delete", Outcome::Success, by, id, from);
        Ok(())
    }

    /// Who the value of an `Authorization: ApiKey` header (what follows `ApiKey `) stands for; `None`: nobody. On the
    /// Elasticsearch port also of an `Authorization: Basic` header, which is built alike.
    pub(crate) async fn authenticate_api_key(&self, encoded: &str) -> Result<Option<Arc<User>>, ApiError> {
        let Some((id, digest)) = decode(encoded) else { return Ok(None) };
        // The digest is part of what is remembered: a wrong secret never finds what the right one has left there.
        let remembered = format!("key/{id}/{digest}");
        if let Some(user) = self.identities.get(&remembered) {
            return Ok(Some(user));
        }
        let generation = self.identities.generation();
        let Some(found) = self.documents.get(&API_KEYS, &id).await? else { return Ok(None) };
        let record: ApiKeyRecord = from_body(found.body)?;
        let right = super::constant_time_eq(digest.as_bytes(), record.digest.as_bytes());
        if !right || record.expires_at.is_some_and(|at| at <= self.now()) {
            return Ok(None);
        }
        let user = Arc::new(record.user(&id));
        self.identities.insert(remembered, generation, Arc::clone(&user));
        Ok(Some(user))
    }
}

impl ApiKeyRecord {
    fn user(&self, id: &str) -> User {
        let id = format!("key:{id}");
        let mut scope = Scope::none(id.as_str())
            .with_masked_fields(super::scope::with_telling(self.masked_fields.clone()));
        let further = self.further_grants.iter().map(|grant| (&grant.indices, &grant.privileges));
        for (indices, privileges) in std::iter::once((&self.indices, &self.privileges)).chain(further) {
            let rights: Vec<IndexRight> = privileges.iter().map(|privilege| privilege.right()).collect();
            scope = scope.with_grant(indices.iter().cloned(), &rights);
        }
        User { id, email: format!("key {}", self.name), roles: Vec::new(), session: None, scope }
    }

    fn view(self, id: String) -> ApiKeyView {
        ApiKeyView {
            id,
            name: self.name,
            privileges: self.privileges,
            indices: self.indices,
            further_grants: self.further_grants,
            masked_fields: self.masked_fields,
            created_by: self.by,
            created_at: self.created_at,
            expires_at: self.expires_at,
        }
    }
}

/// Id and digest of the secret.
fn decode(encoded: &str) -> Option<(String, String)> {
    let encoded = encoded.trim();
    if encoded.len() > CREDENTIALS_MAX_BYTES {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let known = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    known.then(|| OpaqueToken::digest_of(secret).map(|digest| (id.to_owned(), digest))).flatten()
}

fn check(new: &NewApiKey) -> Result<(), ApiError> {
    let length = new.name.trim().chars().count();
    if length == 0 || length > NAME_MAX_CHARS || new.name.chars().any(char::is_control) {
        let message = format!("a name has 1 to {NAME_MAX_CHARS} characters and no control characters");
        return Err(ApiError::field("name", message));
    }
    if new.further_grants.len() > GRANTS_MAX {
        return Err(ApiError::field("further_grants", format!("a key has at most {GRANTS_MAX} of them")));
    }
    check_grant("indices", &new.indices, "privileges", &new.privileges)?;
    for grant in &new.further_grants {
        check_grant("further_grants", &grant.indices, "further_grants", &grant.privileges)?;
    }
    check_entries("masked_fields", &new.masked_fields)?;
    match new.expires_in_days {
        Some(days) if !(1..=LIFE_MAX_DAYS).contains(&days) => {
            Err(ApiError::field("expires_in_days", format!("a key lives 1 to {LIFE_MAX_DAYS} days")))
        }
        _ => Ok(()),
    }
}

fn check_grant(
    indices_field: &'static str,
    indices: &[String],
    privileges_field: &'static str,
    privileges: &[KeyPrivilege],
) -> Result<(), ApiError> {
    if privileges.is_empty() {
        let message = "a key may do at least one of read, write and manage";
        return Err(ApiError::field(privileges_field, message));
    }
    if indices.is_empty() {
        return Err(ApiError::field(indices_field, "a key reaches at least one index"));
    }
    check_entries(indices_field, indices)?;
    let own = |pattern: &&String| {
        let fixed = pattern.split('*').next().unwrap_or_default();
        fixed.starts_with(OWN_INDICES) || (pattern.contains('*') && OWN_INDICES.starts_with(fixed))
    };
    match indices.iter().filter(|pattern| pattern.starts_with('.')).find(own) {
        Some(pattern) => {
            let message = format!("{pattern:?} reaches the service's own indices ({OWN_INDICES}…)");
            Err(ApiError::field(indices_field, message))
        }
        None => Ok(()),
    }
}

fn check_entries(field: &'static str, entries: &[String]) -> Result<(), ApiError> {
    let usable =
        |entry: &String| (1..=ENTRY_MAX_BYTES).contains(&entry.len()) && !entry.chars().any(char::is_control);
    if entries.len() > ENTRIES_MAX || !entries.iter().all(usable) {
        let message = format!("at most {ENTRIES_MAX} entries of 1 to {ENTRY_MAX_BYTES} bytes");
        return Err(ApiError::field(field, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_strictly() {
        let secret = OpaqueToken::random();
        let id = "0123456789abcdef0123456789abcdef";
        let encode = |text: String| STANDARD.encode(text);
        let good = encode(format!("{id}:{}", secret.text));
        assert_eq!(decode(&good), Some((id.to_owned(), secret.digest.clone())));
        for bad in [
            String::new(),
            "%%%".to_owned(),
            encode(id.to_owned()),
            encode(format!("{id}:short")),
            encode(format!("../{}:{}", &id[3..], secret.text)),
            encode(format!(":{}", secret.text)),
            good.repeat(10),
        ] {
            assert_eq!(decode(&bad), None, "{bad}");
        }
    }
}
