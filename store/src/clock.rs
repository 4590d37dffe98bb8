//! Where a backend takes the time from, so that tests can set it.

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};

/// The time of day, as the system says it or as a test sets it. Cheap to clone; clones of a manual clock move
/// together.
#[derive(Debug, Clone, Default)]
pub struct Clock(Source);

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still at `start` until it is moved by [`Clock::advance`].
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(Mutex::new(start))))
    }

    /// Now (UTC).
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp::now(),
            Source::Manual(time) => *time.lock(),
        }
    }

    /// Now, in milliseconds since 1970 (UTC).
    pub fn now_ms(&self) -> i64 {
        self.now().as_millisecond()
    }

    /// Moves a manual clock forward, at most to the end of what a timestamp can say. The clock of the machine
    /// stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(time) = &self.0 {
            let mut time = time.lock();
            let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
            *time = time.saturating_add(by).unwrap_or(Timestamp::MAX);
        }
    }
}

/// A span in whole milliseconds, at most as long as `i64` can say.
pub(crate) fn whole_ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
