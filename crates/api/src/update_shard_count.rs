//! UpdateShardCount.

use crate::stream_selector::StreamSelector;
use anabranch_types::StreamArn;
use std::num::NonZeroU32;

/// Brings a stream to another number of open shards, of equal ranges. When the call has answered, it is
/// recorded, and the stream is UPDATING until its shards are what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateShardCount {
    /// Which stream.
    pub stream: StreamSelector,
    /// Open shards that it is to have: at most twice and at least half of those that it has.
    pub target: NonZeroU32,
}

/// What is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateShardCountOutput {
    /// The stream.
    pub arn: StreamArn,
    /// Open shards before.
    pub current: u32,
    /// Open shards afterwards.
    pub target: u32,
}
