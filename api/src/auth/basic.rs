//! Basic credentials (RFC 7617), as Elasticsearch's clients send them with every request. bcrypt is far too slow for
//! that, so a pair that was right is remembered for a minute, as a keyed digest, until any account changes.

use super::{Accounts, Client, Email, Outcome, Password, User, audit};
use crate::ApiError;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

const REMEMBERED: Duration = Duration::from_secs(60);
const ENTRIES_MAX: u64 = 10_000;
const HEADER_MAX_BYTES: usize = 1_024;

pub(super) struct BasicCredentials {
    /// Of this process only: the digests are worth nothing elsewhere.
    key: [u8; 32],
    generation: AtomicU64,
    verified: moka::sync::Cache<[u8; 32], (u64, Arc<User>)>,
}

impl BasicCredentials {
    pub(super) fn new() -> Self {
        Self {
            key: rand::random(),
            generation: AtomicU64::new(0),
            verified: moka::sync::Cache::builder().max_capacity(ENTRIES_MAX).time_to_live(REMEMBERED).build(),
        }
    }

    pub(super) fn invalidate(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    fn digest(&self, email: &str, password: &Password) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&(email.len() as u64).to_le_bytes());
        hasher.update(email.as_bytes());
        hasher.update(password.expose().as_bytes());
        *hasher.finalize().as_bytes()
    }
}

impl Accounts {
    /// Who the value of an `Authorization: Basic` header (what follows `Basic `) stands for. 401 if nobody, 429 after
    /// too many failures.
    pub(crate) async fn authenticate_basic(
        &self,
        value: &str,
        client: &Client,
    ) -> Result<Arc<User>, ApiError> {
        let refused = || ApiError::unauthorized("email address or password is wrong");
        let (email, password) = decode(value).ok_or_else(refused)?;
        let digest = self.basic.digest(&email, &password);
        let generation = self.basic.generation.load(Ordering::SeqCst);
        if let Some((verified, user)) = self.basic.verified.get(&digest)
            && verified == generation
        {
            return Ok(user);
        }
        let attempt = self.throttle.begin(&email, client.address).await?;
        let stored = match email.parse::<Email>() {
            Ok(email) => self.user_by_email(&email).await?,
            Err(_) => None,
        };
        let hash = stored.as_ref().map(|user| user.record.password_hash.as_str());
        let right = self.passwords.verify(&password, hash).await?;
        let Some(stored) = stored.filter(|user| right && user.record.active) else {
            attempt.failed().await?;
            audit("login.basic", Outcome::Failure, "-", "-", client.address);
            return Err(refused());
        };
        attempt.succeeded().await?;
        audit("login.basic", Outcome::Success, &stored.id, &stored.id, client.address);
        let user = Arc::new(self.caller(stored, None));
        self.basic.verified.insert(digest, (generation, Arc::clone(&user)));
        Ok(user)
    }
}

fn decode(value: &str) -> Option<(String, Password)> {
    if value.len() > HEADER_MAX_BYTES {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    let (email, password) = text.split_once(':')?;
    Some((email.trim().to_lowercase(), Password::new(password)))
}
