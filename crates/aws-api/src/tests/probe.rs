//! A service that remembers who asked and answers when it is let.

use anabranch_api::*;
use anabranch_types::Tags;
use std::sync::Mutex;
use tokio::sync::Notify;

/// ListStreams answers at once, DescribeStream when [`Probe::release`] is notified, PutRecord
/// never. Everything else fails.
#[derive(Default)]
pub(super) struct Probe {
    pub(super) contexts: Mutex<Vec<RequestContext>>,
    /// Notified when DescribeStream begins.
    pub(super) entered: Notify,
    pub(super) release: Notify,
}

fn not_here<T>() -> Result<T, ApiError> {
    Err(ApiError::new(ErrorCode::InternalFailure, "not here"))
}

impl Kinesis for Probe {
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
