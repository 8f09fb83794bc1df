//! DescribeStream.

use crate::shard::Shard;
use crate::stream_selector::StreamSelector;
use anabranch_types::{ShardId, StreamArn, Timestamp};
use std::time::Duration;

/// Asks for a stream and a page of its shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeStream {
    /// Which stream.
    pub stream: StreamSelector,
    /// Shards on the page, 1..=10,000; a page never holds more than 100.
    pub limit: Option<usize>,
    /// The page starts after this shard.
    pub after: Option<ShardId>,
}

/// A stream's life. Source: AWS API model, shape StreamStatus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamStatus {
    /// Its shards are being made.
    Creating,
    /// It takes reads and writes.
    Active,
    /// Its records are being dropped.
    Deleting,
    /// It is being resharded or reconfigured and takes reads and writes.
    Updating,
}

impl StreamStatus {
    /// As the protocol prints it.
    pub const fn as_str(self) -> &'static str {
        match self {
            StreamStatus::Creating => "CREATING",
            StreamStatus::Active => "ACTIVE",
            StreamStatus::Deleting => "DELETING",
            StreamStatus::Updating => "UPDATING",
        }
    }
}

/// A stream and a page of its shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamDescription {
    /// Name, account and region.
    pub arn: StreamArn,
    /// Where it stands in its life.
    pub status: StreamStatus,
    /// The page, by shard id; open and closed shards.
    pub shards: Vec<Shard>,
    /// Whether shards follow the page.
    pub has_more_shards: bool,
    /// How long records are kept.
    pub retention: Duration,
    /// When it was created.
    pub created: Timestamp,
}
