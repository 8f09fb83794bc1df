//! MergeShards.

use crate::stream_selector::StreamSelector;

/// Replaces two adjacent open shards by one. When the call has answered, the merge is recorded, and the
/// stream is UPDATING until its shards are what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeShards {
    /// Which stream.
    pub stream: StreamSelector,
    /// The shard that the merge is asked for, as the caller wrote it; it is the child's parent.
    pub shard: String,
    /// Its neighbour on either side, likewise; it is the child's adjacent parent.
    pub adjacent: String,
}
