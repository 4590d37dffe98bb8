//! Failed logins are counted per account and per address; after too many both must wait.

use crate::{ApiError, config::AccountsConfig, frame::address::ClientAddress, secret::Secret};
use std::{sync::Arc, time::Duration};
use store::cache::Cache;
use tokio::sync::{Mutex, MutexGuard};

/// Tries of one account, and tries from one address, are taken one after the other, so that a volley of guesses cannot
/// pass the count together. Those that share a lock only wait for each other.
const LOCKS: usize = 256;

pub(crate) struct Throttle {
    cache: Arc<dyn Cache>,
    failures_max: u64,
    window: Duration,
    key: [u8; 32],
    /// Taken in this order: first the account's, then the address's.
    account_locks: Vec<Mutex<()>>,
    address_locks: Vec<Mutex<()>>,
}

/// A login under way. Dropped without [`Attempt::failed`] it counts for nothing.
pub(crate) struct Attempt<'a> {
    throttle: &'a Throttle,
    account: String,
    address: String,
    _turns: (MutexGuard<'a, ()>, MutexGuard<'a, ()>),
}

impl Throttle {
    pub(crate) fn new(cache: Arc<dyn Cache>, config: &AccountsConfig, secret: &Secret) -> Self {
        Self {
            cache,
            failures_max: config.login_failures_max,
            window: Duration::from_secs(u64::from(config.login_window_secs)),
            key: secret.derive("vigie 2026 login throttle"),
            account_locks: std::iter::repeat_with(Mutex::default).take(LOCKS).collect(),
            address_locks: std::iter::repeat_with(Mutex::default).take(LOCKS).collect(),
        }
    }

    /// Lets a login begin, whether or not there is such an account; 429 if account or address must wait.
    pub(crate) async fn begin(&self, email: &str, address: ClientAddress) -> Result<Attempt<'_>, ApiError> {
        // The digest bounds the key's length and keeps addresses of people out of the cache.
        let digest = blake3::keyed_hash(&self.key, email.as_bytes());
        let account = format!("login:account:{}", digest.to_hex());
        let address = format!("login:address:{}", address.bucket());
        let turn = |digest: blake3::Hash| usize::from(digest.as_bytes()[0]) % LOCKS;
        let turns = (
            self.account_locks[turn(digest)].lock().await,
            self.address_locks[turn(blake3::keyed_hash(&self.key, address.as_bytes()))].lock().await,
        );
        for key in [&account, &address] {
            // Adding nothing reads the count.
            if self.cache.increment(key, 0, self.window).await? >= self.failures_max {
                let after = self.cache.ttl(key).await?.unwrap_or(self.window);
                return Err(ApiError::too_many("too many failed logins, wait before the next", after));
            }
        }
        Ok(Attempt { throttle: self, account, address, _turns: turns })
    }
}

impl Attempt<'_> {
    /// The password was wrong, or there is no such account.
    pub(crate) async fn failed(self) -> Result<(), ApiError> {
        for key in [&self.account, &self.address] {
            self.throttle.cache.increment(key, 1, self.throttle.window).await?;
        }
        Ok(())
    }

    /// The password was right: the account starts afresh. The address does not, or whoever has one account could
    /// guess at all the others for ever.
    pub(crate) async fn succeeded(self) -> Result<(), ApiError> {
        Ok(self.throttle.cache.remove(&self.account).await?)
    }
}
