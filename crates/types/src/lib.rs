//! The words of the domain, validated at construction.
//!
//! Only words that two or more floors use live here; nothing here does I/O, reads a clock
//! or knows a wire format.

mod arn;
mod hash_key;
mod ids;
pub mod limits;
mod names;
mod partition_key;
mod sequence_number;
mod shard_id;
mod tags;
mod timestamp;

pub use arn::{AccountId, ConsumerArn, InvalidArn, InvalidConsumerArn, Region, StreamArn};
pub use hash_key::{HashKey, HashKeyRange, InvalidHashKey, InvalidHashKeyRange};
pub use ids::{ClusterId, GroupId, Incarnation, MapVersion, NodeId, ReplicaId, RequestId, StreamUid};
pub use names::{ConsumerName, InvalidConsumerName, InvalidStreamName, StreamName};
pub use partition_key::{InvalidPartitionKey, PartitionKey};
pub use sequence_number::{Counter, InvalidSequenceNumber, SequenceNumber, ShardEpoch};
pub use shard_id::{InvalidShardId, ShardId};
pub use tags::{InvalidTagKey, InvalidTagValue, TagKey, TagValue, Tags};
pub use timestamp::Timestamp;
