//! A service behind a door: it keeps what it was asked, and answers what the input says.

use crate::input::Input;
use anabranch_api::*;
use anabranch_types::{
    AccountId, ConsumerArn, ConsumerName, Counter, HashKey, HashKeyRange, Region, RequestId, SequenceNumber,
    ShardEpoch, ShardId, StreamArn, StreamName, TagKey, TagValue, Tags, Timestamp,
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// A reader who follows a shard reads for ever: after so many answers it gets no other one.
const READS_MAX: usize = 8;

/// What was asked.
#[derive(Debug, Clone)]
pub enum Asked {
    /// `CreateStream`.
    Create(CreateStream),
    /// `DeleteStream`.
    Delete(DeleteStream),
    /// `DescribeStream`.
    Describe(DescribeStream),
    /// `DescribeStreamSummary`.
    Summarize(DescribeStreamSummary),
    /// `ListStreams`.
    Streams(ListStreams),
    /// `ListShards`.
    Shards(ListShards),
    /// `SplitShard`.
    Split(SplitShard),
    /// `MergeShards`.
    Merge(MergeShards),
    /// `UpdateShardCount`.
    Scale(UpdateShardCount),
    /// `IncreaseStreamRetentionPeriod`.
    Increase(IncreaseStreamRetentionPeriod),
    /// `DecreaseStreamRetentionPeriod`.
    Decrease(DecreaseStreamRetentionPeriod),
    /// `UpdateMaxRecordSize`.
    Resize(UpdateMaxRecordSize),
    /// `PutRecord`.
    Put(PutRecord),
    /// `PutRecords`.
    Puts(PutRecords),
    /// `GetShardIterator`.
    Iterator(GetShardIterator),
    /// `GetRecords`.
    Records(GetRecords),
    /// `RegisterStreamConsumer`.
    RegisterConsumer(RegisterStreamConsumer),
    /// `DeregisterStreamConsumer`.
    DeregisterConsumer(DeregisterStreamConsumer),
    /// `DescribeStreamConsumer`.
    DescribeConsumer(DescribeStreamConsumer),
    /// `ListStreamConsumers`.
    Consumers(ListStreamConsumers),
    /// `SubscribeToShard`.
    Subscribe(SubscribeToShard),
    /// `AddTagsToStream`.
    AddTags(AddTagsToStream),
    /// `RemoveTagsFromStream`.
    RemoveTags(RemoveTagsFromStream),
    /// `ListTagsForStream`.
    ListTags(ListTagsForStream),
    /// `TagResource`.
    Tag(TagResource),
    /// `UntagResource`.
    Untag(UntagResource),
    /// `ListTagsForResource`.
    TagsOf(ListTagsForResource),
    /// `DescribeLimits`.
    Limits,
}

/// The last answer that an operation of reading or writing was given.
#[derive(Debug, Clone, Default)]
pub enum Told {
    /// None of those below.
    #[default]
    Other,
    /// Of `GetRecords`.
    Records(GetRecordsOutput),
    /// Of `PutRecords`.
    Puts(PutRecordsOutput),
    /// Of `ListShards`.
    Shards(ListShardsOutput),
}

/// The service.
#[derive(Default)]
pub struct Service {
    asked: Mutex<Vec<Asked>>,
    told: Mutex<Told>,
    answers: Vec<u8>,
}

/// The account whose streams there are.
#[must_use]
pub fn account() -> AccountId {
    AccountId::parse("000000000042").expect("twelve digits")
}

/// A call with time enough.
#[must_use]
pub fn context() -> RequestContext {
    RequestContext {
        request_id: RequestId(1),
        principal: Principal { access_key: Arc::from("key") },
        account: account(),
        region: Region::parse("eu-west-1").expect("a region"),
        deadline: Duration::MAX,
    }
}

impl Service {
    /// One that answers what `answers` says.
    #[must_use]
    pub fn answering(answers: &[u8]) -> Self {
        Service { answers: answers.to_vec(), ..Service::default() }
    }

    /// What was asked since the last look.
    pub fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock())
    }

    /// What was answered since the last look.
    pub fn take_told(&self) -> Told {
        std::mem::take(&mut self.told.lock())
    }

    /// Keeps `asked`; the answer, or an error in its place.
    fn answer<T>(&self, asked: Asked, make: impl FnOnce(&mut Input<'_>) -> T) -> Result<T, ApiError> {
        self.asked.lock().push(asked);
        let mut input = Input::new(&self.answers);
        if input.byte() == 255 { Err(error(&mut input)) } else { Ok(make(&mut input)) }
    }
}

