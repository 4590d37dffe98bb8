use super::{
    catalogue::{PatternSettings, Patterns},
    clusterer::Changes,
};
use crate::ports::{PatternStore, PortError, PortErrorKind};
use metrics::gauge;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::Duration;
use tokio::{sync::Mutex, time::Instant};

/// Patterns that are kept before a batch of events at most. There are more only when messages come that are all different: then
/// most are forgotten again before they were worth keeping.
const BATCH_MAX: usize = 256;

/// Events wait so long for patterns to be kept, then they go without, and so do those that come soon after.
const PATIENCE: Patience = Patience { save: Duration::from_secs(5), rest: Duration::from_secs(30) };

/// How long is waited for a store that does not answer.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// For an answer.
    save: Duration,
    /// Before it is asked again.
    rest: Duration,
}

/// The patterns with the place where they are kept.
pub struct PatternKeeper {
    patterns: Patterns,
    store: Arc<dyn PatternStore>,
    /// How many changes were made when all were kept.
    kept: AtomicU64,
    /// Held while patterns are written: what is taken must be durable before another batch may rely on it.
    /// Inside: when a store that did not answer may be asked again.
    writing: Mutex<Option<Instant>>,
    patience: Patience,
}

impl PatternKeeper {
    /// Reads the patterns that are kept.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn open(
        store: Arc<dyn PatternStore>,
        settings: PatternSettings,
    ) -> Result<Arc<Self>, PortError> {
        let kept = store.load().await?;
        Ok(Self::new(store, Patterns::restored(settings, kept)))
    }

    /// Keeps these patterns, as they were kept there.
    pub fn new(store: Arc<dyn PatternStore>, patterns: Patterns) -> Arc<Self> {
        Arc::new(Self::with_patience(store, patterns, PATIENCE))
    }

    fn with_patience(store: Arc<dyn PatternStore>, patterns: Patterns, patience: Patience) -> Self {
        Self { patterns, store, kept: AtomicU64::new(0), writing: Mutex::default(), patience }
    }

    /// The patterns.
    pub fn patterns(&self) -> &Patterns {
        &self.patterns
    }

    /// Keeps what is new before events that use it are written: waits only if something is. A failure is logged and tried again
    /// with the next call; a store that does not answer is left alone for a while: events matter more than the names of their
    /// patterns.
    pub async fn keep(&self) {
        let wanted = self.patterns.changes();
        if self.kept.load(Ordering::Acquire) >= wanted {
            return;
        }
        let mut rests_until = self.writing.lock().await;
        if rests_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        if self.kept.load(Ordering::Acquire) < wanted {
            let made = self.patterns.changes();
            let changes = self.patterns.take_changes(BATCH_MAX);
            if self.write(changes, &mut rests_until).await && !self.patterns.has_changed() {
                self.kept.store(made, Ordering::Release);
            }
        }
    }

    /// Keeps also when patterns were seen last: to be called now and then, and before the end.
    pub async fn keep_times(&self) {
        let mut rests_until = self.writing.lock().await;
        self.write(self.patterns.take_all_changes(), &mut rests_until).await;
        gauge!("log_patterns").set(self.patterns.count() as f64);
    }

    /// Whether these are kept now.
    async fn write(&self, changes: Changes, rests_until: &mut Option<Instant>) -> bool {
        let mut taken = Taken { patterns: &self.patterns, changes: changes.clone() };
        let saved = tokio::time::timeout(self.patience.save, self.store.save(changes)).await;
        *rests_until = saved.is_err().then(|| Instant::now() + self.patience.rest);
        let answer = saved.unwrap_or_else(|_| {
            Err(PortError::new(PortErrorKind::Unavailable, "the store does not answer".to_owned()))
        });
        match answer {
            Ok(()) => {
                taken.changes = Changes::default();
                true
            }
            Err(error) => {
                tracing::warn!(%error, "cannot keep the log patterns; a crash now would forget the newest of them");
                false
            }
        }
    }
}

