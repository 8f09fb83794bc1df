//! UpdateShardCount.

use super::reshard;
use crate::convert;
use crate::gateway::Gateway;
use crate::resolve::node_failed;
use anabranch_api::{ApiError, RequestContext, UpdateShardCount, UpdateShardCountOutput, messages};
use anabranch_catalog::{StreamMap, UpdateShardCount as Command, UpdateShardCountRefused as Refused};
use anabranch_types::limits;

pub(crate) async fn update_shard_count(
    gateway: &Gateway,
    context: &RequestContext,
    request: &UpdateShardCount,
) -> Result<UpdateShardCountOutput, ApiError> {
    let map = reshard::current_stream(gateway, context, &request.stream).await?;
    let command = Command {
        uid: map.stream.uid,
        target: request.target,
        now: gateway.now(),
        shard_limit: limits::SHARDS_PER_ACCOUNT_MAX,
        request: context.request_id,
    };
    match anabranch_cluster::propose(&*gateway.metadata, &command).await.map_err(|error| node_failed(&error))? {
        Ok(begun) => {
            reshard::see(gateway, begun.version).await;
            let arn = convert::arn(context, &map);
            Ok(UpdateShardCountOutput { arn, current: begun.before, target: begun.after })
        }
        Err(refused) => Err(told(context, &map, request.target.get(), &refused)),
    }
}

/// The codes are those of other servers of the protocol, the texts ours: no answer of AWS was recorded.
fn told(context: &RequestContext, map: &StreamMap, target: u32, refused: &Refused) -> ApiError {
    let (name, account) = (&map.stream.name, context.account);
    match refused {
        Refused::NotBootstrapped | Refused::FeatureLevel { .. } => reshard::not_now(refused),
        Refused::NoStream { .. } => messages::stream_not_found(name, account),
        Refused::Status { status } => reshard::not_active(context, map, *status),
        Refused::Same { .. } => messages::target_shard_count(target, name, account, &refused.to_string()),
        Refused::AboveDouble { .. }
        | Refused::BelowHalf { .. }
        | Refused::TargetLimit { .. }
        | Refused::TooOften { .. } => messages::stream_limit(name, account, &refused.to_string()),
        Refused::ShardLimit { current, limit, asked } => {
            reshard::shard_limit(context, (*current).into(), (*limit).into(), (*asked).into())
        }
    }
}