fn text(input: &mut Input<'_>) -> String {
    String::from_utf8_lossy(input.short()).into_owned()
}

fn error(input: &mut Input<'_>) -> ApiError {
    let code = ErrorCode::ALL[usize::from(input.byte()) % ErrorCode::ALL.len()];
    let error = ApiError::new(code, text(input));
    match input.byte() {
        0 => error,
        _ => error.with_retry_after(Duration::from_millis(input.u64())),
    }
}

fn time(input: &mut Input<'_>) -> Timestamp {
    // As far as clocks go: times of the service are not read from anywhere.
    Timestamp::from_millis(input.u64() >> 22)
}

fn number(input: &mut Input<'_>) -> SequenceNumber {
    let epoch = ShardEpoch { created_s: input.u64() & ((1 << 36) - 1), shard: shard_id(input) };
    SequenceNumber::of_record(epoch, Counter::from_bits(input.u64() >> 1).expect("63 bits"), time(input))
}

fn shard_id(input: &mut Input<'_>) -> ShardId {
    ShardId(input.u32() >> 1)
}

fn range(input: &mut Input<'_>) -> HashKeyRange {
    let mut ends = [input.u64(), input.u64()].map(|end| HashKey(u128::from(end) << 63));
    ends.sort();
    HashKeyRange::new(ends[0], ends[1]).expect("they are sorted")
}

fn shard(input: &mut Input<'_>) -> Shard {
    let flags = input.byte();
    Shard {
        id: shard_id(input),
        parent: (flags & 1 != 0).then(|| shard_id(input)),
        adjacent_parent: (flags & 2 != 0).then(|| shard_id(input)),
        range: range(input),
        starting: number(input),
        ending: (flags & 4 != 0).then(|| number(input)),
    }
}

fn many<T>(input: &mut Input<'_>, one: impl Fn(&mut Input<'_>) -> T) -> Vec<T> {
    let count = input.byte() % 8;
    (0..count).map(|_| one(input)).collect()
}

fn arn(input: &mut Input<'_>) -> StreamArn {
    let name = format!("orders-{}", input.byte());
    StreamArn { region: context().region, account: account(), name: StreamName::new(&name).expect("a name") }
}

fn consumer(input: &mut Input<'_>) -> Consumer {
    let name = ConsumerName::new(&format!("audit-{}", input.byte())).expect("a name");
    let created = time(input);
    let arn = ConsumerArn { stream: arn(input), name, created_s: created.as_secs() };
    Consumer { arn, status: ConsumerStatus::Active, created }
}

fn status(input: &mut Input<'_>) -> StreamStatus {
    match input.byte() % 4 {
        0 => StreamStatus::Active,
        1 => StreamStatus::Creating,
        2 => StreamStatus::Deleting,
        _ => StreamStatus::Updating,
    }
}

fn record(input: &mut Input<'_>) -> Record {
    Record {
        sequence_number: number(input),
        arrival: time(input),
        data: Bytes::copy_from_slice(input.short()),
        partition_key: Bytes::copy_from_slice(input.short()),
    }
}

fn child(input: &mut Input<'_>) -> ChildShard {
    ChildShard { id: shard_id(input), parents: many(input, shard_id), range: range(input) }
}

fn tags(input: &mut Input<'_>) -> Tags {
    let tag = |input: &mut Input<'_>| {
        let key = TagKey::new(&format!("key-{}", input.byte())).expect("a key");
        (key, TagValue::new(&format!("value-{}", input.byte())).expect("a value"))
    };
    many(input, tag).into_iter().collect()
}

impl Kinesis for Service {
    type Subscription = ();

