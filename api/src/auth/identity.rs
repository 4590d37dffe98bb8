//! Which account a session stands for, remembered for a moment so that a request need not read two documents.

use super::User;
use moka::sync::Cache;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How long another process may not notice that a session ended. Within this process it is noticed at once.
const STALE_AT_MOST: Duration = Duration::from_secs(1);
const ENTRIES_MAX: u64 = 100_000;

/// Resolved sessions. Every change of an account or session moves the generation on; what was read before is then
/// not believed any more, also if it is put in afterwards by a request that was under way.
pub(crate) struct Identities {
    generation: AtomicU64,
    entries: Cache<String, (u64, Arc<User>)>,
}

impl Identities {
    pub(crate) fn new() -> Self {
        Self::with_life(STALE_AT_MOST)
    }

    /// Remembers entries for so long.
    pub(crate) fn with_life(life: Duration) -> Self {
        Self {
            generation: AtomicU64::new(0),
            entries: Cache::builder().max_capacity(ENTRIES_MAX).time_to_live(life).build(),
        }
    }

    /// The generation to pass to [`Self::insert`]; taken before the documents are read.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    pub(crate) fn get(&self, key: &str) -> Option<Arc<User>> {
        let (generation, user) = self.entries.get(key)?;
        (generation == self.generation()).then_some(user)
    }

    pub(crate) fn insert(&self, key: String, generation: u64, user: Arc<User>) {
        self.entries.insert(key, (generation, user));
    }

    /// Forgets everything. Called after the change was written.
    pub(crate) fn invalidate(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_believed_after_it() {
        let identities = Identities::with_life(Duration::from_secs(3600));
        let user = Arc::new(User {
            id: "1".into(),
            email: "a@b".into(),
            roles: vec![],
            session: None,
            scope: store::scope::Scope::none("1"),
        });
        let before = identities.generation();
        identities.insert("s".into(), before, Arc::clone(&user));
        assert_eq!(identities.get("s"), Some(Arc::clone(&user)));
        identities.invalidate();
        assert_eq!(identities.get("s"), None);
        identities.insert("s".into(), before, Arc::clone(&user));
        assert_eq!(identities.get("s"), None, "read before the change, put in after it");
        identities.insert("s".into(), identities.generation(), user);
        assert!(identities.get("s").is_some());
    }
}
