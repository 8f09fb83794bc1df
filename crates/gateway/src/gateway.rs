//! The service trait, one line per operation; each is a file of its name.

use crate::records::backlog::Backlogs;
use crate::refresh::Refresh;
use crate::resolve::node_failed;
use crate::{records, streams, tags};
use anabranch_api::{
    AccountLimits, AddTagsToStream, ApiError, CreateStream, DeleteStream, DescribeStream, DescribeStreamSummary,
    ErrorCode, GetRecords, GetRecordsOutput, GetShardIterator, Kinesis, ListShards, ListShardsOutput, ListStreams,
    ListStreamsOutput, ListTagsForResource, ListTagsForStream, ListTagsForStreamOutput, PutRecord, PutRecordOutput,
    PutRecords, PutRecordsOutput, RemoveTagsFromStream, RequestContext, ShardIterator, StreamDescription,
    StreamDescriptionSummary, TagResource, UntagResource,
};
use anabranch_catalog::TokenKeys;
use anabranch_cluster::{ClusterView, MetadataNode, Router, ViewWatch};
use anabranch_runtime::Env;
use anabranch_types::{Tags, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// What a gateway decides by itself.
#[derive(Debug, Clone)]
pub struct GatewayOptions {
    /// How long a put whose outcome is unknown is asked again, before its records are answered
    /// with InternalFailure (D7).
    pub put_patience: Duration,
    /// How long a read looks for the group's leader.
    pub read_patience: Duration,
    /// Bytes of records that puts to one group may hold while it does not answer (D16).
    pub group_bytes_max: usize,
}

impl Default for GatewayOptions {
    fn default() -> Self {
        let patience = Duration::from_secs(5);
        GatewayOptions { put_patience: patience, read_patience: patience, group_bytes_max: usize::MAX }
    }
}

/// Serves every stream of the cluster.
pub struct Gateway {
    pub(crate) view: ViewWatch,
    pub(crate) router: Router,
    pub(crate) metadata: Arc<dyn MetadataNode>,
    refresh: Refresh,
    pub(crate) backlogs: Backlogs,
    pub(crate) env: Env,
    pub(crate) options: GatewayOptions,
}

impl Gateway {
    /// A gateway that routes by `view` and reaches storage through `router`.
    pub fn new(
        view: ViewWatch,
        router: Router,
        metadata: Arc<dyn MetadataNode>,
        env: Env,
        options: GatewayOptions,
    ) -> Self {
        let backlogs = Backlogs::new(options.group_bytes_max);
        Gateway { view, router, metadata, refresh: Refresh::default(), backlogs, env, options }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.env.now()
    }

    /// Returns once this node's view shows everything acknowledged before this call.
    ///
    /// # Errors
    /// As the metadata service fails.
    pub(crate) async fn refresh(&self) -> Result<(), ApiError> {
        let refreshed = self.refresh.refresh(&*self.metadata, &*self.env.clock).await;
        refreshed.map_err(|error| node_failed(&error))
    }

    /// The earlier of the request's deadline and `patience` from now, as time since node start.
    pub(crate) fn deadline(&self, context: &RequestContext, patience: Duration) -> Duration {
        context.deadline.min(self.env.clock.monotonic() + patience)
    }
}

/// The keys of tokens.
///
/// # Errors
/// `ServiceUnavailable` before the cluster is bootstrapped.
pub(crate) fn token_keys(view: &ClusterView) -> Result<&TokenKeys, ApiError> {
    let not_yet = || ApiError::new(ErrorCode::ServiceUnavailable, "The cluster is not bootstrapped yet.");
    view.keys.as_ref().ok_or_else(not_yet)
}

impl Kinesis for Gateway {
    async fn create_stream(&self, context: &RequestContext, request: CreateStream) -> Result<(), ApiError> {
        streams::create_stream::create_stream(self, context, request).await
    }

    async fn delete_stream(&self, context: &RequestContext, request: DeleteStream) -> Result<(), ApiError> {
        streams::delete_stream::delete_stream(self, context, request).await
    }

    async fn describe_stream(
        &self,
        context: &RequestContext,
        request: DescribeStream,
    ) -> Result<StreamDescription, ApiError> {
        streams::describe_stream::describe_stream(self, context, &request).await
    }

    async fn describe_stream_summary(
        &self,
        context: &RequestContext,
        request: DescribeStreamSummary,
    ) -> Result<StreamDescriptionSummary, ApiError> {
        streams::describe_stream_summary::describe_stream_summary(self, context, &request).await
    }

    async fn list_streams(
        &self,
        context: &RequestContext,
        request: ListStreams,
    ) -> Result<ListStreamsOutput, ApiError> {
        streams::list_streams::list_streams(self, context, &request)
    }

    async fn list_shards(&self, context: &RequestContext, request: ListShards) -> Result<ListShardsOutput, ApiError> {
        streams::list_shards::list_shards(self, context, &request).await
    }

    async fn put_record(&self, context: &RequestContext, request: PutRecord) -> Result<PutRecordOutput, ApiError> {
        records::put_record::put_record(self, context, request).await
    }

    async fn put_records(&self, context: &RequestContext, request: PutRecords) -> Result<PutRecordsOutput, ApiError> {
        records::put_records::put_records(self, context, request).await
    }

    async fn get_shard_iterator(
        &self,
        context: &RequestContext,
        request: GetShardIterator,
    ) -> Result<ShardIterator, ApiError> {
        records::get_shard_iterator::get_shard_iterator(self, context, &request).await
    }

    async fn get_records(&self, context: &RequestContext, request: GetRecords) -> Result<GetRecordsOutput, ApiError> {
        records::get_records::get_records(self, context, &request).await
    }

    async fn add_tags_to_stream(&self, context: &RequestContext, request: AddTagsToStream) -> Result<(), ApiError> {
        tags::add_tags_to_stream::add_tags_to_stream(self, context, request).await
    }

    async fn remove_tags_from_stream(
        &self,
        context: &RequestContext,
        request: RemoveTagsFromStream,
    ) -> Result<(), ApiError> {
        tags::remove_tags_from_stream::remove_tags_from_stream(self, context, request).await
    }

    async fn list_tags_for_stream(
        &self,
        context: &RequestContext,
        request: ListTagsForStream,
    ) -> Result<ListTagsForStreamOutput, ApiError> {
        tags::list_tags_for_stream::list_tags_for_stream(self, context, &request).await
    }

    async fn tag_resource(&self, context: &RequestContext, request: TagResource) -> Result<(), ApiError> {
        tags::tag_resource::tag_resource(self, context, request).await
    }

    async fn untag_resource(&self, context: &RequestContext, request: UntagResource) -> Result<(), ApiError> {
        tags::untag_resource::untag_resource(self, context, request).await
    }

    async fn list_tags_for_resource(
        &self,
        context: &RequestContext,
        request: ListTagsForResource,
    ) -> Result<Tags, ApiError> {
        tags::list_tags_for_resource::list_tags_for_resource(self, context, &request).await
    }

    async fn describe_limits(&self, context: &RequestContext) -> Result<AccountLimits, ApiError> {
        Ok(streams::describe_limits::describe_limits(self, context))
    }
}
