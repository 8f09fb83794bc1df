//! GetShardIterator.

use crate::stream_selector::StreamSelector;
use anabranch_types::{SequenceNumber, Timestamp};

/// Where a shard is to be read from. Source: AWS GetShardIterator, ShardIteratorType.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IteratorStart {
    /// At the record of this number.
    AtSequenceNumber(SequenceNumber),
    /// After the record of this number.
    AfterSequenceNumber(SequenceNumber),
    /// At the oldest record that is kept.
    TrimHorizon,
    /// After the newest record at the time of this call.
    Latest,
    /// At the first record that arrived at or after this time.
    AtTimestamp(Timestamp),
}

/// Asks for a place to read a shard from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetShardIterator {
    /// Which stream.
    pub stream: StreamSelector,
    /// The shard id as the caller wrote it; an unknown one is the service's error to print.
    pub shard: String,
    /// Where to begin.
    pub start: IteratorStart,
}

/// A sealed position in a shard, at most 512 characters, valid for five minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardIterator(pub String);
