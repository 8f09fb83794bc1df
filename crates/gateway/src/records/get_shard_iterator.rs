//! GetShardIterator.

use super::arrival::has_arrived;
use crate::gateway::{Gateway, token_keys};
use crate::resolve;
use crate::tokens::iterator::Position;
use anabranch_api::{ApiError, GetShardIterator, IteratorStart, RequestContext, ShardIterator, messages};
use anabranch_catalog::{Shard, StreamMap};
use anabranch_cluster::{NodeError, ReadStart, ShardKey};
use anabranch_types::{Counter, SequenceNumber, ShardId, Timestamp};

pub(crate) async fn get_shard_iterator(
    gateway: &Gateway,
    context: &RequestContext,
    request: &GetShardIterator,
) -> Result<ShardIterator, ApiError> {
    let map = resolve::served_stream(gateway, context, &request.stream).await?;
    let name = &map.stream.name;
    let id =
        ShardId::parse(&request.shard).map_err(|_| messages::shard_not_found(&request.shard, name, context.account))?;
    let shard = map.shard(id).ok_or_else(|| messages::shard_absent(id, name, context.account))?;
    let now = gateway.now();
    let next = match request.start {
        IteratorStart::TrimHorizon => Counter::ZERO,
        IteratorStart::AtSequenceNumber(number) => checked(context, &map, shard, number, now)?.counter,
        IteratorStart::AfterSequenceNumber(number) => checked(context, &map, shard, number, now)?.counter.next(),
        IteratorStart::Latest => locate(gateway, context, &map, shard, ReadStart::Latest).await?,
        IteratorStart::AtTimestamp(at) if at > now => return Err(messages::timestamp_in_future(at, now)),
        IteratorStart::AtTimestamp(at) => locate(gateway, context, &map, shard, ReadStart::AtTimestamp(at)).await?,
    };
    let position = Position { stream: map.stream.uid, name: name.clone(), shard: id, next, issued: now };
    let view = gateway.view.load();
    Ok(ShardIterator(position.seal(token_keys(&view)?.sealing(now), &*gateway.env.random)))
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
