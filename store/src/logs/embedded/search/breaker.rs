//! Memory that searches take, held to a limit over all of them.

use crate::{ErrorKind, StoreError};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The memory of all searches that run.
#[derive(Debug)]
pub(crate) struct Breaker {
    used: AtomicUsize,
    limit: usize,
}

impl Breaker {
    /// At most so many bytes.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), limit })
    }

    /// Nothing yet, for one part of a search, which errors call so.
    pub(super) fn reserve(self: &Arc<Self>, part: &'static str) -> Reserved {
        Reserved { breaker: Arc::clone(self), part, bytes: 0 }
    }
}

/// What one part of a search takes; given back when dropped.
#[derive(Debug)]
pub(super) struct Reserved {
    breaker: Arc<Breaker>,
    part: &'static str,
    bytes: usize,
}

impl Reserved {
    /// For another part.
    pub(super) fn another(&self) -> Self {
        self.breaker.reserve(self.part)
    }

    /// Says that so much more is taken.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub(super) fn add(&mut self, bytes: usize) -> Result<(), StoreError> {
        self.set(self.bytes.saturating_add(bytes))
    }

    /// Says how much is taken now.
    ///
    /// # Errors
    /// `Overloaded` with Elasticsearch's `circuit_breaking_exception`, if that is too much.
    pub(super) fn set(&mut self, bytes: usize) -> Result<(), StoreError> {
        if bytes <= self.bytes {
            self.breaker.used.fetch_sub(self.bytes - bytes, Ordering::AcqRel);
            self.bytes = bytes;
            return Ok(());
        }
        let used = self.breaker.used.fetch_add(bytes - self.bytes, Ordering::AcqRel) + bytes - self.bytes;
        self.bytes = bytes;
        if used <= self.breaker.limit {
            return Ok(());
        }
        let message = format!(
            "[request] Data too large, data for [{}] would be [{used}/{}mb], which is larger than the limit of [{}/{}mb]",
            self.part,
            used >> 20,
            self.breaker.limit,
            self.breaker.limit >> 20
        );
        Err(StoreError::new(ErrorKind::Overloaded, message).with_code("circuit_breaking_exception"))
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.breaker.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_given_back() {
        let breaker = Breaker::new(100);
        let mut a = breaker.reserve("aggregations");
        a.set(60).unwrap();
        let mut b = a.another();
        assert_eq!(b.set(50).unwrap_err().kind, ErrorKind::Overloaded);
        drop(b);
        assert!(a.another().set(40).is_ok());
        a.set(10).unwrap();
        assert_eq!(breaker.used.load(Ordering::Acquire), 10);
        drop(a);
        assert_eq!(breaker.used.load(Ordering::Acquire), 0);
    }
}
