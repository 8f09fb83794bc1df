//! Bad input gets a typed error that names the field and the rule (I10); a node that cannot serve
//! says so.

use crate::world::{World, account, details, entry, orders};
use anabranch_aws_api::Verification;
use anabranch_grpc_api::{GrpcLimits, GrpcOptions};
use anabranch_proto::v1::*;
use std::time::Duration;
use tonic::{Code, Request};

fn options() -> GrpcOptions {
    GrpcOptions::new(account(), Verification::FormOnly)
}

#[tokio::test(start_paused = true)]
async fn fields_of_streams_that_break_a_rule_are_named() {
    let world = World::open();
    let mut client = world.streams().await;
    let mut refused = Vec::new();
    for (name, shard_count) in [("a b", 1), ("", 1), ("orders", 0)] {
        let request = CreateStreamRequest { name: name.to_owned(), shard_count };
        refused.push(client.create_stream(request).await.expect_err("a bad field"));
    }
    refused.push(client.delete_stream(DeleteStreamRequest::default()).await.expect_err("no stream"));
    let limit = DescribeStreamRequest { stream: orders(), limit: Some(0), exclusive_start_shard_id: None };
    refused.push(client.describe_stream(limit).await.expect_err("a limit of 0"));
    let after = Some("x".to_owned());
    let shard = DescribeStreamRequest { stream: orders(), limit: None, exclusive_start_shard_id: after };
    refused.push(client.describe_stream(shard).await.expect_err("no shard id"));
    let token = Some("t".to_owned());
    let both = ListShardsRequest { stream: orders(), next_token: token, ..ListShardsRequest::default() };
    refused.push(client.list_shards(both).await.expect_err("a stream beside a token"));
    let filter = Some(ShardFilter { filter: None });
    let empty = ListShardsRequest { stream: orders(), filter, ..ListShardsRequest::default() };
    refused.push(client.list_shards(empty).await.expect_err("a filter of nothing"));
    let told: Vec<_> = refused.iter().map(|status| (details(status).field, status.message().to_owned())).collect();
    let name_rule = "name must have 1 to 128 of the characters a-z, A-Z, 0-9, '_', '.' and '-'";
    let expected = [
        ("name", name_rule),
        ("name", name_rule),
        ("shard_count", "shard_count must be at least 1"),
        ("stream", "stream must name a stream, by name or by arn"),
        ("limit", "limit must be from 1 to 10,000"),
        ("exclusive_start_shard_id", "exclusive_start_shard_id must be a shard id"),
        ("stream", "stream must not come with next_token, which decides it"),
        ("filter.filter", "filter.filter must be given"),
    ];
    assert_eq!(told, expected.map(|(field, text)| (field.to_owned(), text.to_owned())));
    assert!(refused.iter().all(|status| status.code() == Code::InvalidArgument));
    assert_eq!(world.fake.seen(), Vec::<String>::new(), "the service is not bothered");
}

#[tokio::test(start_paused = true)]
async fn fields_of_records_that_break_a_rule_are_named() {
    let world = World::open();
    let mut client = world.records().await;
    let mut told = Vec::new();
    for entries in [
        Vec::new(),
        vec![entry("k", ""); 501],
        vec![entry("k", ""), entry("", "")],
        vec![PutEntry { explicit_hash_key: Some("-1".to_owned()), ..entry("k", "") }],
    ] {
        let request = PutRecordsRequest { stream: orders(), entries };
        told.push(details(&client.put_records(request).await.expect_err("bad entries")).field);
    }
    let no_entry = PutRecordRequest { stream: orders(), ..PutRecordRequest::default() };
    told.push(details(&client.put_record(no_entry).await.expect_err("no entry")).field);
    let ordering = Some("12".to_owned());
    let request =
        PutRecordRequest { stream: orders(), entry: Some(entry("k", "")), sequence_number_for_ordering: ordering };
    told.push(details(&client.put_record(request).await.expect_err("no number")).field);
    let at = starting_position::Start::AtSequenceNumber("x".to_owned());
    for position in [None, Some(StartingPosition { start: Some(at) })] {
        let request = GetShardIteratorRequest { stream: orders(), shard_id: "s".to_owned(), position };
        told.push(details(&client.get_shard_iterator(request).await.expect_err("no position")).field);
    }
    let expected = [
        "entries",
        "entries",
        "entries[1].partition_key",
        "entries[0].explicit_hash_key",
        "entry",
        "sequence_number_for_ordering",
        "position",
        "position.at_sequence_number",
    ];
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_service_keeps_its_name() {
    let world = World::open();
    let request = CreateStreamRequest { name: "taken".to_owned(), shard_count: 1 };
    let status = world.streams().await.create_stream(request).await.expect_err("it exists");
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.message(), "Stream taken under account 000000000042 already exists.");
    assert_eq!(details(&status).code, "ResourceInUseException");
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_when_its_client_said_so_and_the_service_knows() {
    let world = World::open();
    let mut request = Request::new(DescribeStreamRequest { stream: orders(), ..DescribeStreamRequest::default() });
    request.set_timeout(Duration::from_secs(2));
    let begun = world.env.clock.monotonic();
    let status = world.streams().await.describe_stream(request).await.expect_err("it takes three seconds");
    assert_eq!(status.code(), Code::DeadlineExceeded);
    let deadline = world.fake.contexts.lock().expect("nobody panicked")[0].deadline;
    assert_eq!(deadline - begun, Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_message_beyond_the_limit_is_refused() {
    let limits = GrpcLimits { message_bytes_max: 1_000, ..GrpcLimits::default() };
    let world = World::with(GrpcOptions { limits, ..options() });
    let request = PutRecordsRequest { stream: orders(), entries: vec![entry("k", &"x".repeat(2_000))] };
    let status = world.records().await.put_records(request).await.expect_err("too large");
    assert_eq!(status.code(), Code::OutOfRange);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_starting_says_so() {
    let world = World::closed(options());
    let mut client = world.streams().await;
    let status = client.list_streams(ListStreamsRequest::default()).await.expect_err("nobody there yet");
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "The node is starting; retry."));
    world.door.open(world.fake.clone());
    client.list_streams(ListStreamsRequest::default()).await.expect("the same connection is served");
}

#[tokio::test(start_paused = true)]
async fn an_open_call_is_answered_while_the_node_drains() {
    let world = World::open();
    let mut client = world.streams().await;
    let call = tokio::spawn(async move {
        client.describe_stream(DescribeStreamRequest { stream: orders(), ..DescribeStreamRequest::default() }).await
    });
    while world.fake.count("DescribeStream") == 0 {
        tokio::task::yield_now().await;
    }
    world.door.calls().shutdown(Duration::from_secs(20)).await.expect("the call ends in time");
    call.await.expect("the client lives").expect("its call was answered");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_method_or_service_is_unimplemented() {
    let world = World::open();
    let link = world.link().await;
    for path in ["/anabranch.v1.Records/Drop", "/anabranch.v2.Records/PutRecord", "/"] {
        let mut client = tonic::client::Grpc::new(link.clone());
        client.ready().await.expect("always ready");
        let codec = tonic_prost_codec();
        let path = path.parse().expect("a path");
        let status = client.unary(Request::new(ListStreamsRequest::default()), path, codec).await;
        assert_eq!(status.expect_err("nothing is there").code(), Code::Unimplemented);
    }
}

fn tonic_prost_codec() -> tonic_prost::ProstCodec<ListStreamsRequest, ListStreamsResponse> {
    tonic_prost::ProstCodec::default()
}
