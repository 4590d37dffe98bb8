use super::Upload;
use parking_lot::Mutex;
use std::{collections::HashMap, time::Duration};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// A change made by another process is noticed after this long.
const POLL: Duration = Duration::from_secs(1);

/// The uploads that workers of this process hold right now: their newest state, ahead of the stored one, and the means
/// to stop them.
#[derive(Default)]
pub(super) struct Hub {
    running: Mutex<HashMap<String, Running>>,
    changed: Notify,
}

struct Running {
    upload: Upload,
    stop: CancellationToken,
}

impl Hub {
    /// A worker begins; `stop` is cancelled when the upload is deleted.
    pub(super) fn begin(&self, upload: &Upload, stop: CancellationToken) {
        self.running.lock().insert(upload.id.clone(), Running { upload: upload.clone(), stop });
        self.changed.notify_waiters();
    }

    /// The newest state of a running upload.
    pub(super) fn publish(&self, upload: &Upload) {
        if let Some(running) = self.running.lock().get_mut(&upload.id) {
            running.upload.clone_from(upload);
        }
        self.changed.notify_waiters();
    }

    /// The worker is through with it; what is stored is the newest state now.
    pub(super) fn end(&self, id: &str) {
        self.running.lock().remove(id);
        self.changed.notify_waiters();
    }

    /// The upload is gone: tells its worker to stop, and forgets its state at once.
    pub(super) fn remove(&self, id: &str) {
        if let Some(running) = self.running.lock().remove(id) {
            running.stop.cancel();
        }
        self.changed.notify_waiters();
    }

    /// The state of an upload that runs in this process; `None` once it was told to stop, when only what is stored
    /// says whether it still exists.
    pub(super) fn get(&self, id: &str) -> Option<Upload> {
        let running = self.running.lock();
        running.get(id).filter(|running| !running.stop.is_cancelled()).map(|running| running.upload.clone())
    }

    /// Tells whoever waits that some upload changed.
    pub(super) fn notify(&self) {
        self.changed.notify_waiters();
    }

    /// Runs `look` until it finds something: now, and after each change.
    pub(super) async fn until<T, F: Future<Output = Option<T>>>(&self, mut look: impl FnMut() -> F) -> T {
        loop {
            // Listens before it looks, so that no change falls between.
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = look().await {
                return found;
            }
            // Running out of time means looking again.
            let _ = tokio::time::timeout(POLL, changed).await;
        }
    }
}
