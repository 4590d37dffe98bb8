//! The configuration in the terms of the HTTP service.

use crate::config::{Config, Registration};
use anyhow::{Context, ensure};
use api::{
    ApiConfig, Secret,
    config::{AccountsConfig, ElasticConfig, Limits},
};
use store::data_directory::DataDirectory;

/// Shortest key that tokens are signed with.
const SIGNING_SECRET_MIN_BYTES: usize = 32;

/// The key that signs tokens and cursors: the configured one, else the one of the data directory.
pub(super) fn signing_secret(data: &DataDirectory, config: &Config) -> anyhow::Result<Secret> {
    let Some(file) = &config.auth.jwt_secret_file else {
        return Ok(Secret::new(data.secret("signing", 32)?.to_vec()));
    };
    let text = std::fs::read(file)
        .with_context(|| format!("cannot read auth.jwt_secret_file {}", file.display()))?;
    let secret = text.trim_ascii();
    ensure!(
        secret.len() >= SIGNING_SECRET_MIN_BYTES,
        "auth.jwt_secret_file {} holds {} bytes; use at least {SIGNING_SECRET_MIN_BYTES} random ones",
        file.display(),
        secret.len()
    );
    Ok(Secret::new(secret))
}

pub(super) fn accounts(config: &Config) -> AccountsConfig {
    let auth = &config.auth;
    AccountsConfig {
        registration: match auth.registration {
            Registration::Open => api::Registration::Open,
            Registration::Invite => api::Registration::Invite,
            Registration::Closed => api::Registration::Closed,
        },
        access_token_secs: auth.access_ttl_secs,
        refresh_token_secs: auth.refresh_ttl_secs,
        bcrypt_cost: auth.bcrypt_cost,
        login_failures_max: auth.login_attempts,
        login_window_secs: auth.login_window_secs,
        masked_fields: auth.masked_fields.clone(),
        ..AccountsConfig::default()
    }
}

pub(super) fn api(config: &Config, signing_secret: Secret) -> ApiConfig {
    let http = &config.http;
    ApiConfig {
        accounts: accounts(config),
        limits: Limits {
            user_requests_per_minute: http.user_requests_per_min,
            anonymous_requests_per_minute: http.anonymous_requests_per_min,
            request_secs: http.timeout_secs,
            ..Limits::default()
        },
        elastic: elastic(config),
        trusted_proxies: http.trusted_proxies.clone(),
        cors_origins: http.cors_origins.clone(),
        ..ApiConfig::new(signing_secret)
    }
}

/// The versions were checked when the settings were read.
fn elastic(config: &Config) -> ElasticConfig {
    let own = &config.elasticsearch;
    let default = ElasticConfig::default();
    ElasticConfig {
        distribution: own.distribution,
        version: own.version.parse().unwrap_or(default.version),
        opensearch_version: own.opensearch_version.parse().unwrap_or(default.opensearch_version),
    }
}
