//! A service that writes requests down and answers as its test says.

use anabranch_api::*;
use anabranch_runtime::Env;
use anabranch_types::{Counter, HashKeyRange, SequenceNumber, ShardEpoch, ShardId, StreamArn, Tags, Timestamp};
use bytes::Bytes;
use futures::future::BoxFuture;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const ARN: &str = "arn:aws:kinesis:eu-west-1:000000000042:stream/orders";
pub const CREATED: Timestamp = Timestamp::from_millis(1_440_900_000_045);

type Answer<Q, A> = dyn Fn(Q) -> BoxFuture<'static, Result<A, ApiError>> + Send + Sync;

/// Answers of the two operations that streams are made of; the others are fixed.
pub struct Fake {
    seen: Mutex<Vec<String>>,
    pub contexts: Mutex<Vec<RequestContext>>,
    put_records: Mutex<Arc<Answer<PutRecords, PutRecordsOutput>>>,
    get_records: Mutex<Arc<Answer<GetRecords, GetRecordsOutput>>>,
    pub env: Env,
}

pub fn epoch(shard: u32) -> ShardEpoch {
    ShardEpoch { created_s: 1_440_900_000, shard: ShardId(shard) }
}

/// The sequence number of the `nth` record of a shard.
pub fn number(shard: u32, nth: u64) -> SequenceNumber {
    SequenceNumber::of_record(epoch(shard), Counter::new(0, nth + 1, 0), CREATED)
}

pub fn stored(shard: u32, nth: u64) -> PutRecordOutput {
    PutRecordOutput { shard: ShardId(shard), sequence_number: number(shard, nth) }
}

pub fn record(nth: u64, data: &str) -> Record {
    Record {
        sequence_number: number(1, nth),
        arrival: CREATED,
        data: Bytes::copy_from_slice(data.as_bytes()),
        partition_key: Bytes::from_static("kä".as_bytes()),
    }
}

pub fn shard(id: u32) -> Shard {
    Shard {
        id: ShardId(id),
        parent: None,
        adjacent_parent: None,
        range: HashKeyRange::FULL,
        starting: SequenceNumber::starting(epoch(id)),
        ending: None,
    }
}

pub fn child() -> ChildShard {
    ChildShard { id: ShardId(2), parents: vec![ShardId(0), ShardId(1)], range: HashKeyRange::FULL }
}

impl Fake {
    pub fn new(env: Env) -> Self {
        let all_stored = |request: PutRecords| {
            let results = (0..).zip(&request.entries).map(|(nth, _)| Ok(stored(1, nth))).collect();
            Box::pin(std::future::ready(Ok(PutRecordsOutput { results }))) as BoxFuture<'static, _>
        };
        let two = |request: GetRecords| {
            let ended = request.limit.is_some();
            let answer = GetRecordsOutput {
                records: vec![record(0, "hello"), record(1, "")],
                next: (!ended).then(|| ShardIterator("BBBB".to_owned())),
                millis_behind_latest: 7,
                child_shards: if ended { vec![child()] } else { Vec::new() },
            };
            Box::pin(std::future::ready(Ok(answer))) as BoxFuture<'static, _>
        };
        Fake {
            seen: Mutex::default(),
            contexts: Mutex::default(),
            put_records: Mutex::new(Arc::new(all_stored)),
            get_records: Mutex::new(Arc::new(two)),
            env,
        }
    }

    /// Every request as its debug print, in order.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no test panics while it holds this").clone()
    }

    /// Answers PutRecords from now on.
    pub fn on_put(
        &self,
        answer: impl Fn(PutRecords) -> BoxFuture<'static, Result<PutRecordsOutput, ApiError>> + Send + Sync + 'static,
    ) {
        *self.put_records.lock().expect("no test panics while it holds this") = Arc::new(answer);
    }

    /// Answers GetRecords from now on.
    pub fn on_get(
        &self,
        answer: impl Fn(GetRecords) -> BoxFuture<'static, Result<GetRecordsOutput, ApiError>> + Send + Sync + 'static,
    ) {
        *self.get_records.lock().expect("no test panics while it holds this") = Arc::new(answer);
    }

    /// How many requests of an operation there were.
    pub fn count(&self, operation: &str) -> usize {
        self.seen().iter().filter(|request| request.starts_with(&format!("{operation} {{"))).count()
    }

    fn note(&self, context: &RequestContext, request: &impl Debug) {
        self.contexts.lock().expect("no test panics while it holds this").push(context.clone());
        self.seen.lock().expect("no test panics while it holds this").push(format!("{request:?}"));
    }
}

