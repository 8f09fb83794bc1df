//! Closing shards.

use super::{CodecError, error_in, error_out, needed};
use crate::error::NodeError;
use anabranch_catalog::Ending;
use anabranch_proto::peer::v1 as proto;
use anabranch_types::{GroupId, ShardEpoch, ShardId, StreamUid, Timestamp};
use std::sync::Arc;

pub(in crate::wire) fn seal_out(group: GroupId, stream: StreamUid, shards: &[ShardId]) -> proto::SealRequest {
    let shards = shards.iter().map(|shard| shard.0).collect();
    proto::SealRequest { group: group.0, stream: stream.0, shards }
}

pub(in crate::wire) fn seal_in(request: proto::SealRequest) -> (GroupId, StreamUid, Arc<[ShardId]>) {
    let shards = request.shards.into_iter().map(ShardId).collect();
    (GroupId(request.group), StreamUid(request.stream), shards)
}

pub(in crate::wire) fn seal_reply_out(reply: Result<Vec<Ending>, NodeError>) -> proto::SealReply {
    use proto::seal_reply::Outcome;
    let outcome = match reply {
        Ok(endings) => Outcome::Endings(proto::Endings { endings: endings.into_iter().map(ending_out).collect() }),
        Err(error) => Outcome::Error(error_out(error)),
    };
    proto::SealReply { outcome: Some(outcome) }
}

pub(in crate::wire) fn seal_reply_in(reply: proto::SealReply) -> Result<Result<Vec<Ending>, NodeError>, CodecError> {
    use proto::seal_reply::Outcome;
    Ok(match needed(reply.outcome, "outcome")? {
        Outcome::Endings(proto::Endings { endings }) => Ok(endings.into_iter().map(ending_in).collect()),
        Outcome::Error(error) => Err(error_in(error)?),
    })
}

fn ending_out(ending: Ending) -> proto::Ending {
    let ShardEpoch { created_s, shard } = ending.epoch;
    proto::Ending { shard: shard.0, created_s, closed_ms: ending.closed.as_millis() }
}

fn ending_in(ending: proto::Ending) -> Ending {
    let epoch = ShardEpoch { created_s: ending.created_s, shard: ShardId(ending.shard) };
    Ending { epoch, closed: Timestamp::from_millis(ending.closed_ms) }
}
