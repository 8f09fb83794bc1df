//! SubscribeToShard.

use crate::get_records::{ChildShard, Record};
use crate::get_shard_iterator::IteratorStart;
use anabranch_types::{ConsumerArn, SequenceNumber};

/// Subscribes a registered consumer to a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribeToShard {
    /// The consumer.
    pub consumer: ConsumerArn,
    /// The shard id as the caller wrote it; an unknown one is the service's error to print.
    pub shard: String,
    /// Where to begin.
    pub start: IteratorStart,
}

/// A slice of the shard, without gaps (I5); without records when there was none for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribeToShardEvent {
    /// By sequence number.
    pub records: Vec<Record>,
    /// After it the next event begins, and so a new subscription may; absent when a closed shard was
    /// read to its end, with this event.
    pub continuation: Option<SequenceNumber>,
    /// How far the end of this event is behind the newest record; 0 at the tip.
    pub millis_behind_latest: u64,
    /// The children, once `continuation` is absent.
    pub child_shards: Vec<ChildShard>,
}
