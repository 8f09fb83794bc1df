//! GetRecords.

use crate::get_shard_iterator::ShardIterator;
use anabranch_types::{HashKeyRange, SequenceNumber, ShardId, StreamArn, Timestamp};
use bytes::Bytes;
use std::time::Duration;

/// Reads on from an iterator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetRecords {
    /// Where to read.
    pub iterator: ShardIterator,
    /// Records at the most, 1..=10,000, 10,000 when absent.
    pub limit: Option<usize>,
    /// When given, it must be the iterator's stream.
    pub stream_arn: Option<StreamArn>,
    /// Data and key bytes at the most, one record aside that is larger; 10 MiB when absent.
    pub bytes_max: Option<u64>,
    /// Zero answers at once, and the answer costs one of the shard's read calls. Longer is a
    /// follower's read: at the tip it waits so long for a record, and it costs bytes only.
    pub wait_max: Duration,
}

/// One record as it was written (I2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The number it was acknowledged with.
    pub sequence_number: SequenceNumber,
    /// When it arrived.
    pub arrival: Timestamp,
    /// Its bytes.
    pub data: Bytes,
    /// Its partition key, UTF-8.
    pub partition_key: Bytes,
}

/// A child of a shard that was read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildShard {
    /// The child.
    pub id: ShardId,
    /// Its parents, one after a split, two after a merge.
    pub parents: Vec<ShardId>,
    /// Its part of the hash key space.
    pub range: HashKeyRange,
}

/// A slice of a shard, without gaps (I5).
#[derive(Debug, Clone)]
pub struct GetRecordsOutput {
    /// At most 10,000 records and 10 MiB, by sequence number.
    pub records: Vec<Record>,
    /// Where to read on; absent when a closed shard was read to its end.
    pub next: Option<ShardIterator>,
    /// How far the end of this answer is behind the newest record; 0 at the tip.
    pub millis_behind_latest: u64,
    /// The children, once `next` is absent.
    pub child_shards: Vec<ChildShard>,
}
