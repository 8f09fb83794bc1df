//! A service that writes requests down and gives fixed answers.

use crate::encoding::{Encoded, Encoding};
use crate::kinesis::bad_inputs::{as_json, encoded};
use crate::kinesis::{Answer, Operation, dispatch};
use anabranch_api::*;
use anabranch_types::{
    AccountId, ConsumerArn, Counter, HashKeyRange, Region, RequestId, SequenceNumber, ShardEpoch, ShardId, StreamArn,
    TagKey, TagValue, Tags, Timestamp,
};
use bytes::Bytes;
use serde_json::Value;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Every request as its debug print, in order.
#[derive(Default)]
pub struct Recorder {
    seen: Mutex<Vec<String>>,
}

pub const ARN: &str = "arn:aws:kinesis:eu-west-1:000000000042:stream/orders";

pub const CONSUMER: &str = "arn:aws:kinesis:eu-west-1:000000000042:stream/orders/consumer/audit:1742000000";

pub fn epoch(shard: u32) -> ShardEpoch {
    ShardEpoch { created_s: 1_742_000_000, shard: ShardId(shard) }
}

pub fn sequence_number(shard: u32) -> SequenceNumber {
    let counter = Counter::new(0, 9, 1);
    SequenceNumber::of_record(epoch(shard), counter, Timestamp::from_millis(1_742_000_100_000))
}

pub fn context() -> RequestContext {
    RequestContext {
        request_id: RequestId(1),
        principal: Principal { access_key: Arc::from("key") },
        account: AccountId::parse("000000000042").expect("12 digits"),
        region: Region::parse("eu-west-1").expect("a region"),
        deadline: Duration::from_secs(1),
    }
}

impl Recorder {
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no test panics while it holds this").clone()
    }

    fn note(&self, request: &impl Debug) {
        self.seen.lock().expect("no test panics while it holds this").push(format!("{request:?}"));
    }
}

/// Serves the JSON `body` and gives the answer's text. The same request in CBOR must ask the same of
/// another service, and get the same answer or refusal.
pub async fn serve(service: &Recorder, operation: Operation, body: &[u8]) -> Result<String, ApiError> {
    let json = Encoded { encoding: Encoding::Json, bytes: Bytes::copy_from_slice(body) };
    let answer = serve_encoded(service, operation, json).await;
    if let Ok(request) = serde_json::from_slice::<Value>(body) {
        let other = Recorder::default();
        let in_cbor = serve_encoded(&other, operation, encoded(operation, &request, Encoding::Cbor)).await;
        assert_same(&answer, &in_cbor, &request);
        let asked = service.seen().last().filter(|_| answer.is_ok()).cloned();
        assert_eq!(asked, other.seen().last().cloned(), "{request}");
    }
    answer.map(|answer| String::from_utf8(answer.bytes.to_vec()).expect("JSON is text"))
}

/// Serves `body` and gives the answer.
pub async fn serve_encoded(service: &Recorder, operation: Operation, body: Encoded) -> Result<Encoded, ApiError> {
    let encoding = body.encoding;
    let bytes = match dispatch(service, &context(), operation, body).await? {
        Answer::Whole(bytes) => bytes,
        // Its events are in `tests/event_streams.rs`.
        Answer::Events(()) => Bytes::new(),
    };
    Ok(Encoded { encoding, bytes })
}

fn assert_same(json: &Result<Encoded, ApiError>, cbor: &Result<Encoded, ApiError>, request: &Value) {
    match (json, cbor) {
        (Ok(json), Ok(cbor)) => {
            assert_eq!((json.encoding, cbor.encoding), (Encoding::Json, Encoding::Cbor));
            assert_eq!(as_json(json).expect("JSON"), as_json(cbor).expect("CBOR"), "{request}");
        }
        // What is wrong with a text that should be data is a matter of base64, which CBOR does not have.
        (Err(json), Err(cbor)) if json.message.contains("can not be converted to a Blob") => {
            assert_eq!(json.code, cbor.code, "{request}");
        }
        (json, cbor) => assert_eq!(json.as_ref().err(), cbor.as_ref().err(), "{request}"),
    }
}

fn arn() -> StreamArn {
    StreamArn::parse(ARN).expect("an arn")
}

fn consumer() -> Consumer {
    let arn = ConsumerArn::parse(CONSUMER).expect("an arn");
    Consumer { arn, status: ConsumerStatus::Active, created: CREATED }
}

