//! CreateStream.

use anabranch_types::{StreamName, Tags};
use std::num::NonZeroU32;

/// Creates a provisioned stream. When the call has answered, the stream is ACTIVE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateStream {
    /// The new stream's name.
    pub name: StreamName,
    /// How many shards tile the hash key space.
    pub shard_count: NonZeroU32,
    /// What is written on it.
    pub tags: Tags,
}
