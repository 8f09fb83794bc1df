//! Writing records.

use super::error::{throttled_in, throttled_out};
use super::{CodecError, counter_in, error_in, error_out, needed, shard_key_in, shard_key_out, uint128, uint128_in};
use crate::error::NodeError;
use crate::storage_node::{Attempt, PutItem, PutRecordIn, PutReply, PutRequest, RecordFate};
use anabranch_proto::peer::v1 as proto;
use anabranch_types::{GroupId, HashKey, PartitionKey, RequestId, Timestamp};
use proto::put_reply::Outcome;
use proto::record_fate::Fate;

pub(in crate::wire) fn put_out(request: &PutRequest, attempt: Attempt) -> proto::PutRequest {
    let attempt = match attempt {
        Attempt::First => proto::Attempt::First,
        Attempt::Again => proto::Attempt::Again,
    };
    proto::PutRequest {
        group: request.group.0,
        request_id: Some(uint128(request.request_id.0)),
        issued_ms: request.issued.as_millis(),
        attempt: attempt.into(),
        items: request.items.iter().map(item_out).collect(),
    }
}

pub(in crate::wire) fn put_in(request: proto::PutRequest) -> Result<(PutRequest, Attempt), CodecError> {
    let attempt = match proto::Attempt::try_from(request.attempt) {
        Ok(proto::Attempt::First) => Attempt::First,
        Ok(proto::Attempt::Again) => Attempt::Again,
        Ok(proto::Attempt::Unspecified) | Err(_) => {
            return Err(CodecError::invalid("attempt", format!("this build knows no attempt {}", request.attempt)));
        }
    };
    let request = PutRequest {
        group: GroupId(request.group),
        request_id: RequestId(uint128_in(request.request_id, "request id")?),
        issued: Timestamp::from_millis(request.issued_ms),
        items: request.items.into_iter().map(item_in).collect::<Result<_, _>>()?,
    };
    Ok((request, attempt))
}

fn item_out(item: &PutItem) -> proto::PutItem {
    let records = item.records.iter().map(|record| proto::PutRecord {
        hash_key: Some(uint128(record.hash_key.0)),
        partition_key: record.partition_key.as_str().to_owned(),
        data: record.data.clone(),
    });
    proto::PutItem { shard: Some(shard_key_out(item.shard)), records: records.collect() }
}

fn item_in(item: proto::PutItem) -> Result<PutItem, CodecError> {
    if item.records.is_empty() {
        return Err(CodecError::Missing { field: "records" });
    }
    let records = item.records.into_iter().map(|record| {
        Ok(PutRecordIn {
            hash_key: HashKey(uint128_in(record.hash_key, "hash key")?),
            partition_key: PartitionKey::new(record.partition_key)
                .map_err(|error| CodecError::invalid("partition key", error))?,
            data: record.data,
        })
    });
    Ok(PutItem { shard: shard_key_in(item.shard)?, records: records.collect::<Result<_, _>>()? })
}

pub(in crate::wire) fn put_reply_out(reply: Result<PutReply, NodeError>) -> proto::PutReply {
    let outcome = match reply {
        Ok(reply) => {
            let items = reply.fates.into_iter().map(|fates| proto::ItemFates {
                fates: fates.into_iter().map(|fate| proto::RecordFate { fate: Some(fate_out(fate)) }).collect(),
            });
            Outcome::Fates(proto::PutFates { items: items.collect() })
        }
        Err(error) => Outcome::Error(error_out(error)),
    };
    proto::PutReply { outcome: Some(outcome) }
}

pub(in crate::wire) fn put_reply_in(reply: proto::PutReply) -> Result<Result<PutReply, NodeError>, CodecError> {
    match needed(reply.outcome, "outcome")? {
        Outcome::Fates(proto::PutFates { items }) => {
            let fates = items.into_iter().map(|item| item.fates.into_iter().map(fate_in).collect());
            Ok(Ok(PutReply { fates: fates.collect::<Result<_, _>>()? }))
        }
        Outcome::Error(error) => error_in(error).map(Err),
    }
}

fn fate_out(fate: RecordFate) -> Fate {
    match fate {
        RecordFate::Stored { counter, arrival } => {
            Fate::Stored(proto::Stored { counter: counter.bits(), arrival_ms: arrival.as_millis() })
        }
        RecordFate::Throttled { bucket, retry_after } => Fate::Throttled(throttled_out(bucket, retry_after)),
        RecordFate::Closed => Fate::Closed(proto::Empty {}),
        RecordFate::Misrouted => Fate::Misrouted(proto::Empty {}),
        RecordFate::TooOld => Fate::TooOld(proto::Empty {}),
    }
}

fn fate_in(fate: proto::RecordFate) -> Result<RecordFate, CodecError> {
    Ok(match needed(fate.fate, "fate")? {
        Fate::Stored(stored) => RecordFate::Stored {
            counter: counter_in(stored.counter, "counter")?,
            arrival: Timestamp::from_millis(stored.arrival_ms),
        },
        Fate::Throttled(throttled) => {
            let (bucket, retry_after) = throttled_in(throttled)?;
            RecordFate::Throttled { bucket, retry_after }
        }
        Fate::Closed(proto::Empty {}) => RecordFate::Closed,
        Fate::Misrouted(proto::Empty {}) => RecordFate::Misrouted,
        Fate::TooOld(proto::Empty {}) => RecordFate::TooOld,
    })
}
