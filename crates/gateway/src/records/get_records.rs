//! GetRecords.

use super::parking;
use crate::gateway::{Gateway, token_keys};
use crate::resolve;
use crate::tokens::iterator::Position;
use crate::tokens::seal::{KeyPast, Unopened};
use anabranch_api::{
    ApiError, ChildShard, GetRecords, GetRecordsOutput, Record, RequestContext, ShardIterator, messages,
};
use anabranch_catalog::{Shard, StreamMap, StreamStatus};
use anabranch_cluster::{NodeError, ReadReply, ReadRequest, RecordOut, ShardKey};
use anabranch_types::{SequenceNumber, ShardId, Timestamp, limits};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The least that is left of a follower's wait: without any it would be no follower's.
const WAIT_MIN: Duration = Duration::from_millis(1);

pub(crate) async fn get_records(
    gateway: &Gateway,
    context: &RequestContext,
    request: &GetRecords,
) -> Result<GetRecordsOutput, ApiError> {
    let now = gateway.now();
    let position = open(gateway, request, now)?;
    let map = stream_of(gateway, context, request, &position).await?;
    let map = resolve::with_shard(gateway, map, position.shard).await?;
    let absent = || messages::shard_absent(position.shard, &position.name, context.account);
    let shard = map.shard(position.shard).ok_or_else(absent)?;
    let read = ReadRequest {
        group: shard.group,
        shard: ShardKey { stream: position.stream, shard: position.shard },
        from: position.next,
        records_max: request.limit.unwrap_or(limits::GET_RECORDS_COUNT_MAX).min(limits::GET_RECORDS_COUNT_MAX),
        bytes_max: request.bytes_max.unwrap_or(limits::GET_RECORDS_BYTES_MAX).min(limits::GET_RECORDS_BYTES_MAX),
        wait_max: request.wait_max,
        subscription: None,
    };
    let patience = gateway.options.read_patience;
    let deadline = gateway.deadline(context, patience.saturating_add(request.wait_max));
    let reply = gateway.router.call_held(shard.group, deadline, request.wait_max, |node| {
        // Asked again, a read waits for what is left of its time, and the patience is for the answer.
        let left = deadline.saturating_sub(gateway.env.clock.monotonic()).saturating_sub(patience);
        let read = ReadRequest { wait_max: read.wait_max.min(left.max(WAIT_MIN)), ..read };
        async move { node.read(read).await }
    });
    let reply = reply.await;
    let reply = reply.map_err(|error| match error {
        NodeError::NoSuchShard { .. } => absent(),
        NodeError::Throttled { bucket, retry_after } => {
            messages::rate_exceeded(position.shard, &position.name, context.account, bucket, retry_after)
        }
        error => resolve::node_failed(&error),
    })?;
    let is_over = if reply.ended { is_over(gateway, &position, &reply, request.wait_max).await } else { false };
    output(gateway, &map, shard, position, reply, is_over)
}

/// Whether the end that a read came to is the shard's end for its readers too: a shard is sealed before
/// its children are there, and until then it is read as at any tip. A reader that would wait for records
/// waits for the children.
async fn is_over(gateway: &Gateway, position: &Position, reply: &ReadReply, wait_max: Duration) -> bool {
    let shards = BTreeSet::from([position.shard]);
    let patience = if reply.records.is_empty() { wait_max } else { Duration::ZERO };
    let closed = parking::wait(&gateway.view, position.stream, &shards, patience).await;
    closed.is_some() || gateway.view.load().map.stream(position.stream).is_none()
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
    is_over: bool,
) -> Result<GetRecordsOutput, ApiError> {
    assert!(reply.next >= position.next, "I5: an iterator went back from {:?} to {:?}", position.next, reply.next);
    let records = reply.records.into_iter().map(|record| numbered(shard, record)).collect();
    // Loaded anew: while the read waited, keys may have changed and children come.
    let (view, now) = (gateway.view.load(), gateway.now());
    let (next, child_shards) = if is_over {
        let map = view.map.stream(position.stream).map_or(map, |map| &**map);
        (None, children(map, shard.id))
    } else {
        let following = Position { next: reply.next, issued: now, ..position };
        (Some(ShardIterator(following.seal(token_keys(&view)?.sealing(now), &*gateway.env.random))), Vec::new())
    };
    Ok(GetRecordsOutput { records, next, millis_behind_latest: reply.millis_behind_latest, child_shards })
}

/// A record of `shard` as readers get it.
pub(crate) fn numbered(shard: &Shard, record: RecordOut) -> Record {
    Record {
        sequence_number: SequenceNumber::of_record(shard.epoch(), record.counter, record.arrival),
        arrival: record.arrival,
        data: record.data,
        partition_key: record.partition_key,
    }
}

/// What a reader goes on with at the end of `shard`.
pub(crate) fn children(map: &StreamMap, shard: ShardId) -> Vec<ChildShard> {
    map.children(shard).map(child).collect()
}

fn child(shard: &Shard) -> ChildShard {
    let parents = shard.parents.parent().into_iter().chain(shard.parents.adjacent()).collect();
    ChildShard { id: shard.id, parents, range: shard.range }
}
