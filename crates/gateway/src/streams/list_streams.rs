//! ListStreams.

use crate::convert;
use crate::gateway::{Gateway, token_keys};
use crate::tokens::page::{self, Cursor, Page};
use anabranch_api::{ApiError, ListStreams, ListStreamsOutput, RequestContext, StreamSummary, messages};
use anabranch_types::{StreamName, limits};

pub(crate) fn list_streams(
    gateway: &Gateway,
    context: &RequestContext,
    request: &ListStreams,
) -> Result<ListStreamsOutput, ApiError> {
    let view = gateway.view.load();
    let keys = token_keys(&view)?;
    let now = gateway.now();
    let after = match &request.next_token {
        None => request.after.clone(),
        Some(token) => match page::open_cursor(token, keys, now)? {
            // Both bounds hold. SDKs' paginators repeat the first request's name with every token.
            Cursor::Streams { after } => Some(after).max(request.after.clone()),
            Cursor::Shards { .. } | Cursor::Consumers { .. } => return Err(messages::invalid_next_token()),
        },
    };
    let limit = request.limit.unwrap_or(limits::LIST_STREAMS_DEFAULT);
    let page = view.map.streams_after(context.account, after.as_ref(), limit);
    let last: Option<StreamName> = page.streams.last().map(|map| map.stream.name.clone());
    let next_token = last.filter(|_| page.has_more).map(|after| {
        let next = Page { issued: now, cursor: Cursor::Streams { after } };
        next.seal(keys.sealing(now), &*gateway.env.random)
    });
    let summary = |map: &std::sync::Arc<anabranch_catalog::StreamMap>| StreamSummary {
        arn: convert::arn(context, map),
        status: convert::status(map.stream.status),
        created: map.stream.created,
    };
    Ok(ListStreamsOutput { streams: page.streams.iter().map(summary).collect(), next_token })
}
