//! Every call that is no stream: what the service is asked, and what the client is told.

use crate::fake::{ARN, number};
use crate::world::{World, entry, orders};
use anabranch_proto::v1::*;

#[tokio::test(start_paused = true)]
async fn streams_are_made_listed_described_and_deleted() {
    let world = World::open();
    let mut client = world.streams().await;
    client.create_stream(CreateStreamRequest { name: "orders".to_owned(), shard_count: 3 }).await.expect("created");
    let described = client
        .describe_stream(DescribeStreamRequest {
            stream: orders(),
            limit: Some(10),
            exclusive_start_shard_id: Some("shardId-000000000007".to_owned()),
        })
        .await
        .expect("described")
        .into_inner();
    assert_eq!((described.name.as_str(), described.arn.as_str()), ("orders", ARN));
    assert_eq!((described.status(), described.has_more_shards), (StreamStatus::Active, true));
    assert_eq!(described.retention.expect("a retention").seconds, 86_400);
    let created = described.created.expect("a time");
    assert_eq!((created.seconds, created.nanos), (1_440_900_000, 45_000_000));
    assert_eq!(described.shards[0].hash_key_range.as_ref().expect("a range").end, u128::MAX.to_string());
    assert_eq!(described.shards[0].ending_sequence_number, None);

    let request = DescribeStreamSummaryRequest { stream: orders() };
    let summary = client.describe_stream_summary(request).await.expect("described").into_inner();
    assert_eq!((summary.open_shard_count, summary.max_record_bytes), (4, 1 << 20));
    assert_eq!(summary.status(), StreamStatus::Updating);

    let request = ListStreamsRequest { limit: Some(1), exclusive_start_name: Some("a".to_owned()), next_token: None };
    let page = client.list_streams(request).await.expect("listed").into_inner();
    assert_eq!((page.streams[0].arn.as_str(), page.next_token.as_deref()), (ARN, Some("more")));

    let arn = Some(StreamRef { by: Some(stream_ref::By::Arn(ARN.to_owned())) });
    client.delete_stream(DeleteStreamRequest { stream: arn, enforce_consumer_deletion: true }).await.expect("deleted");
    assert_eq!(
        world.fake.seen(),
        [
            "CreateStream { name: StreamName(\"orders\"), shard_count: 3, tags: {} }",
            "DescribeStream { stream: StreamSelector { name: Some(StreamName(\"orders\")), arn: None }, limit: Some(10), \
             after: Some(ShardId(7)) }",
            "DescribeStreamSummary { stream: StreamSelector { name: Some(StreamName(\"orders\")), arn: None } }",
            "ListStreams { limit: Some(1), after: Some(StreamName(\"a\")), next_token: None }",
            &format!(
                "DeleteStream {{ stream: StreamSelector {{ name: None, arn: Some({:?}) }}, enforce_consumer_deletion: true }}",
                { anabranch_types::StreamArn::parse(ARN).expect("an arn") }
            ),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn shards_are_split_merged_and_scaled() {
    let world = World::open();
    let mut client = world.streams().await;
    let split = |key: &str| SplitShardRequest {
        stream: orders(),
        shard_id: "shardId-000000000007".to_owned(),
        new_starting_hash_key: key.to_owned(),
    };
    client.split_shard(split("12")).await.expect("under way");
    let beyond = client.split_shard(split("340282366920938463463374607431768211456")).await;
    assert!(beyond.expect_err("2^128").message().contains("new_starting_hash_key"));
    let merge = MergeShardsRequest {
        stream: orders(),
        shard_id: "shardId-000000000007".to_owned(),
        adjacent_shard_id: "8".to_owned(),
    };
    client.merge_shards(merge).await.expect("under way");
    let scale = |target| UpdateShardCountRequest { stream: orders(), target_shard_count: target };
    let begun = client.update_shard_count(scale(5)).await.expect("under way").into_inner();
    assert_eq!((begun.current_shard_count, begun.target_shard_count), (3, 5));
    let none = client.update_shard_count(scale(0)).await;
    assert!(none.expect_err("no shards").message().contains("target_shard_count"));
    let stream = "StreamSelector { name: Some(StreamName(\"orders\")), arn: None }";
    assert_eq!(
        world.fake.seen(),
        [
            format!("SplitShard {{ stream: {stream}, shard: \"shardId-000000000007\", at: \"12\" }}"),
            format!("MergeShards {{ stream: {stream}, shard: \"shardId-000000000007\", adjacent: \"8\" }}"),
            format!("UpdateShardCount {{ stream: {stream}, target: 5 }}"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn shards_are_listed_by_filter_and_by_token() {
    let world = World::open();
    let mut client = world.streams().await;
    let at = shard_filter::Filter::AtTimestamp(prost_types::Timestamp { seconds: 1_440_900_001, nanos: 5_000_000 });
    let first = ListShardsRequest {
        stream: orders(),
        next_token: None,
        filter: Some(ShardFilter { filter: Some(at) }),
        max_results: Some(10_000),
    };
    let page = client.list_shards(first).await.expect("listed").into_inner();
    assert_eq!(page.shards[0].parent_shard_id.as_deref(), Some("shardId-000000000000"));
    assert_eq!(page.shards[0].adjacent_parent_shard_id.as_deref(), Some("shardId-000000000001"));
    assert!(page.shards[0].ending_sequence_number.is_some());
    let next = ListShardsRequest { next_token: page.next_token, ..ListShardsRequest::default() };
    client.list_shards(next).await.expect("listed");
    let all = ListShardsRequest { stream: orders(), ..ListShardsRequest::default() };
    client.list_shards(all).await.expect("listed");
    let seen = world.fake.seen();
    assert!(
        seen[0].contains("AtTimestamp(Timestamp(1440900001005))") && seen[0].contains("Some(10000)"),
        "{}",
        seen[0]
    );
    assert_eq!(seen[1], "ListShards { page: Next { token: \"next\", stream_arn: None }, max_results: None }");
    assert!(seen[2].contains("filter: FromTrimHorizon"), "{}", seen[2]);
}

#[tokio::test(start_paused = true)]
async fn records_are_put_and_read() {
    let world = World::open();
    let mut client = world.records().await;
    let one = PutRecordRequest {
        stream: orders(),
        entry: Some(PutEntry { explicit_hash_key: Some("17".to_owned()), ..entry("k", "hello") }),
        sequence_number_for_ordering: Some(number(1, 0).to_string()),
    };
    let stored = client.put_record(one).await.expect("stored").into_inner();
    assert_eq!((stored.shard_id.as_str(), stored.sequence_number), ("shardId-000000000001", number(1, 0).to_string()));
    let many = PutRecordsRequest { stream: orders(), entries: vec![entry("a", "1"), entry("b", "")] };
    let fates = client.put_records(many).await.expect("answered").into_inner();
    assert_eq!((fates.results.len(), fates.failed_count), (2, 0));

    let start = starting_position::Start::AfterSequenceNumber(number(1, 5).to_string());
    let request = GetShardIteratorRequest {
        stream: orders(),
        shard_id: "shardId-000000000001".to_owned(),
        position: Some(StartingPosition { start: Some(start) }),
    };
    let iterator = client.get_shard_iterator(request).await.expect("an iterator").into_inner().shard_iterator;
    let request = GetRecordsRequest { shard_iterator: iterator.clone(), limit: None };
    let slice = client.get_records(request).await.expect("read").into_inner();
    assert_eq!((slice.next_shard_iterator.as_deref(), slice.millis_behind_latest), (Some("BBBB"), 7));
    assert_eq!((&slice.records[0].data[..], slice.records[0].partition_key.as_str()), (&b"hello"[..], "kä"));
    let request = GetRecordsRequest { shard_iterator: iterator, limit: Some(5) };
    let end = client.get_records(request).await.expect("read").into_inner();
    assert_eq!((end.next_shard_iterator, end.child_shards.len()), (None, 1));
    let parents = ["shardId-000000000000", "shardId-000000000001"];
    assert_eq!(end.child_shards[0].parent_shard_ids, parents);
    let seen = world.fake.seen();
    assert!(seen[0].contains("explicit_hash_key: Some(HashKey(17))"), "{}", seen[0]);
    assert!(seen[2].contains("start: AfterSequenceNumber("), "{}", seen[2]);
}

#[tokio::test(start_paused = true)]
async fn every_answer_carries_the_request_id_that_the_service_saw() {
    let world = World::open();
    let answer = world.streams().await.list_streams(ListStreamsRequest::default()).await.expect("listed");
    let told = answer.metadata().get("x-amzn-requestid").expect("an id").to_str().expect("ASCII").replace('-', "");
    let contexts = world.fake.contexts.lock().expect("nobody panicked");
    assert_eq!(told, contexts[0].request_id.to_string());
}
