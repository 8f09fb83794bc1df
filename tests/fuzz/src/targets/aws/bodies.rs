//! The JSON and the CBOR of requests, and that of answers.

use super::rewritten::rewritten;
use crate::input::Input;
use crate::service::{Asked, Service, Told, context};
use anabranch_api::{
    AddTagsToStream, ApiError, ErrorCode, RemoveTagsFromStream, ShardPage, TagResource, UntagResource,
};
use anabranch_aws_api::kinesis::{Answer, Operation, dispatch};
use anabranch_aws_api::{Encoded, Encoding};
use anabranch_types::limits;
use bytes::Bytes;
use futures::FutureExt;
use serde_json::Value;

/// What the operations themselves refuse with.
const REFUSALS: [ErrorCode; 4] =
    [ErrorCode::Serialization, ErrorCode::Validation, ErrorCode::InvalidArgument, ErrorCode::ResourceNotFound];

/// A message repeats what it refuses, ten times at the most, and says why.
const MESSAGE_TIMES_MAX: usize = 16;
const MESSAGE_BYTES_MORE: usize = 16 << 10;

/// What came of a body.
struct Served {
    answer: Result<Bytes, ApiError>,
    asked: Option<Asked>,
    told: Told,
}

fn serve(operation: Operation, body: &[u8], answers: &[u8]) -> Served {
    serve_encoded(Encoding::Json, operation, body, answers)
}

fn serve_encoded(encoding: Encoding, operation: Operation, body: &[u8], answers: &[u8]) -> Served {
    let service = Service::answering(answers);
    let context = context();
    let body = Encoded { encoding, bytes: Bytes::copy_from_slice(body) };
    let answered = dispatch(&service, &context, operation, body).now_or_never();
    let mut asked = service.take_asked();
    assert!(asked.len() <= 1, "one request was several: {asked:?}");
    let answer = answered.expect("this service never waits").map(|answer| match answer {
        Answer::Whole(bytes) => bytes,
        Answer::Events(()) => Bytes::new(),
    });
    Served { answer, asked: asked.pop(), told: service.take_told() }
}

/// A body is refused by name, or asks one thing: the same as when it is written anew or has a member more that nobody
/// knows, and within the limits. Its answer is JSON that says what the service said.
pub fn bodies(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let operation = Operation::ALL[usize::from(input.byte()) % Operation::ALL.len()];
    let answers = input.short();
    let body = input.rest();
    let served = serve(operation, body, answers);
    if let Some(longer) = with_another_member(body) {
        let again = serve(operation, &longer, answers);
        assert_eq!(format!("{:?}", again.asked), format!("{:?}", served.asked), "with a member that nobody knows");
        assert_eq!(again.answer, served.answer, "with a member that nobody knows");
    }
    is_refused_or_asks_the_same_in_json(operation, body, answers, &served);
    if let Ok(answer) = &served.answer {
        says(answer, &served.told);
    }
}

/// The same in CBOR, with whatever bytes a body has: what it asks can be asked in JSON as well.
pub fn cbor_bodies(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let operation = Operation::ALL[usize::from(input.byte()) % Operation::ALL.len()];
    let answers = input.short();
    let body = input.rest();
    let served = serve_encoded(Encoding::Cbor, operation, body, answers);
    is_refused_or_asks_the_same_in_json(operation, body, answers, &served);
}

fn is_refused_or_asks_the_same_in_json(operation: Operation, body: &[u8], answers: &[u8], served: &Served) {
    match (&served.asked, &served.answer) {
        (None, Ok(_)) => panic!("{} was answered without having been asked", operation.name()),
        (None, Err(error)) => {
            assert!(REFUSALS.contains(&error.code), "{error}");
            let bytes_max = MESSAGE_TIMES_MAX * body.len() + MESSAGE_BYTES_MORE;
            assert!(error.message.len() <= bytes_max, "{} bytes of message", error.message.len());
        }
        (Some(asked), _) => {
            within_limits(asked);
            let again = serve(operation, rewritten(asked).to_string().as_bytes(), answers);
            assert_eq!(format!("{:?}", again.asked), format!("{:?}", served.asked), "written anew");
        }
    }
}

