//! How much memory documents hold between the log and their segments, in all indices together.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Counts the bytes of all indices.
#[derive(Debug)]
pub(super) struct Memory {
    bytes: AtomicUsize,
    budget_bytes: usize,
}

impl Memory {
    pub(super) fn new(budget_bytes: usize) -> Self {
        Self { bytes: AtomicUsize::new(0), budget_bytes }
    }

    /// By how much it is over the budget, in bytes: that much should be committed.
    pub(super) fn excess_bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed).saturating_sub(self.budget_bytes)
    }

    /// Whether whoever adds to it must make room first.
    pub(super) fn is_exhausted(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.budget_bytes + self.budget_bytes / 2
    }
}

/// What one index holds; given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    memory: Arc<Memory>,
    bytes: AtomicUsize,
}

impl Share {
    pub(super) fn of(memory: &Arc<Memory>) -> Self {
        Self { memory: memory.clone(), bytes: AtomicUsize::new(0) }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Adds what has grown.
    pub(super) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.memory.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives back what was added before.
    pub(super) fn give_back(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.memory.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.bytes.fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_come_back() {
        let memory = Arc::new(Memory::new(100));
        let (one, other) = (Share::of(&memory), Share::of(&memory));
        one.add(80);
        assert_eq!(memory.excess_bytes(), 0);
        other.add(30);
        assert_eq!(memory.excess_bytes(), 10);
        assert!(!memory.is_exhausted());
        other.add(60);
        assert!(memory.is_exhausted());
        other.give_back(90);
        assert_eq!(memory.excess_bytes(), 0);
        drop(one);
        assert_eq!(memory.bytes.load(Ordering::Relaxed), 0);
    }
}
