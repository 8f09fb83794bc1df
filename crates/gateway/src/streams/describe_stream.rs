//! DescribeStream.

use crate::gateway::Gateway;
use crate::{convert, resolve};
use anabranch_api::{ApiError, DescribeStream, RequestContext, StreamDescription};
use anabranch_types::limits;

pub(crate) async fn describe_stream(
    gateway: &Gateway,
    context: &RequestContext,
    request: &DescribeStream,
) -> Result<StreamDescription, ApiError> {
    let map = resolve::stream(gateway, context, &request.stream).await?;
    let page = request.limit.unwrap_or(limits::DESCRIBE_STREAM_SHARDS_MAX).min(limits::DESCRIBE_STREAM_SHARDS_MAX);
    let first = map.shards().partition_point(|shard| request.after.is_some_and(|after| shard.id <= after));
    let following = &map.shards()[first..];
    Ok(StreamDescription {
        arn: convert::arn(context, &map),
        status: convert::status(map.stream.status),
        shards: following.iter().take(page).map(convert::shard).collect(),
        has_more_shards: following.len() > page,
        retention: map.stream.retention,
        created: map.stream.created,
    })
}
