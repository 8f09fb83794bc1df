//! Tells the catalog, at each start of a node, where it listens and what its build understands.

use anabranch_catalog::{DescribeNode, UpdateNode, UpdateNodeRefused, Zone};
use anabranch_cluster::{MetadataNode, NodeError, propose};
use anabranch_runtime::Env;
use std::time::Duration;

/// How long to wait before the catalog is told again: it may have no majority for a while.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// The node is no member of its cluster, or not the one that the cluster knows: it must stop.
#[derive(Debug, thiserror::Error)]
#[error("the cluster does not take this node: {0}. Give it an empty directory to join as a new one.")]
pub struct NotAMember(UpdateNodeRefused);

/// Records the node as it is now; asks until the catalog has answered or the node stops.
///
/// # Errors
/// [`NotAMember`] when the catalog refuses it.
pub async fn announce(
    metadata: &dyn MetadataNode,
    update: UpdateNode,
    zone: Zone,
    env: &Env,
) -> Result<(), NotAMember> {
    let stopping = env.tasks.stopping();
    loop {
        let told = tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            told = tell(metadata, &update, &zone) => told,
        };
        match told {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(refused)) => return Err(NotAMember(refused)),
            Err(error) => tracing::info!(%error, "the catalog is not told of this node yet"),
        }
        tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            () = env.sleep(RETRY_EVERY) => {}
        }
    }
}

async fn tell(
    metadata: &dyn MetadataNode,
    update: &UpdateNode,
    zone: &Zone,
) -> Result<Result<(), UpdateNodeRefused>, NodeError> {
    if let Err(refused) = propose(metadata, update).await? {
        return Ok(Err(refused));
    }
    let UpdateNode { node, incarnation, .. } = *update;
    // Of a cluster at an older feature level: this is asked again at the next start.
    match propose(metadata, &DescribeNode { node, incarnation, zone: zone.clone() }).await {
        Ok(Ok(_)) => {}
        Ok(Err(refused)) => tracing::info!(%refused, "the catalog does not take this node's zone"),
        Err(NodeError::Unavailable { reason }) => tracing::info!(reason, "the catalog does not take this node's zone"),
        Err(error) => return Err(error),
    }
    Ok(Ok(()))
}
