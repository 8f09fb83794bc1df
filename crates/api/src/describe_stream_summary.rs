//! DescribeStreamSummary.

use crate::describe_stream::StreamStatus;
use crate::stream_selector::StreamSelector;
use anabranch_types::{StreamArn, Timestamp};
use std::time::Duration;

/// Asks for a stream without its shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeStreamSummary {
    /// Which stream.
    pub stream: StreamSelector,
}

/// A stream without its shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamDescriptionSummary {
    /// Name, account and region.
    pub arn: StreamArn,
    /// Where it stands in its life.
    pub status: StreamStatus,
    /// How long records are kept.
    pub retention: Duration,
    /// When it was created.
    pub created: Timestamp,
    /// Shards that take records.
    pub open_shard_count: u32,
    /// Registered consumers.
    pub consumer_count: u32,
    /// The largest record it takes, KiB.
    pub max_record_kib: u32,
}
