//! What SplitShard, MergeShards and UpdateShardCount share: the stream as the catalog's leader knows it,
//! and refusals of the catalog in the service's words.

use crate::gateway::Gateway;
use crate::resolve::{self, node_failed};
use anabranch_api::{ApiError, ErrorCode, RequestContext, StreamSelector, messages};
use anabranch_catalog::{BeginReshard, BeginReshardRefused, ReshardStep, StepsRefused, StreamMap, StreamStatus};
use anabranch_types::{MapVersion, ShardId, limits};
use std::sync::Arc;
use std::time::Duration;

/// How long a call waits for this node to see what it has begun.
const VIEW_PATIENCE: Duration = Duration::from_secs(5);

/// The stream that a request means, as the leader of the catalog knows it now: its shards may have been
/// split through another node a moment ago.
///
/// # Errors
/// `ResourceNotFound`; those of the metadata service.
pub(crate) async fn current_stream(
    gateway: &Gateway,
    context: &RequestContext,
    selector: &StreamSelector,
) -> Result<Arc<StreamMap>, ApiError> {
    gateway.refresh().await?;
    resolve::stream(gateway, context, selector).await
}

/// The shard that a caller names.
///
/// # Errors
/// `ResourceNotFound` when the stream has none of that name, open or closed.
pub(crate) fn shard_named(context: &RequestContext, map: &StreamMap, text: &str) -> Result<ShardId, ApiError> {
    let found = ShardId::parse(text).ok().filter(|id| map.shard(*id).is_some());
    found.ok_or_else(|| messages::shard_not_found(text, &map.stream.name, context.account))
}

/// Records a reshard of one step. This node shows the stream as UPDATING, or what came of it, when this
/// returns.
///
/// # Errors
/// As the catalog refuses.
pub(crate) async fn begin(
    gateway: &Gateway,
    context: &RequestContext,
    map: &StreamMap,
    step: ReshardStep,
) -> Result<(), ApiError> {
    let command = BeginReshard {
        uid: map.stream.uid,
        steps: vec![step],
        now: gateway.now(),
        shard_limit: limits::SHARDS_PER_ACCOUNT_MAX,
        request: context.request_id,
    };
    match anabranch_cluster::propose(&*gateway.metadata, &command).await.map_err(|error| node_failed(&error))? {
        Ok(begun) => {
            see(gateway, begun.version).await;
            Ok(())
        }
        Err(refused) => Err(told(context, map, &refused)),
    }
}

/// Waits until this node's view is as new as `version`, so that its clients see what they have done.
pub(crate) async fn see(gateway: &Gateway, version: MapVersion) {
    if gateway.view.wait_within(VIEW_PATIENCE, |view| view.map.version() >= version).await.is_none() {
        tracing::warn!(%version, "this node's view of the catalog lags behind what was recorded");
    }
}

fn told(context: &RequestContext, map: &StreamMap, refused: &BeginReshardRefused) -> ApiError {
    match refused {
        BeginReshardRefused::NotBootstrapped | BeginReshardRefused::FeatureLevel { .. } => not_now(refused),
        BeginReshardRefused::NoStream { .. } => messages::stream_not_found(&map.stream.name, context.account),
        BeginReshardRefused::Status { status } => not_active(context, map, *status),
        BeginReshardRefused::ShardLimit { current, limit, asked } => {
            shard_limit(context, (*current).into(), (*limit).into(), (*asked).into())
        }
        BeginReshardRefused::Steps { reason } => step_refused(context, map, reason),
    }
}

fn step_refused(context: &RequestContext, map: &StreamMap, reason: &StepsRefused) -> ApiError {
    let (name, account) = (&map.stream.name, context.account);
    match *reason {
        StepsRefused::NoShard { shard } => messages::shard_not_found(&shard.to_string(), name, account),
        StepsRefused::Closed { shard } => messages::shard_closed(shard, name, account),
        StepsRefused::HashKey { shard, start, end, at } => {
            messages::split_hash_key(&at.to_string(), shard, name, account, (start, end))
        }
        StepsRefused::NotAdjacent { parent, adjacent } => {
            messages::shards_not_adjacent(parent, adjacent, name, account)
        }
        StepsRefused::StreamShardLimit { .. } | StepsRefused::KeptShardLimit { .. } | StepsRefused::ShardIds { .. } => {
            messages::stream_limit(name, account, &reason.to_string())
        }
        // Of one step that names its shards, with a clock that is not centuries off.
        StepsRefused::NoSteps | StepsRefused::Repeated { .. } | StepsRefused::Time { .. } => not_now(reason),
    }
}

/// Only an active stream is resharded.
pub(crate) fn not_active(context: &RequestContext, map: &StreamMap, status: StreamStatus) -> ApiError {
    let state = crate::convert::status(status).as_str();
    messages::stream_not_active(&map.stream.name, context.account, state)
}

/// The account's limit of shards.
pub(crate) fn shard_limit(context: &RequestContext, current: u64, limit: u64, asked: u64) -> ApiError {
    messages::shard_limit(context.account, &context.region, current, limit, asked)
}

/// The cluster cannot do it yet.
pub(crate) fn not_now(refused: &impl ToString) -> ApiError {
    let message = format!("Service temporarily unavailable: {}. Retry.", refused.to_string());
    ApiError::new(ErrorCode::ServiceUnavailable, message)
}
