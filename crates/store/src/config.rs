//! Sizes of a store and of what the stores of a node share. Every number has a unit.

/// Options of one group's store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// The owner calls [`Store::flush`](crate::Store::flush) before
    /// [`Store::unflushed_bytes`](crate::Store::unflushed_bytes) passes this. Default 32 MiB.
    ///
    /// A backstop stands behind it: one family whose memory reaches twice this flushes by
    /// itself, atomically over all families. With `n` families written at once a store holds at
    /// most about `2 n + 1` times this, and normally no more than this.
    pub flush_after_bytes: usize,
    /// Table files kept open, and so the file descriptors used. Default 128. The index of each
    /// open file of a bucket is pinned in the shared cache.
    pub open_files_max: u32,
    /// Compress tables with LZ4. Default true; false where payloads are known not to compress.
    pub compress: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { flush_after_bytes: 32 << 20, open_files_max: 128, compress: true }
    }
}

/// Options of what all stores of a node share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedOptions {
    /// Memory for blocks read from tables. Default 64 MiB.
    pub block_cache_bytes: usize,
    /// Memory for entries not yet on disk, over all stores (DESIGN D16). Default 256 MiB. Past
    /// it, the store that is written to flushes by itself, atomically over all families.
    pub memtable_bytes_max: usize,
    /// Flushes that run at the same time, over all stores. Default 2.
    pub flush_threads: u16,
    /// Upper bound of bytes per second that flushes and compactions write, over all stores.
    /// Default none.
    pub write_bytes_per_second: Option<u32>,
}

impl Default for SharedOptions {
    fn default() -> Self {
        Self {
            block_cache_bytes: 64 << 20,
            memtable_bytes_max: 256 << 20,
            flush_threads: 2,
            write_bytes_per_second: None,
        }
    }
}
