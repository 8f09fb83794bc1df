//! Requests that must be refused, made from the model: every member of every operation absent,
//! of every wrong type, too small, too large, outside of its pattern or its set; in JSON and in
//! CBOR.
//!
//! For tests, in this crate and (feature `bad-inputs`) against a running server.

mod in_cbor;

pub use in_cbor::{as_json, encoded};

use super::Operation;
use crate::encoding::{Encoded, Encoding};
use crate::model::{Bounds, Kind, MODEL, Presence, Shape, Structure};
use anabranch_api::ErrorCode;
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// One request and the refusal that it must get.
#[derive(Debug, Clone)]
pub struct BadInput {
    /// What is asked for.
    pub operation: Operation,
    /// The request, or bytes that are none.
    pub body: Encoded,
    /// The code of the refusal.
    pub code: ErrorCode,
    /// What the refusal's message must contain; texts of type errors name no member.
    pub names: Option<String>,
}

/// A bad value of some member, and how it is refused.
struct Fault {
    value: Value,
    code: ErrorCode,
    names: Option<String>,
}

/// A stream and a consumer of it, of an account that no server has by itself.
const STREAM: &str = "arn:aws:kinesis:eu-west-1:000000000042:stream/orders";
const CONSUMER: &str = "arn:aws:kinesis:eu-west-1:000000000042:stream/orders/consumer/audit:1742000000";
/// A stream's.
const RESOURCE: &str = "arn:aws:kinesis:eu-west-1:000000000000:stream/orders";