fn arn() -> StreamArn {
    StreamArn::parse(ARN).expect("an arn")
}

impl Kinesis for Fake {
    type Subscription = ();

    async fn create_stream(&self, context: &RequestContext, request: CreateStream) -> Result<(), ApiError> {
        self.note(context, &request);
        if request.name.as_str() == "taken" {
            return Err(messages::stream_exists(&request.name, context.account));
        }
        Ok(())
    }

    async fn delete_stream(&self, context: &RequestContext, request: DeleteStream) -> Result<(), ApiError> {
        self.note(context, &request);
        Ok(())
    }

    async fn describe_stream(
        &self,
        context: &RequestContext,
        request: DescribeStream,
    ) -> Result<StreamDescription, ApiError> {
        self.note(context, &request);
        // A call that its test waits for, or gives up.
        self.env.sleep(Duration::from_secs(3)).await;
        Ok(StreamDescription {
            arn: arn(),
            status: StreamStatus::Active,
            shards: vec![shard(0)],
            has_more_shards: true,
            retention: Duration::from_secs(24 * 3_600),
            created: CREATED,
        })
    }

    async fn describe_stream_summary(
        &self,
        context: &RequestContext,
        request: DescribeStreamSummary,
    ) -> Result<StreamDescriptionSummary, ApiError> {
        self.note(context, &request);
        let name = request.stream.name.clone().unwrap_or_else(|| arn().name);
        if name.as_str() == "absent" {
            return Err(messages::stream_not_found(&name, context.account));
        }
        Ok(StreamDescriptionSummary {
            arn: arn(),
            status: StreamStatus::Updating,
            retention: Duration::from_secs(24 * 3_600),
            created: CREATED,
            open_shard_count: 4,
            consumer_count: 0,
            max_record_kib: 1_024,
        })
    }

    async fn list_streams(
        &self,
        context: &RequestContext,
        request: ListStreams,
    ) -> Result<ListStreamsOutput, ApiError> {
        self.note(context, &request);
        let summary = StreamSummary { arn: arn(), status: StreamStatus::Active, created: CREATED };
        Ok(ListStreamsOutput { streams: vec![summary], next_token: request.limit.map(|_| "more".to_owned()) })
    }

    async fn list_shards(&self, context: &RequestContext, request: ListShards) -> Result<ListShardsOutput, ApiError> {
        self.note(context, &request);
        let closed = Shard {
            parent: Some(ShardId(0)),
            adjacent_parent: Some(ShardId(1)),
            ending: Some(SequenceNumber::ending(epoch(2), CREATED)),
            ..shard(2)
        };
        Ok(ListShardsOutput { shards: vec![closed], next_token: Some("next".to_owned()) })
    }

    async fn split_shard(&self, context: &RequestContext, request: SplitShard) -> Result<(), ApiError> {
        self.note(context, &request);
        Ok(())
    }

    async fn increase_stream_retention_period(
        &self,
        context: &RequestContext,
        request: IncreaseStreamRetentionPeriod,
    ) -> Result<(), ApiError> {
        self.note(context, &request);
        Ok(())
    }

    async fn merge_shards(&self, context: &RequestContext, request: MergeShards) -> Result<(), ApiError> {
        self.note(context, &request);
        Ok(())
    }

    async fn decrease_stream_retention_period(
        &self,
        context: &RequestContext,
        request: DecreaseStreamRetentionPeriod,
    ) -> Result<(), ApiError> {
        self.note(context, &request);
        Ok(())
    }

    async fn update_shard_count(
        &self,
        context: &RequestContext,
        request: UpdateShardCount,
    ) -> Result<UpdateShardCountOutput, ApiError> {
        self.note(context, &request);
        Ok(UpdateShardCountOutput { arn: arn(), current: 3, target: request.target.get() })
    }

