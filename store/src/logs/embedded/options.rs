use event::Timestamp;
use std::{fmt, sync::Arc, time::Duration};

/// How the embedded engine uses the machine.
#[derive(Clone)]
pub struct EmbeddedOptions {
    /// How long after a commit the next one comes at the earliest, so how late a search may see a write.
    pub refresh_after: Duration,
    /// Indices that are written to at the same time; one more commits and closes the one idle longest.
    pub open_writers_max: usize,
    /// Memory for each of these, in bytes; at least 15 MB.
    pub writer_memory_bytes: usize,
    /// Indices whose files are kept open for searching.
    pub open_indices_max: usize,
    /// Memory for writes between acceptance and index, in bytes; beyond it writers wait, then are refused.
    pub inflight_max_bytes: usize,
    /// How long a write waits for that before it is refused as `Overloaded`.
    pub inflight_patience: Duration,
    /// Length of the write-ahead log, in bytes, from which on commits are forced.
    pub log_max_bytes: u64,
    /// Length of each of its files, in bytes.
    pub log_segment_max_bytes: u64,
    /// Searches that run at the same time; others wait.
    pub searches_max: usize,
    /// Searches that may wait; one more is refused as `Overloaded`.
    pub searches_waiting_max: usize,
    /// Batches that are prepared at the same time; others wait.
    pub writes_max: usize,
    /// What time it is; decides which event times are taken.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            refresh_after: Duration::from_millis(600),
            open_writers_max: 6,
            writer_memory_bytes: 48 << 20,
            open_indices_max: 256,
            inflight_max_bytes: 64 << 20,
            inflight_patience: Duration::from_secs(10),
            log_max_bytes: 512 << 20,
            log_segment_max_bytes: 32 << 20,
            searches_max: cores * 2,
            searches_waiting_max: 512,
            writes_max: cores * 2,
            clock: Arc::new(Timestamp::now),
        }
    }
}

impl fmt::Debug for EmbeddedOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedOptions")
            .field("refresh_after", &self.refresh_after)
            .field("open_writers_max", &self.open_writers_max)
            .field("writer_memory_bytes", &self.writer_memory_bytes)
            .finish_non_exhaustive()
    }
}
