//! Every operation's answer, byte for byte.

use super::recorder::{Recorder, sequence_number, serve};
use crate::kinesis::Operation;
use crate::kinesis::bad_inputs::good_input;
use anabranch_types::SequenceNumber;

async fn answer(operation: Operation, body: &str) -> String {
    serve(&Recorder::default(), operation, body.as_bytes()).await.expect("a good request")
}

async fn answer_to_good(operation: Operation) -> String {
    answer(operation, &good_input(operation).to_string()).await
}

const STREAM: &str = r#""StreamName":"orders","StreamARN":"arn:aws:kinesis:eu-west-1:000000000042:stream/orders""#;
const RANGE: &str = r#"{"StartingHashKey":"0","EndingHashKey":"340282366920938463463374607431768211455"}"#;

#[tokio::test]
async fn operations_without_output_answer_nothing() {
    assert_eq!(answer_to_good(Operation::CreateStream).await, "");
    assert_eq!(answer_to_good(Operation::DeleteStream).await, "");
    assert_eq!(answer_to_good(Operation::SplitShard).await, "");
    assert_eq!(answer_to_good(Operation::MergeShards).await, "");
}

#[tokio::test]
async fn update_shard_count_prints_the_counts_before_and_after() {
    let expected = r#"{"StreamName":"orders","CurrentShardCount":3,"TargetShardCount":2,"StreamARN":"arn:aws:kinesis:eu-west-1:000000000042:stream/orders"}"#;
    assert_eq!(answer_to_good(Operation::UpdateShardCount).await, expected);
    assert_eq!(answer_to_good(Operation::IncreaseStreamRetentionPeriod).await, "");
    assert_eq!(answer_to_good(Operation::DecreaseStreamRetentionPeriod).await, "");
    assert_eq!(answer_to_good(Operation::UpdateMaxRecordSize).await, "");
    assert_eq!(answer_to_good(Operation::DeregisterStreamConsumer).await, "");
}

#[tokio::test]
async fn describe_stream_prints_the_stream_and_its_page_of_shards() {
    let starting = SequenceNumber::starting(super::recorder::epoch(0));
    let expected = format!(
        r#"{{"StreamDescription":{{{STREAM},"StreamStatus":"ACTIVE","StreamModeDetails":{{"StreamMode":"PROVISIONED"}},"Shards":[{{"ShardId":"shardId-000000000000","HashKeyRange":{RANGE},"SequenceNumberRange":{{"StartingSequenceNumber":"{starting}"}}}}],"HasMoreShards":false,"RetentionPeriodHours":24,"StreamCreationTimestamp":1742000000.045,"EnhancedMonitoring":[{{"ShardLevelMetrics":[]}}],"EncryptionType":"NONE"}}}}"#
    );
    assert_eq!(answer_to_good(Operation::DescribeStream).await, expected);
}

#[tokio::test]
async fn describe_stream_summary_never_prints_a_stream_id() {
    let expected = format!(
        r#"{{"StreamDescriptionSummary":{{{STREAM},"StreamStatus":"UPDATING","StreamModeDetails":{{"StreamMode":"PROVISIONED"}},"RetentionPeriodHours":24,"StreamCreationTimestamp":1742000000.045,"EnhancedMonitoring":[{{"ShardLevelMetrics":[]}}],"EncryptionType":"NONE","OpenShardCount":3,"ConsumerCount":2,"MaxRecordSizeInKiB":1024,"ChannelCount":0,"QueueCount":0,"RecordDistributionStrategy":"USER_PARTITION_KEY"}}}}"#
    );
    assert_eq!(answer_to_good(Operation::DescribeStreamSummary).await, expected);
}