fn shard(id: u32) -> Shard {
    Shard {
        id: ShardId(id),
        parent: None,
        adjacent_parent: None,
        range: HashKeyRange::FULL,
        starting: SequenceNumber::starting(epoch(id)),
        ending: None,
    }
}

fn tags() -> Tags {
    let tag = |key, value| (TagKey::new(key).expect("valid"), TagValue::new(value).expect("valid"));
    Tags::from([tag("empty", ""), tag("team", "\"é\"")])
}

const CREATED: Timestamp = Timestamp::from_millis(1_742_000_000_045);
const RETENTION: Duration = Duration::from_secs(24 * 3_600);

impl Kinesis for Recorder {
    type Subscription = ();

    async fn create_stream(&self, _: &RequestContext, request: CreateStream) -> Result<(), ApiError> {
        self.note(&request);
        Ok(())
    }

    async fn delete_stream(&self, _: &RequestContext, request: DeleteStream) -> Result<(), ApiError> {
        self.note(&request);
        Ok(())
    }

    async fn describe_stream(
        &self,
        _: &RequestContext,
        request: DescribeStream,
    ) -> Result<StreamDescription, ApiError> {
        self.note(&request);
        Ok(StreamDescription {
            arn: arn(),
            status: StreamStatus::Active,
            shards: vec![shard(0)],
            has_more_shards: false,
            retention: RETENTION,
            created: CREATED,
        })
    }

    async fn describe_stream_summary(
        &self,
        _: &RequestContext,
        request: DescribeStreamSummary,
    ) -> Result<StreamDescriptionSummary, ApiError> {
        self.note(&request);
        Ok(StreamDescriptionSummary {
            arn: arn(),
            status: StreamStatus::Updating,
            retention: RETENTION,
            created: CREATED,
            open_shard_count: 3,
            consumer_count: 2,
            max_record_kib: 1_024,
        })
    }

    async fn list_streams(&self, _: &RequestContext, request: ListStreams) -> Result<ListStreamsOutput, ApiError> {
        self.note(&request);
        let summary = StreamSummary { arn: arn(), status: StreamStatus::Active, created: CREATED };
        Ok(ListStreamsOutput { streams: vec![summary], next_token: request.limit.map(|_| "more".to_owned()) })
    }

    async fn list_shards(&self, _: &RequestContext, request: ListShards) -> Result<ListShardsOutput, ApiError> {
        self.note(&request);
        let closed = Shard {
            parent: Some(ShardId(0)),
            adjacent_parent: Some(ShardId(1)),
            ending: Some(SequenceNumber::ending(epoch(2), CREATED)),
            ..shard(2)
        };
        Ok(ListShardsOutput { shards: vec![closed], next_token: Some("next".to_owned()) })
    }

    async fn split_shard(&self, _: &RequestContext, request: SplitShard) -> Result<(), ApiError> {
        self.note(&request);
        Ok(())
    }

    async fn increase_stream_retention_period(
        &self,
        _: &RequestContext,
        request: IncreaseStreamRetentionPeriod,
    ) -> Result<(), ApiError> {
        self.note(&request);
        Ok(())
    }

    async fn merge_shards(&self, _: &RequestContext, request: MergeShards) -> Result<(), ApiError> {
        self.note(&request);
        Ok(())
    }

    async fn decrease_stream_retention_period(
        &self,
        _: &RequestContext,
        request: DecreaseStreamRetentionPeriod,
    ) -> Result<(), ApiError> {
        self.note(&request);
        Ok(())
    }

    async fn update_shard_count(
        &self,
        _: &RequestContext,
        request: UpdateShardCount,
    ) -> Result<UpdateShardCountOutput, ApiError> {
        self.note(&request);
        Ok(UpdateShardCountOutput { arn: arn(), current: 3, target: request.target.get() })
    }

    async fn update_max_record_size(&self, _: &RequestContext, request: UpdateMaxRecordSize) -> Result<(), ApiError> {
        self.note(&request);
        Ok(())
    }

    async fn put_record(&self, _: &RequestContext, request: PutRecord) -> Result<PutRecordOutput, ApiError> {
        self.note(&request);
        Ok(PutRecordOutput { shard: ShardId(1), sequence_number: sequence_number(1) })
    }