    async fn create_stream(&self, _: &RequestContext, request: CreateStream) -> Result<(), ApiError> {
        self.answer(Asked::Create(request), |_| ())
    }

    async fn delete_stream(&self, _: &RequestContext, request: DeleteStream) -> Result<(), ApiError> {
        self.answer(Asked::Delete(request), |_| ())
    }

    async fn describe_stream(
        &self,
        _: &RequestContext,
        request: DescribeStream,
    ) -> Result<StreamDescription, ApiError> {
        self.answer(Asked::Describe(request), |input| StreamDescription {
            arn: arn(input),
            status: status(input),
            shards: many(input, shard),
            has_more_shards: input.byte() & 1 != 0,
            retention: Duration::from_secs(u64::from(input.u32())),
            created: time(input),
        })
    }

    async fn describe_stream_summary(
        &self,
        _: &RequestContext,
        request: DescribeStreamSummary,
    ) -> Result<StreamDescriptionSummary, ApiError> {
        self.answer(Asked::Summarize(request), |input| StreamDescriptionSummary {
            arn: arn(input),
            status: status(input),
            retention: Duration::from_secs(u64::from(input.u32())),
            created: time(input),
            open_shard_count: input.u32(),
            consumer_count: input.u32(),
            max_record_kib: input.u32(),
        })
    }

    async fn list_streams(&self, _: &RequestContext, request: ListStreams) -> Result<ListStreamsOutput, ApiError> {
        let one =
            |input: &mut Input<'_>| StreamSummary { arn: arn(input), status: status(input), created: time(input) };
        self.answer(Asked::Streams(request), |input| ListStreamsOutput {
            streams: many(input, one),
            next_token: (input.byte() & 1 != 0).then(|| text(input)),
        })
    }

    async fn list_shards(&self, _: &RequestContext, request: ListShards) -> Result<ListShardsOutput, ApiError> {
        let output = self.answer(Asked::Shards(request), |input| ListShardsOutput {
            shards: many(input, shard),
            next_token: (input.byte() & 1 != 0).then(|| text(input)),
        })?;
        *self.told.lock() = Told::Shards(output.clone());
        Ok(output)
    }

    async fn split_shard(&self, _: &RequestContext, request: SplitShard) -> Result<(), ApiError> {
        self.answer(Asked::Split(request), |_| ())
    }

    async fn merge_shards(&self, _: &RequestContext, request: MergeShards) -> Result<(), ApiError> {
        self.answer(Asked::Merge(request), |_| ())
    }

    async fn update_shard_count(
        &self,
        _: &RequestContext,
        request: UpdateShardCount,
    ) -> Result<UpdateShardCountOutput, ApiError> {
        self.answer(Asked::Scale(request), |input| UpdateShardCountOutput {
            arn: arn(input),
            current: input.u32(),
            target: input.u32(),
        })
    }

    async fn increase_stream_retention_period(
        &self,
        _: &RequestContext,
        request: IncreaseStreamRetentionPeriod,
    ) -> Result<(), ApiError> {
        self.answer(Asked::Increase(request), |_| ())
    }

    async fn decrease_stream_retention_period(
        &self,
        _: &RequestContext,
        request: DecreaseStreamRetentionPeriod,
    ) -> Result<(), ApiError> {
        self.answer(Asked::Decrease(request), |_| ())
    }

    async fn update_max_record_size(&self, _: &RequestContext, request: UpdateMaxRecordSize) -> Result<(), ApiError> {
        self.answer(Asked::Resize(request), |_| ())
    }

    async fn put_record(&self, _: &RequestContext, request: PutRecord) -> Result<PutRecordOutput, ApiError> {
        self.answer(Asked::Put(request), |input| PutRecordOutput {
            shard: shard_id(input),
            sequence_number: number(input),
        })
    }

    async fn put_records(&self, _: &RequestContext, request: PutRecords) -> Result<PutRecordsOutput, ApiError> {
        let count = request.entries.len();
        let output = self.answer(Asked::Puts(request), |input| {
            let mut one = || match input.byte() {
                255 => Err(error(input)),
                _ => Ok(PutRecordOutput { shard: shard_id(input), sequence_number: number(input) }),
            };
            PutRecordsOutput { results: (0..count).map(|_| one()).collect() }
        })?;
        *self.told.lock() = Told::Puts(output.clone());
        Ok(output)
    }

