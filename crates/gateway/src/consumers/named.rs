//! From what a request names to a consumer of the map.

use crate::gateway::Gateway;
use anabranch_api::{ApiError, ConsumerSelector, RequestContext, messages};
use anabranch_catalog::{Consumer, StreamMap};
use anabranch_types::{ConsumerArn, ConsumerName, StreamArn};
use std::sync::Arc;

/// A consumer and its stream.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub map: Arc<StreamMap>,
    pub consumer: Consumer,
}

/// What a request means, wherever it says so.
enum Meant<'a> {
    Arn(&'a ConsumerArn),
    Name { stream: &'a StreamArn, name: &'a ConsumerName },
}

/// The consumer a request means. One that this node does not know yet is asked for.
///
/// # Errors
/// `InvalidArgument` when nothing names a consumer or what does disagrees; `ResourceNotFound` when
/// there is no such consumer.
pub(crate) async fn consumer(
    gateway: &Gateway,
    context: &RequestContext,
    selector: &ConsumerSelector,
) -> Result<Found, ApiError> {
    let meant = meant(selector)?;
    if let Ok(found) = look(gateway, context, &meant) {
        return Ok(found);
    }
    gateway.refresh().await?;
    look(gateway, context, &meant)
}

fn meant(selector: &ConsumerSelector) -> Result<Meant<'_>, ApiError> {
    let ConsumerSelector { arn, stream, name } = selector;
    let Some(arn) = arn else {
        let (Some(stream), Some(name)) = (stream, name) else { return Err(messages::no_consumer_named()) };
        return Ok(Meant::Name { stream, name });
    };
    let same_stream = |own: &StreamArn| own.name == arn.stream.name && own.account == arn.stream.account;
    if !stream.as_ref().is_none_or(same_stream) {
        return Err(messages::consumer_arn_differs(arn, "StreamARN"));
    }
    if name.as_ref().is_some_and(|name| *name != arn.name) {
        return Err(messages::consumer_arn_differs(arn, "ConsumerName"));
    }
    Ok(Meant::Arn(arn))
}

fn look(gateway: &Gateway, context: &RequestContext, meant: &Meant<'_>) -> Result<Found, ApiError> {
    let (stream, name) = match meant {
        Meant::Arn(arn) => (&arn.stream, &arn.name),
        Meant::Name { stream, name } => (*stream, *name),
    };
    // An ARN of another account names nothing here.
    let map = Some(gateway.view.load()).filter(|_| stream.account == context.account);
    let map = map.and_then(|view| view.map.stream_named(stream.account, &stream.name).cloned());
    let consumer = map.as_ref().and_then(|map| map.consumer(name)).cloned();
    match (meant, map, consumer) {
        (Meant::Arn(arn), Some(map), Some(consumer)) if consumer.created.as_secs() == arn.created_s => {
            Ok(Found { map, consumer })
        }
        (Meant::Arn(arn), ..) => Err(messages::consumer_arn_not_found(arn)),
        (Meant::Name { .. }, Some(map), Some(consumer)) => Ok(Found { map, consumer }),
        (Meant::Name { .. }, None, _) => Err(messages::stream_not_found(&stream.name, stream.account)),
        (Meant::Name { .. }, Some(_), None) => Err(messages::consumer_not_found(name, &stream.name, stream.account)),
    }
}
