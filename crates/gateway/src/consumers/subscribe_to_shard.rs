//! SubscribeToShard: from the call to an open subscription.

use super::named::{self, Found};
use super::subscription::{Place, Subscription};
use crate::gateway::Gateway;
use crate::records::get_shard_iterator::{first_counter, shard_named};
use crate::{convert, resolve};
use anabranch_api::{ApiError, ConsumerSelector, RequestContext, SubscribeToShard, messages};
use anabranch_catalog::StreamStatus;
use anabranch_cluster::NodeError;

/// The call's id is the subscription's: repeated inside the cluster, it begins but once (I12).
pub(crate) async fn subscribe_to_shard(
    gateway: &Gateway,
    context: &RequestContext,
    request: &SubscribeToShard,
) -> Result<Subscription, ApiError> {
    let selector = ConsumerSelector { arn: Some(request.consumer.clone()), stream: None, name: None };
    let Found { map, consumer } = named::consumer(gateway, context, &selector).await?;
    if !matches!(map.stream.status, StreamStatus::Active | StreamStatus::Updating) {
        return Err(messages::stream_not_found(&map.stream.name, context.account));
    }
    let (map, shard) = shard_named(gateway, context, map, &request.shard).await?;
    let next = first_counter(gateway, context, &map, &shard, request.start).await?;
    let arn = convert::consumer(context, &map, &consumer).arn;
    let place = Place { arn, consumer: consumer.id, stream: map.stream.uid, shard };
    let mut subscription = Subscription::new(gateway, context, place, next);
    let deadline = gateway.deadline(context, gateway.options.read_patience);
    match subscription.begin(gateway, deadline).await {
        // What the consumer read before is still to be paid; it has the place.
        Ok(()) | Err(NodeError::Throttled { .. }) => Ok(subscription),
        Err(NodeError::NoSuchShard { .. }) => Err(messages::shard_absent(shard.id, &map.stream.name, context.account)),
        Err(NodeError::SubscriptionInUse { retry_after }) => {
            Err(messages::subscription_in_use(&request.consumer, shard.id, retry_after))
        }
        Err(NodeError::SubscriptionTakenOver) => Err(messages::subscription_taken_over(&request.consumer, shard.id)),
        Err(
            error @ (NodeError::NotLeader { .. }
            | NodeError::Unknown { .. }
            | NodeError::Unavailable { .. }
            | NodeError::Damaged { .. }),
        ) => Err(resolve::node_failed(&error)),
    }
}
