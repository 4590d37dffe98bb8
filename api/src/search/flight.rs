//! Equal work that is asked for at the same time is done once.

use crate::ApiError;
use futures::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use parking_lot::Mutex;
use std::collections::HashMap;

type Work<T> = BoxFuture<'static, Result<T, ApiError>>;

/// Work under way, by key. Whoever comes while it goes on waits for the same answer; when all have gone, the work is
/// dropped.
pub(super) struct Flights<T: Clone> {
    under_way: Mutex<HashMap<String, WeakShared<Work<T>>>>,
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    pub(super) fn new() -> Self {
        Self { under_way: Mutex::new(HashMap::new()) }
    }

    /// The answer to the key, and whether somebody else's work gave it.
    pub(super) async fn join(
        &self,
        key: &str,
        work: impl FnOnce() -> Work<T>,
    ) -> (Result<T, ApiError>, bool) {
        let (flight, joined) = self.find_or_start(key, work);
        let result = flight.clone().await;
        let mut under_way = self.under_way.lock();
        if under_way.get(key).is_some_and(|other| other.upgrade().is_none_or(|other| other.ptr_eq(&flight))) {
            under_way.remove(key);
        }
        (result, joined)
    }

    fn find_or_start(&self, key: &str, work: impl FnOnce() -> Work<T>) -> (Shared<Work<T>>, bool) {
        let mut under_way = self.under_way.lock();
        if let Some(flight) = under_way.get(key).and_then(WeakShared::upgrade) {
            return (flight, true);
        }
        // Entries of those who left before the end are not removed by anybody.
        if under_way.len() >= 1_024 {
            under_way.retain(|_, flight| flight.upgrade().is_some());
        }
        let flight = work().shared();
        if let Some(weak) = flight.downgrade() {
            under_way.insert(key.to_owned(), weak);
        }
        (flight, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    use tokio::sync::Notify;

    #[tokio::test]
    async fn equal_work_is_done_once() {
        let flights = Flights::new();
        let (count, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let work = |answer: u32| {
            let (count, go) = (Arc::clone(&count), Arc::clone(&go));
            move || {
                async move {
                    count.fetch_add(1, Ordering::SeqCst);
                    go.notified().await;
                    Ok(answer)
                }
                .boxed()
            }
        };
        let first = flights.join("a", work(1));
        let second = flights.join("a", work(2));
        let release = async {
            tokio::task::yield_now().await;
            go.notify_one();
        };
        let ((first, joined), (second, also), ()) = tokio::join!(first, second, release);
        assert_eq!((first.unwrap(), joined), (1, false));
        assert_eq!((second.unwrap(), also), (1, true));
        assert_eq!(count.load(Ordering::SeqCst), 1);
        go.notify_one();
        assert_eq!(flights.join("a", work(3)).await.0.unwrap(), 3);
        assert!(flights.under_way.lock().is_empty());
    }
}
