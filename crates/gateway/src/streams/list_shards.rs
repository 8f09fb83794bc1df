//! ListShards.

use crate::convert;
use crate::gateway::{Gateway, token_keys};
use crate::resolve;
use crate::tokens::page::{self, Cursor, Page};
use anabranch_api::{ApiError, ListShards, ListShardsOutput, RequestContext, ShardFilter, ShardPage, messages};
use anabranch_catalog::{ShardFilter as CatalogFilter, StreamMap, StreamStatus, TokenKeys};
use anabranch_types::{ShardId, StreamArn, Timestamp, limits};
use std::sync::Arc;

/// A page to make: of which stream, which shards, after which, as of when.
struct Wanted {
    map: Arc<StreamMap>,
    filter: CatalogFilter,
    after: Option<ShardId>,
    as_of: Timestamp,
}

pub(crate) async fn list_shards(
    gateway: &Gateway,
    context: &RequestContext,
    request: &ListShards,
) -> Result<ListShardsOutput, ApiError> {
    let view = gateway.view.load();
    let keys = token_keys(&view)?;
    let now = gateway.now();
    let wanted = match &request.page {
        ShardPage::First { stream, after, filter, created } => {
            let map = resolve::stream(gateway, context, stream).await?;
            if created.is_some_and(|created| created.as_secs() != map.stream.created.as_secs()) {
                return Err(messages::stream_not_found(&map.stream.name, context.account));
            }
            Wanted { map, filter: catalog_filter(*filter), after: *after, as_of: now }
        }
        ShardPage::Next { token, stream_arn } => {
            let wanted = next_page(gateway, context, token, keys, now)?;
            check_arn(context, &wanted.map, stream_arn.as_ref())?;
            wanted
        }
    };
    if matches!(wanted.map.stream.status, StreamStatus::Creating | StreamStatus::Deleting) {
        let state = convert::status(wanted.map.stream.status).as_str();
        return Err(messages::stream_not_active(&wanted.map.stream.name, context.account, state));
    }
    let limit = request.max_results.unwrap_or(limits::LIST_SHARDS_DEFAULT);
    let list = (wanted.map)
        .list_shards(wanted.filter, wanted.after, limit, wanted.as_of)
        .map_err(|future| messages::shard_filter_in_future(future.moment, future.now))?;
    let last = list.shards.last().map(|shard| shard.id).filter(|_| list.has_more);
    let next_token = last.map(|after| {
        let Wanted { map, filter, as_of, .. } = &wanted;
        let cursor = Cursor::Shards { stream: map.stream.uid, after, as_of: *as_of, filter: *filter };
        Page { issued: now, cursor }.seal(keys.sealing(now), &*gateway.env.random)
    });
    Ok(ListShardsOutput { shards: list.shards.into_iter().map(convert::shard).collect(), next_token })
}

fn next_page(
    gateway: &Gateway,
    context: &RequestContext,
    token: &str,
    keys: &TokenKeys,
    now: Timestamp,
) -> Result<Wanted, ApiError> {
    let Cursor::Shards { stream, after, as_of, filter } = page::open_cursor(token, keys, now)? else {
        return Err(messages::invalid_next_token());
    };
    let view = gateway.view.load();
    let map = view.map.stream(stream).filter(|map| map.stream.account == context.account).cloned();
    let map = map.ok_or_else(messages::invalid_next_token)?;
    Ok(Wanted { map, filter, after: Some(after), as_of })
}

/// An ARN beside a token names the token's stream.
fn check_arn(context: &RequestContext, map: &StreamMap, arn: Option<&StreamArn>) -> Result<(), ApiError> {
    match arn {
        Some(arn) if arn.name != map.stream.name || arn.account != context.account => {
            Err(messages::next_token_and_arn_differ(arn))
        }
        Some(_) | None => Ok(()),
    }
}

fn catalog_filter(filter: ShardFilter) -> CatalogFilter {
    match filter {
        ShardFilter::AfterShardId(id) => CatalogFilter::AfterShardId(id),
        ShardFilter::AtTrimHorizon => CatalogFilter::AtTrimHorizon,
        ShardFilter::FromTrimHorizon => CatalogFilter::FromTrimHorizon,
        ShardFilter::AtLatest => CatalogFilter::AtLatest,
        ShardFilter::AtTimestamp(at) => CatalogFilter::AtTimestamp(at),
        ShardFilter::FromTimestamp(at) => CatalogFilter::FromTimestamp(at),
    }
}
