//! Every bad request is refused by the code it deserves, and the service never sees it.

use super::recorder::{Recorder, serve, serve_encoded};
use crate::kinesis::Operation::{self, *};
use crate::kinesis::bad_inputs::{bad_inputs, good_input};
use anabranch_api::{ApiError, ErrorCode};

fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned()
}

#[tokio::test]
async fn every_bad_input_is_refused_by_name_and_none_reaches_the_service() {
    let service = Recorder::default();
    let inputs = bad_inputs();
    assert!(inputs.len() > 1_000, "only {} inputs", inputs.len());
    for input in inputs {
        let body = format!("{:?} {}", input.body.encoding, beginning(&input.body.bytes));
        let refusal = serve_encoded(&service, input.operation, input.body).await;
        let Err(error) = refusal else { panic!("{:?} took {body}", input.operation) };
        assert_eq!(error.code, input.code, "{:?} {body}: {error}", input.operation);
        let names = input.names.unwrap_or_default();
        assert!(error.message.contains(&names), "{:?} {body}: {names} is not in {error}", input.operation);
    }
    assert_eq!(service.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn every_good_input_is_taken() {
    for operation in Operation::ALL {
        let service = Recorder::default();
        let answer = serve(&service, *operation, good_input(*operation).to_string().as_bytes()).await;
        assert!(answer.is_ok(), "{operation:?}: {answer:?}");
        assert_eq!(service.seen().len(), 1);
    }
}

async fn refusal(operation: Operation, body: &str) -> ApiError {
    serve(&Recorder::default(), operation, body.as_bytes()).await.expect_err("a bad request")
}

#[tokio::test]
async fn a_change_of_a_retention_needs_hours_and_a_stream() {
    for operation in [IncreaseStreamRetentionPeriod, DecreaseStreamRetentionPeriod] {
        let error = refusal(operation, "{}").await;
        assert_eq!(error.code, ErrorCode::Validation);
        assert_eq!(
            error.message,
            "2 validation errors detected: Value null at 'retentionPeriodHours' failed to satisfy constraint: Member \
             must not be null; Value null at 'streamName' failed to satisfy constraint: Member must not be null"
        );
        let unnamed = refusal(operation, r#"{"RetentionPeriodHours":48,"StreamId":"abcdefghijabcdefghij-abc"}"#).await;
        assert!(unnamed.message.contains("StreamId") || unnamed.message.contains("streamName"), "{unnamed}");
    }
}

#[tokio::test]
async fn rules_between_members_have_the_texts_that_were_recorded() {
    let must = "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) \
                TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified ";
    let iterator = |members: &str| format!(r#"{{"StreamName":"s","ShardId":"shardId-5",{members}}}"#);
    let put = |members: &str| format!(r#"{{"StreamName":"s","PartitionKey":"k","Data":"",{members}}}"#);
    let beyond = "340282366920938463463374607431768211456";
    let cases = [
        (
            GetShardIterator,
            iterator(r#""ShardIteratorType":"AT_SEQUENCE_NUMBER""#),
            format!("{must}AT_SEQUENCE_NUMBER and no StartingSequenceNumber."),
        ),
        (
            GetShardIterator,
            iterator(r#""ShardIteratorType":"LATEST","StartingSequenceNumber":"5""#),
            format!("{must}LATEST and also a StartingSequenceNumber."),
        ),
        (
            GetShardIterator,
            iterator(r#""ShardIteratorType":"AT_TIMESTAMP""#),
            "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no \
             timestamp parameter."
                .to_owned(),
        ),
        (
            GetShardIterator,
            iterator(r#""ShardIteratorType":"AT_SEQUENCE_NUMBER","StartingSequenceNumber":"99""#),
            "StartingSequenceNumber 99 used in GetShardIterator on shard shardId-000000000005 in stream s under \
             account 000000000042 is invalid."
                .to_owned(),
        ),
        (
            PutRecord,
            put(&format!(r#""ExplicitHashKey":"{beyond}""#)),
            format!(
                "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was \
                 {beyond}"
            ),
        ),
        (
            PutRecord,
            put(r#""SequenceNumberForOrdering":"99""#),
            "ExclusiveMinimumSequenceNumber 99 used in PutRecord on stream s under account 000000000042 is invalid."
                .to_owned(),
        ),
        (ListShards, "{}".to_owned(), "Either NextToken or StreamName should be provided.".to_owned()),
        (
            ListShards,
            r#"{"StreamName":"s","NextToken":"t"}"#.to_owned(),
            "NextToken and StreamName cannot be provided together.".to_owned(),
        ),
    ];
    for (operation, body, text) in cases {
        assert_eq!(refusal(operation, &body).await, ApiError::new(ErrorCode::InvalidArgument, text), "{body}");
    }
}

#[tokio::test]
async fn a_page_that_starts_after_no_shard_is_not_found() {
    let error = refusal(DescribeStream, r#"{"StreamName":"s","ExclusiveStartShardId":"x"}"#).await;
    let text = "Could not find shard x in stream s under account 000000000042.";
    assert_eq!(error, ApiError::new(ErrorCode::ResourceNotFound, text));
}

#[tokio::test]
async fn a_shard_that_cannot_be_is_refused_before_the_rest_of_its_request() {
    let body = r#"{"StreamName":"s","ShardId":"ABKLFD8","ShardIteratorType":"AT_SEQUENCE_NUMBER"}"#;
    let text = "Could not find shard ABKLFD8 in stream s under account 000000000042.";
    assert_eq!(refusal(GetShardIterator, body).await, ApiError::new(ErrorCode::ResourceNotFound, text));
}

#[tokio::test]
async fn who_asks_for_a_provisioned_stream_has_to_say_how_many_shards() {
    let body = r#"{"StreamName":"s","StreamModeDetails":{"StreamMode":"PROVISIONED"}}"#;
    let text = "1 validation error detected: Value null at 'shardCount' failed to satisfy constraint: Member must not \
                be null";
    assert_eq!(refusal(CreateStream, body).await, ApiError::new(ErrorCode::Validation, text));
}
