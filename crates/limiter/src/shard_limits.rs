//! What one shard may take and give per second.

use anabranch_types::limits;
use std::num::NonZeroU64;

/// The rates of one shard. A burst is one second of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardLimits {
    /// Bytes written per second, data and partition keys.
    pub write_bytes_per_second: NonZeroU64,
    /// Records written per second.
    pub write_records_per_second: NonZeroU64,
    /// Bytes read per second by all callers that share the shard.
    pub read_bytes_per_second: NonZeroU64,
    /// Read calls per second by all callers that share the shard.
    pub read_calls_per_second: NonZeroU64,
    /// Bytes read per second by each registered consumer, beside what the others share.
    pub consumer_read_bytes_per_second: NonZeroU64,
}

const fn above_zero(rate: u64) -> NonZeroU64 {
    NonZeroU64::new(rate).expect("the quotas of limits.rs are above 0")
}

impl Default for ShardLimits {
    /// The quotas of the service. Source: AWS quotas and limits.
    fn default() -> Self {
        ShardLimits {
            write_bytes_per_second: const { above_zero(limits::SHARD_WRITE_BYTES_PER_SECOND) },
            write_records_per_second: const { above_zero(limits::SHARD_WRITE_RECORDS_PER_SECOND) },
            read_bytes_per_second: const { above_zero(limits::SHARD_READ_BYTES_PER_SECOND) },
            read_calls_per_second: const { above_zero(limits::SHARD_READ_CALLS_PER_SECOND) },
            consumer_read_bytes_per_second: const { above_zero(limits::CONSUMER_READ_BYTES_PER_SECOND) },
        }
    }
}
