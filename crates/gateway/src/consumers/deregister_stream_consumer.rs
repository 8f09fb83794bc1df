//! DeregisterStreamConsumer.

use super::named;
use crate::gateway::Gateway;
use crate::resolve::node_failed;
use anabranch_api::{ApiError, DeregisterStreamConsumer, RequestContext, messages};
use anabranch_catalog::{DeregisterConsumer, DeregisterConsumerRefused};
use anabranch_cluster::propose;

pub(crate) async fn deregister_stream_consumer(
    gateway: &Gateway,
    context: &RequestContext,
    request: DeregisterStreamConsumer,
) -> Result<(), ApiError> {
    let found = named::consumer(gateway, context, &request.consumer).await?;
    let (stream, name) = (&found.map.stream, found.consumer.name);
    let command = DeregisterConsumer { uid: stream.uid, name, id: found.consumer.id, request: context.request_id };
    let outcome = propose(&*gateway.metadata, &command).await.map_err(|error| node_failed(&error))?;
    let changed = outcome.map_err(|refused| match refused {
        DeregisterConsumerRefused::NotBootstrapped | DeregisterConsumerRefused::FeatureLevel { .. } => {
            messages::cluster_below_level()
        }
        DeregisterConsumerRefused::NoStream { .. } | DeregisterConsumerRefused::NoConsumer { .. } => {
            messages::consumer_not_found(&command.name, &stream.name, context.account)
        }
    })?;
    gateway.show(changed.version).await;
    Ok(())
}
