//! ListStreamConsumers.

use crate::gateway::{Gateway, token_keys};
use crate::tokens::page::{self, Cursor, Page};
use crate::{convert, resolve};
use anabranch_api::{
    ApiError, ConsumerPage, ListStreamConsumers, ListStreamConsumersOutput, RequestContext, StreamSelector, messages,
};
use anabranch_catalog::{StreamMap, StreamStatus, TokenKeys};
use anabranch_types::{ConsumerName, StreamArn, Timestamp, limits};
use std::sync::Arc;

pub(crate) async fn list_stream_consumers(
    gateway: &Gateway,
    context: &RequestContext,
    request: &ListStreamConsumers,
) -> Result<ListStreamConsumersOutput, ApiError> {
    let view = gateway.view.load();
    let (keys, now) = (token_keys(&view)?, gateway.now());
    let (map, after) = match &request.page {
        ConsumerPage::First { created } => (first_page(gateway, context, &request.stream, *created).await?, None),
        ConsumerPage::Next { token } => {
            let (map, after) = next_page(gateway, context, &request.stream, token, keys)?;
            (map, Some(after))
        }
    };
    if matches!(map.stream.status, StreamStatus::Creating | StreamStatus::Deleting) {
        let state = convert::status(map.stream.status).as_str();
        return Err(messages::stream_not_active(&map.stream.name, context.account, state));
    }
    let limit = request.max_results.unwrap_or(limits::LIST_STREAM_CONSUMERS_DEFAULT);
    let (consumers, has_more) = map.consumers_after(after.as_ref(), limit);
    let last = consumers.last().map(|consumer| consumer.name.clone()).filter(|_| has_more);
    let next_token = last.map(|after| {
        let cursor = Cursor::Consumers { stream: map.stream.uid, after };
        Page { issued: now, cursor }.seal(keys.sealing(now), &*gateway.env.random)
    });
    let consumers = consumers.into_iter().map(|consumer| convert::consumer(context, &map, consumer)).collect();
    Ok(ListStreamConsumersOutput { consumers, next_token })
}

async fn first_page(
    gateway: &Gateway,
    context: &RequestContext,
    stream: &StreamArn,
    created: Option<Timestamp>,
) -> Result<Arc<StreamMap>, ApiError> {
    let selector = StreamSelector { name: None, arn: Some(stream.clone()) };
    let map = resolve::stream(gateway, context, &selector).await?;
    if created.is_some_and(|created| created.as_secs() != map.stream.created.as_secs()) {
        return Err(messages::stream_not_found(&map.stream.name, context.account));
    }
    Ok(map)
}

/// The token's stream, which is the one that the request names, and where its page begins.
fn next_page(
    gateway: &Gateway,
    context: &RequestContext,
    stream: &StreamArn,
    token: &str,
    keys: &TokenKeys,
) -> Result<(Arc<StreamMap>, ConsumerName), ApiError> {
    let Cursor::Consumers { stream: uid, after } = page::open_cursor(token, keys, gateway.now())? else {
        return Err(messages::invalid_next_token());
    };
    let view = gateway.view.load();
    let map = view.map.stream(uid).filter(|map| map.stream.account == context.account).cloned();
    let map = map.ok_or_else(messages::invalid_next_token)?;
    if stream.name != map.stream.name || stream.account != context.account {
        return Err(messages::next_token_and_arn_differ(stream));
    }
    Ok((map, after))
}
