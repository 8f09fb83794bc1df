//! RegisterStreamConsumer.

use crate::gateway::Gateway;
use crate::resolve::node_failed;
use crate::{convert, resolve};
use anabranch_api::{ApiError, Consumer, RegisterStreamConsumer, RequestContext, StreamSelector, messages};
use anabranch_catalog::{CommandKind, Consumer as CatalogConsumer, RegisterConsumer, RegisterConsumerRefused};
use anabranch_cluster::propose;

pub(crate) async fn register_stream_consumer(
    gateway: &Gateway,
    context: &RequestContext,
    request: RegisterStreamConsumer,
) -> Result<Consumer, ApiError> {
    let selector = StreamSelector { name: None, arn: Some(request.stream) };
    let map = resolve::stream(gateway, context, &selector).await?;
    gateway.check_level(CommandKind::RegisterConsumer)?;
    let command = RegisterConsumer {
        uid: map.stream.uid,
        name: request.name.clone(),
        now: gateway.now(),
        consumer_limit: gateway.options.consumers_max,
        request: context.request_id,
    };
    let (stream, account) = (&map.stream.name, context.account);
    let outcome = propose(&*gateway.metadata, &command).await.map_err(|error| node_failed(&error))?;
    let changed = outcome.map_err(|refused| match refused {
        RegisterConsumerRefused::NotBootstrapped | RegisterConsumerRefused::FeatureLevel { .. } => {
            messages::cluster_below_level()
        }
        RegisterConsumerRefused::NoStream { .. } => messages::stream_not_found(stream, account),
        RegisterConsumerRefused::Status { status } => {
            messages::stream_not_active(stream, account, convert::status(status).as_str())
        }
        RegisterConsumerRefused::Exists { .. } => messages::consumer_exists(&request.name, stream, account),
        RegisterConsumerRefused::Limit { current, limit } => messages::consumer_limit(stream, account, current, limit),
    })?;
    gateway.show(changed.version).await;
    let consumer = CatalogConsumer { id: changed.version, name: request.name, created: changed.created };
    Ok(convert::consumer(context, &map, &consumer))
}
