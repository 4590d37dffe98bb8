//! Sessions: from login to logout. A session lives in the document store; when it is removed there, its tokens are
//! worth nothing from the next request on.

use super::{
    Accounts, Client, Outcome, User,
    accounts::{from_body, to_body},
    audit,
    login::Login,
    tokens::OpaqueToken,
    users::StoredUser,
};
use crate::ApiError;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::{
    ErrorKind,
    documents::{Collection, Condition, DocumentIndex, Expect, Find, NewDocument, Operator, StoredDocument},
};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) const SESSIONS: Collection =
    Collection { name: "sessions", indices: &[DocumentIndex { fields: &["user_id"], unique: false }] };

/// Refresh tokens by the digest of the token. A used one is kept until it would have expired anyway, so that its
/// second use is recognised.
pub(crate) const REFRESH_TOKENS: Collection =
    Collection { name: "refresh_tokens", indices: &[DocumentIndex { fields: &["session"], unique: false }] };

/// Sessions of one account that are listed.
const LISTED_MAX: usize = 1_000;
const USER_AGENT_MAX_CHARS: usize = 256;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct SessionRecord {
    user_id: String,
    created_at: Timestamp,
    last_used_at: Timestamp,
    expires_at: Timestamp,
    address: String,
    user_agent: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct RefreshRecord {
    session: String,
    user_id: String,
    used: bool,
    expires_at: Timestamp,
}

/// A session as its owner sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SessionView {
    /// Its id.
    pub id: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its tokens were last renewed.
    #[schema(value_type = String, format = DateTime)]
    pub last_used_at: Timestamp,
    /// When it ends if they are not renewed again.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Where the login came from.
    pub address: String,
    /// What the program called itself.
    pub user_agent: Option<String>,
    /// Whether it is the session of this request.
    pub current: bool,
}

impl Accounts {
    /// Begins a session for an account whose password was right: it was checked against `verified_hash`.
    pub(super) async fn begin_session(
        &self,
        user: &StoredUser,
        verified_hash: &str,
        client: &Client,
    ) -> Result<Login, ApiError> {
        let now = self.now();
        let record = SessionRecord {
            user_id: user.id.clone(),
            created_at: now,
            last_used_at: now,
            expires_at: self.refresh_expiry(now),
            address: client.address.to_string(),
            user_agent: client.user_agent.as_ref().map(|text| displayable(text)),
        };
        let session = Uuid::new_v4().to_string();
        self.put_session(&session, &record, Expect::Absent).await?;
        // A change of password ends the sessions there are; one that began while it was under way must not survive it.
        let now_stored = self.user(&user.id).await?.filter(|stored| stored.record.active);
        let hashes = [verified_hash, &user.record.password_hash];
        if !now_stored.is_some_and(|stored| hashes.contains(&stored.record.password_hash.as_str())) {
            self.end_session(&session).await?;
            return Err(ApiError::unauthorized("the account has changed, log in again"));
        }
        self.issue(user, &session, now).await
    }

    /// Exchanges a refresh token for new tokens. Each can be exchanged once: a second use means that somebody else
    /// has it too, and ends the session (RFC 9700, 4.14.2).
    pub(crate) async fn refresh(&self, token: &str, client: &Client) -> Result<Login, ApiError> {
        let refused = || ApiError::unauthorized("the refresh token is not valid, log in again");
        let digest = OpaqueToken::digest_of(token).ok_or_else(refused)?;
        let found = self.documents.get(&REFRESH_TOKENS, &digest).await?.ok_or_else(refused)?;
        let version = found.version;
        let record: RefreshRecord = from_body(found.body)?;
        if record.expires_at <= self.now() {
            return Err(refused());
        }
        if record.used || !self.mark_used(&digest, version, &record).await? {
            self.end_session(&record.session).await?;
            audit("token.reuse", Outcome::Failure, &record.user_id, &record.session, client.address);
            return Err(refused());
        }
        let session = self.documents.get(&SESSIONS, &record.session).await?.ok_or_else(refused)?;
        let user = self.user(&record.user_id).await?.filter(|user| user.record.active).ok_or_else(refused)?;
        let now = self.now();
        if !self.extend_session(session, now).await? {
            return Err(refused());
        }
        audit("token.refresh", Outcome::Success, &user.id, &record.session, client.address);
        self.issue(&user, &record.session, now).await
    }

