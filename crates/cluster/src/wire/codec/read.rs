//! Reading records.

use super::{
    CodecError, counter_in, error_in, error_out, needed, shard_key_in, shard_key_out, span_in, span_out, uint128,
    uint128_in,
};
use crate::error::NodeError;
use crate::storage_node::{ReadReply, ReadRequest, ReadStart, RecordOut, ShardKey, SubscriptionRead};
use anabranch_proto::peer::v1 as proto;
use anabranch_types::{Counter, GroupId, MapVersion, RequestId, Timestamp};
use std::time::Duration;

pub(in crate::wire) fn read_out(request: ReadRequest) -> proto::ReadRequest {
    proto::ReadRequest {
        group: request.group.0,
        shard: Some(shard_key_out(request.shard)),
        from: request.from.bits(),
        records_max: request.records_max as u64,
        bytes_max: request.bytes_max,
        wait_max: (!request.wait_max.is_zero()).then(|| span_out(request.wait_max)),
        subscription: request.subscription.map(subscription_out),
    }
}

pub(in crate::wire) fn read_in(request: proto::ReadRequest) -> Result<ReadRequest, CodecError> {
    Ok(ReadRequest {
        group: GroupId(request.group),
        shard: shard_key_in(request.shard)?,
        from: counter_in(request.from, "from")?,
        records_max: usize::try_from(request.records_max)
            .map_err(|_| CodecError::invalid("records max", "more than this machine can count"))?,
        bytes_max: request.bytes_max,
        wait_max: match request.wait_max {
            Some(wait) => span_in(Some(wait), "wait max")?,
            None => Duration::ZERO,
        },
        subscription: request.subscription.map(subscription_in).transpose()?,
    })
}

fn subscription_out(read: SubscriptionRead) -> proto::SubscriptionRead {
    proto::SubscriptionRead {
        consumer: read.consumer.0,
        subscription: Some(uint128(read.subscription.0)),
        begun_ms: read.begun.as_millis(),
        begins: read.begins,
    }
}

fn subscription_in(read: proto::SubscriptionRead) -> Result<SubscriptionRead, CodecError> {
    Ok(SubscriptionRead {
        consumer: MapVersion(read.consumer),
        subscription: RequestId(uint128_in(read.subscription, "subscription")?),
        begun: Timestamp::from_millis(read.begun_ms),
        begins: read.begins,
    })
}

pub(in crate::wire) fn read_reply_out(reply: Result<ReadReply, NodeError>) -> proto::ReadReply {
    use proto::read_reply::Outcome;
    let outcome = match reply {
        Ok(reply) => Outcome::Records(proto::Records {
            records: reply.records.into_iter().map(record_out).collect(),
            next: reply.next.bits(),
            millis_behind_latest: reply.millis_behind_latest,
            ended: reply.ended,
        }),
        Err(error) => Outcome::Error(error_out(error)),
    };
    proto::ReadReply { outcome: Some(outcome) }
}

pub(in crate::wire) fn read_reply_in(reply: proto::ReadReply) -> Result<Result<ReadReply, NodeError>, CodecError> {
    use proto::read_reply::Outcome;
    match needed(reply.outcome, "outcome")? {
        Outcome::Records(reply) => Ok(Ok(ReadReply {
            records: reply.records.into_iter().map(record_in).collect::<Result<_, _>>()?,
            next: counter_in(reply.next, "next")?,
            millis_behind_latest: reply.millis_behind_latest,
            ended: reply.ended,
        })),
        Outcome::Error(error) => error_in(error).map(Err),
    }
}

fn record_out(record: RecordOut) -> proto::Record {
    proto::Record {
        counter: record.counter.bits(),
        arrival_ms: record.arrival.as_millis(),
        partition_key: record.partition_key,
        data: record.data,
    }
}

fn record_in(record: proto::Record) -> Result<RecordOut, CodecError> {
    if let Err(error) = std::str::from_utf8(&record.partition_key) {
        return Err(CodecError::invalid("partition key", error));
    }
    Ok(RecordOut {
        counter: counter_in(record.counter, "counter")?,
        arrival: Timestamp::from_millis(record.arrival_ms),
        partition_key: record.partition_key,
        data: record.data,
    })
}

pub(in crate::wire) fn locate_out(group: GroupId, shard: ShardKey, start: ReadStart) -> proto::LocateRequest {
    use proto::locate_request::Start;
    let start = match start {
        ReadStart::Latest => Start::Latest(proto::Empty {}),
        ReadStart::AtTimestamp(at) => Start::AtMs(at.as_millis()),
    };
    proto::LocateRequest { group: group.0, shard: Some(shard_key_out(shard)), start: Some(start) }
}

pub(in crate::wire) fn locate_in(request: proto::LocateRequest) -> Result<(GroupId, ShardKey, ReadStart), CodecError> {
    use proto::locate_request::Start;
    let start = match needed(request.start, "start")? {
        Start::Latest(proto::Empty {}) => ReadStart::Latest,
        Start::AtMs(millis) => ReadStart::AtTimestamp(Timestamp::from_millis(millis)),
    };
    Ok((GroupId(request.group), shard_key_in(request.shard)?, start))
}

pub(in crate::wire) fn locate_reply_out(reply: Result<Counter, NodeError>) -> proto::LocateReply {
    use proto::locate_reply::Outcome;
    let outcome = match reply {
        Ok(counter) => Outcome::Counter(counter.bits()),
        Err(error) => Outcome::Error(error_out(error)),
    };
    proto::LocateReply { outcome: Some(outcome) }
}

pub(in crate::wire) fn locate_reply_in(reply: proto::LocateReply) -> Result<Result<Counter, NodeError>, CodecError> {
    use proto::locate_reply::Outcome;
    match needed(reply.outcome, "outcome")? {
        Outcome::Counter(bits) => counter_in(bits, "counter").map(Ok),
        Outcome::Error(error) => error_in(error).map(Err),
    }
}
