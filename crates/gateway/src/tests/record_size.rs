//! How large a stream's records may be.

use super::world::{World, context, named};
use anabranch_api::{
    ApiError, DescribeStreamSummary, ErrorCode, Kinesis, PutEntry, PutRecord, PutRecords, RequestContext,
    UpdateMaxRecordSize,
};
use anabranch_types::{AccountId, PartitionKey, RequestId};
use bytes::Bytes;

const MIB: usize = 1 << 20;

async fn resize(world: &World, call: u128, kib: u32) -> Result<(), ApiError> {
    let context = RequestContext { request_id: RequestId(call), ..context() };
    let request = UpdateMaxRecordSize { stream: named("orders"), max_record_kib: kib };
    world.gateway.update_max_record_size(&context, request).await
}

/// A record whose data and key have `bytes`.
fn entry(bytes: usize) -> PutEntry {
    let partition_key = PartitionKey::new("k".to_owned()).expect("valid");
    PutEntry { data: Bytes::from(vec![0; bytes - 1]), partition_key, explicit_hash_key: None }
}

/// What PutRecord and PutRecords say to a record of `bytes`.
async fn puts(world: &World, bytes: usize) -> [Option<ErrorCode>; 2] {
    let one = PutRecord { stream: named("orders"), entry: entry(bytes), above: None };
    let one = world.gateway.put_record(&context(), one).await.err();
    let many = PutRecords { stream: named("orders"), entries: vec![entry(bytes)] };
    let many = world.gateway.put_records(&context(), many).await.err();
    [one, many].map(|error| error.map(|error| error.code))
}

#[tokio::test(start_paused = true)]
async fn a_stream_takes_records_as_large_as_it_says() {
    let mut world = World::new();
    world.active("orders", 1);
    for (call, mib) in [(1, 1), (2, 10), (3, 2)] {
        resize(&world, call, mib as u32 * 1_024).await.expect("active");
        assert_eq!(puts(&world, mib * MIB).await, [None; 2]);
        assert_eq!(puts(&world, mib * MIB + 1).await, [Some(ErrorCode::Validation); 2]);
        let summary = DescribeStreamSummary { stream: named("orders") };
        let summary = world.gateway.describe_stream_summary(&context(), summary).await.expect("a stream");
        assert_eq!(summary.max_record_kib, mib as u32 * 1_024);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_is_refused() {
    let mut world = World::new();
    let code = |result: Result<(), ApiError>| result.map_err(|error| (error.code, error.message.into_owned()));
    let absent = format!("Stream orders under account {} not found.", AccountId::DEFAULT);
    assert_eq!(code(resize(&world, 1, 2_048).await), Err((ErrorCode::ResourceNotFound, absent)));
    let uid = world.create("orders", 1);
    let state = format!("Stream orders under account {} not ACTIVE, instead in state CREATING", AccountId::DEFAULT);
    assert_eq!(code(resize(&world, 2, 2_048).await), Err((ErrorCode::ResourceInUse, state)));
    world.activate(uid);
    for kib in [1_023, 10_241] {
        let text = format!("MaxRecordSizeInKiB {kib} is not between 1024 and 10240.");
        assert_eq!(code(resize(&world, 3, kib).await), Err((ErrorCode::InvalidArgument, text)));
    }
}
