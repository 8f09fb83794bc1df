//! Streams and shards.

use super::{range_out, time_in, time_out};
use crate::errors::CallError;
use anabranch_api::{Shard, ShardFilter, StreamStatus, StreamSummary};
use anabranch_proto::v1 as proto;
use anabranch_types::ShardId;

pub(crate) fn status_out(status: StreamStatus) -> i32 {
    let status = match status {
        StreamStatus::Creating => proto::StreamStatus::Creating,
        StreamStatus::Active => proto::StreamStatus::Active,
        StreamStatus::Deleting => proto::StreamStatus::Deleting,
        StreamStatus::Updating => proto::StreamStatus::Updating,
    };
    status.into()
}

pub(crate) fn shard_out(shard: Shard) -> proto::Shard {
    proto::Shard {
        shard_id: shard.id.to_string(),
        parent_shard_id: shard.parent.map(|parent| parent.to_string()),
        adjacent_parent_shard_id: shard.adjacent_parent.map(|parent| parent.to_string()),
        hash_key_range: range_out(shard.range),
        starting_sequence_number: shard.starting.to_string(),
        ending_sequence_number: shard.ending.map(|ending| ending.to_string()),
    }
}

pub(crate) fn summary_out(summary: StreamSummary) -> proto::StreamSummary {
    proto::StreamSummary {
        name: summary.arn.name.to_string(),
        arn: summary.arn.to_string(),
        status: status_out(summary.status),
        created: time_out(summary.created),
    }
}

/// Reads the field `filter`; absent it is what AWS takes for absent: everything that is kept.
pub(crate) fn filter_in(filter: Option<proto::ShardFilter>) -> Result<ShardFilter, CallError> {
    use proto::shard_filter::Filter;
    let Some(filter) = filter else { return Ok(ShardFilter::FromTrimHorizon) };
    Ok(match filter.filter {
        Some(Filter::AfterShardId(shard)) => {
            let shard = ShardId::parse(&shard);
            ShardFilter::AfterShardId(
                shard.map_err(|_| CallError::field("filter.after_shard_id", "must be a shard id"))?,
            )
        }
        Some(Filter::AtTrimHorizon(_)) => ShardFilter::AtTrimHorizon,
        Some(Filter::FromTrimHorizon(_)) => ShardFilter::FromTrimHorizon,
        Some(Filter::AtLatest(_)) => ShardFilter::AtLatest,
        Some(Filter::AtTimestamp(at)) => ShardFilter::AtTimestamp(time_in(&at, "filter.at_timestamp")?),
        Some(Filter::FromTimestamp(from)) => ShardFilter::FromTimestamp(time_in(&from, "filter.from_timestamp")?),
        None => return Err(CallError::field("filter.filter", "must be given")),
    })
}
