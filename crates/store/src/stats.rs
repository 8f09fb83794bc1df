//! What a store tells about itself.

/// A snapshot of sizes and counts; each is exact or a lower bound at the moment of the call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Buckets that exist.
    pub buckets: u64,
    /// Dropped buckets whose data awaits the next flush before it leaves the disk.
    pub pending_drops: u64,
    /// See [`Store::unflushed_bytes`](crate::Store::unflushed_bytes).
    pub unflushed_bytes: u64,
    /// Memory held by entries that are not on disk, with its allocation overhead.
    pub memtable_bytes: u64,
    /// Bytes of live table files.
    pub table_bytes: u64,
    /// Live table files.
    pub table_files: u64,
    /// Memory held by open table files outside the shared cache.
    pub table_reader_bytes: u64,
    /// Flushes the owner asked for and got since opening.
    pub flushes: u64,
    /// Errors of background work since opening. Above zero the owner should move leadership
    /// away and reopen the store.
    pub background_errors: u64,
    /// A write, flush or checkpoint failed: the store refuses writes until it is reopened.
    pub failed: bool,
}
