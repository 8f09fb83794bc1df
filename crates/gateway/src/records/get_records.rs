//! GetRecords.

use crate::gateway::{Gateway, token_keys};
use crate::resolve;
use crate::tokens::iterator::Position;
use crate::tokens::seal::{KeyPast, Unopened};
use anabranch_api::{
    ApiError, ChildShard, GetRecords, GetRecordsOutput, Record, RequestContext, ShardIterator, messages,
};
use anabranch_catalog::{Shard, StreamMap, StreamStatus};
use anabranch_cluster::{NodeError, ReadReply, ReadRequest, ShardKey};
use anabranch_types::{SequenceNumber, Timestamp, limits};
use std::sync::Arc;

pub(crate) async fn get_records(
    gateway: &Gateway,
    context: &RequestContext,
    request: &GetRecords,
) -> Result<GetRecordsOutput, ApiError> {
    let now = gateway.now();
    let position = open(gateway, request, now)?;
    let map = stream_of(gateway, context, request, &position).await?;
    let absent = || messages::shard_absent(position.shard, &position.name, context.account);
    let shard = map.shard(position.shard).ok_or_else(absent)?;
    let read = ReadRequest {
        group: shard.group,
        shard: ShardKey { stream: position.stream, shard: position.shard },
        from: position.next,
        records_max: request.limit.unwrap_or(limits::GET_RECORDS_COUNT_MAX).min(limits::GET_RECORDS_COUNT_MAX),
        bytes_max: limits::GET_RECORDS_BYTES_MAX,
    };
    let deadline = gateway.deadline(context, gateway.options.read_patience);
    let reply = gateway.router.call(shard.group, deadline, |node| async move { node.read(read).await }).await;
    let reply = reply.map_err(|error| match error {
        NodeError::NoSuchShard { .. } => absent(),
        NodeError::Throttled { bucket, retry_after } => {
            messages::rate_exceeded(position.shard, &position.name, context.account, bucket, retry_after)
        }
        error => resolve::node_failed(&error),
    })?;
    output(gateway, &map, shard, position, reply, now)
}

/// The iterator's contents, if it is ours and young enough.
fn open(gateway: &Gateway, request: &GetRecords, now: Timestamp) -> Result<Position, ApiError> {
    let view = gateway.view.load();
    let position = Position::open(&request.iterator.0, token_keys(&view)?, now).map_err(|unopened| match unopened {
        Unopened::NotAToken(_) => messages::invalid_iterator(),
        Unopened::KeyPast(KeyPast { sealed_until }) => {
            messages::iterator_expired_long_ago(sealed_until, now, limits::ITERATOR_VALID)
        }
    })?;
    if now > position.issued.plus(limits::ITERATOR_VALID) {
        return Err(messages::iterator_expired(position.issued, now, limits::ITERATOR_VALID));
    }
    Ok(position)
}

/// The iterator's stream: the same incarnation, and the one that the request's ARN names.
async fn stream_of(
    gateway: &Gateway,
    context: &RequestContext,
    request: &GetRecords,
    position: &Position,
) -> Result<Arc<StreamMap>, ApiError> {
    let gone = || messages::stream_not_found(&position.name, context.account);
    if request.stream_arn.as_ref().is_some_and(|arn| arn.name != position.name || arn.account != context.account) {
        return Err(messages::invalid_iterator());
    }
    let look = || gateway.view.load().map.stream(position.stream).cloned();
    let map = match look() {
        Some(map) => map,
        None => {
            gateway.refresh().await?;
            look().ok_or_else(gone)?
        }
    };
    if map.stream.account != context.account || map.stream.status == StreamStatus::Deleting {
        return Err(gone());
    }
    Ok(map)
}

fn output(
    gateway: &Gateway,
    map: &StreamMap,
    shard: &Shard,
    position: Position,
    reply: ReadReply,
    now: Timestamp,
) -> Result<GetRecordsOutput, ApiError> {
    assert!(reply.next >= position.next, "I5: an iterator went back from {:?} to {:?}", position.next, reply.next);
    let epoch = shard.epoch();
    let records = reply.records.into_iter().map(|record| Record {
        sequence_number: SequenceNumber::of_record(epoch, record.counter, record.arrival),
        arrival: record.arrival,
        data: record.data,
        partition_key: record.partition_key,
    });
    let records = records.collect();
    let (next, child_shards) = if reply.ended {
        (None, map.children(shard.id).map(child).collect())
    } else {
        let view = gateway.view.load();
        let following = Position { next: reply.next, issued: now, ..position };
        (Some(ShardIterator(following.seal(token_keys(&view)?.sealing(now), &*gateway.env.random))), Vec::new())
    };
    Ok(GetRecordsOutput { records, next, millis_behind_latest: reply.millis_behind_latest, child_shards })
}

fn child(shard: &Shard) -> ChildShard {
    let parents = shard.parents.parent().into_iter().chain(shard.parents.adjacent()).collect();
    ChildShard { id: shard.id, parents, range: shard.range }
}
