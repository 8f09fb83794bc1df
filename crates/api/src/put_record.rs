//! PutRecord.

use crate::put_records::PutEntry;
use crate::stream_selector::StreamSelector;
use anabranch_types::{SequenceNumber, ShardId};

/// Writes one record.
#[derive(Debug, Clone)]
pub struct PutRecord {
    /// Which stream.
    pub stream: StreamSelector,
    /// The record.
    pub entry: PutEntry,
    /// The new number must be above this one (`SequenceNumberForOrdering`).
    pub above: Option<SequenceNumber>,
}

/// Where the record stands. It is durable on a majority of its group's disks (D2, I1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PutRecordOutput {
    /// Its shard.
    pub shard: ShardId,
    /// Its number.
    pub sequence_number: SequenceNumber,
}