    /// Whether this call is the first use of the token. The version decides between calls at the same time.
    async fn mark_used(&self, digest: &str, version: u64, record: &RefreshRecord) -> Result<bool, ApiError> {
        let used = RefreshRecord { used: true, ..record.clone() };
        let document =
            NewDocument { id: digest.to_owned(), body: to_body(&used)?, expires_at: Some(used.expires_at) };
        match self.documents.put(&REFRESH_TOKENS, document, Expect::Version(version)).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind == ErrorKind::Conflict => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Lengthens the session; `false` if it ended (or was renewed) in the meantime.
    async fn extend_session(&self, session: StoredDocument, now: Timestamp) -> Result<bool, ApiError> {
        let mut record: SessionRecord = from_body(session.body)?;
        record.last_used_at = now;
        record.expires_at = self.refresh_expiry(now);
        match self.put_session(&session.id, &record, Expect::Version(session.version)).await {
            Ok(()) => Ok(true),
            Err(error) if error.status().as_u16() == 409 => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn put_session(&self, id: &str, record: &SessionRecord, expect: Expect) -> Result<(), ApiError> {
        let document =
            NewDocument { id: id.to_owned(), body: to_body(record)?, expires_at: Some(record.expires_at) };
        self.documents.put(&SESSIONS, document, expect).await?;
        Ok(())
    }

    async fn issue(&self, user: &StoredUser, session: &str, now: Timestamp) -> Result<Login, ApiError> {
        let refresh = OpaqueToken::random();
        let record = RefreshRecord {
            session: session.to_owned(),
            user_id: user.id.clone(),
            used: false,
            expires_at: self.refresh_expiry(now),
        };
        let document =
            NewDocument { id: refresh.digest, body: to_body(&record)?, expires_at: Some(record.expires_at) };
        self.documents.put(&REFRESH_TOKENS, document, Expect::Absent).await?;
        Ok(Login {
            access_token: self.tokens.issue(&user.id, session, now).map_err(ApiError::internal)?,
            token_type: "Bearer",
            expires_in: self.tokens.life_secs(),
            refresh_token: refresh.text,
            user: user.record.view(user.id.clone()),
        })
    }

    /// Who an access token stands for, if token, session and account are all alive.
    pub(crate) async fn authenticate(&self, token: &str) -> Result<Option<Arc<User>>, ApiError> {
        let Some(claims) = self.tokens.read(token, self.now()) else { return Ok(None) };
        let key = format!("{}/{}", claims.sub, claims.sid);
        if let Some(user) = self.identities.get(&key) {
            return Ok(Some(user));
        }
        let generation = self.identities.generation();
        let Some(session) = self.documents.get(&SESSIONS, &claims.sid).await? else { return Ok(None) };
        let session: SessionRecord = from_body(session.body)?;
        if session.user_id != claims.sub || session.expires_at <= self.now() {
            return Ok(None);
        }
        let Some(stored) = self.user(&claims.sub).await?.filter(|user| user.record.active) else {
            return Ok(None);
        };
        let user = Arc::new(self.caller(stored, Some(claims.sid)));
        self.identities.insert(key, generation, Arc::clone(&user));
        Ok(Some(user))
    }

    /// Ends one session: its tokens are refused from now on.
    pub(crate) async fn end_session(&self, session: &str) -> Result<(), ApiError> {
        self.documents.delete(&SESSIONS, session).await?;
        self.identities.invalidate();
        self.documents.delete_where(&REFRESH_TOKENS, &[equal("session", session)]).await?;
        Ok(())
    }

    /// Ends a session of this account; 404 if it has no such session.
    pub(crate) async fn end_session_of(&self, user: &str, session: &str) -> Result<(), ApiError> {
        let owned = match self.documents.get(&SESSIONS, session).await? {
            Some(found) => from_body::<SessionRecord>(found.body)?.user_id == user,
            None => false,
        };
        if !owned {
            return Err(ApiError::not_found(format!("there is no session {session:?}")));
        }
        self.end_session(session).await
    }

    /// Ends all sessions of an account but the one to keep.
    pub(crate) async fn end_sessions_of(&self, user: &str, keep: Option<&str>) -> Result<(), ApiError> {
        loop {
            let sessions = self.sessions_of(user).await?;
            let more = sessions.len() == LISTED_MAX;
            for session in sessions.iter().filter(|session| Some(session.id.as_str()) != keep) {
                self.end_session(&session.id).await?;
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// The sessions of an account, newest first.
    pub(crate) async fn list_sessions(&self, user: &User) -> Result<Vec<SessionView>, ApiError> {
        let mut sessions = Vec::new();
        for found in self.sessions_of(&user.id).await? {
            let record: SessionRecord = from_body(found.body)?;
            sessions.push(SessionView {
                current: user.session.as_deref() == Some(found.id.as_str()),
                id: found.id,
                created_at: record.created_at,
                last_used_at: record.last_used_at,
                expires_at: record.expires_at,
                address: record.address,
                user_agent: record.user_agent,
            });
        }
        sessions.sort_by_key(|session: &SessionView| std::cmp::Reverse(session.created_at));
        Ok(sessions)
    }

    async fn sessions_of(&self, user: &str) -> Result<Vec<StoredDocument>, ApiError> {
        let find = Find { conditions: vec![equal("user_id", user)], limit: LISTED_MAX, ..Find::default() };
        Ok(self.documents.find(&SESSIONS, find).await?)
    }

    fn refresh_expiry(&self, now: Timestamp) -> Timestamp {
        let life = SignedDuration::from_secs(i64::from(self.config.refresh_token_secs));
        now.checked_add(life).unwrap_or(Timestamp::MAX)
    }
}

fn equal(field: &str, value: &str) -> Condition {
    Condition { field: field.to_owned(), operator: Operator::Equal, value: json!(value) }
}

fn displayable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(USER_AGENT_MAX_CHARS).collect()
}
