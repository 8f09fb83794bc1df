//! How RocksDB is set up, and what the stores of a node share. Each choice says why.

use rocksdb::{
    BlockBasedOptions, BlockBasedTablePinningTier, Cache, ChecksumType, DBCompactionStyle, DBCompressionType, Env,
    LogLevel, Options, ReadOptions, WriteBufferManager, WriteOptions,
};

use crate::{Family, OpenError, SharedOptions, StoreOptions};

/// Settings that the binding has no method for.
///
/// Closing a store writes nothing: dropping it and losing power leave the same disk, so there is
/// one recovery path and every test of closing is a test of crashing. And the engine never
/// resumes by itself after a background error: the owner reopens the store and replays the log.
const UNWRAPPED_SETTINGS: &str = "avoid_flush_during_shutdown=true;max_bgerror_resume_count=0";

/// How long the rate limiter saves up allowance.
const RATE_REFILL_PERIOD_US: i64 = 100_000;
/// One in so many requests to the rate limiter is served regardless of priority.
const RATE_FAIRNESS: i32 = 10;
/// Entries below a quarter of this share blocks of it in a memtable. The engine's default of
/// 1 MiB would be the footprint of every family that holds a single entry.
const ARENA_BLOCK_BYTES: usize = 64 << 10;
/// Memtables of one family that may wait for a flush before writes stall.
const MEMTABLES_MAX: i32 = 4;
/// Files of a bucket from which on they are merged.
pub(super) const BUCKET_FILES_MAX: i32 = 64;
/// Never stall writes for the number of files of a bucket.
const FILES_NEVER: i32 = 1 << 20;

/// Block cache, memtable budget, background threads and write rate that all stores of a node
/// share. Make one per process.
pub struct SharedResources {
    block_cache: Cache,
    memtables: WriteBufferManager,
    base: Options,
}

impl SharedResources {
    /// Reserves nothing yet: memory is taken as it is used.
    ///
    /// # Errors
    /// [`OpenError::SharedResources`] when the engine refuses its settings.
    pub fn new(options: &SharedOptions) -> Result<Self, OpenError> {
        let refused = |error: rocksdb::Error| OpenError::SharedResources { reason: error.into_string() };
        let mut env = Env::new().map_err(refused)?;
        env.set_high_priority_background_threads(i32::from(options.flush_threads.max(1)));
        env.set_low_priority_background_threads(1);
        let mut base = Options::default().get_options_from_string(UNWRAPPED_SETTINGS).map_err(refused)?;
        base.set_env(&env);
        if let Some(bytes_per_second) = options.write_bytes_per_second {
            base.set_ratelimiter(i64::from(bytes_per_second), RATE_REFILL_PERIOD_US, RATE_FAIRNESS);
        }
        Ok(Self {
            // An entry charge of 0 lets the table of the cache grow with its content.
            block_cache: Cache::new_hyper_clock_cache(options.block_cache_bytes, 0),
            // No stalls: past the budget the store being written to flushes.
            memtables: WriteBufferManager::new_write_buffer_manager(options.memtable_bytes_max, false),
            base,
        })
    }

    /// Bytes the block cache holds now.
    #[must_use]
    pub fn block_cache_bytes(&self) -> u64 {
        self.block_cache.get_usage() as u64
    }

    /// Bytes that unflushed entries of all stores hold now.
    #[must_use]
    pub fn memtable_bytes(&self) -> u64 {
        self.memtables.get_usage() as u64
    }

