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

/// Random part and counter.
const ID_BYTES: usize = 15;

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

    /// One of them, and its number. No more than were reserved.
    pub(super) fn next(&mut self) -> (String, u64) {
        let number = self.0;
        self.0 += 1;
        (text_of(number), number)
    }
}

/// An id as documents get that come without one.
pub fn new_document_id() -> String {
    NewIds::reserve(1).next().0
}

/// The id of that number.
pub(super) fn text_of(number: u64) -> String {
    let mut bytes = [0; ID_BYTES];
    let (process, counter) = bytes.split_at_mut(PROCESS.len());
    process.copy_from_slice(&*PROCESS);
    counter.copy_from_slice(&number.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The number of an id that this process has made; `None` of all others.
pub(super) fn number_of(id: &str) -> Option<u64> {
    let mut bytes = [0; ID_BYTES];
    let length = URL_SAFE_NO_PAD.decode_slice(id, &mut bytes).ok()?;
    let counter = bytes.get(..length)?.strip_prefix(&*PROCESS)?;
    Some(u64::from_be_bytes(counter.try_into().ok()?))
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
                    (0..1_000).map(|_| ids.next().0).collect::<Vec<_>>()
                })
            })
            .collect();
        let ids: HashSet<String> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(ids.len(), 4_000);
        assert!(ids.iter().all(|id| id.len() == 20));
        assert!(ids.iter().all(|id| text_of(number_of(id).unwrap()) == *id));
        let other = URL_SAFE_NO_PAD.encode([0; ID_BYTES]);
        for foreign in ["", "1", "AAAA", "x".repeat(20).as_str(), &other, &format!("{other}AAAA")] {
            assert_eq!(number_of(foreign), None, "{foreign}");
        }
    }
}
