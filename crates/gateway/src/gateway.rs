//! The service trait, one line per operation; each is a file of its name.

use crate::consumers::Subscription;
use crate::records::backlog::Backlogs;
use crate::refresh::Refresh;
use crate::resolve::node_failed;
use crate::{consumers, records, streams, tags};
use anabranch_api::{
    AccountLimits, AddTagsToStream, ApiError, Consumer, CreateStream, DecreaseStreamRetentionPeriod, DeleteStream,
    DeregisterStreamConsumer, DescribeStream, DescribeStreamConsumer, DescribeStreamSummary, ErrorCode, GetRecords,
    GetRecordsOutput, GetShardIterator, IncreaseStreamRetentionPeriod, Kinesis, ListShards, ListShardsOutput,
    ListStreamConsumers, ListStreamConsumersOutput, ListStreams, ListStreamsOutput, ListTagsForResource,
    ListTagsForStream, ListTagsForStreamOutput, MergeShards, PutRecord, PutRecordOutput, PutRecords, PutRecordsOutput,
    RegisterStreamConsumer, RemoveTagsFromStream, RequestContext, ShardIterator, SplitShard, StreamDescription,
    StreamDescriptionSummary, SubscribeToShard, SubscribeToShardEvent, TagResource, UntagResource, UpdateMaxRecordSize,
    UpdateShardCount, UpdateShardCountOutput, messages,
};

use anabranch_catalog::{CommandKind, TokenKeys};
use anabranch_cluster::{ClusterView, MetadataNode, Router, ViewWatch};
use anabranch_runtime::Env;
use anabranch_types::{MapVersion, Tags, Timestamp, limits};
use futures::future::{Either, select};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// How long what is done waits to be seen in this node's view. The view follows within milliseconds.
const VIEW_PATIENCE: Duration = Duration::from_secs(2);

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
    /// Consumers that a stream may have.
    pub consumers_max: u32,
    /// How long a subscription lasts.
    pub subscription_lasts: Duration,
    /// How long a subscription without records keeps quiet. Source: what clients see of AWS; SDKs give up
    /// after 10 s.
    pub subscription_idle: Duration,
    /// Data and key bytes of one event, one record aside that is larger.
    pub event_bytes_max: u64,
}

impl Default for GatewayOptions {
    fn default() -> Self {
        let patience = Duration::from_secs(5);
        GatewayOptions {
            put_patience: patience,
            read_patience: patience,
            group_bytes_max: usize::MAX,
            consumers_max: limits::CONSUMERS_PER_STREAM_MAX,
            subscription_lasts: limits::SUBSCRIPTION_LASTS,
            subscription_idle: Duration::from_secs(5),
            event_bytes_max: 512 * 1024,
        }
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

    /// Waits for a moment until this node's view shows what was done: the caller looks for it next.
    pub(crate) async fn show(&self, version: MapVersion) {
        let seen = pin!(self.view.wait(|view| view.map.version() >= version));
        let patience = pin!(self.env.sleep(VIEW_PATIENCE));
        if let Either::Right(_) = select(seen, patience).await {
            tracing::warn!("this node's view of the catalog lags behind the leader's");
        }
    }

    /// Whether every node knows the command (D15).
    pub(crate) fn has_level(&self, view: &ClusterView, command: CommandKind) -> bool {
        view.feature_level >= command.level()
    }

    /// # Errors
    /// `ServiceUnavailable` while some node of the cluster does not know the command (D15).
    pub(crate) fn check_level(&self, command: CommandKind) -> Result<(), ApiError> {
        if self.has_level(&self.view.load(), command) { Ok(()) } else { Err(messages::cluster_below_level()) }
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
    type Subscription = Subscription;

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

    async fn split_shard(&self, context: &RequestContext, request: SplitShard) -> Result<(), ApiError> {
        streams::split_shard::split_shard(self, context, &request).await
    }

    async fn merge_shards(&self, context: &RequestContext, request: MergeShards) -> Result<(), ApiError> {
        streams::merge_shards::merge_shards(self, context, &request).await
    }

    async fn update_shard_count(
        &self,
        context: &RequestContext,
        request: UpdateShardCount,
    ) -> Result<UpdateShardCountOutput, ApiError> {
        streams::update_shard_count::update_shard_count(self, context, &request).await
    }

    async fn increase_stream_retention_period(
        &self,
        context: &RequestContext,
        request: IncreaseStreamRetentionPeriod,
    ) -> Result<(), ApiError> {
        streams::increase_stream_retention_period::increase_stream_retention_period(self, context, request).await
    }

    async fn decrease_stream_retention_period(
        &self,
        context: &RequestContext,
        request: DecreaseStreamRetentionPeriod,
    ) -> Result<(), ApiError> {
        streams::decrease_stream_retention_period::decrease_stream_retention_period(self, context, request).await
    }

    async fn update_max_record_size(
        &self,
        context: &RequestContext,
        request: UpdateMaxRecordSize,
    ) -> Result<(), ApiError> {
        streams::update_max_record_size::update_max_record_size(self, context, request).await
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

    async fn register_stream_consumer(
        &self,
        context: &RequestContext,
        request: RegisterStreamConsumer,
    ) -> Result<Consumer, ApiError> {
        consumers::register_stream_consumer::register_stream_consumer(self, context, request).await
    }

    async fn deregister_stream_consumer(
        &self,
        context: &RequestContext,
        request: DeregisterStreamConsumer,
    ) -> Result<(), ApiError> {
        consumers::deregister_stream_consumer::deregister_stream_consumer(self, context, request).await
    }

    async fn describe_stream_consumer(
        &self,
        context: &RequestContext,
        request: DescribeStreamConsumer,
    ) -> Result<Consumer, ApiError> {
        consumers::describe_stream_consumer::describe_stream_consumer(self, context, &request).await
    }

    async fn list_stream_consumers(
        &self,
        context: &RequestContext,
        request: ListStreamConsumers,
    ) -> Result<ListStreamConsumersOutput, ApiError> {
        consumers::list_stream_consumers::list_stream_consumers(self, context, &request).await
    }

    async fn subscribe_to_shard(
        &self,
        context: &RequestContext,
        request: SubscribeToShard,
    ) -> Result<Subscription, ApiError> {
        consumers::subscribe_to_shard::subscribe_to_shard(self, context, &request).await
    }

    async fn next_event(&self, subscription: &mut Subscription) -> Result<Option<SubscribeToShardEvent>, ApiError> {
        subscription.next_event(self).await
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