#[tokio::test]
async fn list_streams_prints_names_summaries_and_whether_more_follow() {
    let summary = format!(
        r#"{{{STREAM},"StreamStatus":"ACTIVE","StreamModeDetails":{{"StreamMode":"PROVISIONED"}},"StreamCreationTimestamp":1742000000.045}}"#
    );
    let last = format!(r#"{{"StreamNames":["orders"],"HasMoreStreams":false,"StreamSummaries":[{summary}]}}"#);
    assert_eq!(answer(Operation::ListStreams, "{}").await, last);
    let first = format!(
        r#"{{"StreamNames":["orders"],"HasMoreStreams":true,"NextToken":"more","StreamSummaries":[{summary}]}}"#
    );
    assert_eq!(answer(Operation::ListStreams, r#"{"Limit":1}"#).await, first);
}

#[tokio::test]
async fn list_shards_prints_both_parents_and_the_end_of_a_closed_shard() {
    let starting = SequenceNumber::starting(super::recorder::epoch(2));
    let answer = answer_to_good(Operation::ListShards).await;
    let begin = format!(
        r#"{{"Shards":[{{"ShardId":"shardId-000000000002","ParentShardId":"shardId-000000000000","AdjacentParentShardId":"shardId-000000000001","HashKeyRange":{RANGE},"SequenceNumberRange":{{"StartingSequenceNumber":"{starting}","EndingSequenceNumber":"49"#
    );
    assert!(answer.starts_with(&begin), "{answer}");
    assert!(answer.ends_with(r#""}}],"NextToken":"next"}"#), "{answer}");
}

#[tokio::test]
async fn puts_print_where_the_records_stand_and_why_the_others_failed() {
    let number = sequence_number(1);
    assert_eq!(
        answer_to_good(Operation::PutRecord).await,
        format!(r#"{{"ShardId":"shardId-000000000001","SequenceNumber":"{number}"}}"#)
    );
    let expected = format!(
        r#"{{"FailedRecordCount":2,"Records":[{{"SequenceNumber":"{number}","ShardId":"shardId-000000000001"}},{{"ErrorCode":"ProvisionedThroughputExceededException","ErrorMessage":"Rate exceeded for shard \"x\"."}},{{"ErrorCode":"InternalFailure","ErrorMessage":"Internal Service Failure"}}]}}"#
    );
    assert_eq!(answer_to_good(Operation::PutRecords).await, expected);
}

#[tokio::test]
async fn get_shard_iterator_prints_the_iterator() {
    assert_eq!(answer_to_good(Operation::GetShardIterator).await, r#"{"ShardIterator":"AAAA=="}"#);
}

#[tokio::test]
async fn get_records_prints_the_next_iterator_or_the_children() {
    let number = sequence_number(1);
    let record = |data: &str| {
        format!(
            r#"{{"SequenceNumber":"{number}","ApproximateArrivalTimestamp":1742000000.045,"Data":"{data}","PartitionKey":"k\"ä"}}"#
        )
    };
    let records = format!(r#""Records":[{},{}]"#, record("aGVsbG8="), record(""));
    assert_eq!(
        answer_to_good(Operation::GetRecords).await,
        format!(r#"{{{records},"NextShardIterator":"BBBB","MillisBehindLatest":7}}"#)
    );
    let ended = answer(Operation::GetRecords, r#"{"ShardIterator":"A","Limit":2}"#).await;
    let child = format!(
        r#"{{"ShardId":"shardId-000000000002","ParentShards":["shardId-000000000000","shardId-000000000001"],"HashKeyRange":{RANGE}}}"#
    );
    assert_eq!(ended, format!(r#"{{{records},"MillisBehindLatest":7,"ChildShards":[{child}]}}"#));
}

#[tokio::test]
async fn consumers_print_their_arn_and_status() {
    let members = format!(
        r#""ConsumerName":"audit","ConsumerARN":"{}","ConsumerStatus":"ACTIVE","ConsumerCreationTimestamp":1742000000.045"#,
        super::recorder::CONSUMER
    );
    let registered = answer_to_good(Operation::RegisterStreamConsumer).await;
    assert_eq!(registered, format!(r#"{{"Consumer":{{{members}}}}}"#));
    assert_eq!(
        answer_to_good(Operation::DescribeStreamConsumer).await,
        format!(r#"{{"ConsumerDescription":{{{members},"StreamARN":"{}"}}}}"#, super::recorder::ARN)
    );
    let listed = answer_to_good(Operation::ListStreamConsumers).await;
    assert_eq!(listed, format!(r#"{{"Consumers":[{{{members}}}]}}"#));
    let first = format!(r#"{{"StreamARN":"{}","MaxResults":1}}"#, super::recorder::ARN);
    assert_eq!(
        answer(Operation::ListStreamConsumers, &first).await,
        format!(r#"{{"Consumers":[{{{members}}}],"NextToken":"more"}}"#)
    );
}
