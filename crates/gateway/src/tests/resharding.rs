//! Puts and reads that meet a reshard (D7, I4, I12).

use super::world::{World, context, named};
use anabranch_api::{
    ErrorCode, GetRecords, GetRecordsOutput, GetShardIterator, IteratorStart, Kinesis, PutEntry, PutRecords, PutResult,
    ShardIterator,
};
use anabranch_catalog::ReshardStep;
use anabranch_types::{HashKey, PartitionKey, RequestId, ShardId, StreamUid};
use bytes::Bytes;
use std::time::Duration;

const PARENT: ShardId = ShardId(0);
const MIDDLE: HashKey = HashKey(1 << 127);
const SPLIT: ReshardStep = ReshardStep::Split { parent: PARENT, at: MIDDLE };
/// Of the first of two shards.
const SPLIT_OF_TWO: ReshardStep = ReshardStep::Split { parent: PARENT, at: HashKey(1 << 126) };

/// A record whose hash key is `key`.
fn entry(key: u128) -> PutEntry {
    PutEntry {
        data: Bytes::from(key.to_string()),
        partition_key: PartitionKey::new("key".to_owned()).expect("valid"),
        explicit_hash_key: Some(HashKey(key)),
    }
}

async fn put(world: &World, keys: &[u128]) -> Vec<PutResult> {
    let request = PutRecords { stream: named("orders"), entries: keys.iter().copied().map(entry).collect() };
    world.gateway.put_records(&context(), request).await.expect("no error of the whole call").results
}

/// Puts while the parents of `uid` are sealed, and opens the children a second later.
async fn put_into_the_pause(world: &mut World, uid: StreamUid, keys: &[u128]) -> Vec<PutResult> {
    let request = PutRecords { stream: named("orders"), entries: keys.iter().copied().map(entry).collect() };
    let (gateway, asking) = (std::sync::Arc::clone(&world.gateway), context());
    let put = gateway.put_records(&asking, request);
    let committed = async {
        world.pass(Duration::from_secs(1)).await;
        world.commit(uid);
    };
    let (answer, ()) = futures::future::join(put, committed).await;
    answer.expect("no error of the whole call").results
}

fn shards(results: &[PutResult]) -> Vec<ShardId> {
    results.iter().map(|result| result.as_ref().expect("stored").shard).collect()
}

#[tokio::test(start_paused = true)]
async fn records_of_a_sealed_shard_wait_for_its_children_and_keep_their_order() {
    let mut world = World::new();
    let uid = world.active("orders", 1).stream.uid;
    world.seal(uid, SPLIT);
    let results = put_into_the_pause(&mut world, uid, &[5, MIDDLE.0, 7, MIDDLE.0 + 1, 6]).await;
    assert_eq!(shards(&results), [1, 2, 1, 2, 1].map(ShardId));
    let epochs = results.iter().map(|result| result.as_ref().expect("stored").sequence_number.epoch.shard);
    assert_eq!(epochs.collect::<Vec<_>>(), shards(&results), "numbers are the children's");
    let puts = world.storage.puts.lock();
    let (refused, children) = puts.split_first().expect("several puts");
    assert_eq!(refused.1, PARENT);
    let texts = |of: &[Bytes]| of.iter().map(|data| String::from_utf8_lossy(data).into_owned()).collect::<Vec<_>>();
    assert_eq!((children[0].1, texts(&children[0].2)), (ShardId(1), ["5", "7", "6"].map(str::to_owned).to_vec()));
    assert_eq!(children[1].1, ShardId(2));
}

