//! ListShards: which shards of a stream a filter selects at a moment.
//!
//! Pure; tokens and their lifetime are the gateway's. Times compare with when a shard began
//! and ended to take records, never with the create second of its sequence numbers.

use crate::shard::Shard;
use crate::stream::StreamMap;
use anabranch_types::{ShardId, Timestamp};

/// Which shards to list. Source: AWS API reference, ShardFilter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardFilter {
    /// Retained shards whose ids follow the given one.
    AfterShardId(ShardId),
    /// Open at the trim horizon.
    AtTrimHorizon,
    /// Every retained shard; what a call without a filter gets.
    FromTrimHorizon,
    /// Open now.
    AtLatest,
    /// Open at the moment, both ends of a shard's life included.
    AtTimestamp(Timestamp),
    /// Closed at the moment or later, or open now.
    FromTimestamp(Timestamp),
}

/// The filter's moment has not come yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the filter's timestamp {moment} is after now, {now}")]
pub struct FutureTimestamp {
    /// The filter's timestamp.
    pub moment: Timestamp,
    /// The caller's time.
    pub now: Timestamp,
}

/// A page of shards, by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardList<'a> {
    /// The page.
    pub shards: Vec<&'a Shard>,
    /// Whether shards that the filter selects follow it.
    pub has_more: bool,
}

/// A filter with its moment settled.
enum Selection {
    Open,
    /// A shard's life includes the moment.
    At(Timestamp),
    /// A shard ends at the moment or later, or never.
    From(Timestamp),
}

impl Selection {
    /// A shard closed exactly at the moment counts as open then: its last record may carry
    /// that time. Source: AWS API reference, ShardFilter ("greater than or equal").
    fn selects(&self, shard: &Shard) -> bool {
        let ends_from = |moment| shard.closed.is_none_or(|closed| closed.at >= moment);
        match *self {
            Selection::Open => shard.is_open(),
            Selection::At(moment) => shard.opened <= moment && ends_from(moment),
            Selection::From(moment) => ends_from(moment),
        }
    }
}

impl StreamMap {
    /// The oldest moment that may still be read: `now` less the retention, at the earliest the
    /// moment the stream's first shards opened, or the latest end of a shard that was removed.
    ///
    /// So a filter at the horizon of a young stream selects its first shards, and the shards
    /// it selects always cover the whole hash key space, which the KCL insists on.
    pub fn trim_horizon(&self, now: Timestamp) -> Timestamp {
        let first = self.shards().first().map_or(Timestamp::EPOCH, |shard| shard.opened);
        now.minus(self.stream.kept_for()).max(first).max(self.removed_until())
    }

    /// At most `limit` shards that `filter` selects as of `now`, with ids after `after`. Later
    /// pages pass the same `now` to see the same selection.
    ///
    /// # Errors
    /// [`FutureTimestamp`] when the filter's timestamp is after `now`. Timestamps before the
    /// trim horizon mean the horizon.
    pub fn list_shards(
        &self,
        filter: ShardFilter,
        after: Option<ShardId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<ShardList<'_>, FutureTimestamp> {
        let horizon = self.trim_horizon(now);
        let settled = |moment: Timestamp| {
            if moment > now { Err(FutureTimestamp { moment, now }) } else { Ok(moment.max(horizon)) }
        };
        let (selection, filter_after) = match filter {
            ShardFilter::AfterShardId(id) => (Selection::From(horizon), Some(id)),
            ShardFilter::AtTrimHorizon => (Selection::At(horizon), None),
            ShardFilter::FromTrimHorizon => (Selection::From(horizon), None),
            ShardFilter::AtLatest => (Selection::Open, None),
            ShardFilter::AtTimestamp(moment) => (Selection::At(settled(moment)?), None),
            ShardFilter::FromTimestamp(moment) => (Selection::From(settled(moment)?), None),
        };
        let after = after.max(filter_after);
        let first = self.shards().partition_point(|shard| after.is_some_and(|after| shard.id <= after));
        let mut selected = self.shards()[first..].iter().filter(|shard| selection.selects(shard));
        let shards = selected.by_ref().take(limit).collect();
        Ok(ShardList { shards, has_more: selected.next().is_some() })
    }
}
