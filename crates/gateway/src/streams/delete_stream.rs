//! DeleteStream.

use crate::gateway::Gateway;
use crate::resolve::{node_failed, stream_name};
use anabranch_api::{ApiError, DeleteStream, RequestContext, messages};
use anabranch_catalog::{CommandKind, StreamStatus};
use anabranch_types::StreamName;

pub(crate) async fn delete_stream(
    gateway: &Gateway,
    context: &RequestContext,
    request: DeleteStream,
) -> Result<(), ApiError> {
    let name = stream_name(context, &request.stream)?;
    if !request.enforce_consumer_deletion {
        check_no_consumers(gateway, context, &name).await?;
    }
    let deleted = gateway.metadata.delete_stream(context.account, name.clone()).await;
    if deleted.map_err(|error| node_failed(&error))? {
        Ok(())
    } else {
        Err(messages::stream_not_found(&name, context.account))
    }
}

/// Whether the stream has no consumers, by a view as new as the call where there may be some. One that
/// is registered at the same moment goes with its stream.
async fn check_no_consumers(gateway: &Gateway, context: &RequestContext, name: &StreamName) -> Result<(), ApiError> {
    let view = gateway.view.load();
    if !gateway.has_level(&view, CommandKind::RegisterConsumer) {
        return Ok(());
    }
    gateway.refresh().await?;
    let view = gateway.view.load();
    let map = view.map.stream_named(context.account, name);
    match map.filter(|map| map.consumer_count() > 0 && map.stream.status != StreamStatus::Deleting) {
        Some(_) => Err(messages::stream_has_consumers(name, context.account)),
        None => Ok(()),
    }
}
