//! From what a request names to what the map holds.

use crate::gateway::Gateway;
use anabranch_api::{ApiError, ErrorCode, RequestContext, StreamSelector, messages};
use anabranch_catalog::{StreamMap, StreamStatus};
use anabranch_cluster::NodeError;
use anabranch_types::{ShardId, StreamName};
use std::sync::Arc;

/// The name a request means.
///
/// # Errors
/// `InvalidArgument` when neither name nor ARN is given or they disagree; an ARN of another
/// account names nothing here.
pub(crate) fn stream_name(context: &RequestContext, selector: &StreamSelector) -> Result<StreamName, ApiError> {
    let name = match (&selector.name, &selector.arn) {
        (None, None) => return Err(messages::no_stream_named()),
        (Some(name), None) => return Ok(name.clone()),
        (None, Some(arn)) => arn.name.clone(),
        (Some(name), Some(arn)) if *name == arn.name => name.clone(),
        (Some(name), Some(arn)) => return Err(messages::stream_name_and_arn_differ(name, arn)),
    };
    match &selector.arn {
        Some(arn) if arn.account != context.account => Err(messages::stream_not_found(&name, arn.account)),
        _ => Ok(name),
    }
}

/// The stream a request means, in any status. One that this node does not know yet is asked for.
///
/// # Errors
/// Those of [`stream_name`]; `ResourceNotFound` when there is no such stream.
pub(crate) async fn stream(
    gateway: &Gateway,
    context: &RequestContext,
    selector: &StreamSelector,
) -> Result<Arc<StreamMap>, ApiError> {
    find(gateway, context, selector, |_| true).await
}

/// The stream a request means, once it is as `wanted` here or the leader of the catalog has been
/// asked whether it is.
async fn find(
    gateway: &Gateway,
    context: &RequestContext,
    selector: &StreamSelector,
    wanted: impl Fn(&StreamMap) -> bool,
) -> Result<Arc<StreamMap>, ApiError> {
    let name = stream_name(context, selector)?;
    let look = || gateway.view.load().map.stream_named(context.account, &name).cloned();
    if let Some(map) = look().filter(|map| wanted(map)) {
        return Ok(map);
    }
    gateway.refresh().await?;
    look().ok_or_else(|| messages::stream_not_found(&name, context.account))
}

/// The stream a request means, if it takes reads and writes.
///
/// # Errors
/// Those of [`stream`]; `ResourceNotFound` as well while it is being created or deleted: reads and
/// writes know no `ResourceInUse`. Source: AWS API model, the errors of PutRecord, PutRecords and
/// GetShardIterator.
pub(crate) async fn served_stream(
    gateway: &Gateway,
    context: &RequestContext,
    selector: &StreamSelector,
) -> Result<Arc<StreamMap>, ApiError> {
    let map = find(gateway, context, selector, |map| map.stream.status != StreamStatus::Creating).await?;
    match map.stream.status {
        StreamStatus::Active | StreamStatus::Updating => Ok(map),
        StreamStatus::Creating | StreamStatus::Deleting => {
            Err(messages::stream_not_found(&map.stream.name, context.account))
        }
    }
}

/// The stream's map once it shows `shard`, or the leader of the catalog has been asked: a child of a reshard
/// may be known to other nodes first.
///
/// # Errors
/// As the metadata service fails.
pub(crate) async fn with_shard(
    gateway: &Gateway,
    map: Arc<StreamMap>,
    shard: ShardId,
) -> Result<Arc<StreamMap>, ApiError> {
    if map.shard(shard).is_some() {
        return Ok(map);
    }
    gateway.refresh().await?;
    Ok(gateway.view.load().map.stream(map.stream.uid).cloned().unwrap_or(map))
}

/// A failure below, in the words of the service. What nobody expects is logged here, once.
pub(crate) fn node_failed(error: &NodeError) -> ApiError {
    match error {
        NodeError::Unavailable { reason } => {
            ApiError::new(ErrorCode::ServiceUnavailable, format!("Service temporarily unavailable: {reason}. Retry."))
        }
        NodeError::NotLeader { .. } | NodeError::Unknown { .. } | NodeError::Damaged { .. } => {
            tracing::warn!(%error, "call failed inside the cluster");
            ApiError::new(ErrorCode::InternalFailure, messages::INTERNAL_FAILURE)
        }
        NodeError::NoSuchShard { .. }
        | NodeError::Throttled { .. }
        | NodeError::SubscriptionInUse { .. }
        | NodeError::SubscriptionTakenOver => {
            tracing::error!(%error, "call was answered with an error its caller handles");
            ApiError::new(ErrorCode::InternalFailure, messages::INTERNAL_FAILURE)
        }
    }
}
