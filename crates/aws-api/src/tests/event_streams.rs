//! SubscribeToShard's answer as clients read it, message by message.

use super::*;
use crate::event_stream::{Read, read as read_message};
use crate::kinesis::Operation;
use crate::kinesis::bad_inputs::{as_json, encoded, good_input};
use anabranch_api::{ApiError, ChildShard, ErrorCode, Record, SubscribeToShardEvent};
use anabranch_runtime::{MemoryBudget, SLOW_AFTER};
use anabranch_types::{Counter, HashKeyRange, SequenceNumber, ShardEpoch, ShardId};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;

fn number() -> SequenceNumber {
    let epoch = ShardEpoch { created_s: 1_742_000_000, shard: ShardId(0) };
    SequenceNumber::of_record(epoch, Counter::new(0, 9, 1), NOW)
}

fn event(data: &[u8]) -> SubscribeToShardEvent {
    let record = Record {
        sequence_number: number(),
        arrival: Timestamp::from_millis(1_742_000_000_045),
        data: Bytes::copy_from_slice(data),
        partition_key: Bytes::from_static("k\"ä".as_bytes()),
    };
    SubscribeToShardEvent {
        records: vec![record],
        continuation: Some(number()),
        millis_behind_latest: 7,
        child_shards: Vec::new(),
    }
}

/// The last event of a closed shard.
fn last() -> SubscribeToShardEvent {
    let child = ChildShard { id: ShardId(2), parents: vec![ShardId(0), ShardId(1)], range: HashKeyRange::FULL };
    SubscribeToShardEvent { records: Vec::new(), continuation: None, child_shards: vec![child], ..event(b"") }
}

fn door_with(options: DoorOptions, events: Vec<Result<SubscribeToShardEvent, ApiError>>) -> Arc<AwsDoor<Probe>> {
    let door = door(options);
    probe(&door).events.lock().expect("no test panics in here").extend(events);
    door
}

fn subscribe(encoding: Encoding) -> Request<Full<Bytes>> {
    let operation = Operation::SubscribeToShard;
    signed_as(encoding, "SubscribeToShard", encoded(operation, &good_input(operation), encoding).bytes)
}

async fn bytes_of<B>(response: Response<B>) -> Bytes
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/vnd.amazon.eventstream");
    assert!(response.headers().contains_key("x-amzn-requestid"));
    response.into_body().collect().await.expect("a clean end").to_bytes()
}

fn messages(mut bytes: &[u8]) -> Vec<Read> {
    let mut messages = Vec::new();
    while let Some((message, rest)) = read_message(bytes) {
        messages.push(message);
        bytes = rest;
    }
    assert!(bytes.is_empty(), "the last message is whole");
    messages
}

/// What a message says, and what it is.
fn told(message: &Read) -> (String, Value) {
    let header = |name| message.header(name).unwrap_or("none");
    let encoding = Encoding::ALL.into_iter().find(|encoding| encoding.media_type() == header(":content-type"));
    let payload = Encoded { encoding: encoding.expect("one of ours"), bytes: message.payload.clone().into() };
    let what = [":message-type", ":event-type", ":exception-type"].map(header).join(" ");
    (what, as_json(&payload).expect("it is in its encoding"))
}

const INITIAL: &str = "event initial-response none";
const EVENT: &str = "event SubscribeToShardEvent none";

