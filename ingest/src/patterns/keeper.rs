use super::{
    catalogue::{PatternSettings, Patterns},
    clusterer::Changes,
};
use crate::ports::{PatternStore, PortError};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::sync::Mutex;

/// The patterns with the place where they are kept.
pub struct PatternKeeper {
    patterns: Patterns,
    store: Arc<dyn PatternStore>,
    /// How many changes were made when all were kept.
    kept: AtomicU64,
    /// Held while patterns are written: what is taken must be durable before another batch may rely on it.
    writing: Mutex<()>,
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
        Arc::new(Self { patterns, store, kept: AtomicU64::new(0), writing: Mutex::new(()) })
    }

    /// The patterns.
    pub fn patterns(&self) -> &Patterns {
        &self.patterns
    }

    /// Keeps what is new before events that use it are written: waits only if something is. A failure is logged and tried again
    /// with the next call; events matter more than the names of their patterns.
    pub async fn keep(&self) {
        let wanted = self.patterns.changes();
        if self.kept.load(Ordering::Acquire) >= wanted {
            return;
        }
        let _writing = self.writing.lock().await;
        if self.kept.load(Ordering::Acquire) < wanted {
            self.write(false).await;
        }
    }

    /// Keeps also when patterns were seen last: to be called now and then, and before the end.
    pub async fn keep_times(&self) {
        let _writing = self.writing.lock().await;
        self.write(true).await;
    }

    async fn write(&self, times: bool) {
        let made = self.patterns.changes();
        let changes = self.patterns.take_changes(times);
        let taken = Changes { changed: changes.changed.clone(), gone: changes.gone.clone() };
        match self.store.save(changes).await {
            Ok(()) => self.kept.store(made, Ordering::Release),
            Err(error) => {
                self.patterns.give_back(taken);
                tracing::warn!(%error, "cannot keep the log patterns; a crash now would forget the newest of them");
            }
        }
    }
}
