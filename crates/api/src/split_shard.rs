//! SplitShard.

use crate::stream_selector::StreamSelector;

/// Replaces an open shard by two. When the call has answered, the split is recorded, and the stream is
/// UPDATING until its shards are what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitShard {
    /// Which stream.
    pub stream: StreamSelector,
    /// The shard, as the caller wrote it.
    pub shard: String,
    /// `NewStartingHashKey`, where the upper child begins: more than one above the shard's first hash key
    /// and below its last. As the caller wrote it, a decimal number.
    pub at: String,
}
