use crate::{ApiError, config::AccountsConfig};
use serde::{Deserialize, Deserializer};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

/// A password in the clear, on its way to be checked: wiped after use, never printed.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// bcrypt looks at 72 bytes and no further; a longer password would be weaker than it seems, so it is refused.
    pub const MAX_BYTES: usize = 72;
    /// Fewest characters of a new password (OWASP ASVS 5.0, 6.2.1).
    pub const MIN_CHARS: usize = 8;

    /// Takes over a password.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// What speaks against this password for an account with this address, if anything.
    pub(crate) fn weakness(&self, email: &str) -> Option<String> {
        let text = self.0.as_str();
        if text.chars().count() < Self::MIN_CHARS {
            Some(format!("a password has at least {} characters", Self::MIN_CHARS))
        } else if text.len() > Self::MAX_BYTES {
            Some(format!("a password has at most {} bytes", Self::MAX_BYTES))
        } else if text.contains('\0') {
            Some("a password has no NUL characters".to_owned())
        } else if text.trim().eq_ignore_ascii_case(email) {
            Some("the password must not be the email address".to_owned())
        } else {
            None
        }
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Computes bcrypt hashes (Provos and Mazières 1999) off the async threads, a few at a time. When too many wait the
/// next is refused with 429: whoever sends passwords faster than they can be checked must not stop all else.
pub(crate) struct Passwords {
    cost: u32,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue_max: usize,
    dummy: String,
}

impl Passwords {
    pub(crate) fn new(config: &AccountsConfig) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let parallel = if config.bcrypt_parallel == 0 { cores } else { config.bcrypt_parallel };
        let cost = config.bcrypt_cost.clamp(4, 31);
        Self {
            cost,
            permits: Arc::new(Semaphore::new(parallel)),
            waiting: AtomicUsize::new(0),
            queue_max: config.bcrypt_queue,
            // Salt and hash of nothing in particular: checking against it takes as long as against a real one.
            dummy: format!("$2b${cost:02}$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"),
        }
    }

    /// The hash to keep for a password. The caller has looked at [`Password::weakness`].
    pub(crate) async fn hash(&self, password: &Password) -> Result<String, ApiError> {
        let permit = self.permit().await?;
        let (password, cost) = (password.clone(), self.cost);
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            bcrypt::hash(password.expose(), cost)
        })
        .await
        .map_err(ApiError::internal)?
        .map_err(ApiError::internal)
    }

    /// Whether the password belongs to the hash. Without a hash (no such account) the same work is done and the
    /// answer is no, so that time does not tell who has an account.
    pub(crate) async fn verify(&self, password: &Password, hash: Option<&str>) -> Result<bool, ApiError> {
        let permit = self.permit().await?;
        let known = hash.is_some() && password.expose().len() <= Password::MAX_BYTES;
        let (password, hash) = (password.clone(), hash.unwrap_or(&self.dummy).to_owned());
        let matches = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            bcrypt::verify(password.expose(), &hash)
        })
        .await
        .map_err(ApiError::internal)?
        .map_err(ApiError::internal)?;
        Ok(matches && known)
    }

    /// Whether a hash was made with other settings than today's and should be made anew at the next login.
    pub(crate) fn is_outdated(&self, hash: &str) -> bool {
        hash.parse::<bcrypt::HashParts>().map_or(true, |parts| parts.get_cost() != self.cost)
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let waiting = Waiting::new(&self.waiting);
        if waiting.before >= self.queue_max {
            return Err(ApiError::too_many("too many logins at once, try again", Duration::from_secs(1)));
        }
        Arc::clone(&self.permits).acquire_owned().await.map_err(ApiError::internal)
    }
}

struct Waiting<'a> {
    count: &'a AtomicUsize,
    before: usize,
}

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        Self { count, before: count.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords(parallel: usize, queue: usize) -> Passwords {
        Passwords::new(&AccountsConfig {
            bcrypt_cost: 4,
            bcrypt_parallel: parallel,
            bcrypt_queue: queue,
            ..AccountsConfig::default()
        })
    }

    #[tokio::test]
    async fn the_right_password_and_no_other() {
        let passwords = passwords(1, 8);
        let password = Password::new("correct horse");
        let hash = passwords.hash(&password).await.unwrap();
        assert!(passwords.verify(&password, Some(&hash)).await.unwrap());
        assert!(!passwords.verify(&Password::new("correct hors"), Some(&hash)).await.unwrap());
        assert!(!passwords.verify(&password, None).await.unwrap());
        assert!(!passwords.is_outdated(&hash));
        assert!(passwords.is_outdated("$2b$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"));
    }

    #[tokio::test]
    async fn what_bcrypt_would_not_look_at_counts() {
        let passwords = passwords(1, 8);
        let longest = Password::new("x".repeat(72));
        let hash = passwords.hash(&longest).await.unwrap();
        assert!(passwords.verify(&longest, Some(&hash)).await.unwrap());
        assert!(!passwords.verify(&Password::new("x".repeat(73)), Some(&hash)).await.unwrap());
        assert!(Password::new("x".repeat(73)).weakness("a@b").is_some());
    }

    #[tokio::test]
    async fn a_full_queue_is_refused() {
        let passwords = passwords(1, 0);
        let held = passwords.permit().await.unwrap();
        let refused = passwords.verify(&Password::new("secret"), None).await.unwrap_err();
        assert_eq!(refused.status().as_u16(), 429);
        drop(held);
        assert!(passwords.verify(&Password::new("secret"), None).await.is_ok());
    }

    #[test]
    fn weaknesses() {
        let check = |text: &str, weak: bool| {
            assert_eq!(Password::new(text).weakness("anna@shop.example").is_some(), weak, "{text:?}");
        };
        check("short", true);
        check("long enough", false);
        check("äöüäöüäö", false);
        check("Anna@Shop.Example", true);
        check("with\0zero byte", true);
        assert!(!format!("{:?}", Password::new("hunter22")).contains("hunter"));
    }
}
