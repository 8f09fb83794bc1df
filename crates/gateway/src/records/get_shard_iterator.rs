//! GetShardIterator.

use super::arrival::has_arrived;
use crate::gateway::{Gateway, token_keys};
use crate::resolve;
use crate::tokens::iterator::Position;
use anabranch_api::{ApiError, GetShardIterator, IteratorStart, RequestContext, ShardIterator, messages};
use anabranch_catalog::{Shard, StreamMap};
use anabranch_cluster::{NodeError, ReadStart, ShardKey};
use anabranch_types::{Counter, SequenceNumber, ShardId, Timestamp};
use std::sync::Arc;

pub(crate) async fn get_shard_iterator(
    gateway: &Gateway,
    context: &RequestContext,
    request: &GetShardIterator,
) -> Result<ShardIterator, ApiError> {
    let map = resolve::served_stream(gateway, context, &request.stream).await?;
    let (map, shard) = shard_named(gateway, context, map, &request.shard).await?;
    let now = gateway.now();
    let next = first_counter(gateway, context, &map, &shard, request.start).await?;
    let position =
        Position { stream: map.stream.uid, name: map.stream.name.clone(), shard: shard.id, next, issued: now };
    let view = gateway.view.load();
    Ok(ShardIterator(position.seal(token_keys(&view)?.sealing(now), &*gateway.env.random)))
}

/// The shard that a request means, and the map that shows it.
///
/// # Errors
/// `ResourceNotFound` when the stream has none such.
pub(crate) async fn shard_named(
    gateway: &Gateway,
    context: &RequestContext,
    map: Arc<StreamMap>,
    shard: &str,
) -> Result<(Arc<StreamMap>, Shard), ApiError> {
    let account = context.account;
    let id = ShardId::parse(shard).map_err(|_| messages::shard_not_found(shard, &map.stream.name, account))?;
    let map = resolve::with_shard(gateway, map, id).await?;
    let shard = map.shard(id).copied().ok_or_else(|| messages::shard_absent(id, &map.stream.name, account))?;
    Ok((map, shard))
}

/// The counter that a reader who begins at `start` reads first.
///
/// # Errors
/// `InvalidArgument` when `start` is none of this shard.
pub(crate) async fn first_counter(
    gateway: &Gateway,
    context: &RequestContext,
    map: &StreamMap,
    shard: &Shard,
    start: IteratorStart,
) -> Result<Counter, ApiError> {
    let now = gateway.now();
    match start {
        IteratorStart::TrimHorizon => Ok(Counter::ZERO),
        IteratorStart::AtSequenceNumber(number) => Ok(checked(context, map, shard, number, now)?.counter),
        IteratorStart::AfterSequenceNumber(number) => Ok(checked(context, map, shard, number, now)?.counter.next()),
        IteratorStart::Latest => locate(gateway, context, map, shard, ReadStart::Latest).await,
        IteratorStart::AtTimestamp(at) if at > now => Err(messages::timestamp_in_future(at, now)),
        IteratorStart::AtTimestamp(at) => locate(gateway, context, map, shard, ReadStart::AtTimestamp(at)).await,
    }
}

/// The number, if it is one of this shard's.
fn checked(
    context: &RequestContext,
    map: &StreamMap,
    shard: &Shard,
    number: SequenceNumber,
    now: Timestamp,
) -> Result<SequenceNumber, ApiError> {
    let (text, name) = (number.to_string(), &map.stream.name);
    if number.epoch.shard != shard.id {
        return Err(messages::starting_number_of_other_shard(number.epoch.shard, shard.id));
    }
    if number.epoch != shard.epoch() {
        return Err(messages::starting_number_of_other_stream(&text, shard.id, name, context.account));
    }
    if !has_arrived(number, now) {
        return Err(messages::invalid_starting_sequence_number(&text, &shard.id.to_string(), name, context.account));
    }
    Ok(number)
}

async fn locate(
    gateway: &Gateway,
    context: &RequestContext,
    map: &StreamMap,
    shard: &Shard,
    start: ReadStart,
) -> Result<Counter, ApiError> {
    let key = ShardKey { stream: map.stream.uid, shard: shard.id };
    let group = shard.group;
    let deadline = gateway.deadline(context, gateway.options.read_patience);
    let located =
        gateway.router.call(group, deadline, |node| async move { node.locate(group, key, start).await }).await;
    located.map_err(|error| match error {
        NodeError::NoSuchShard { .. } => messages::shard_absent(shard.id, &map.stream.name, context.account),
        error => resolve::node_failed(&error),
    })
}
