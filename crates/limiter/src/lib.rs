//! Token buckets that hold a shard's traffic within its limits (D6, I8).
//!
//! Pure: the caller passes `now`, the monotonic time since its node started. Nothing here
//! knows who leads a shard; only its leader asks, so one budget per shard is exact.

mod shard_budget;
mod shard_limits;
mod token_bucket;

pub use shard_budget::{Bucket, Consumed, Exceeded, ShardBudget};
pub use shard_limits::ShardLimits;
pub use token_bucket::{RateExceeded, TokenBucket};
