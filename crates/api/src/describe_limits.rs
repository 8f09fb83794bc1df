//! DescribeLimits.

/// What an account has of what it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountLimits {
    /// Open shards of its streams, those being created or deleted included.
    pub open_shards: u32,
    /// Open shards that it may have.
    pub shard_limit: u32,
    /// Its on-demand streams.
    pub on_demand_streams: u32,
    /// On-demand streams that it may have.
    pub on_demand_stream_limit: u32,
}
