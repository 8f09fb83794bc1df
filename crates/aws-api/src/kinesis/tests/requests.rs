//! What the service is asked, with every member given.

use super::recorder::{Recorder, context, sequence_number, serve};
use crate::encoding::{Encoded, Encoding};
use crate::kinesis::Operation::{self, *};
use crate::kinesis::dispatch;
use bytes::Bytes;

async fn asked(operation: Operation, body: &str) -> String {
    let service = Recorder::default();
    serve(&service, operation, body.as_bytes()).await.expect("a good request");
    service.seen().concat()
}

const BY_NAME: &str = r#"StreamSelector { name: Some(StreamName("orders")), arn: None }"#;
const BY_ARN: &str = r#"StreamSelector { name: None, arn: Some(StreamArn { region: Region("eu-west-1"), account: AccountId(42), name: StreamName("orders") }) }"#;

#[tokio::test]
async fn create_stream_passes_name_and_count() {
    let request = |count| format!(r#"CreateStream {{ name: StreamName("orders"), shard_count: {count}, tags: {{}} }}"#);
    assert_eq!(asked(CreateStream, r#"{"StreamName":"orders","ShardCount":7.9}"#).await, request(7));
    assert_eq!(asked(CreateStream, r#"{"StreamName":"orders","ShardCount":99999999999}"#).await, request(2147483647));
    assert_eq!(asked(CreateStream, r#"{"StreamName":"orders"}"#).await, request(4));
    let spelled_out = r#"{"StreamName":"orders","ShardCount":2,"StreamModeDetails":{"StreamMode":"PROVISIONED"},
        "MaxRecordSizeInKiB":1024,"RecordDistributionStrategy":"USER_PARTITION_KEY","Unknown":{"a":[1,"b",null]}}"#;
    assert_eq!(asked(CreateStream, spelled_out).await, request(2));
}

#[tokio::test]
async fn a_stream_is_named_by_name_or_arn_or_both() {
    let arn = super::recorder::ARN;
    let stays = ", enforce_consumer_deletion: false";
    for (operation, name, rest) in
        [(DeleteStream, "DeleteStream", stays), (DescribeStreamSummary, "DescribeStreamSummary", "")]
    {
        let request = |stream: &str| format!("{name} {{ stream: {stream}{rest} }}");
        assert_eq!(asked(operation, r#"{"StreamName":"orders"}"#).await, request(BY_NAME));
        assert_eq!(asked(operation, &format!(r#"{{"StreamARN":"{arn}"}}"#)).await, request(BY_ARN));
        let both = format!(r#"{{"StreamName":"orders","StreamARN":"{arn}"}}"#);
        let by_both = BY_ARN.replace("None", r#"Some(StreamName("orders"))"#);
        assert_eq!(asked(operation, &both).await, request(&by_both));
    }
    let goes = asked(DeleteStream, r#"{"StreamName":"orders","EnforceConsumerDeletion":true}"#).await;
    assert_eq!(goes, format!("DeleteStream {{ stream: {BY_NAME}, enforce_consumer_deletion: true }}"));
}

#[tokio::test]
async fn a_consumer_is_named_by_its_arn_or_by_stream_and_name() {
    let (stream, consumer) = (super::recorder::ARN, super::recorder::CONSUMER);
    let stream_asked =
        r#"StreamArn { region: Region("eu-west-1"), account: AccountId(42), name: StreamName("orders") }"#;
    let arn_asked =
        format!(r#"ConsumerArn {{ stream: {stream_asked}, name: ConsumerName("audit"), created_s: 1742000000 }}"#);
    for (operation, name) in
        [(DeregisterStreamConsumer, "DeregisterStreamConsumer"), (DescribeStreamConsumer, "DescribeStreamConsumer")]
    {
        let request = |arn: &str, stream: &str, consumer: &str| {
            format!("{name} {{ consumer: ConsumerSelector {{ arn: {arn}, stream: {stream}, name: {consumer} }} }}")
        };
        let by_arn = asked(operation, &format!(r#"{{"ConsumerARN":"{consumer}"}}"#)).await;
        assert_eq!(by_arn, request(&format!("Some({arn_asked})"), "None", "None"));
        let by_name = asked(operation, &format!(r#"{{"StreamARN":"{stream}","ConsumerName":"audit"}}"#)).await;
        assert_eq!(by_name, request("None", &format!("Some({stream_asked})"), r#"Some(ConsumerName("audit"))"#));
    }
    assert_eq!(
        asked(RegisterStreamConsumer, &format!(r#"{{"StreamARN":"{stream}","ConsumerName":"audit"}}"#)).await,
        format!(r#"RegisterStreamConsumer {{ stream: {stream_asked}, name: ConsumerName("audit") }}"#)
    );
}

#[tokio::test]
async fn a_list_of_consumers_passes_its_page() {
    let stream = super::recorder::ARN;
    let stream_asked =
        r#"StreamArn { region: Region("eu-west-1"), account: AccountId(42), name: StreamName("orders") }"#;
    let first = format!(r#"{{"StreamARN":"{stream}","StreamCreationTimestamp":1742000000.5,"MaxResults":7}}"#);
    assert_eq!(
        asked(ListStreamConsumers, &first).await,
        format!(
            "ListStreamConsumers {{ stream: {stream_asked}, page: First {{ created: Some(Timestamp(1742000000500)) }}, \
             max_results: Some(7) }}"
        )
    );
    assert_eq!(
        asked(ListStreamConsumers, &format!(r#"{{"StreamARN":"{stream}","NextToken":"t"}}"#)).await,
        format!(r#"ListStreamConsumers {{ stream: {stream_asked}, page: Next {{ token: "t" }}, max_results: None }}"#)
    );
}

#[tokio::test]
async fn changes_of_a_retention_pass_any_number_of_hours() {
    for (operation, name) in [
        (IncreaseStreamRetentionPeriod, "IncreaseStreamRetentionPeriod"),
        (DecreaseStreamRetentionPeriod, "DecreaseStreamRetentionPeriod"),
    ] {
        for hours in [48, 0, -7, i32::MAX] {
            let body = format!(r#"{{"StreamName":"orders","RetentionPeriodHours":{hours}}}"#);
            let expected = format!("{name} {{ stream: {BY_NAME}, hours: {hours} }}");
            assert_eq!(asked(operation, &body).await, expected);
        }
        let arn = super::recorder::ARN;
        let body = format!(r#"{{"StreamARN":"{arn}","RetentionPeriodHours":24}}"#);
        assert_eq!(asked(operation, &body).await, format!("{name} {{ stream: {BY_ARN}, hours: 24 }}"));
    }
}

#[tokio::test]
async fn a_record_size_is_passed_for_the_stream_of_an_arn() {
    let arn = super::recorder::ARN;
    for kib in [1_024, 10_240] {
        let body = format!(r#"{{"StreamARN":"{arn}","MaxRecordSizeInKiB":{kib}}}"#);
        let expected = format!("UpdateMaxRecordSize {{ stream: {BY_ARN}, max_record_kib: {kib} }}");
        assert_eq!(asked(UpdateMaxRecordSize, &body).await, expected);
    }
}

#[tokio::test]
async fn describe_and_list_calls_pass_their_pages() {
    assert_eq!(
        asked(
            DescribeStream,
            r#"{"StreamName":"orders","Limit":10000,"ExclusiveStartShardId":"shardId-000000000003"}"#
        )
        .await,
        format!("DescribeStream {{ stream: {BY_NAME}, limit: Some(10000), after: Some(ShardId(3)) }}")
    );
    assert_eq!(
        asked(ListStreams, r#"{"Limit":3,"ExclusiveStartStreamName":"a","NextToken":"t"}"#).await,
        r#"ListStreams { limit: Some(3), after: Some(StreamName("a")), next_token: Some("t") }"#
    );
    assert_eq!(
        asked(ListShards, r#"{"NextToken":"t","MaxResults":5,"StreamARN":"arn:aws:kinesis:r:000000000042:stream/o"}"#)
            .await,
        r#"ListShards { page: Next { token: "t", stream_arn: Some(StreamArn { region: Region("r"), account: AccountId(42), name: StreamName("o") }) }, max_results: Some(5) }"#
    );
    assert_eq!(
        asked(
            ListShards,
            r#"{"StreamName":"orders","ExclusiveStartShardId":"shardId-000000000003","StreamCreationTimestamp":1742000000.5}"#
        )
        .await,
        format!(
            "ListShards {{ page: First {{ stream: {BY_NAME}, after: Some(ShardId(3)), filter: FromTrimHorizon, \
             created: Some(Timestamp(1742000000500)) }}, max_results: None }}"
        )
    );
}

#[tokio::test]
async fn reshards_pass_shards_and_hash_key_as_they_are_written() {
    let split = r#"{"StreamName":"orders","ShardToSplit":"shardId-000000000003","NewStartingHashKey":"170141183460469231731687303715884105728"}"#;
    assert_eq!(
        asked(SplitShard, split).await,
        format!(
            r#"SplitShard {{ stream: {BY_NAME}, shard: "shardId-000000000003", at: "170141183460469231731687303715884105728" }}"#
        )
    );
    let merge = r#"{"StreamName":"orders","ShardToMerge":"shardId-000000000004","AdjacentShardToMerge":"4"}"#;
    assert_eq!(
        asked(MergeShards, merge).await,
        format!(r#"MergeShards {{ stream: {BY_NAME}, shard: "shardId-000000000004", adjacent: "4" }}"#)
    );
    let scale = r#"{"StreamName":"orders","TargetShardCount":99999999999,"ScalingType":"UNIFORM_SCALING"}"#;
    assert_eq!(
        asked(UpdateShardCount, scale).await,
        format!("UpdateShardCount {{ stream: {BY_NAME}, target: 2147483647 }}")
    );
}

#[tokio::test]
async fn list_shards_passes_every_filter() {
    let cases = [
        (r#"{"Type":"AFTER_SHARD_ID","ShardId":"shardId-000000000009"}"#, "AfterShardId(ShardId(9))"),
        (r#"{"Type":"AT_TRIM_HORIZON"}"#, "AtTrimHorizon"),
        (r#"{"Type":"FROM_TRIM_HORIZON"}"#, "FromTrimHorizon"),
        (r#"{"Type":"AT_LATEST"}"#, "AtLatest"),
        (r#"{"Type":"AT_TIMESTAMP","Timestamp":1742000000}"#, "AtTimestamp(Timestamp(1742000000000))"),
        (r#"{"Type":"FROM_TIMESTAMP","Timestamp":1.7420000000451e9}"#, "FromTimestamp(Timestamp(1742000000045))"),
        (r#"{"Type":"FROM_TIMESTAMP","Timestamp":-3}"#, "FromTimestamp(Timestamp(0))"),
    ];
    for (filter, expected) in cases {
        let body = format!(r#"{{"StreamName":"orders","ShardFilter":{filter}}}"#);
        let asked = asked(ListShards, &body).await;
        assert!(asked.contains(&format!("filter: {expected}, created: None")), "{asked}");
    }
}

#[tokio::test]
async fn get_shard_iterator_passes_every_start() {
    let number = sequence_number(0);
    let cases = [
        (r#""ShardIteratorType":"TRIM_HORIZON""#.to_owned(), "TrimHorizon".to_owned()),
        (r#""ShardIteratorType":"LATEST","Timestamp":1"#.to_owned(), "Latest".to_owned()),
        (
            r#""ShardIteratorType":"AT_TIMESTAMP","Timestamp":1742000000.045"#.to_owned(),
            "AtTimestamp(Timestamp(1742000000045))".to_owned(),
        ),
        (
            format!(r#""ShardIteratorType":"AT_SEQUENCE_NUMBER","StartingSequenceNumber":"{number}""#),
            format!("AtSequenceNumber({number:?})"),
        ),
        (
            format!(r#""ShardIteratorType":"AFTER_SEQUENCE_NUMBER","StartingSequenceNumber":"{number}""#),
            format!("AfterSequenceNumber({number:?})"),
        ),
    ];
    for (members, start) in cases {
        let body = format!(r#"{{"StreamName":"orders","ShardId":"shard-0",{members}}}"#);
        assert_eq!(
            asked(GetShardIterator, &body).await,
            format!(r#"GetShardIterator {{ stream: {BY_NAME}, shard: "shard-0", start: {start} }}"#)
        );
    }
}

#[tokio::test]
async fn get_records_passes_the_iterator_without_quotes_around_it() {
    assert_eq!(
        asked(GetRecords, r#"{"ShardIterator":"\"AAAA\"","Limit":10000}"#).await,
        r#"GetRecords { iterator: ShardIterator("AAAA"), limit: Some(10000), stream_arn: None, bytes_max: None, wait_max: 0ns }"#
    );
    let by_arn = asked(
        GetRecords,
        r#"{"ShardIterator":"\"","StreamARN":"arn:aws:kinesis:r:000000000042:stream/o","DryRun":false}"#,
    )
    .await;
    assert!(
        by_arn.starts_with(r#"GetRecords { iterator: ShardIterator("\""), limit: None, stream_arn: Some("#),
        "{by_arn}"
    );
}

#[tokio::test]
async fn puts_pass_decoded_data_keys_and_bounds() {
    let number = sequence_number(0);
    let record =
        r#""Data":"aGVsbG8=","PartitionKey":"k\u00e9","ExplicitHashKey":"340282366920938463463374607431768211455""#;
    let entry = r#"PutEntry { data: b"hello", partition_key: PartitionKey("ké"), explicit_hash_key: Some(HashKey(340282366920938463463374607431768211455)) }"#;
    assert_eq!(
        asked(PutRecord, &format!(r#"{{"StreamName":"orders",{record},"SequenceNumberForOrdering":"{number}"}}"#))
            .await,
        format!("PutRecord {{ stream: {BY_NAME}, entry: {entry}, above: Some({number:?}) }}")
    );
    assert_eq!(
        asked(PutRecords, &format!(r#"{{"Records":[{{{record}}},{{{record}}}],"StreamName":"orders"}}"#)).await,
        format!("PutRecords {{ stream: {BY_NAME}, entries: [{entry}, {entry}] }}")
    );
}

#[test]
fn a_request_can_be_served_on_any_thread() {
    fn is_send(_: impl Send) {}
    let body = Encoded { encoding: Encoding::Json, bytes: Bytes::new() };
    is_send(dispatch(&Recorder::default(), &context(), PutRecords, body));
}

#[tokio::test]
async fn subscribe_to_shard_passes_every_position() {
    let number = sequence_number(0);
    let cases = [
        (r#"{"Type":"TRIM_HORIZON"}"#.to_owned(), "TrimHorizon".to_owned()),
        (r#"{"Type":"LATEST","Timestamp":1}"#.to_owned(), "Latest".to_owned()),
        (
            r#"{"Type":"AT_TIMESTAMP","Timestamp":1742000000.045}"#.to_owned(),
            "AtTimestamp(Timestamp(1742000000045))".to_owned(),
        ),
        (
            format!(r#"{{"Type":"AT_SEQUENCE_NUMBER","SequenceNumber":"{number}"}}"#),
            format!("AtSequenceNumber({number:?})"),
        ),
        (
            format!(r#"{{"Type":"AFTER_SEQUENCE_NUMBER","SequenceNumber":"{number}"}}"#),
            format!("AfterSequenceNumber({number:?})"),
        ),
    ];
    for (position, start) in cases {
        let consumer = super::recorder::CONSUMER;
        let body = format!(r#"{{"ConsumerARN":"{consumer}","ShardId":"shard-0","StartingPosition":{position}}}"#);
        let asked = asked(SubscribeToShard, &body).await;
        assert!(asked.ends_with(&format!(r#"shard: "shard-0", start: {start} }}"#)), "{asked}");
    }
}
