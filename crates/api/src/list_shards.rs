//! ListShards.

use crate::shard::Shard;
use crate::stream_selector::StreamSelector;
use anabranch_types::{ShardId, StreamArn, Timestamp};

/// Which shards to list. Source: AWS ListShards, ShardFilter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardFilter {
    /// Ids after the given one.
    AfterShardId(ShardId),
    /// Open at the trim horizon.
    AtTrimHorizon,
    /// Everything from the trim horizon on: every shard that still holds records, or is open.
    FromTrimHorizon,
    /// Open now.
    AtLatest,
    /// Open at the moment.
    AtTimestamp(Timestamp),
    /// Open at the moment, or started later.
    FromTimestamp(Timestamp),
}

/// The first page's stream and filter, or where the last page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShardPage {
    /// The first page.
    First {
        /// Which stream.
        stream: StreamSelector,
        /// The page starts after this shard.
        after: Option<ShardId>,
        /// Which shards.
        filter: ShardFilter,
        /// Tells streams of one name apart by their creation (whole seconds count).
        created: Option<Timestamp>,
    },
    /// A later page; the token names stream and filter.
    Next {
        /// From the page before.
        token: String,
        /// When given, it must be the token's stream: producers send it with every call.
        stream_arn: Option<StreamArn>,
    },
}

/// Asks for a page of a stream's shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListShards {
    /// Which page.
    pub page: ShardPage,
    /// Shards on the page, 1..=10,000, 1,000 when absent.
    pub max_results: Option<usize>,
}

/// A page of shards, by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListShardsOutput {
    /// The page.
    pub shards: Vec<Shard>,
    /// Present when shards follow the page; valid for 300 s.
    pub next_token: Option<String>,
}
