//! A service that remembers who asked and answers when it is let.

use anabranch_api::*;
use anabranch_types::Tags;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// ListStreams answers at once, DescribeStream when [`Probe::release`] is notified, PutRecord
/// never. Everything else fails.
#[derive(Default)]
pub(super) struct Probe {
    pub(super) contexts: Mutex<Vec<RequestContext>>,
    /// Notified when DescribeStream begins.
    pub(super) entered: Notify,
    pub(super) release: Notify,
    /// What a subscription gives; then it ends, unless it is endless.
    pub(super) events: Mutex<VecDeque<Result<SubscribeToShardEvent, ApiError>>>,
    pub(super) is_endless: AtomicBool,
}

fn not_here<T>() -> Result<T, ApiError> {
    Err(ApiError::new(ErrorCode::InternalFailure, "not here"))
}

impl Kinesis for Probe {
    type Subscription = ();

    async fn create_stream(&self, _: &RequestContext, _: CreateStream) -> Result<(), ApiError> {
        Ok(())
    }

    async fn delete_stream(&self, _: &RequestContext, _: DeleteStream) -> Result<(), ApiError> {
        not_here()
    }

    async fn describe_stream(&self, _: &RequestContext, _: DescribeStream) -> Result<StreamDescription, ApiError> {
        self.entered.notify_one();
        self.release.notified().await;
        Err(ApiError::new(ErrorCode::ResourceNotFound, "released"))
    }

    async fn describe_stream_summary(
        &self,
        _: &RequestContext,
        _: DescribeStreamSummary,
    ) -> Result<StreamDescriptionSummary, ApiError> {
        not_here()
    }

    async fn list_streams(&self, context: &RequestContext, _: ListStreams) -> Result<ListStreamsOutput, ApiError> {
        self.contexts.lock().expect("no test panics in here").push(context.clone());
        Ok(ListStreamsOutput { streams: Vec::new(), next_token: None })
    }

    async fn list_shards(&self, _: &RequestContext, _: ListShards) -> Result<ListShardsOutput, ApiError> {
        not_here()
    }

    async fn split_shard(&self, _: &RequestContext, _: SplitShard) -> Result<(), ApiError> {
        not_here()
    }

    async fn merge_shards(&self, _: &RequestContext, _: MergeShards) -> Result<(), ApiError> {
        not_here()
    }

    async fn update_shard_count(
        &self,
        _: &RequestContext,
        _: UpdateShardCount,
    ) -> Result<UpdateShardCountOutput, ApiError> {
        not_here()
    }

    async fn increase_stream_retention_period(
        &self,
        _: &RequestContext,
        _: IncreaseStreamRetentionPeriod,
    ) -> Result<(), ApiError> {
        not_here()
    }

    async fn decrease_stream_retention_period(
        &self,
        _: &RequestContext,
        _: DecreaseStreamRetentionPeriod,
    ) -> Result<(), ApiError> {
        not_here()
    }

    async fn update_max_record_size(&self, _: &RequestContext, _: UpdateMaxRecordSize) -> Result<(), ApiError> {
        not_here()
    }

    async fn put_record(&self, _: &RequestContext, _: PutRecord) -> Result<PutRecordOutput, ApiError> {
        std::future::pending().await
    }

    async fn put_records(&self, _: &RequestContext, _: PutRecords) -> Result<PutRecordsOutput, ApiError> {
        not_here()
    }

    async fn get_shard_iterator(&self, _: &RequestContext, _: GetShardIterator) -> Result<ShardIterator, ApiError> {
        not_here()
    }

    async fn get_records(&self, _: &RequestContext, _: GetRecords) -> Result<GetRecordsOutput, ApiError> {
        not_here()
    }

    async fn register_stream_consumer(
        &self,
        _: &RequestContext,
        _: RegisterStreamConsumer,
    ) -> Result<Consumer, ApiError> {
        not_here()
    }

    async fn deregister_stream_consumer(
        &self,
        _: &RequestContext,
        _: DeregisterStreamConsumer,
    ) -> Result<(), ApiError> {
        not_here()
    }

    async fn describe_stream_consumer(
        &self,
        _: &RequestContext,
        _: DescribeStreamConsumer,
    ) -> Result<Consumer, ApiError> {
        not_here()
    }

    async fn list_stream_consumers(
        &self,
        _: &RequestContext,
        _: ListStreamConsumers,
    ) -> Result<ListStreamConsumersOutput, ApiError> {
        not_here()
    }

    async fn subscribe_to_shard(&self, _: &RequestContext, _: SubscribeToShard) -> Result<(), ApiError> {
        let is_refused = self.events.lock().expect("no test panics in here").is_empty();
        if is_refused { Err(ApiError::new(ErrorCode::ResourceInUse, "taken")) } else { Ok(()) }
    }

    async fn next_event(&self, _: &mut ()) -> Result<Option<SubscribeToShardEvent>, ApiError> {
        let event = self.events.lock().expect("no test panics in here").pop_front();
        match event {
            Some(event) => event.map(Some),
            None if self.is_endless.load(Ordering::Relaxed) => std::future::pending().await,
            None => Ok(None),
        }
    }

    async fn add_tags_to_stream(&self, _: &RequestContext, _: AddTagsToStream) -> Result<(), ApiError> {
        not_here()
    }

    async fn remove_tags_from_stream(&self, _: &RequestContext, _: RemoveTagsFromStream) -> Result<(), ApiError> {
        not_here()
    }

    async fn list_tags_for_stream(
        &self,
        _: &RequestContext,
        _: ListTagsForStream,
    ) -> Result<ListTagsForStreamOutput, ApiError> {
        not_here()
    }

    async fn tag_resource(&self, _: &RequestContext, _: TagResource) -> Result<(), ApiError> {
        not_here()
    }

    async fn untag_resource(&self, _: &RequestContext, _: UntagResource) -> Result<(), ApiError> {
        not_here()
    }

    async fn list_tags_for_resource(&self, _: &RequestContext, _: ListTagsForResource) -> Result<Tags, ApiError> {
        not_here()
    }

    async fn describe_limits(&self, _: &RequestContext) -> Result<AccountLimits, ApiError> {
        not_here()
    }
}
