//! Creating and deleting streams and their shards.

use super::{CodecError, counter_in, error_in, error_out, needed, span_in, span_out, uint128, uint128_in};
use crate::error::NodeError;
use crate::metadata_node::CreateStreamReply;
use crate::storage_node::{NewRetention, NewShards};
use anabranch_catalog::{Closed, Parents, Shard};
use anabranch_proto::peer::v1 as proto;
use anabranch_types::{
    AccountId, GroupId, HashKey, HashKeyRange, MapVersion, RequestId, SequenceNumber, ShardEpoch, ShardId, StreamName,
    StreamUid, Timestamp,
};
use std::num::NonZeroU32;

pub(in crate::wire) fn create_shards_out(group: GroupId, new: &NewShards) -> proto::CreateShardsRequest {
    proto::CreateShardsRequest {
        group: group.0,
        stream: new.stream.0,
        account: new.account.to_string(),
        name: new.name.to_string(),
        retention: Some(span_out(new.retention)),
        shards: new.shards.iter().map(shard_out).collect(),
        retention_change: new.retention_change.0,
    }
}

pub(in crate::wire) fn create_shards_in(
    request: proto::CreateShardsRequest,
) -> Result<(GroupId, NewShards), CodecError> {
    let new = NewShards {
        stream: StreamUid(request.stream),
        account: account_in(&request.account)?,
        name: name_in(&request.name)?,
        retention: span_in(request.retention, "retention")?,
        shards: request.shards.into_iter().map(shard_in).collect::<Result<_, _>>()?,
        retention_change: MapVersion(request.retention_change),
    };
    Ok((GroupId(request.group), new))
}

pub(in crate::wire) fn set_retention_out(group: GroupId, new: NewRetention) -> proto::SetRetentionRequest {
    let NewRetention { stream, retention, change } = new;
    proto::SetRetentionRequest {
        group: group.0,
        stream: stream.0,
        retention: Some(span_out(retention)),
        change: change.0,
    }
}

pub(in crate::wire) fn set_retention_in(
    request: proto::SetRetentionRequest,
) -> Result<(GroupId, NewRetention), CodecError> {
    let new = NewRetention {
        stream: StreamUid(request.stream),
        retention: span_in(request.retention, "retention")?,
        change: MapVersion(request.change),
    };
    Ok((GroupId(request.group), new))
}

pub(in crate::wire) fn done_out(reply: Result<(), NodeError>) -> proto::DoneReply {
    use proto::done_reply::Outcome;
    let outcome = match reply {
        Ok(()) => Outcome::Done(proto::Empty {}),
        Err(error) => Outcome::Error(error_out(error)),
    };
    proto::DoneReply { outcome: Some(outcome) }
}

pub(in crate::wire) fn done_in(reply: proto::DoneReply) -> Result<Result<(), NodeError>, CodecError> {
    use proto::done_reply::Outcome;
    match needed(reply.outcome, "outcome")? {
        Outcome::Done(proto::Empty {}) => Ok(Ok(())),
        Outcome::Error(error) => error_in(error).map(Err),
    }
}

pub(in crate::wire) fn create_stream_out(
    request: RequestId,
    account: AccountId,
    name: &StreamName,
    shards: NonZeroU32,
) -> proto::CreateStreamRequest {
    proto::CreateStreamRequest {
        request_id: Some(uint128(request.0)),
        account: account.to_string(),
        name: name.to_string(),
        shards: shards.get(),
    }
}

pub(in crate::wire) fn create_stream_in(
    request: proto::CreateStreamRequest,
) -> Result<(RequestId, AccountId, StreamName, NonZeroU32), CodecError> {
    let shards = NonZeroU32::new(request.shards).ok_or_else(|| CodecError::invalid("shards", "there has to be one"))?;
    let id = RequestId(uint128_in(request.request_id, "request id")?);
    Ok((id, account_in(&request.account)?, name_in(&request.name)?, shards))
}

pub(in crate::wire) fn create_stream_reply_out(
    reply: Result<CreateStreamReply, NodeError>,
) -> proto::CreateStreamReply {
    use proto::create_stream_reply::Outcome;
    let outcome = match reply {
        Ok(CreateStreamReply::Created) => Outcome::Created(proto::Empty {}),
        Ok(CreateStreamReply::Exists) => Outcome::Exists(proto::Empty {}),
        Ok(CreateStreamReply::ShardLimit { current, limit }) => {
            Outcome::ShardLimit(proto::ShardLimit { current, limit })
        }
        Err(error) => Outcome::Error(error_out(error)),
    };
    proto::CreateStreamReply { outcome: Some(outcome) }
}

