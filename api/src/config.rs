//! What can be set. Every limit has a default that suits one organisation on one machine.

use crate::{
    auth::Role,
    elastic::{Distribution, ServerVersion},
    secret::Secret,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::IpAddr, time::Duration};

/// Settings of the HTTP service.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Signs access tokens and cursors. At least 32 random bytes.
    pub signing_secret: Secret,
    /// Version of the service, as `/health` shows it.
    pub version: String,
    /// Accounts, tokens and passwords.
    pub accounts: AccountsConfig,
    /// As what the Elasticsearch port answers.
    pub elastic: ElasticConfig,
    /// Sizes, times and rates.
    pub limits: Limits,
    /// Proxies whose `X-Forwarded-For` is believed. Empty: the address of the connection counts.
    pub trusted_proxies: Vec<IpAddr>,
    /// Origins that browsers may call from (`https://shop.example`). Empty: none but our own.
    pub cors_origins: Vec<String>,
    /// Whether the cache is a server of its own (shown as `redis` by `/health`).
    pub cache_is_remote: bool,
    /// When set, `/metrics` asks for it as a bearer token; otherwise `/metrics` is open.
    pub metrics_token: Option<Secret>,
}

impl ApiConfig {
    /// The defaults with this signing secret.
    pub fn new(signing_secret: Secret) -> Self {
        Self {
            signing_secret,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            accounts: AccountsConfig::default(),
            elastic: ElasticConfig::default(),
            limits: Limits::default(),
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            cache_is_remote: false,
            metrics_token: None,
        }
    }
}

/// As what the Elasticsearch port answers where neither path nor client say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElasticConfig {
    /// Whose answers those without prefix (`/es`, `/os`) are.
    pub distribution: Distribution,
    /// The version as Elasticsearch. 7.10.2 is the one that both Kibana 7.10 and OpenSearch Dashboards 2 accept.
    pub version: ServerVersion,
    /// The version as OpenSearch.
    pub opensearch_version: ServerVersion,
}

impl Default for ElasticConfig {
    fn default() -> Self {
        Self {
            distribution: Distribution::Elasticsearch,
            version: ServerVersion::new(7, 10, 2),
            opensearch_version: ServerVersion::new(2, 19, 1),
        }
    }
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Everybody; the account starts as a viewer.
    Open,
    /// Who holds an invitation made by an admin.
    Invite,
    /// Nobody; admins create accounts.
    #[default]
    Closed,
}

impl std::str::FromStr for Registration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "open" => Ok(Self::Open),
            "invite" => Ok(Self::Invite),
            "closed" => Ok(Self::Closed),
            other => Err(format!("unknown registration policy {other:?}: use open, invite or closed")),
        }
    }
}

/// Fields that a role does not see, by dotted path; what is below them is hidden too.
pub type MaskedFields = BTreeMap<Role, Vec<String>>;

/// Settings of accounts and tokens.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountsConfig {
    /// Who may make an account.
    pub registration: Registration,
    /// Life of an access token.
    pub access_token_secs: u32,
    /// Life of a refresh token, and so of a session that is not used.
    pub refresh_token_secs: u32,
    /// bcrypt's cost: each step doubles the work. 12 takes about 0.25 s.
    pub bcrypt_cost: u32,
    /// Passwords computed at the same time; `0`: one per core.
    pub bcrypt_parallel: usize,
    /// Passwords waiting to be computed; more are refused with 429.
    pub bcrypt_queue: usize,
    /// Failed logins after which an account or an address must wait.
    pub login_failures_max: u64,
    /// Length of the window in which failures are counted.
    pub login_window_secs: u32,
    /// Life of an invitation.
    pub invitation_secs: u32,
    /// What of the events the roles do not see. The highest role of an account counts.
    pub masked_fields: MaskedFields,
}

impl Default for AccountsConfig {
    fn default() -> Self {
        Self {
            registration: Registration::Closed,
            access_token_secs: 30 * 60,
            refresh_token_secs: 7 * 24 * 3600,
            bcrypt_cost: 12,
            bcrypt_parallel: 0,
            bcrypt_queue: 64,
            login_failures_max: 5,
            login_window_secs: 5 * 60,
            invitation_secs: 7 * 24 * 3600,
            masked_fields: MaskedFields::new(),
        }
    }
}

/// Limits on what a client may send and how often.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest JSON body.
    pub json_body_max_bytes: usize,
    /// Largest body of `POST /logs/events`.
    pub events_body_max_bytes: usize,
    /// Longest URI.
    pub uri_max_bytes: usize,
    /// Requests of one user in a minute.
    pub user_requests_per_minute: u64,
    /// Requests of one address without login in a minute.
    pub anonymous_requests_per_minute: u64,
    /// Longest time until an answer begins; uploads, imports and live streams are exempt.
    pub request_secs: u32,
    /// Longest silence of a client in the middle of an upload.
    pub upload_idle_secs: u32,
    /// Files in one upload request.
    pub upload_files_max: usize,
    /// Rows of one export.
    pub export_rows_max: u64,
    /// Live streams (SSE) open at the same time.
    pub streams_max: usize,
    /// Those of them that one user may have.
    pub streams_per_user_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            json_body_max_bytes: 1 << 20,
            events_body_max_bytes: 64 << 20,
            uri_max_bytes: 16 << 10,
            user_requests_per_minute: 600,
            anonymous_requests_per_minute: 120,
            request_secs: 60,
            upload_idle_secs: 60,
            upload_files_max: 32,
            export_rows_max: 1_000_000,
            streams_max: 256,
            streams_per_user_max: 32,
        }
    }
}

impl Limits {
    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.request_secs))
    }
}
