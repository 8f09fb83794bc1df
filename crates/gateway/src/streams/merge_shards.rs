//! MergeShards.

use super::reshard;
use crate::gateway::Gateway;
use anabranch_api::{ApiError, MergeShards, RequestContext};
use anabranch_catalog::ReshardStep;

pub(crate) async fn merge_shards(
    gateway: &Gateway,
    context: &RequestContext,
    request: &MergeShards,
) -> Result<(), ApiError> {
    let map = reshard::current_stream(gateway, context, &request.stream).await?;
    let parent = reshard::shard_named(context, &map, &request.shard)?;
    let adjacent = reshard::shard_named(context, &map, &request.adjacent)?;
    reshard::begin(gateway, context, &map, ReshardStep::Merge { parent, adjacent }).await
}