pub(in crate::wire) fn create_stream_reply_in(
    reply: proto::CreateStreamReply,
) -> Result<Result<CreateStreamReply, NodeError>, CodecError> {
    use proto::create_stream_reply::Outcome;
    Ok(match needed(reply.outcome, "outcome")? {
        Outcome::Created(proto::Empty {}) => Ok(CreateStreamReply::Created),
        Outcome::Exists(proto::Empty {}) => Ok(CreateStreamReply::Exists),
        Outcome::ShardLimit(proto::ShardLimit { current, limit }) => {
            Ok(CreateStreamReply::ShardLimit { current, limit })
        }
        Outcome::Error(error) => Err(error_in(error)?),
    })
}

pub(in crate::wire) fn delete_stream_out(account: AccountId, name: &StreamName) -> proto::DeleteStreamRequest {
    proto::DeleteStreamRequest { account: account.to_string(), name: name.to_string() }
}

pub(in crate::wire) fn delete_stream_in(
    request: proto::DeleteStreamRequest,
) -> Result<(AccountId, StreamName), CodecError> {
    Ok((account_in(&request.account)?, name_in(&request.name)?))
}

pub(in crate::wire) fn delete_stream_reply_out(reply: Result<bool, NodeError>) -> proto::DeleteStreamReply {
    use proto::delete_stream_reply::Outcome;
    let outcome = match reply {
        Ok(deleted) => Outcome::Deleted(deleted),
        Err(error) => Outcome::Error(error_out(error)),
    };
    proto::DeleteStreamReply { outcome: Some(outcome) }
}

pub(in crate::wire) fn delete_stream_reply_in(
    reply: proto::DeleteStreamReply,
) -> Result<Result<bool, NodeError>, CodecError> {
    use proto::delete_stream_reply::Outcome;
    match needed(reply.outcome, "outcome")? {
        Outcome::Deleted(deleted) => Ok(Ok(deleted)),
        Outcome::Error(error) => error_in(error).map(Err),
    }
}

fn account_in(text: &str) -> Result<AccountId, CodecError> {
    AccountId::parse(text).ok_or_else(|| CodecError::invalid("account", "an account has twelve digits"))
}

fn name_in(text: &str) -> Result<StreamName, CodecError> {
    StreamName::new(text).map_err(|error| CodecError::invalid("name", error))
}

fn shard_out(shard: &Shard) -> proto::Shard {
    use proto::shard::Parents as Origin;
    let parents = match shard.parents {
        Parents::None => Origin::None(proto::Empty {}),
        Parents::Split { parent } => Origin::Split(proto::SplitOf { parent: parent.0 }),
        Parents::Merge { parent, adjacent } => Origin::Merge(proto::MergeOf { parent: parent.0, adjacent: adjacent.0 }),
    };
    proto::Shard {
        id: shard.id.0,
        range_start: Some(uint128(shard.range.start().0)),
        range_end: Some(uint128(shard.range.end().0)),
        parents: Some(parents),
        group: shard.group.0,
        created_s: shard.created_s,
        opened_ms: shard.opened.as_millis(),
        closed: shard.closed.map(closed_out),
    }
}

fn shard_in(shard: proto::Shard) -> Result<Shard, CodecError> {
    use proto::shard::Parents as Origin;
    let start = HashKey(uint128_in(shard.range_start, "range start")?);
    let end = HashKey(uint128_in(shard.range_end, "range end")?);
    Ok(Shard {
        id: ShardId(shard.id),
        range: HashKeyRange::new(start, end).map_err(|error| CodecError::invalid("range", error))?,
        parents: match needed(shard.parents, "parents")? {
            Origin::None(proto::Empty {}) => Parents::None,
            Origin::Split(proto::SplitOf { parent }) => Parents::Split { parent: ShardId(parent) },
            Origin::Merge(proto::MergeOf { parent, adjacent }) => {
                Parents::Merge { parent: ShardId(parent), adjacent: ShardId(adjacent) }
            }
        },
        group: GroupId(shard.group),
        created_s: shard.created_s,
        opened: Timestamp::from_millis(shard.opened_ms),
        closed: shard.closed.map(closed_in).transpose()?,
    })
}

fn closed_out(closed: Closed) -> proto::Closed {
    let SequenceNumber { epoch, counter, arrival_s } = closed.ending;
    let ShardEpoch { created_s, shard } = epoch;
    proto::Closed {
        ending: Some(proto::SequenceNumber { created_s, shard: shard.0, counter: counter.bits(), arrival_s }),
        at_ms: closed.at.as_millis(),
    }
}

fn closed_in(closed: proto::Closed) -> Result<Closed, CodecError> {
    let ending = needed(closed.ending, "ending")?;
    let epoch = ShardEpoch { created_s: ending.created_s, shard: ShardId(ending.shard) };
    let counter = counter_in(ending.counter, "ending counter")?;
    Ok(Closed {
        ending: SequenceNumber { epoch, counter, arrival_s: ending.arrival_s },
        at: Timestamp::from_millis(closed.at_ms),
    })
}