#[tokio::test(start_paused = true)]
async fn what_goes_to_a_child_is_a_request_of_its_own() {
    let mut world = World::new();
    let uid = world.active("orders", 1).stream.uid;
    world.seal(uid, SPLIT);
    put_into_the_pause(&mut world, uid, &[1, MIDDLE.0]).await;
    let calls: Vec<RequestId> = world.storage.puts.lock().iter().map(|(call, ..)| *call).collect();
    assert_eq!(calls[0], context().request_id);
    assert!(calls[1..].iter().all(|call| *call != calls[0]), "the group remembers it as refused: {calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_merge_takes_what_waits_for_both_of_its_parents() {
    let mut world = World::new();
    let uid = world.active("orders", 2).stream.uid;
    world.seal(uid, ReshardStep::Merge { parent: ShardId(1), adjacent: PARENT });
    let results = put_into_the_pause(&mut world, uid, &[MIDDLE.0, 1]).await;
    assert_eq!(shards(&results), [ShardId(2); 2]);
}

#[tokio::test(start_paused = true)]
async fn records_that_wait_too_long_fail_alone() {
    let mut world = World::new();
    let uid = world.active("orders", 2).stream.uid;
    world.seal(uid, SPLIT_OF_TWO);
    let begun = world.gateway.env.clock.monotonic();
    let results = put(&world, &[1, MIDDLE.0]).await;
    let waited = world.gateway.env.clock.monotonic() - begun;
    assert_eq!(results[0].as_ref().expect_err("nobody opened the children").code, ErrorCode::InternalFailure);
    assert_eq!(results[1].as_ref().expect("its shard is open").shard, ShardId(1));
    assert!(waited >= Duration::from_secs(5) && waited < Duration::from_secs(6), "{waited:?}");
}

async fn read(world: &World, iterator: &ShardIterator, wait_max: Duration) -> GetRecordsOutput {
    let iterator = iterator.clone();
    let request = GetRecords { iterator, limit: None, stream_arn: None, bytes_max: None, wait_max };
    world.gateway.get_records(&context(), request).await.expect("a good iterator")
}

#[tokio::test(start_paused = true)]
async fn a_sealed_shard_has_no_end_before_it_has_children() {
    let mut world = World::new();
    let uid = world.active("orders", 1).stream.uid;
    let iterator = world.iterator("orders", IteratorStart::TrimHorizon).await.expect("an active stream");
    world.seal(uid, SPLIT);
    let before = read(&world, &iterator, Duration::ZERO).await;
    assert!(before.next.is_some() && before.child_shards.is_empty());
    let begun = world.gateway.env.clock.monotonic();
    let waiting = read(&world, &iterator, Duration::from_secs(3)).await;
    assert!(waiting.next.is_some() && waiting.child_shards.is_empty());
    let waited = world.gateway.env.clock.monotonic() - begun;
    assert!(waited >= Duration::from_secs(3), "a follower does not ask again and again: {waited:?}");
    world.commit(uid);
    let after = read(&world, &iterator, Duration::ZERO).await;
    assert_eq!(after.next, None);
    assert_eq!(after.child_shards.iter().map(|child| child.id).collect::<Vec<_>>(), [1, 2].map(ShardId));
}

#[tokio::test(start_paused = true)]
async fn a_child_that_other_nodes_know_first_is_asked_for_before_it_is_said_not_to_exist() {
    let mut world = World::new();
    let uid = world.active("orders", 1).stream.uid;
    world.seal(uid, SPLIT);
    world.lag();
    world.commit(uid);
    assert!(world.gateway.view.load().map.stream(uid).is_some_and(|map| map.shard(ShardId(2)).is_none()));
    let iterator = |shard: &str| GetShardIterator {
        stream: named("orders"),
        shard: shard.to_owned(),
        start: IteratorStart::TrimHorizon,
    };
    let child = world.gateway.get_shard_iterator(&context(), iterator("shardId-000000000002")).await;
    let child = child.expect("the leader knows it");
    assert!(read(&world, &child, Duration::ZERO).await.next.is_some());
    let none = world.gateway.get_shard_iterator(&context(), iterator("shardId-000000000003")).await;
    assert_eq!(none.expect_err("nobody knows it").code, ErrorCode::ResourceNotFound);
}