/// A request of `operation` without a fault.
pub fn good_input(operation: Operation) -> Value {
    match operation {
        Operation::AddTagsToStream => json!({"StreamName": "orders", "Tags": {"team": "a"}}),
        Operation::CreateStream => json!({"StreamName": "orders", "ShardCount": 1}),
        Operation::DeleteStream
        | Operation::DescribeStream
        | Operation::DescribeStreamSummary
        | Operation::ListShards
        | Operation::ListTagsForStream => json!({"StreamName": "orders"}),
        Operation::DecreaseStreamRetentionPeriod | Operation::IncreaseStreamRetentionPeriod => {
            json!({"StreamName": "orders", "RetentionPeriodHours": 48})
        }
        Operation::DeregisterStreamConsumer | Operation::DescribeStreamConsumer => json!({"ConsumerARN": CONSUMER}),
        Operation::GetRecords => json!({"ShardIterator": "AAAA"}),
        Operation::GetShardIterator => {
            json!({"StreamName": "orders", "ShardId": "shardId-000000000000", "ShardIteratorType": "LATEST"})
        }
        Operation::ListStreamConsumers => json!({"StreamARN": STREAM}),
        Operation::MergeShards => json!({
            "StreamName": "orders",
            "ShardToMerge": "shardId-000000000000",
            "AdjacentShardToMerge": "shardId-000000000001",
        }),
        Operation::DescribeLimits | Operation::ListStreams => json!({}),
        Operation::ListTagsForResource => json!({"ResourceARN": RESOURCE}),
        Operation::PutRecord => json!({"StreamName": "orders", "Data": "YQ==", "PartitionKey": "k"}),
        Operation::UpdateMaxRecordSize => {
            json!({"StreamARN": "arn:aws:kinesis:r:000000000000:stream/orders", "MaxRecordSizeInKiB": 2_048})
        }
        Operation::PutRecords => {
            json!({"StreamName": "orders", "Records": [{"Data": "YQ==", "PartitionKey": "k"}]})
        }
        Operation::SplitShard => {
            json!({"StreamName": "orders", "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "10"})
        }
        Operation::UpdateShardCount => {
            json!({"StreamName": "orders", "TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"})
        }
        Operation::SubscribeToShard => {
            json!({"ConsumerARN": CONSUMER, "ShardId": "shardId-000000000000", "StartingPosition": {"Type": "LATEST"}})
        }
        Operation::RegisterStreamConsumer => json!({"StreamARN": STREAM, "ConsumerName": "audit"}),
        Operation::RemoveTagsFromStream => json!({"StreamName": "orders", "TagKeys": ["team"]}),
        Operation::TagResource => json!({"ResourceARN": RESOURCE, "Tags": {"team": "a"}}),
        Operation::UntagResource => json!({"ResourceARN": RESOURCE, "TagKeys": ["team"]}),
    }
}

/// All bad requests, each in every encoding. Four of them hold more than 10 MiB of data.
pub fn bad_inputs() -> Vec<BadInput> {
    let mut inputs = Vec::new();
    for (operation, shape) in MODEL.inputs() {
        let Kind::Structure(structure) = &shape.kind else { continue };
        let faults = structure_faults(structure, &good_input(operation), "");
        inputs.extend(faults.into_iter().flat_map(|fault| in_every_encoding(operation, fault)));
        inputs.extend(malformed(operation));
        inputs.extend(malformed_cbor(operation));
    }
    inputs.extend(refused_by_rule());
    inputs
}

fn in_every_encoding(operation: Operation, fault: Fault) -> [BadInput; 2] {
    Encoding::ALL.map(|encoding| BadInput {
        operation,
        body: encoded(operation, &fault.value, encoding),
        code: fault.code,
        names: fault.names.clone(),
    })
}

fn unreadable(operation: Operation, encoding: Encoding, bytes: &[u8]) -> BadInput {
    let body = Encoded { encoding, bytes: Bytes::copy_from_slice(bytes) };
    BadInput { operation, body, code: ErrorCode::Serialization, names: None }
}

/// Bodies that are no JSON object.
fn malformed(operation: Operation) -> Vec<BadInput> {
    let deep = format!("{{\"Unknown\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    let trailing = format!("{} x", good_input(operation));
    let bodies: [&[u8]; 10] = [
        b"",
        b"{",
        b"[",
        b"nonsense",
        b"{\"StreamName\":\"\xff\"}",
        b"{\"StreamName\":\"\\ud800\"}",
        b"{\"Limit\":1e999}",
        deep.as_bytes(),
        trailing.as_bytes(),
        b"\"text\"",
    ];
    bodies.into_iter().map(|body| unreadable(operation, Encoding::Json, body)).collect()
}

/// Bodies that are no CBOR map with texts for names.
fn malformed_cbor(operation: Operation) -> Vec<BadInput> {
    let good = encoded(operation, &good_input(operation), Encoding::Cbor).bytes;
    let unknown = |value: &[u8]| [b"\xbf\x67Unknown", value, b"\xff"].concat();
    let bodies: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"{}".to_vec(),
        b"\xbf".to_vec(),
        b"\x9f\xff".to_vec(),
        b"\xff".to_vec(),
        b"\x64text".to_vec(),
        good[..good.len() - 1].to_vec(),
        [&good[..], b"\x00"].concat(),
        // Names that are no texts.
        b"\xa1\x01\x02".to_vec(),
        b"\xa1\x41a\x02".to_vec(),
        b"\xa1\xf6\x02".to_vec(),
        // More entries, bytes and characters than there are.
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        unknown(b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),
        unknown(b"\x5b\x00\x00\x00\xff\xff\xff\xff\xff"),
        unknown(b"\x7b\x7f\xff\xff\xff\xff\xff\xff\xff"),
        // No Unicode, a piece of bytes in a text, a break where a value belongs, a reserved length
        // and a simple value without a meaning.
        unknown(b"\x61\xff"),
        unknown(b"\x7f\x41a\xff"),
        unknown(b"\x82\x01\xff"),
        unknown(b"\x1c"),
        unknown(b"\xf8\x20"),
        unknown(&[vec![0x81; 5_000], vec![0xf6]].concat()),
        unknown(&[b"\x9f".repeat(5_000), b"\xff".repeat(5_000)].concat()),
        unknown(&[vec![0xc1; 5_000], vec![0x00]].concat()),
    ];
    bodies.iter().map(|body| unreadable(operation, Encoding::Cbor, body)).collect()
}

/// Requests whose members fit one by one, but not together, or ask for what is not served.
fn refused_by_rule() -> Vec<BadInput> {
    let beyond = "340282366920938463463374607431768211456";
    let rows: &[(Operation, Value, &str)] = &[
        (Operation::CreateStream, json!({"StreamModeDetails": {"StreamMode": "ON_DEMAND"}}), "StreamModeDetails"),
        (Operation::CreateStream, json!({"WarmThroughputMiBps": 10}), "WarmThroughputMiBps"),
        (Operation::CreateStream, json!({"MaxRecordSizeInKiB": 2048}), "MaxRecordSizeInKiB"),
        (Operation::CreateStream, json!({"RecordDistributionStrategy": "AUTO"}), "RecordDistributionStrategy"),
        (Operation::DeleteStream, json!({"StreamId": "abcdefghijabcdefghij-abc"}), "StreamId"),
        (
            Operation::DeregisterStreamConsumer,
            json!({"ConsumerARN": format!("{STREAM}/consumer/audit:05")}),
            "ConsumerARN",
        ),
        (Operation::DescribeStreamConsumer, json!({"ConsumerARN": format!("{CONSUMER}99999999999")}), "ConsumerARN"),
        (Operation::ListStreamConsumers, json!({"NextToken": "t", "StreamCreationTimestamp": 1}), "NextToken"),
        (Operation::RegisterStreamConsumer, json!({"Tags": {"a": "b"}}), "Tags"),
        (Operation::RegisterStreamConsumer, json!({"StreamId": "abcdefghijabcdefghij-abc"}), "StreamId"),
        (Operation::DescribeStream, json!({"StreamARN": "arn:aws:kinesis:r:000000000000:stream/other"}), "StreamARN"),
        (Operation::DescribeStream, json!({"StreamARN": "arn:aws:kinesis::000000000000:stream/orders"}), "StreamARN"),
        (Operation::GetRecords, json!({"DryRun": true}), "DryRun"),
        (Operation::GetShardIterator, json!({"DryRun": true}), "DryRun"),
        (Operation::GetShardIterator, json!({"ShardIteratorType": "AT_TIMESTAMP"}), "AT_TIMESTAMP"),
        (Operation::GetShardIterator, json!({"ShardIteratorType": "AT_SEQUENCE_NUMBER"}), "StartingSequenceNumber"),
        (Operation::GetShardIterator, json!({"StartingSequenceNumber": "5"}), "StartingSequenceNumber"),
        (
            Operation::GetShardIterator,
            json!({"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": "5"}),
            "StartingSequenceNumber 5",
        ),
        (Operation::ListShards, json!({"NextToken": "t"}), "NextToken and StreamName"),
        (Operation::ListShards, json!({"StreamName": null}), "StreamName"),
        (Operation::ListShards, json!({"ShardFilter": {"Type": "AFTER_SHARD_ID"}}), "ShardFilter"),
        (Operation::ListShards, json!({"ShardFilter": {"Type": "AT_TIMESTAMP"}}), "ShardFilter"),
        (Operation::ListShards, json!({"ShardFilter": {"Type": "AT_LATEST", "ShardId": "shardId-1"}}), "ShardFilter"),
        (Operation::ListShards, json!({"ShardFilter": {"Type": "AT_LATEST", "Timestamp": 1}}), "ShardFilter"),
        (
            Operation::ListShards,
            json!({"ShardFilter": {"Type": "AT_LATEST"}, "ExclusiveStartShardId": "shardId-1"}),
            "ExclusiveStartShardId",
        ),
        (Operation::PutRecord, json!({"ExplicitHashKey": beyond}), "ExplicitHashKey"),
        (Operation::PutRecord, json!({"SequenceNumberForOrdering": "5"}), "ExclusiveMinimumSequenceNumber 5"),
        (
            Operation::PutRecords,
            json!({"Records": [{"Data": "", "PartitionKey": "k", "ExplicitHashKey": beyond}]}),
            "ExplicitHashKey",
        ),
        (Operation::PutRecords, json!({"DryRun": true}), "DryRun"),
        (Operation::UpdateMaxRecordSize, json!({"StreamARN": null}), "StreamARN"),
        (Operation::UpdateMaxRecordSize, json!({"StreamId": "abcdefghijabcdefghij-abc"}), "StreamId"),
        (Operation::SubscribeToShard, json!({"DryRun": true}), "DryRun"),
        (Operation::SubscribeToShard, json!({"StartingPosition": {"Type": "AT_TIMESTAMP"}}), "AT_TIMESTAMP"),
        (
            Operation::SubscribeToShard,
            json!({"StartingPosition": {"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": "5"}}),
            "StartingSequenceNumber 5",
        ),
        (Operation::TagResource, json!({"StreamId": "abcdefghijabcdefghij-abc"}), "StreamId"),
        (Operation::TagResource, json!({"ResourceARN": "arn:aws:kinesis::000000000000:stream/orders"}), "ResourceARN"),
        (
            Operation::ListTagsForResource,
            json!({"ResourceARN": "arn:aws:kinesis:r:000000000000:stream/orders/shard/0"}),
            "ResourceARN",
        ),
    ];
    let refused = |(operation, patch, names): &(Operation, Value, &str)| {
        let value = patched(&good_input(*operation), patch);
        let fault = Fault { value, code: ErrorCode::InvalidArgument, names: Some((*names).to_owned()) };
        in_every_encoding(*operation, fault)
    };
    rows.iter().flat_map(refused).collect()
}

fn patched(good: &Value, patch: &Value) -> Value {
    let mut members = good.as_object().cloned().unwrap_or_default();
    members.extend(patch.as_object().cloned().unwrap_or_default());
    Value::Object(members)
}

/// `good` with each member in turn absent or replaced by each of its bad values.
fn structure_faults(structure: &Structure, good: &Value, prefix: &str) -> Vec<Fault> {
    let good = good.as_object().cloned().unwrap_or_default();
    let mut faults = Vec::new();
    for member in &structure.members {
        let path = format!("{prefix}{}", member.path);
        if member.presence != Presence::Optional {
            let mut absent = good.clone();
            absent.remove(&member.name);
            faults.push(constraint(Value::Object(absent), &path));
        }
        let current = good.get(&member.name).cloned().unwrap_or_else(|| sample(&member.shape));
        for fault in faults_of(&member.shape, &current, &path) {
            let mut whole = good.clone();
            whole.insert(member.name.clone(), fault.value);
            faults.push(Fault { value: Value::Object(whole), ..fault });
        }
    }
    faults
}

fn constraint(value: Value, path: &str) -> Fault {
    Fault { value, code: ErrorCode::Validation, names: Some(format!("at '{path}' failed to satisfy constraint: ")) }
}

/// The bad values of a shape whose good value is `good`.
fn faults_of(shape: &Shape, good: &Value, path: &str) -> Vec<Fault> {
    let wrong_type = |value: Value| Fault { value, code: ErrorCode::Serialization, names: None };
    let mut faults: Vec<Fault> = wrong_types(&shape.kind).into_iter().map(wrong_type).collect();
    match &shape.kind {
        Kind::Text { length, pattern, values } => {
            faults.extend(lengths(length).map(|n| constraint(Value::String("a".repeat(n)), path)));
            if pattern.is_some() || !values.is_empty() {
                faults.push(constraint(json!("é !"), path));
            }
        }
        Kind::Integer(range) => {
            let outside = range.min.map(|min| min - 1).into_iter().chain(range.max.map(|max| max + 1));
            faults.extend(outside.map(|number| constraint(json!(number), path)));
        }
        Kind::Blob(length) => {
            let base64 = |n: usize| Value::String(base64_simd::STANDARD.encode_to_string(vec![0; n]));
            faults.extend(lengths(length).map(|n| constraint(base64(n), path)));
        }
        Kind::List { element, length } => {
            let entry = good.get(0).cloned().unwrap_or_else(|| sample(element));
            faults.extend(lengths(length).map(|n| constraint(Value::Array(vec![entry.clone(); n]), path)));
            let member = format!("{path}.1.member");
            faults.push(constraint(json!([null]), &member));
            // What is wrong with an entry that has no members is told of the list.
            let judged = if matches!(element.kind, Kind::Structure(_)) { &member } else { path };
            let nested = faults_of(element, &entry, judged).into_iter();
            faults.extend(nested.map(|fault| Fault { value: json!([fault.value]), ..fault }));
        }
        Kind::Map { key, value, length } => {
            let entry = sample(value);
            let of = |n: usize| (0..n).map(|i| (i.to_string(), entry.clone())).collect::<Map<_, _>>();
            faults.extend(lengths(length).map(|n| constraint(Value::Object(of(n)), path)));
            faults.push(constraint(json!({"k": null}), &format!("{path}.k.member")));
            if let Kind::Text { length, .. } = &key.kind {
                faults.extend(lengths(length).map(|n| constraint(json!({"k".repeat(n): entry}), path)));
            }
            let nested = faults_of(value, &entry, path).into_iter();
            faults.extend(nested.map(|fault| Fault { value: json!({"k": fault.value}), ..fault }));
        }
        Kind::Structure(structure) => faults.extend(structure_faults(structure, good, &format!("{path}."))),
        Kind::Boolean | Kind::Timestamp => {}
    }
    faults
}

/// A value of every type of JSON that does not fit.
fn wrong_types(kind: &Kind) -> Vec<Value> {
    let (text, number, truth) = (json!("x"), json!(1.5), json!(true));
    match kind {
        Kind::Text { .. } => vec![number, truth, json!([]), json!({})],
        Kind::Blob(_) => {
            vec![number, truth, json!([]), json!({}), json!("abc"), json!("a=bc"), json!("%bcd"), json!("YR==")]
        }
        Kind::Integer(_) | Kind::Timestamp => vec![text, truth, json!([]), json!({})],
        Kind::Boolean => vec![text, number, json!([]), json!({})],
        Kind::List { .. } => vec![text, number, truth, json!({})],
        Kind::Map { .. } | Kind::Structure(_) => vec![text, number, truth, json!([])],
    }
}

/// One below the least length and one above the greatest.
fn lengths(bounds: &Bounds) -> impl Iterator<Item = usize> {
    let below = bounds.min.filter(|min| *min > 0).map(|min| min - 1);
    let above = bounds.max.map(|max| max + 1);
    below.into_iter().chain(above).filter_map(|length| usize::try_from(length).ok())
}

/// A value that fits `shape`.
fn sample(shape: &Shape) -> Value {
    match &shape.kind {
        Kind::Text { values, .. } => json!(values.first().map_or("1", String::as_str)),
        Kind::Integer(range) => json!(range.min.unwrap_or(1)),
        Kind::Boolean => json!(false),
        Kind::Blob(_) => json!("YQ=="),
        Kind::Timestamp => json!(1_742_000_000),
        Kind::List { element, .. } => json!([sample(element)]),
        Kind::Map { value, .. } => json!({"k": sample(value)}),
        Kind::Structure(structure) => {
            let required = structure.members.iter().filter(|member| member.presence == Presence::Required);
            Value::Object(required.map(|member| (member.name.clone(), sample(&member.shape))).collect())
        }
    }
}
