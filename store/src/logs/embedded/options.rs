use super::lifecycle::{Ages, Lifecycle};
use event::{Object, Timestamp};
use std::{fmt, sync::Arc, time::Duration};

/// Removes from the fields of a document what must never be stored.
pub type Redact = Arc<dyn Fn(&mut Object) + Send + Sync>;

/// How the embedded engine uses the machine.
#[derive(Clone)]
pub struct EmbeddedOptions {
    /// How long after a commit the next one comes at the earliest, so how late a search may see a write, in an index that
    /// is being searched.
    pub refresh_after: Duration,
    /// How late a write is committed at the latest where nobody searches; a search that comes before waits for the commit.
    pub commit_after: Duration,
    /// How long after a search an index counts as being searched (Elasticsearch's `index.search.idle.after`).
    pub search_idle_after: Duration,
    /// Indices that have threads for writing; one more commits and takes them from the one idle longest.
    pub open_writers_max: usize,
    /// Memory for documents that are not yet in a segment, of all indices together, in bytes. When it is full the index
    /// that holds most is committed; half as much again and writers wait.
    pub indexing_memory_bytes: usize,
    /// Segments whose files are kept open for searching. One that is open costs some 40 KiB and seven maps of files, of which
    /// Linux gives a process 65,530; an index that must be opened anew costs a search 0.3 ms, and more from a cold disk.
    pub open_segments_max: usize,
    /// How long an index that is neither searched nor written stays open.
    pub close_idle_after: Duration,
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
    /// Memory for what all searches that run hold beside their hits, in bytes: buckets, columns that scripts make, nested
    /// objects, sort values; beyond it a search is refused as `Overloaded`.
    pub search_memory_max_bytes: usize,
    /// Batches that are prepared at the same time; others wait.
    pub writes_max: usize,
    /// Age from which on a daily index (its name ends in `-YYYY.MM.DD`) takes no more writes, counted from its creation;
    /// `None`: never.
    pub read_only_after: Option<Duration>,
    /// Age from which on a daily index is kept as one segment, compressed harder; `None`: never.
    pub merge_after: Option<Duration>,
    /// Age from which on a daily index is removed; `None`: never.
    pub delete_after: Option<Duration>,
    /// Size of all daily indices, in bytes, beyond which the oldest are removed; `None`: never.
    pub disk_max_bytes: Option<u64>,
    /// Removes from what a script has made of a document what must never be stored; `None`: there is nothing such. What
    /// comes with a write has passed redaction before it gets here, but a script can put it together anew.
    pub redact: Option<Redact>,
    /// What time it is; decides which event times are taken.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for EmbeddedOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            refresh_after: Duration::from_millis(500),
            commit_after: Duration::from_secs(10),
            search_idle_after: Duration::from_secs(30),
            open_writers_max: 32,
            indexing_memory_bytes: 48 << 20,
            open_segments_max: 8_192,
            close_idle_after: Duration::from_secs(10 * 60),
            inflight_max_bytes: 32 << 20,
            inflight_patience: Duration::from_secs(10),
            log_max_bytes: 512 << 20,
            log_segment_max_bytes: 32 << 20,
            searches_max: cores * 2,
            searches_waiting_max: 512,
            search_memory_max_bytes: 192 << 20,
            writes_max: cores * 2,
            read_only_after: None,
            merge_after: Some(DAY * 7),
            delete_after: Some(DAY * 90),
            disk_max_bytes: None,
            redact: None,
            clock: Arc::new(Timestamp::now),
        }
    }
}

impl EmbeddedOptions {
    /// What becomes of daily indices.
    pub(super) fn lifecycle(&self) -> Lifecycle {
        let ms = |age: Option<Duration>| age.map(|age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        let ages = Ages {
            read_only_ms: ms(self.read_only_after),
            merge_ms: ms(self.merge_after),
            compact_ms: ms(self.merge_after),
            delete_ms: ms(self.delete_after),
        };
        Lifecycle { ages, disk_max_bytes: self.disk_max_bytes }
    }
}

impl fmt::Debug for EmbeddedOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedOptions")
            .field("refresh_after", &self.refresh_after)
            .field("open_writers_max", &self.open_writers_max)
            .field("indexing_memory_bytes", &self.indexing_memory_bytes)
            .finish_non_exhaustive()
    }
}