/// `body` with a member in front that no operation has, unless it is no object with members.
fn with_another_member(body: &[u8]) -> Option<Vec<u8>> {
    let at = body.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let (before, rest) = (&body[..at], body[at..].strip_prefix(b"{")?);
    let is_member = rest.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| *byte == b'"');
    is_member.then(|| [before, br#"{"Nobody":[{"knows":1}],"#, rest].concat())
}

fn within_limits(asked: &Asked) {
    let count = |count: Option<usize>| assert!(count.is_none_or(|count| (1..=10_000).contains(&count)), "{count:?}");
    match asked {
        Asked::Describe(request) => count(request.limit),
        Asked::Streams(request) => count(request.limit),
        Asked::Shards(request) => {
            count(request.max_results);
            if let ShardPage::First { after, filter, .. } = &request.page {
                let is_default = *filter == anabranch_api::ShardFilter::FromTrimHorizon;
                assert!(after.is_none() || is_default, "{request:?}");
            }
        }
        Asked::Puts(request) => {
            assert!((1..=limits::PUT_RECORDS_COUNT_MAX).contains(&request.entries.len()));
        }
        Asked::Records(request) => count(request.limit),
        Asked::Consumers(request) => count(request.max_results),
        Asked::Create(_)
        | Asked::Delete(_)
        | Asked::Summarize(_)
        | Asked::Split(_)
        | Asked::Merge(_)
        | Asked::Scale(_)
        | Asked::Increase(_)
        | Asked::Decrease(_)
        | Asked::Resize(_)
        | Asked::Put(_)
        | Asked::Iterator(_)
        | Asked::RegisterConsumer(_)
        | Asked::DeregisterConsumer(_)
        | Asked::DescribeConsumer(_)
        | Asked::Subscribe(_) => {}
        Asked::ListTags(request) => assert!(request.limit.is_none_or(|limit| (1..=50).contains(&limit))),
        Asked::AddTags(AddTagsToStream { tags, .. }) | Asked::Tag(TagResource { tags, .. }) => {
            assert!((1..=200).contains(&tags.len()), "{tags:?}");
        }
        Asked::RemoveTags(RemoveTagsFromStream { keys, .. }) | Asked::Untag(UntagResource { keys, .. }) => {
            assert!((1..=50).contains(&keys.len()), "{keys:?}");
        }
        Asked::TagsOf(_) | Asked::Limits => {}
    }
}

/// The answer is JSON that holds what was told.
fn says(answer: &[u8], told: &Told) {
    if answer.is_empty() {
        return assert!(matches!(told, Told::Other));
    }
    let answer: Value = serde_json::from_slice(answer).expect("an answer is JSON");
    let list = |name: &str| answer[name].as_array().cloned().unwrap_or_default();
    match told {
        Told::Other => {}
        Told::Records(told) => {
            let records = list("Records");
            assert_eq!(records.len(), told.records.len());
            for (record, told) in records.iter().zip(&told.records) {
                let data = record["Data"].as_str().expect("a text");
                assert_eq!(base64_simd::STANDARD.decode_to_vec(data).expect("base64"), told.data);
                assert_eq!(record["PartitionKey"], String::from_utf8_lossy(&told.partition_key).as_ref());
                assert_eq!(record["SequenceNumber"], told.sequence_number.to_string());
            }
            assert_eq!(answer["NextShardIterator"].as_str(), told.next.as_ref().map(|next| next.0.as_str()));
            assert_eq!(answer["MillisBehindLatest"], told.millis_behind_latest);
            assert_eq!(list("ChildShards").len(), told.child_shards.len());
        }
        Told::Puts(told) => {
            let failed = told.results.iter().filter(|result| result.is_err()).count();
            assert_eq!((list("Records").len(), &answer["FailedRecordCount"]), (told.results.len(), &failed.into()));
        }
        Told::Shards(told) => {
            let shards = list("Shards");
            assert_eq!(shards.len(), told.shards.len());
            for (shard, told) in shards.iter().zip(&told.shards) {
                let range = &shard["SequenceNumberRange"];
                assert_eq!(range["StartingSequenceNumber"], told.starting.to_string());
                assert_eq!(range["EndingSequenceNumber"].as_str(), told.ending.map(|end| end.to_string()).as_deref());
            }
            assert_eq!(answer["NextToken"].as_str(), told.next_token.as_deref());
        }
    }
}