    /// Options of a group's database.
    pub(super) fn database(&self, options: &StoreOptions) -> Options {
        let mut database = self.base.clone();
        database.create_if_missing(true);
        database.create_missing_column_families(true);
        // Without a WAL, only this makes all families recover to the same batch.
        database.set_atomic_flush(true);
        database.set_paranoid_checks(true);
        database.set_write_buffer_manager(&self.memtables);
        database.set_max_background_jobs(2);
        database.set_max_open_files(i32::try_from(options.open_files_max).unwrap_or(i32::MAX));
        database.set_table_cache_num_shard_bits(2);
        // One writer per store: nothing to gain from writing a memtable in parallel.
        database.set_allow_concurrent_memtable_write(false);
        database.set_enable_write_thread_adaptive_yield(false);
        // Writes reach the disk steadily instead of all at the sync.
        database.set_bytes_per_sync(1 << 20);
        database.set_max_manifest_file_size(16 << 20);
        database.set_manifest_preallocation_size(64 << 10);
        database.set_skip_stats_update_on_db_open(true);
        // The engine's own log: warnings only, two small files.
        database.set_log_level(LogLevel::Warn);
        database.set_keep_log_file_num(2);
        database.set_max_log_file_size(1 << 20);
        database.set_stats_dump_period_sec(0);
        database.set_stats_persist_period_sec(0);
        database
    }

    /// Options of the metadata family and of the store's own records: small rows, overwritten
    /// often, so levelled compaction and point lookups.
    pub(super) fn metadata(&self, options: &StoreOptions) -> Options {
        let mut family = self.family(options);
        let mut table = self.table(4 << 10);
        table.set_bloom_filter(10.0, false);
        family.set_block_based_table_factory(&table);
        family.set_target_file_size_base(8 << 20);
        family
    }

    /// Options of a bucket: appended once, scanned, dropped whole. A read merges the files of one
    /// bucket, each of which holds the shard's records of its time in one run.
    ///
    /// A busy bucket is full long before it has [`BUCKET_FILES_MAX`] files and is never compacted.
    /// One that fills slowly, by many small flushes over days, merges them whenever there are that
    /// many: few bytes, and readers would else open thousands of files.
    pub(super) fn bucket(&self, options: &StoreOptions) -> Options {
        let mut family = self.family(options);
        family.set_block_based_table_factory(&self.table(16 << 10));
        family.set_compaction_style(DBCompactionStyle::Universal);
        family.set_level_zero_file_num_compaction_trigger(BUCKET_FILES_MAX);
        family.set_level_zero_slowdown_writes_trigger(FILES_NEVER);
        family.set_level_zero_stop_writes_trigger(FILES_NEVER);
        family.set_ttl(0);
        family.set_periodic_compaction_seconds(0);
        family
    }

    fn family(&self, options: &StoreOptions) -> Options {
        let mut family = self.base.clone();
        family.set_write_buffer_size(options.flush_after_bytes.saturating_mul(2));
        family.set_max_write_buffer_number(MEMTABLES_MAX);
        family.set_arena_block_size(ARENA_BLOCK_BYTES);
        let compression = if options.compress { DBCompressionType::Lz4 } else { DBCompressionType::None };
        family.set_compression_type(compression);
        family
    }

    fn table(&self, block_bytes: usize) -> BlockBasedOptions {
        let mut table = BlockBasedOptions::default();
        table.set_block_size(block_bytes);
        table.set_checksum_type(ChecksumType::XXH3);
        table.set_block_cache(&self.block_cache);
        // Indexes count against the cache, and stay there while their file is open: bucket
        // scans do not fill the cache and would else read the index again and again.
        table.set_cache_index_and_filter_blocks(true);
        table.set_unpartitioned_pinning_tier(BlockBasedTablePinningTier::All);
        table
    }
}

/// No write of ours goes through RocksDB's WAL: the shared log is the durable one.
pub(super) fn write_options() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.disable_wal(true);
    options
}

/// Reads of `family` within `from <= key < to`.
pub(super) fn scan_options(family: Family, from: &[u8], to: &[u8]) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_iterate_lower_bound(from);
    options.set_iterate_upper_bound(to);
    // Records are read in long runs that the kernel's page cache serves; the block cache is for
    // metadata and indexes.
    options.fill_cache(family == Family::Meta);
    options
}