/// Changes that were taken to be kept. Gives them back if they were not: also when whoever waited for it went away.
struct Taken<'p> {
    patterns: &'p Patterns,
    changes: Changes,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let changes = std::mem::take(&mut self.changes);
        if !changes.changed.is_empty() || !changes.gone.is_empty() {
            self.patterns.give_back(changes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patterns::Pattern;
    use async_trait::async_trait;
    use event::Timestamp;
    use std::collections::BTreeMap;

    /// Fails, or never answers, as often as it is told to.
    #[derive(Default)]
    struct Flaky {
        failures: AtomicU64,
        hangs: AtomicU64,
        saves: AtomicU64,
        kept: parking_lot::Mutex<BTreeMap<String, Pattern>>,
    }

    fn one_less(count: &AtomicU64) -> bool {
        count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1)).is_ok()
    }

    #[async_trait]
    impl PatternStore for Flaky {
        async fn load(&self) -> Result<Vec<Pattern>, PortError> {
            Ok(self.kept.lock().values().cloned().collect())
        }

        async fn save(&self, changes: Changes) -> Result<(), PortError> {
            self.saves.fetch_add(1, Ordering::SeqCst);
            if one_less(&self.failures) {
                return Err(PortError::new(PortErrorKind::Unavailable, "as asked"));
            }
            if one_less(&self.hangs) {
                std::future::pending::<()>().await;
            }
            let mut kept = self.kept.lock();
            changes.gone.iter().for_each(|id| drop(kept.remove(&id.to_string())));
            kept.extend(changes.changed.into_iter().map(|pattern| (pattern.id.to_string(), pattern)));
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_could_not_be_kept_is_kept_later() {
        let store = Arc::new(Flaky::default());
        let keeper = PatternKeeper::open(store.clone(), PatternSettings::default()).await.unwrap();
        let assign =
            |message: &str| keeper.patterns().assign("shop", message, Timestamp::UNIX_EPOCH).unwrap();
        let saves = || store.saves.load(Ordering::SeqCst);
        let id = assign("Order 1 paid").to_string();
        store.failures.store(1, Ordering::SeqCst);
        keeper.keep().await;
        assert!(store.kept.lock().is_empty());
        // Who waits for it goes away in the middle.
        store.hangs.store(1, Ordering::SeqCst);
        let waiting = keeper.keep();
        assert!(futures::FutureExt::now_or_never(waiting).is_none());
        keeper.keep().await;
        assert_eq!(store.kept.lock().keys().cloned().collect::<Vec<_>>(), [id]);
        assert_eq!(saves(), 3);
        // Nothing new: nothing is written.
        assign("Order 2 paid");
        keeper.keep().await;
        assert_eq!(saves(), 3);

        // A flood of messages that are all different is kept piece by piece.
        for n in 0..BATCH_MAX + 10 {
            let word: String =
                format!("{n:04}").bytes().map(|digit| char::from(digit - b'0' + b'g')).collect();
            assign(&format!("{}{word}", ["", "(", "[", "{"][n % 4]));
        }
        keeper.keep().await;
        assert_eq!(store.kept.lock().len(), BATCH_MAX + 1);
        keeper.keep().await;
        assert_eq!(store.kept.lock().len(), keeper.patterns().count());
        let again = PatternKeeper::open(store.clone(), PatternSettings::default()).await.unwrap();
        assert_eq!(again.patterns().count(), keeper.patterns().count());
    }

    #[tokio::test]
    async fn events_do_not_wait_for_a_store_that_never_answers() {
        let keeper = |rest: Duration| {
            let store = Arc::new(Flaky::default());
            store.hangs.store(1, Ordering::SeqCst);
            let patience = Patience { save: Duration::from_millis(1), rest };
            let patterns = Patterns::new(PatternSettings::default());
            patterns.assign("shop", "Order 1 paid", Timestamp::UNIX_EPOCH).unwrap();
            (store.clone(), PatternKeeper::with_patience(store, patterns, patience))
        };
        let (store, resting) = keeper(Duration::from_secs(24 * 3_600));
        // One waits; those behind it, and those that come while the store is left alone, do not.
        futures::future::join3(resting.keep(), resting.keep(), resting.keep()).await;
        resting.keep().await;
        assert_eq!(store.saves.load(Ordering::SeqCst), 1);
        // Before the end it is asked all the same, and nothing was lost.
        resting.keep_times().await;
        assert_eq!((store.saves.load(Ordering::SeqCst), store.kept.lock().len()), (2, 1));

        let (store, rested) = keeper(Duration::ZERO);
        rested.keep().await;
        rested.keep().await;
        assert_eq!((store.saves.load(Ordering::SeqCst), store.kept.lock().len()), (2, 1));
    }
}