#[tokio::test]
async fn events_follow_the_initial_response_in_the_requests_encoding() {
    for encoding in Encoding::ALL {
        let door = door_with(options(), vec![Ok(event(b"hello")), Ok(last())]);
        let bytes = bytes_of(door.handle(subscribe(encoding)).await).await;
        let messages = messages(&bytes);
        assert!(messages.iter().all(|message| message.header(":content-type") == Some(encoding.media_type())));
        let number = number().to_string();
        let record = json!({
            "SequenceNumber": number, "ApproximateArrivalTimestamp": 1_742_000_000.045, "Data": "aGVsbG8=",
            "PartitionKey": "k\"ä",
        });
        let first = json!({"Records": [record], "ContinuationSequenceNumber": number, "MillisBehindLatest": 7});
        let range = json!({"StartingHashKey": "0", "EndingHashKey": u128::MAX.to_string()});
        let parents = ["shardId-000000000000", "shardId-000000000001"];
        let child = json!({"ShardId": "shardId-000000000002", "ParentShards": parents, "HashKeyRange": range});
        let end = json!({"Records": [], "MillisBehindLatest": 7, "ChildShards": [child]});
        let expected = [(INITIAL, json!({})), (EVENT, first), (EVENT, end)].map(|(what, said)| (what.to_owned(), said));
        assert_eq!(messages.iter().map(told).collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn what_ends_a_subscription_is_its_last_message() {
    let cases = [
        (ErrorCode::ResourceInUse, "ResourceInUseException"),
        (ErrorCode::ResourceNotFound, "ResourceNotFoundException"),
        (ErrorCode::InternalFailure, "InternalFailureException"),
        (ErrorCode::ServiceUnavailable, "InternalFailureException"),
    ];
    for (code, name) in cases {
        for encoding in Encoding::ALL {
            let door = door_with(options(), vec![Err(ApiError::new(code, "it is \"over\"")), Ok(event(b"never"))]);
            let bytes = bytes_of(door.handle(subscribe(encoding)).await).await;
            let messages: Vec<_> = messages(&bytes).iter().map(told).collect();
            let end = (format!("exception none {name}"), json!({"message": "it is \"over\""}));
            assert_eq!(messages, [(INITIAL.to_owned(), json!({})), end]);
        }
    }
}

#[tokio::test]
async fn a_subscription_that_does_not_begin_is_an_error_as_any_other() {
    let (status, text) = read(door(options()).handle(subscribe(Encoding::Json)).await).await;
    assert_eq!((status, text.as_str()), (400, r#"{"__type":"ResourceInUseException","message":"taken"}"#));
}

#[tokio::test]
async fn both_protocols_carry_a_stream_to_its_end() {
    let large = vec![7; 600 << 10];
    let events = || vec![Ok(event(b"small")), Ok(event(&large)), Ok(event(b"")), Ok(last())];
    let door = door_with(options(), events());
    let (mut sender, connection) = http1::handshake(TokioIo::new(connect(&door))).await.expect("handshake");
    tokio::spawn(connection);
    let answer = sender.send_request(subscribe(Encoding::Json)).await.expect("an answer");
    assert_eq!(answer.headers()["transfer-encoding"], "chunked");
    let one = bytes_of(answer).await;

    let door = door_with(options(), events());
    let io = TokioIo::new(connect(&door));
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.expect("handshake");
    tokio::spawn(connection);
    let mut request = subscribe(Encoding::Json);
    request.headers_mut().remove("host");
    *request.uri_mut() = "http://broker/".parse().expect("a uri");
    let two = bytes_of(sender.send_request(request).await.expect("an answer")).await;
    assert_eq!(messages(&one).len(), 5);
    assert_eq!(one, two);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_cleanly_when_the_node_drains() {
    let door = door_with(options(), vec![Ok(event(b"hello"))]);
    probe(&door).is_endless.store(true, Ordering::Relaxed);
    let (mut sender, connection) = http1::handshake(TokioIo::new(connect(&door))).await.expect("handshake");
    tokio::spawn(connection);
    let mut body = sender.send_request(subscribe(Encoding::Json)).await.expect("an answer").into_body();
    for _ in 0..2 {
        body.frame().await.expect("a message").expect("whole");
    }
    let calls = door.calls();
    let drained = tokio::spawn(async move { calls.shutdown(Duration::from_secs(60)).await });
    assert!(body.frame().await.is_none(), "it ends as one that has lasted its time");
    assert_eq!(drained.await.expect("no panic"), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_message_is_charged_until_its_client_has_taken_it() {
    let memory = MemoryBudget::new(1 << 20);
    let large = || Ok(event(&vec![7; 400 << 10]));
    let of_memory = DoorOptions { memory: memory.clone(), ..options() };
    let door = door_with(of_memory, vec![large(), large(), large()]);
    let mut body = door.handle(subscribe(Encoding::Json)).await.into_body();
    body.frame().await.expect("the initial response").expect("whole");
    let first = body.frame().await.expect("an event").expect("whole").into_data().expect("data");
    assert_eq!(memory.free_bytes(), (1 << 20) - first.len());
    let others = memory.charge(memory.free_bytes()).expect("all that is free");
    assert!(body.frame().await.is_none(), "no memory for the next one: the client subscribes anew");
    drop((first, others, body));
    assert_eq!(memory.free_bytes(), 1 << 20);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_loses_its_connection_to_those_who_need_the_memory() {
    let memory = MemoryBudget::new(2 << 20);
    let of_memory = DoorOptions { memory: memory.clone(), ..options() };
    let door = door_with(of_memory, (0..9).map(|_| Ok(event(&vec![7; 700 << 10]))).collect());
    let (mut sender, connection) = http1::handshake(TokioIo::new(connect(&door))).await.expect("handshake");
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(subscribe(Encoding::Json)).await.expect("an answer");
    tokio::time::sleep(SLOW_AFTER + Duration::from_secs(1)).await;
    assert!(memory.free_bytes() < 2 << 20, "an event waits for its client");
    assert!(memory.charge(2 << 20).is_err());
    assert!(answer.into_body().collect().await.is_err(), "it was cut off");
    drop((sender, connection));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(memory.free_bytes(), 2 << 20);
}