    async fn update_max_record_size(
        &self,
        context: &RequestContext,
        request: UpdateMaxRecordSize,
    ) -> Result<(), ApiError> {
        self.note(context, &request);
        Ok(())
    }

    async fn put_record(&self, context: &RequestContext, request: PutRecord) -> Result<PutRecordOutput, ApiError> {
        self.note(context, &request);
        Ok(stored(1, 0))
    }

    async fn put_records(&self, context: &RequestContext, request: PutRecords) -> Result<PutRecordsOutput, ApiError> {
        self.note(context, &request);
        let answer = Arc::clone(&self.put_records.lock().expect("no test panics while it holds this"));
        answer(request).await
    }

    async fn get_shard_iterator(
        &self,
        context: &RequestContext,
        request: GetShardIterator,
    ) -> Result<ShardIterator, ApiError> {
        self.note(context, &request);
        if ShardId::parse(&request.shard).is_err() {
            let name = arn().name;
            return Err(messages::shard_not_found(&request.shard, &name, context.account));
        }
        Ok(ShardIterator("AAAA==".to_owned()))
    }

    async fn get_records(&self, context: &RequestContext, request: GetRecords) -> Result<GetRecordsOutput, ApiError> {
        self.note(context, &request);
        let answer = Arc::clone(&self.get_records.lock().expect("no test panics while it holds this"));
        answer(request).await
    }

    async fn register_stream_consumer(
        &self,
        _: &RequestContext,
        request: RegisterStreamConsumer,
    ) -> Result<Consumer, ApiError> {
        unreachable!("this door has no call that asks for {request:?}")
    }

    async fn deregister_stream_consumer(
        &self,
        _: &RequestContext,
        request: DeregisterStreamConsumer,
    ) -> Result<(), ApiError> {
        unreachable!("this door has no call that asks for {request:?}")
    }

    async fn describe_stream_consumer(
        &self,
        _: &RequestContext,
        request: DescribeStreamConsumer,
    ) -> Result<Consumer, ApiError> {
        unreachable!("this door has no call that asks for {request:?}")
    }

    async fn list_stream_consumers(
        &self,
        _: &RequestContext,
        request: ListStreamConsumers,
    ) -> Result<ListStreamConsumersOutput, ApiError> {
        unreachable!("this door has no call that asks for {request:?}")
    }

    async fn subscribe_to_shard(&self, _: &RequestContext, request: SubscribeToShard) -> Result<(), ApiError> {
        unreachable!("this door has no call that asks for {request:?}")
    }

    async fn next_event(&self, _: &mut ()) -> Result<Option<SubscribeToShardEvent>, ApiError> {
        unreachable!("this door has no call that asks for events")
    }

    async fn add_tags_to_stream(&self, context: &RequestContext, request: AddTagsToStream) -> Result<(), ApiError> {
        self.note(context, &request);
        Ok(())
    }

    async fn remove_tags_from_stream(
        &self,
        context: &RequestContext,
        request: RemoveTagsFromStream,
    ) -> Result<(), ApiError> {
        self.note(context, &request);
        Ok(())
    }

    async fn list_tags_for_stream(
        &self,
        context: &RequestContext,
        request: ListTagsForStream,
    ) -> Result<ListTagsForStreamOutput, ApiError> {
        self.note(context, &request);
        Ok(ListTagsForStreamOutput { tags: Vec::new(), has_more_tags: false })
    }

    async fn tag_resource(&self, context: &RequestContext, request: TagResource) -> Result<(), ApiError> {
        self.note(context, &request);
        Ok(())
    }

    async fn untag_resource(&self, context: &RequestContext, request: UntagResource) -> Result<(), ApiError> {
        self.note(context, &request);
        Ok(())
    }

    async fn list_tags_for_resource(
        &self,
        context: &RequestContext,
        request: ListTagsForResource,
    ) -> Result<Tags, ApiError> {
        self.note(context, &request);
        Ok(Tags::new())
    }

    async fn describe_limits(&self, context: &RequestContext) -> Result<AccountLimits, ApiError> {
        self.note(context, &"DescribeLimits");
        Ok(AccountLimits { open_shards: 0, shard_limit: 1, on_demand_streams: 0, on_demand_stream_limit: 1 })
    }
}
