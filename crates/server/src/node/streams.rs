//! Creates the streams that the command line asks for, where they do not exist.

use super::error::StartError;
use crate::config::NodeConfig;
use anabranch_cluster::{CreateStreamReply, MetadataNode, NodeError};
use anabranch_runtime::Env;
use anabranch_types::RequestId;
use std::time::Duration;

/// How long the catalog is left alone between two tries, each of which looks for its leader.
const RETRY_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn create_configured(
    config: &NodeConfig,
    metadata: &dyn MetadataNode,
    env: &Env,
) -> Result<(), StartError> {
    for spec in &config.streams {
        let failed = |reason: String| StartError::Stream { name: spec.name.to_string(), reason };
        let request = RequestId(env.random.u128());
        let reply = loop {
            match metadata.create_stream(request, config.account, spec.name.clone(), spec.shards).await {
                // The catalog has no majority, or has lost its leader: as long as nodes are missing.
                Err(error @ (NodeError::NotLeader { .. } | NodeError::Unknown { .. })) => {
                    tracing::info!(stream = %spec.name, %error, "the catalog is asked again to create a stream");
                    env.sleep(RETRY_EVERY).await;
                }
                answered => break answered,
            }
        };
        match reply.map_err(|error| failed(error.to_string()))? {
            CreateStreamReply::Created => {}
            CreateStreamReply::Exists => tracing::info!(stream = %spec.name, "stream exists, left as it is"),
            CreateStreamReply::ShardLimit { current, limit } => {
                return Err(failed(format!("the account has {current} of {limit} shards")));
            }
        }
    }
    Ok(())
}
