//! Whatever a client sends is answered or refused by name; nothing panics (I10).

use super::recorder::{Recorder, serve, serve_encoded};
use crate::encoding::{Encoded, Encoding};
use crate::kinesis::Operation;
use crate::kinesis::bad_inputs::{encoded, good_input};
use anabranch_api::{ApiError, ErrorCode};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;

/// What the door itself may answer; anything else comes from the service.
const REFUSALS: [ErrorCode; 4] =
    [ErrorCode::Serialization, ErrorCode::Validation, ErrorCode::InvalidArgument, ErrorCode::ResourceNotFound];

/// Member names of requests.
const NAMES: [&str; 35] = [
    "StreamName",
    "StreamARN",
    "StreamId",
    "ConsumerARN",
    "ConsumerName",
    "ShardCount",
    "StreamModeDetails",
    "StreamMode",
    "Tags",
    "Limit",
    "ExclusiveStartShardId",
    "ExclusiveStartStreamName",
    "NextToken",
    "MaxResults",
    "StreamCreationTimestamp",
    "ShardFilter",
    "Type",
    "ShardId",
    "Timestamp",
    "Data",
    "PartitionKey",
    "ExplicitHashKey",
    "Records",
    "DryRun",
    "ShardIteratorType",
    "StartingSequenceNumber",
    "StartingPosition",
    "SequenceNumber",
    "SequenceNumberForOrdering",
    "ShardIterator",
    "RetentionPeriodHours",
    "MaxRecordSizeInKiB",
    "TagKeys",
    "ExclusiveStartTagKey",
    "ResourceARN",
];

/// Texts that mean something somewhere.
const TEXTS: [&str; 15] = [
    "",
    "orders",
    "arn:aws:kinesis:r:000000000042:stream/orders",
    "arn:aws:kinesis:r:000000000042:stream/orders/consumer/audit:5",
    "arn:aws:kinesis:\u{85}:000000000042:stream/\u{a0}",
    "0",
    "340282366920938463463374607431768211456",
    "YQ==",
    "shardId-000000000000",
    "LATEST",
    "AT_TIMESTAMP",
    "AT_SEQUENCE_NUMBER",
    "AFTER_SHARD_ID",
    "PROVISIONED",
    "\"",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(&TEXTS[..]).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let name = prop_oneof![8 => prop::sample::select(&NAMES[..]).prop_map(str::to_owned), 1 => "\\PC{0,5}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn answered(operation: Operation, body: &[u8]) -> Result<(), TestCaseError> {
    let service = Recorder::default();
    judge(run(serve(&service, operation, body)).map(drop), &service)
}

fn answered_in_cbor(operation: Operation, bytes: Vec<u8>) -> Result<(), TestCaseError> {
    let body = Encoded { encoding: Encoding::Cbor, bytes: Bytes::from(bytes) };
    let service = Recorder::default();
    judge(run(serve_encoded(&service, operation, body)).map(drop), &service)
}

fn run<T>(call: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(call)
}

fn judge(outcome: Result<(), ApiError>, service: &Recorder) -> Result<(), TestCaseError> {
    match outcome {
        Ok(()) => prop_assert_eq!(service.seen().len(), 1),
        Err(error) => {
            prop_assert!(REFUSALS.contains(&error.code), "{}", error);
            prop_assert_eq!(service.seen().len(), 0);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_request_of_any_members_is_answered_or_refused(
        operation in prop::sample::select(Operation::ALL),
        patch in prop::collection::btree_map(prop::sample::select(&NAMES[..]), value(), 0..5),
    ) {
        let mut request = good_input(operation);
        let members = request.as_object_mut().expect("good inputs are objects");
        members.extend(patch.into_iter().map(|(name, value)| (name.to_owned(), value)));
        answered(operation, request.to_string().as_bytes())?;
    }

    #[test]
    fn any_bytes_are_answered_or_refused(
        operation in prop::sample::select(Operation::ALL),
        body in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        answered(operation, &body)?;
        answered_in_cbor(operation, body)?;
    }

    #[test]
    fn a_map_of_any_bytes_is_answered_or_refused(
        operation in prop::sample::select(Operation::ALL),
        name in prop::sample::select(&NAMES[..]),
        value in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let head = [0xa1, 0x60 | name.len().min(23) as u8];
        answered_in_cbor(operation, [&head[..], &name.as_bytes()[..name.len().min(23)], &value].concat())?;
    }

    #[test]
    fn a_request_with_one_byte_changed_is_answered_or_refused(
        operation in prop::sample::select(Operation::ALL),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let changed = |encoding| {
            let mut body = encoded(operation, &good_input(operation), encoding).bytes.to_vec();
            let at = at.index(body.len());
            body[at] = byte;
            body
        };
        answered(operation, &changed(Encoding::Json))?;
        answered_in_cbor(operation, changed(Encoding::Cbor))?;
    }
}
