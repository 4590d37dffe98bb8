/// How large an upload and its parts may be. The defaults suit a machine with a few free gigabytes of disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one upload as it comes in (10 GiB).
    pub upload_max_bytes: u64,
    /// Most bytes of one upload decompressed, all its files together (20 GiB).
    pub expanded_max_bytes: u64,
    /// Most bytes that one compressed byte may become (200; logs reach 10 to 40).
    pub expansion_max_ratio: u64,
    /// The ratio is judged only beyond so many decompressed bytes (64 MiB): small files of one repeated line are fine.
    pub expansion_grace_bytes: u64,
    /// Most files in an archive (1,000).
    pub members_max: u32,
    /// Most bytes of one record (1 MiB). A longer one becomes a dead letter.
    pub record_max_bytes: usize,
    /// Bytes that the dead letter of a record that is too long keeps (8 KiB).
    pub record_kept_bytes: usize,
    /// Most columns of a table (1,000). Text with more is read as lines.
    pub columns_max: usize,
    /// Most events of a batch (1,000).
    pub batch_max_events: usize,
    /// A batch is closed when its records reach so many bytes (4 MiB).
    pub batch_max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            upload_max_bytes: 10 << 30,
            expanded_max_bytes: 20 << 30,
            expansion_max_ratio: 200,
            expansion_grace_bytes: 64 << 20,
            members_max: 1_000,
            record_max_bytes: 1 << 20,
            record_kept_bytes: 8 << 10,
            columns_max: 1_000,
            batch_max_events: 1_000,
            batch_max_bytes: 4 << 20,
        }
    }
}
