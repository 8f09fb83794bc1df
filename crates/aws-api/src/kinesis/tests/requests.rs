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
    for (operation, name) in [(DeleteStream, "DeleteStream"), (DescribeStreamSummary, "DescribeStreamSummary")] {
        assert_eq!(asked(operation, r#"{"StreamName":"orders"}"#).await, format!("{name} {{ stream: {BY_NAME} }}"));
        assert_eq!(
            asked(operation, &format!(r#"{{"StreamARN":"{arn}"}}"#)).await,
            format!("{name} {{ stream: {BY_ARN} }}")
        );
        let both = format!(r#"{{"StreamName":"orders","StreamARN":"{arn}"}}"#);
        assert_eq!(
            asked(operation, &both).await,
            format!("{name} {{ stream: {} }}", BY_ARN.replace("None", r#"Some(StreamName("orders"))"#))
        );
    }
    asked(DeleteStream, r#"{"StreamName":"orders","EnforceConsumerDeletion":true}"#).await;
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
