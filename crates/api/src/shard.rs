//! A shard as Describe and List calls print it.

use anabranch_types::{HashKeyRange, SequenceNumber, ShardId};

/// One shard; closed when it has an ending sequence number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// The shard's id.
    pub id: ShardId,
    /// The shard that was split or merged to make this one.
    pub parent: Option<ShardId>,
    /// The second parent of a merge.
    pub adjacent_parent: Option<ShardId>,
    /// The part of the hash key space it takes or took.
    pub range: HashKeyRange,
    /// Below every record's number.
    pub starting: SequenceNumber,
    /// Above every record's number; absent while the shard is open.
    pub ending: Option<SequenceNumber>,
}
