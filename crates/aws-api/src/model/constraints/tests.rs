//! Messages of constraint violations, as recorded.

use super::*;
use crate::encoding::{Encoded, Encoding};
use crate::kinesis::Operation::{self, *};
use crate::model::{MODEL, read};
use bytes::Bytes;

fn json(body: &str) -> Encoded {
    Encoded { encoding: Encoding::Json, bytes: Bytes::copy_from_slice(body.as_bytes()) }
}

fn violations(operation: Operation, body: &str) -> String {
    let fields = read(MODEL.input(operation), &json(body)).expect("types are right");
    let error = check(&fields).expect_err("a constraint is broken");
    assert_eq!(error.code, ErrorCode::Validation);
    error.message.into_owned()
}

const NULL: &str = "failed to satisfy constraint: Member must not be null";
const NAME_PATTERN: &str =
    "failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+";
const LENGTH_1: &str = "failed to satisfy constraint: Member must have length greater than or equal to 1";

#[test]
fn an_empty_request_lists_the_required_members_in_the_recorded_order() {
    let null = |paths: &[&str]| {
        let items: Vec<String> = paths.iter().map(|path| format!("Value null at '{path}' {NULL}")).collect();
        let plural = if items.len() == 1 { "" } else { "s" };
        format!("{} validation error{plural} detected: {}", items.len(), items.join("; "))
    };
    assert_eq!(violations(PutRecord, "{}"), null(&["partitionKey", "data", "streamName"]));
    assert_eq!(violations(PutRecords, "{}"), null(&["records", "streamName"]));
    assert_eq!(violations(GetShardIterator, "{}"), null(&["shardId", "shardIteratorType", "streamName"]));
    assert_eq!(violations(GetRecords, "{}"), null(&["shardIterator"]));
    assert_eq!(violations(DescribeStream, "{}"), null(&["streamName"]));
    assert_eq!(violations(DeleteStream, "{}"), null(&["streamName"]));
    assert_eq!(violations(CreateStream, "{}"), null(&["streamName"]));
    assert_eq!(
        violations(PutRecords, r#"{"StreamName":"a","Records":[{"Data":""},{"PartitionKey":"k"},null]}"#),
        null(&["records.1.member.partitionKey", "records.2.member.data", "records.3.member"])
    );
}

#[test]
fn empty_members_break_pattern_and_length_in_the_recorded_order() {
    assert_eq!(
        violations(CreateStream, r#"{"StreamName":"","ShardCount":0}"#),
        format!(
            "3 validation errors detected: Value '0' at 'shardCount' failed to satisfy constraint: Member must have \
             value greater than or equal to 1; Value '' at 'streamName' {NAME_PATTERN}; Value '' at 'streamName' \
             {LENGTH_1}"
        )
    );
    assert_eq!(
        violations(PutRecords, r#"{"StreamName":"","Records":[]}"#),
        format!(
            "3 validation errors detected: Value '[]' at 'records' {LENGTH_1}; Value '' at 'streamName' \
             {NAME_PATTERN}; Value '' at 'streamName' {LENGTH_1}"
        )
    );
    assert_eq!(
        violations(
            PutRecord,
            r#"{"StreamName":"","PartitionKey":"","Data":"","ExplicitHashKey":"","SequenceNumberForOrdering":""}"#
        ),
        format!(
            "5 validation errors detected: Value '' at 'sequenceNumberForOrdering' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: ^(0|([1-9]\\d{{0,128}}))$; Value '' at 'partitionKey' \
             {LENGTH_1}; Value '' at 'explicitHashKey' failed to satisfy constraint: Member must satisfy regular \
             expression pattern: ^(0|([1-9]\\d{{0,38}}))$; Value '' at 'streamName' {NAME_PATTERN}; Value '' at \
             'streamName' {LENGTH_1}"
        )
    );
    assert_eq!(
        violations(GetShardIterator, r#"{"StreamName":"s","ShardId":"0","ShardIteratorType":""}"#),
        "1 validation error detected: Value '' at 'shardIteratorType' failed to satisfy constraint: Member must \
         satisfy enum value set: [AT_SEQUENCE_NUMBER, AFTER_SEQUENCE_NUMBER, TRIM_HORIZON, LATEST, AT_TIMESTAMP]"
    );
}

#[test]
fn members_that_are_too_long_print_their_value_and_data_only_its_length() {
    let (name, key) = ("a".repeat(129), "ä".repeat(257));
    let data = base64_simd::STANDARD.encode_to_string(vec![0; 10_485_761]);
    assert_eq!(
        violations(PutRecord, &format!(r#"{{"StreamName":"{name}","PartitionKey":"{key}","Data":"{data}"}}"#)),
        format!(
            "3 validation errors detected: Value '{key}' at 'partitionKey' failed to satisfy constraint: Member must \
             have length less than or equal to 256; Value 'java.nio.HeapByteBuffer[pos=0 lim=10485761 cap=10485761]' \
             at 'data' failed to satisfy constraint: Member must have length less than or equal to 10485760; Value \
             '{name}' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128"
        )
    );
    assert_eq!(
        violations(GetRecords, r#"{"ShardIterator":"","Limit":10001}"#),
        format!(
            "2 validation errors detected: Value '10001' at 'limit' failed to satisfy constraint: Member must have \
             value less than or equal to 10000; Value '' at 'shardIterator' {LENGTH_1}"
        )
    );
}

#[test]
fn ten_violations_are_listed_and_no_more() {
    let body = format!(r#"{{"StreamName":"s","Records":[{}{{}}]}}"#, "{},".repeat(20));
    let message = violations(PutRecords, &body);
    assert!(message.starts_with("10 validation errors detected: "), "{message}");
    assert_eq!(message.matches("Value null at").count(), 10);
    assert!(message.ends_with(&format!("'records.5.member.data' {NULL}")), "{message}");
}

#[test]
fn a_list_that_is_too_long_names_its_entries_by_class() {
    let entry = r#"{"Data":"","PartitionKey":"k"}"#;
    let body = format!(r#"{{"StreamName":"s","Records":[{}{entry}]}}"#, format!("{entry},").repeat(500));
    let message = violations(PutRecords, &body);
    let begin = "1 validation error detected: Value '[com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry, ";
    assert!(message.starts_with(begin), "{message}");
    assert!(
        message
            .ends_with("at 'records' failed to satisfy constraint: Member must have length less than or equal to 500")
    );
    assert!(message.len() < 5_000, "{} characters", message.len());
}

#[test]
fn maps_are_judged_by_their_keys_and_values() {
    let long = "v".repeat(257);
    assert_eq!(
        violations(CreateStream, &format!(r#"{{"StreamName":"s","Tags":{{"":"{long}"}}}}"#)),
        format!(
            "2 validation errors detected: Value '{{={long}}}' at 'tags' failed to satisfy constraint: Map keys must \
             satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater \
             than or equal to 1]; Value '{{={long}}}' at 'tags' failed to satisfy constraint: Map value must satisfy \
             constraint: [Member must have length less than or equal to 256, Member must have length greater than or \
             equal to 0]"
        )
    );
}

#[test]
fn maps_have_no_entry_that_is_null() {
    assert_eq!(
        violations(CreateStream, r#"{"StreamName":"s","Tags":{"a":"b","c":null}}"#),
        format!("1 validation error detected: Value null at 'tags.c.member' {NULL}")
    );
}
