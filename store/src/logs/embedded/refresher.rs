//! The thread that makes writes visible and keeps house.

use super::{contexts::Contexts, engine::Engine};
use parking_lot::{Condvar, Mutex};
use std::{io, sync::Arc, thread::JoinHandle, time::Duration};

/// How often the thread looks around.
const ROUND: Duration = Duration::from_millis(100);

/// Stops its thread when dropped.
pub(super) struct Refresher {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Refresher {
    /// Starts the thread.
    pub(super) fn start(engine: Arc<Engine>, contexts: Arc<Contexts>) -> io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let thread = std::thread::Builder::new().name("vigie-refresher".to_owned()).spawn({
            let stop = stop.clone();
            move || {
                let (stopped, wake) = &*stop;
                let mut stopped = stopped.lock();
                while !*stopped {
                    wake.wait_for(&mut stopped, ROUND);
                    if !*stopped {
                        parking_lot::MutexGuard::unlocked(&mut stopped, || {
                            engine.maintain();
                            contexts.expire();
                        });
                    }
                }
            }
        })?;
        Ok(Self { stop, thread: Mutex::new(Some(thread)) })
    }

    /// Stops the thread and waits for it.
    pub(super) fn stop(&self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that refreshes the indices has panicked");
        }
    }
}

impl Drop for Refresher {
    fn drop(&mut self) {
        self.stop();
    }
}
