//! What a storage node decides by itself, with units.

use anabranch_limiter::ShardLimits;
use anabranch_runtime::MemoryBudget;
use anabranch_shard::Policy;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// More do not make a node faster: a scan is work for a processor, or waits for the one disk.
const SCANS_MAX: usize = 8;

/// Options of the storage role.
#[derive(Debug, Clone)]
pub struct StorageOptions {
    /// What every shard may carry; none lifts all limits (`--no-limits`).
    pub limits: Option<ShardLimits>,
    /// When all groups together hold this many unflushed bytes, the one that holds most is flushed;
    /// bounds replay.
    pub flush_after_bytes: u64,
    /// A group's state is flushed this long after the last flush if anything is unflushed.
    pub flush_every: Duration,
    /// How often unflushed bytes are looked at, at least.
    pub flush_look_every: Duration,
    /// How often a leader looks whether anything has expired (D5: at most 10 s).
    pub tick_every: Duration,
    /// What a new group is told: bucket sizes and the request-id window.
    pub policy: Policy,
    /// What records on their way to readers are charged to (D16).
    pub memory: MemoryBudget,
    /// Lets so many reads of all groups look into the store at a time. Each holds a block of the store,
    /// as large as the largest put, before what it copies is charged.
    pub scans: Arc<Semaphore>,
}

impl Default for StorageOptions {
    fn default() -> Self {
        StorageOptions {
            limits: Some(ShardLimits::default()),
            flush_after_bytes: 32 << 20,
            flush_every: Duration::from_secs(60),
            flush_look_every: Duration::from_millis(250),
            tick_every: Duration::from_secs(10),
            policy: Policy::default(),
            memory: MemoryBudget::unbounded(),
            scans: Arc::new(Semaphore::new(SCANS_MAX)),
        }
    }
}
