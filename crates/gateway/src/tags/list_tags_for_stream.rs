//! ListTagsForStream.

use crate::gateway::Gateway;
use crate::resolve;
use anabranch_api::{ApiError, ListTagsForStream, ListTagsForStreamOutput, RequestContext};
use anabranch_types::limits::TAGS_PER_STREAM_MAX;
use std::ops::Bound;

pub(crate) async fn list_tags_for_stream(
    gateway: &Gateway,
    context: &RequestContext,
    request: &ListTagsForStream,
) -> Result<ListTagsForStreamOutput, ApiError> {
    let map = resolve::stream(gateway, context, &request.stream).await?;
    let from = request.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let limit = request.limit.unwrap_or(TAGS_PER_STREAM_MAX);
    let mut following = map.tags().range((from, Bound::Unbounded));
    let tags = following.by_ref().take(limit).map(|(key, value)| (key.clone(), value.clone())).collect();
    Ok(ListTagsForStreamOutput { tags, has_more_tags: following.next().is_some() })
}