    async fn get_shard_iterator(
        &self,
        _: &RequestContext,
        request: GetShardIterator,
    ) -> Result<ShardIterator, ApiError> {
        self.answer(Asked::Iterator(request), |input| ShardIterator(text(input)))
    }

    async fn get_records(&self, _: &RequestContext, request: GetRecords) -> Result<GetRecordsOutput, ApiError> {
        if self.asked.lock().len() >= READS_MAX {
            return std::future::pending().await;
        }
        let output = self.answer(Asked::Records(request), |input| GetRecordsOutput {
            records: many(input, record),
            next: (input.byte() & 1 != 0).then(|| ShardIterator(text(input))),
            millis_behind_latest: input.u64(),
            child_shards: many(input, child),
        })?;
        *self.told.lock() = Told::Records(output.clone());
        Ok(output)
    }

    async fn register_stream_consumer(
        &self,
        _: &RequestContext,
        request: RegisterStreamConsumer,
    ) -> Result<Consumer, ApiError> {
        self.answer(Asked::RegisterConsumer(request), consumer)
    }

    async fn deregister_stream_consumer(
        &self,
        _: &RequestContext,
        request: DeregisterStreamConsumer,
    ) -> Result<(), ApiError> {
        self.answer(Asked::DeregisterConsumer(request), |_| ())
    }

    async fn describe_stream_consumer(
        &self,
        _: &RequestContext,
        request: DescribeStreamConsumer,
    ) -> Result<Consumer, ApiError> {
        self.answer(Asked::DescribeConsumer(request), consumer)
    }

    async fn list_stream_consumers(
        &self,
        _: &RequestContext,
        request: ListStreamConsumers,
    ) -> Result<ListStreamConsumersOutput, ApiError> {
        self.answer(Asked::Consumers(request), |input| ListStreamConsumersOutput {
            consumers: many(input, consumer),
            next_token: (input.byte() & 1 != 0).then(|| text(input)),
        })
    }

    async fn subscribe_to_shard(&self, _: &RequestContext, request: SubscribeToShard) -> Result<(), ApiError> {
        self.answer(Asked::Subscribe(request), |_| ())
    }

    async fn next_event(&self, _: &mut ()) -> Result<Option<SubscribeToShardEvent>, ApiError> {
        Ok(None)
    }

    async fn add_tags_to_stream(&self, _: &RequestContext, request: AddTagsToStream) -> Result<(), ApiError> {
        self.answer(Asked::AddTags(request), |_| ())
    }

    async fn remove_tags_from_stream(&self, _: &RequestContext, request: RemoveTagsFromStream) -> Result<(), ApiError> {
        self.answer(Asked::RemoveTags(request), |_| ())
    }

    async fn list_tags_for_stream(
        &self,
        _: &RequestContext,
        request: ListTagsForStream,
    ) -> Result<ListTagsForStreamOutput, ApiError> {
        self.answer(Asked::ListTags(request), |input| ListTagsForStreamOutput {
            tags: tags(input).into_iter().collect(),
            has_more_tags: input.byte() & 1 != 0,
        })
    }

    async fn tag_resource(&self, _: &RequestContext, request: TagResource) -> Result<(), ApiError> {
        self.answer(Asked::Tag(request), |_| ())
    }

    async fn untag_resource(&self, _: &RequestContext, request: UntagResource) -> Result<(), ApiError> {
        self.answer(Asked::Untag(request), |_| ())
    }

    async fn list_tags_for_resource(&self, _: &RequestContext, request: ListTagsForResource) -> Result<Tags, ApiError> {
        self.answer(Asked::TagsOf(request), tags)
    }

    async fn describe_limits(&self, _: &RequestContext) -> Result<AccountLimits, ApiError> {
        self.answer(Asked::Limits, |input| AccountLimits {
            open_shards: input.u32(),
            shard_limit: input.u32(),
            on_demand_streams: input.u32(),
            on_demand_stream_limit: input.u32(),
        })
    }
}
