//! What a stream answers on its way from creation to deletion.

use super::world::{World, context, named};
use anabranch_api::{ErrorCode, IteratorStart, Kinesis, PutEntry, PutRecord, PutRecords};
use anabranch_types::PartitionKey;
use bytes::Bytes;

/// What PutRecord, PutRecords and GetShardIterator answer.
async fn answers(world: &World) -> [Option<ErrorCode>; 3] {
    let entry = || PutEntry {
        data: Bytes::from_static(b"x"),
        partition_key: PartitionKey::new("key".to_owned()).expect("valid"),
        explicit_hash_key: None,
    };
    let one = PutRecord { stream: named("orders"), entry: entry(), above: None };
    let one = world.gateway.put_record(&context(), one).await;
    let many = PutRecords { stream: named("orders"), entries: vec![entry()] };
    let many = world.gateway.put_records(&context(), many).await;
    let iterator = world.iterator("orders", IteratorStart::TrimHorizon).await;
    [one.err().map(|error| error.code), many.err().map(|error| error.code), iterator.err()]
}

#[tokio::test(start_paused = true)]
async fn reads_and_writes_find_no_stream_that_is_not_there_yet_or_any_more() {
    let mut world = World::new();
    let not_found = [Some(ErrorCode::ResourceNotFound); 3];
    assert_eq!(answers(&world).await, not_found);
    let uid = world.create("orders", 1);
    assert_eq!(answers(&world).await, not_found);
    world.activate(uid);
    assert_eq!(answers(&world).await, [None; 3]);
    let iterator = world.iterator("orders", IteratorStart::TrimHorizon).await.expect("an active stream");
    world.delete("orders");
    assert_eq!(answers(&world).await, not_found);
    assert_eq!(world.read(&iterator).await, Err(ErrorCode::ResourceNotFound));
}

#[tokio::test(start_paused = true)]
async fn the_leader_of_the_catalog_is_asked_before_a_stream_is_said_not_to_exist() {
    let mut world = World::new();
    world.active("orders", 1);
    let known = world.iterator("orders", IteratorStart::TrimHorizon).await;
    assert!(known.is_ok());
    assert_eq!(world.asked(), 0, "what this node knows needs no question");
    let unknown = world.iterator("invoices", IteratorStart::TrimHorizon).await;
    assert_eq!(unknown.err(), Some(ErrorCode::ResourceNotFound));
    assert_eq!(world.asked(), 1);
}
