//! The trait behind both doors.

use crate::*;
use anabranch_types::Tags;
use std::future::Future;

/// Amazon Kinesis Data Streams as the gateway serves it. Cancelling a call's future leaves its
/// outcome unknown to the caller, never half done.
///
/// # Errors
/// Every method fails with [`ApiError`]; which codes it can carry is what AWS documents for the
/// operation, and `InternalFailure` or `ServiceUnavailable` when nothing is wrong with the call.
pub trait Kinesis: Send + Sync + 'static {
    /// An open subscription of a consumer. Dropping it ends it.
    type Subscription: Send + 'static;

    /// Creates a stream; it is ACTIVE when this returns.
    fn create_stream(
        &self,
        context: &RequestContext,
        request: CreateStream,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;

    /// Deletes a stream; it is gone when this returns.
    fn delete_stream(
        &self,
        context: &RequestContext,
        request: DeleteStream,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;

    /// A stream and a page of its shards.
    fn describe_stream(
        &self,
        context: &RequestContext,
        request: DescribeStream,
    ) -> impl Future<Output = Result<StreamDescription, ApiError>> + Send;

    /// A stream without its shards.
    fn describe_stream_summary(
        &self,
        context: &RequestContext,
        request: DescribeStreamSummary,
    ) -> impl Future<Output = Result<StreamDescriptionSummary, ApiError>> + Send;

    /// A page of the account's streams.
    fn list_streams(
        &self,
        context: &RequestContext,
        request: ListStreams,
    ) -> impl Future<Output = Result<ListStreamsOutput, ApiError>> + Send;

    /// A page of a stream's shards.
    fn list_shards(
        &self,
        context: &RequestContext,
        request: ListShards,
    ) -> impl Future<Output = Result<ListShardsOutput, ApiError>> + Send;

    /// Begins to replace a shard by two.
    fn split_shard(
        &self,
        context: &RequestContext,
        request: SplitShard,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;

    /// Begins to replace two adjacent shards by one.
    fn merge_shards(
        &self,
        context: &RequestContext,
        request: MergeShards,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;

    /// Begins to bring a stream to another number of shards.
    fn update_shard_count(
        &self,
        context: &RequestContext,
        request: UpdateShardCount,
    ) -> impl Future<Output = Result<UpdateShardCountOutput, ApiError>> + Send;
    /// Makes a stream keep its records longer; recorded when this returns.
    fn increase_stream_retention_period(
        &self,
        context: &RequestContext,
        request: IncreaseStreamRetentionPeriod,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;

    /// Makes a stream keep its records for a shorter time; recorded when this returns.
    fn decrease_stream_retention_period(
        &self,
        context: &RequestContext,
        request: DecreaseStreamRetentionPeriod,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;

    /// Changes the largest record that a stream takes; in force when this returns.
    fn update_max_record_size(
        &self,
        context: &RequestContext,
        request: UpdateMaxRecordSize,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;

    /// Writes one record.
    fn put_record(
        &self,
        context: &RequestContext,
        request: PutRecord,
    ) -> impl Future<Output = Result<PutRecordOutput, ApiError>> + Send;

    /// Writes up to 500 records, each for itself.
    fn put_records(
        &self,
        context: &RequestContext,
        request: PutRecords,
    ) -> impl Future<Output = Result<PutRecordsOutput, ApiError>> + Send;

    /// A place to read a shard from.
    fn get_shard_iterator(
        &self,
        context: &RequestContext,
        request: GetShardIterator,
    ) -> impl Future<Output = Result<ShardIterator, ApiError>> + Send;

    /// Records from an iterator on.
    fn get_records(
        &self,
        context: &RequestContext,
        request: GetRecords,
    ) -> impl Future<Output = Result<GetRecordsOutput, ApiError>> + Send;

    /// Registers a consumer of a stream; it is ACTIVE when this returns.
    fn register_stream_consumer(
        &self,
        context: &RequestContext,
        request: RegisterStreamConsumer,
    ) -> impl Future<Output = Result<Consumer, ApiError>> + Send;

    /// Forgets a consumer; it is gone when this returns, and its subscriptions end.
    fn deregister_stream_consumer(
        &self,
        context: &RequestContext,
        request: DeregisterStreamConsumer,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;

    /// One consumer.
    fn describe_stream_consumer(
        &self,
        context: &RequestContext,
        request: DescribeStreamConsumer,
    ) -> impl Future<Output = Result<Consumer, ApiError>> + Send;

    /// A page of a stream's consumers.
    fn list_stream_consumers(
        &self,
        context: &RequestContext,
        request: ListStreamConsumers,
    ) -> impl Future<Output = Result<ListStreamConsumersOutput, ApiError>> + Send;

    /// Subscribes a consumer to a shard; its events are asked for one by one.
    fn subscribe_to_shard(
        &self,
        context: &RequestContext,
        request: SubscribeToShard,
    ) -> impl Future<Output = Result<Self::Subscription, ApiError>> + Send;

    /// The next event of a subscription, as soon as there is one; none at its end. An error is the
    /// end as well. Cancel-safe: the event that was not given is given next time.
    fn next_event(
        &self,
        subscription: &mut Self::Subscription,
    ) -> impl Future<Output = Result<Option<SubscribeToShardEvent>, ApiError>> + Send;
    /// Writes tags on a stream.
    fn add_tags_to_stream(
        &self,
        context: &RequestContext,
        request: AddTagsToStream,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;

    /// Takes tags off a stream.
    fn remove_tags_from_stream(
        &self,
        context: &RequestContext,
        request: RemoveTagsFromStream,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;

    /// A page of a stream's tags.
    fn list_tags_for_stream(
        &self,
        context: &RequestContext,
        request: ListTagsForStream,
    ) -> impl Future<Output = Result<ListTagsForStreamOutput, ApiError>> + Send;

    /// Writes tags on a resource.
    fn tag_resource(
        &self,
        context: &RequestContext,
        request: TagResource,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;

    /// Takes tags off a resource.
    fn untag_resource(
        &self,
        context: &RequestContext,
        request: UntagResource,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;

    /// The tags of a resource.
    fn list_tags_for_resource(
        &self,
        context: &RequestContext,
        request: ListTagsForResource,
    ) -> impl Future<Output = Result<Tags, ApiError>> + Send;

    /// What the account has of what it may have.
    fn describe_limits(&self, context: &RequestContext)
    -> impl Future<Output = Result<AccountLimits, ApiError>> + Send;
}