    async fn put_records(&self, _: &RequestContext, request: PutRecords) -> Result<PutRecordsOutput, ApiError> {
        self.note(&request);
        let stored = PutRecordOutput { shard: ShardId(1), sequence_number: sequence_number(1) };
        let throttled = ApiError::new(ErrorCode::ProvisionedThroughputExceeded, "Rate exceeded for shard \"x\".");
        let broken = ApiError::new(ErrorCode::ServiceUnavailable, "node 3 is away");
        Ok(PutRecordsOutput { results: vec![Ok(stored), Err(throttled), Err(broken)] })
    }

    async fn get_shard_iterator(
        &self,
        _: &RequestContext,
        request: GetShardIterator,
    ) -> Result<ShardIterator, ApiError> {
        self.note(&request);
        Ok(ShardIterator("AAAA==".to_owned()))
    }

    async fn get_records(&self, _: &RequestContext, request: GetRecords) -> Result<GetRecordsOutput, ApiError> {
        self.note(&request);
        let record = |data: &'static [u8]| Record {
            sequence_number: sequence_number(1),
            arrival: CREATED,
            data: Bytes::from_static(data),
            partition_key: Bytes::from_static("k\"ä".as_bytes()),
        };
        let child = ChildShard { id: ShardId(2), parents: vec![ShardId(0), ShardId(1)], range: HashKeyRange::FULL };
        let ended = request.limit.is_some();
        Ok(GetRecordsOutput {
            records: vec![record(b"hello"), record(b"")],
            next: (!ended).then(|| ShardIterator("BBBB".to_owned())),
            millis_behind_latest: 7,
            child_shards: if ended { vec![child] } else { Vec::new() },
        })
    }

    async fn register_stream_consumer(
        &self,
        _: &RequestContext,
        request: RegisterStreamConsumer,
    ) -> Result<Consumer, ApiError> {
        self.note(&request);
        Ok(consumer())
    }

    async fn deregister_stream_consumer(
        &self,
        _: &RequestContext,
        request: DeregisterStreamConsumer,
    ) -> Result<(), ApiError> {
        self.note(&request);
        Ok(())
    }

    async fn add_tags_to_stream(&self, _: &RequestContext, request: AddTagsToStream) -> Result<(), ApiError> {
        self.note(&request);
        Ok(())
    }

    async fn remove_tags_from_stream(&self, _: &RequestContext, request: RemoveTagsFromStream) -> Result<(), ApiError> {
        self.note(&request);
        Ok(())
    }

    async fn describe_stream_consumer(
        &self,
        _: &RequestContext,
        request: DescribeStreamConsumer,
    ) -> Result<Consumer, ApiError> {
        self.note(&request);
        Ok(consumer())
    }

    async fn list_stream_consumers(
        &self,
        _: &RequestContext,
        request: ListStreamConsumers,
    ) -> Result<ListStreamConsumersOutput, ApiError> {
        self.note(&request);
        let next_token = request.max_results.map(|_| "more".to_owned());
        Ok(ListStreamConsumersOutput { consumers: vec![consumer()], next_token })
    }

    async fn subscribe_to_shard(&self, _: &RequestContext, request: SubscribeToShard) -> Result<(), ApiError> {
        self.note(&request);
        Ok(())
    }

    async fn list_tags_for_stream(
        &self,
        _: &RequestContext,
        request: ListTagsForStream,
    ) -> Result<ListTagsForStreamOutput, ApiError> {
        self.note(&request);
        let has_more_tags = request.limit.is_some();
        Ok(ListTagsForStreamOutput { tags: tags().into_iter().collect(), has_more_tags })
    }

    async fn tag_resource(&self, _: &RequestContext, request: TagResource) -> Result<(), ApiError> {
        self.note(&request);
        Ok(())
    }

    async fn untag_resource(&self, _: &RequestContext, request: UntagResource) -> Result<(), ApiError> {
        self.note(&request);
        Ok(())
    }

    async fn next_event(&self, _: &mut ()) -> Result<Option<SubscribeToShardEvent>, ApiError> {
        Ok(None)
    }

    async fn list_tags_for_resource(&self, _: &RequestContext, request: ListTagsForResource) -> Result<Tags, ApiError> {
        self.note(&request);
        Ok(tags())
    }

    async fn describe_limits(&self, _: &RequestContext) -> Result<AccountLimits, ApiError> {
        self.note(&"DescribeLimits");
        Ok(AccountLimits { open_shards: 3, shard_limit: 20_000, on_demand_streams: 0, on_demand_stream_limit: 50 })
    }
}
