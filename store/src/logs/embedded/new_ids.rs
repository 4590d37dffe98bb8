//! Ids of documents that come without one.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};
use uuid::Uuid;

/// Of this process alone: drawn when it makes its first id.
static PROCESS: LazyLock<[u8; 7]> = LazyLock::new(|| {
    let [a, b, c, d, e, f, .., g] = *Uuid::new_v4().as_bytes();
    [a, b, c, d, e, f, g]
});

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Consecutive ids of 20 characters, as long as Elasticsearch's: 56 random bits of the process, then a counter.
///
/// Neighbours share all but their ends, so that the dictionary of ids is a fraction in size and work of one of random
/// ids.
#[derive(Debug)]
pub(super) struct NewIds(u64);

impl NewIds {
    /// The next so many ids.
    pub(super) fn reserve(count: usize) -> Self {
        Self(NEXT.fetch_add(count as u64, Ordering::Relaxed))
    }

    /// One of them. No more than were reserved.
    pub(super) fn next(&mut self) -> String {
        let mut bytes = [0; 15];
        let (process, counter) = bytes.split_at_mut(PROCESS.len());
        process.copy_from_slice(&*PROCESS);
        counter.copy_from_slice(&self.0.to_be_bytes());
        self.0 += 1;
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// An id as documents get that come without one.
pub fn new_document_id() -> String {
    NewIds::reserve(1).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_new_also_on_many_threads() {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    let mut ids = NewIds::reserve(1_000);
                    (0..1_000).map(|_| ids.next()).collect::<Vec<_>>()
                })
            })
            .collect();
        let ids: HashSet<String> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(ids.len(), 4_000);
        assert!(ids.iter().all(|id| id.len() == 20));
    }
}
