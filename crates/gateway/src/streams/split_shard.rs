//! SplitShard.

use super::reshard;
use crate::gateway::Gateway;
use anabranch_api::{ApiError, RequestContext, SplitShard, messages};
use anabranch_catalog::ReshardStep;
use anabranch_types::HashKey;

pub(crate) async fn split_shard(
    gateway: &Gateway,
    context: &RequestContext,
    request: &SplitShard,
) -> Result<(), ApiError> {
    let map = reshard::current_stream(gateway, context, &request.stream).await?;
    let parent = reshard::shard_named(context, &map, &request.shard)?;
    let beyond = |_| {
        let range = map.shard(parent).expect("found above").range;
        let ends = (range.start(), range.end());
        messages::split_hash_key(&request.at, parent, &map.stream.name, context.account, ends)
    };
    let at = HashKey::parse(&request.at).map_err(beyond)?;
    reshard::begin(gateway, context, &map, ReshardStep::Split { parent, at }).await
}
